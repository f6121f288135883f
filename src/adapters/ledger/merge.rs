//! What another ledger knows, written into this one: the SQL that both databases accept. Used by
//! `statements.rs`.
//!
//! The more certain state wins: `published` over `unknown` over `failed`, whichever ledger has it. So nothing
//! that may have been posted is forgotten, and the same can be merged any number of times. An entry whose
//! attempt is under way stays its holder's: what the other ledger knows becomes its prior state.

use async_trait::async_trait;

use crate::ports::LedgerError;

/// The state of an entry in a ledger that no process works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Published,
    Unknown,
    Failed,
}

impl Standing {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

/// The kind and text of the hash that a row shows; `None` of a version without such columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ShownHash {
    pub(super) kind: Option<String>,
    pub(super) hash: Option<String>,
}

/// A hash that leads to what is kept under another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HashRecord {
    pub(super) tenant: String,
    /// May be one that only a later version knows.
    pub(super) kind: String,
    pub(super) hash: String,
    pub(super) content_hash: String,
}

/// What is known of an image on a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryRecord {
    pub(super) tenant: String,
    pub(super) content_hash: String,
    pub(super) shown: ShownHash,
    /// May be one that only a later version knows.
    pub(super) platform: String,
    pub(super) filename: String,
    pub(super) standing: Standing,
    /// What was known before an attempt that came to nothing certain.
    pub(super) prior: Option<Standing>,
    pub(super) post_id: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) error: Option<String>,
    pub(super) started_at: i64,
    pub(super) ended_at: Option<i64>,
}

/// An image that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PassedOverRecord {
    pub(super) tenant: String,
    pub(super) content_hash: String,
    pub(super) shown: ShownHash,
    pub(super) filename: String,
    pub(super) reason: String,
    pub(super) error: String,
    pub(super) noted_at: i64,
}

/// A request under a key that was answered, or may have sent something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestRecord {
    pub(super) tenant: String,
    pub(super) key_hash: String,
    pub(super) fingerprint: String,
    pub(super) filename: Option<String>,
    pub(super) content_hash: Option<String>,
    pub(super) hashes: Option<String>,
    pub(super) answer: Option<String>,
    pub(super) created_at: i64,
}

/// What is merged in one transaction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) entries: Vec<EntryRecord>,
    pub(super) passed_over: Vec<PassedOverRecord>,
    pub(super) requests: Vec<RequestRecord>,
    pub(super) hashes: Vec<HashRecord>,
}

/// The outcome for records of one kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Not known before.
    pub(super) new: u64,
    /// Known, but less certainly.
    pub(super) raised: u64,
    /// Nothing new.
    pub(super) known: u64,
}

/// The outcome for a batch.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) entries: Counts,
    pub(super) passed_over: Counts,
    pub(super) requests: Counts,
    pub(super) hashes: Counts,
}

impl Counts {
    pub(super) fn note(&mut self, new: bool, raised: bool) {
        if new {
            self.new += 1;
        } else if raised {
            self.raised += 1;
        } else {
            self.known += 1;
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.new += other.new;
        self.raised += other.raised;
        self.known += other.known;
    }
}

/// Merges what other ledgers know.
#[async_trait]
pub(super) trait Merge: Send + Sync {
    /// Merges a batch, all of it or nothing.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn merge(&self, batch: &Batch) -> Result<Merged, LedgerError>;
}

pub(super) const ADD_ENTRY: &str = "INSERT INTO ledger_entries
        (tenant, content_hash, platform, filename, state, prior, post_id, reason, error, holder,
            started_at, ended_at, hash_kind, hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'imported', $10, $11, $12, $13)
    ON CONFLICT (tenant, content_hash, platform) DO NOTHING";

/// An image that is known to have been sent was not passed over for good.
pub(super) const ADD_PASSED_OVER: &str = "INSERT INTO ledger_passed_over
        (tenant, content_hash, filename, reason, error, noted_at, hash_kind, hash)
    SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT),
        CAST($5 AS TEXT), CAST($6 AS BIGINT), CAST($7 AS TEXT), CAST($8 AS TEXT)
    WHERE NOT EXISTS (SELECT 1 FROM ledger_entries WHERE tenant = $1 AND content_hash = $2)
    ON CONFLICT (tenant, content_hash) DO NOTHING";

pub(super) const ADD_HASH: &str = "INSERT INTO ledger_hashes (tenant, kind, hash, content_hash)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant, kind, hash, content_hash) DO NOTHING";

/// Implements [`Merge`] for a type. `$live` says in SQL whether the lease, or the holder of a key, `l` is
/// at work at the time `$1`.
macro_rules! sql_merge {
    ($ledger:ty, live: $live:literal) => {
        macro_rules! under_way {
            () => {
                concat!(
                    "(e.state = 'intent' AND EXISTS (SELECT 1 FROM ledger_leases l
                        WHERE l.tenant = e.tenant AND l.holder = e.holder AND ",
                    $live,
                    "))"
                )
            };
        }
        macro_rules! certainty {
            ($state:literal) => {
                concat!(
                    "(CASE ", $state, " WHEN 'published' THEN 3 WHEN 'failed' THEN 1 ELSE 2 END)"
                )
            };
        }
        const RAISE_ENTRY: &str = concat!(
            "UPDATE ledger_entries AS e SET
                filename = $5, state = $6, prior = $7, post_id = COALESCE($8, e.post_id),
                reason = $9, error = $10, started_at = $11, ended_at = $12
             WHERE e.tenant = $2 AND e.content_hash = $3 AND e.platform = $4 AND NOT ",
            under_way!(),
            " AND ",
            certainty!("CAST($6 AS TEXT)"),
            " > ",
            certainty!("e.state")
        );
        /// For an attempt that is under way, the other ledger's knowledge is what was known before.
        const RAISE_PRIOR: &str = concat!(
            "UPDATE ledger_entries AS e SET prior = $5, post_id = COALESCE(e.post_id, $6)
             WHERE e.tenant = $2 AND e.content_hash = $3 AND e.platform = $4 AND ",
            under_way!(),
            " AND ",
            certainty!("CAST($5 AS TEXT)"),
            " > ",
            certainty!("COALESCE(e.prior, 'failed')")
        );
        /// A key whose answer, or chosen image, is known only to the other ledger gets it, unless
        /// the request is being carried out.
        const ADD_REQUEST: &str = concat!(
            "INSERT INTO ledger_requests AS l
                (tenant, key_hash, fingerprint, session, expires_at, filename, content_hash, answer,
                    created_at, hashes)
             VALUES ($2, $3, $4, 0, 0, $5, $6, $7, $8, $9)
             ON CONFLICT (tenant, key_hash) DO UPDATE SET
                holder = NULL,
                filename = excluded.filename,
                content_hash = excluded.content_hash,
                hashes = excluded.hashes,
                answer = excluded.answer
             WHERE l.answer IS NULL AND l.fingerprint = excluded.fingerprint
                AND (excluded.answer IS NOT NULL OR l.filename IS NULL)
                AND (l.holder IS NULL OR NOT (",
            $live,
            "))"
        );

        impl $ledger {
            async fn merge_entry(
                write: &mut Guarded,
                record: &super::merge::EntryRecord,
                now: i64,
            ) -> Result<(bool, bool), sqlx::Error> {
                let kept = |text: &Option<String>| text.as_deref().map(statements::storable);
                let prior = record.prior.map(super::merge::Standing::as_str);
                let added = sqlx::query(super::merge::ADD_ENTRY)
                    .bind(&record.tenant)
                    .bind(&record.content_hash)
                    .bind(&record.platform)
                    .bind(&record.filename)
                    .bind(record.standing.as_str())
                    .bind(prior)
                    .bind(kept(&record.post_id))
                    .bind(kept(&record.reason))
                    .bind(kept(&record.error))
                    .bind(record.started_at)
                    .bind(record.ended_at)
                    .bind(&record.shown.kind)
                    .bind(&record.shown.hash)
                    .execute(&mut **write)
                    .await?;
                if added.rows_affected() > 0 {
                    return Ok((true, false));
                }
                let raised = sqlx::query(RAISE_ENTRY)
                    .bind(now)
                    .bind(&record.tenant)
                    .bind(&record.content_hash)
                    .bind(&record.platform)
                    .bind(&record.filename)
                    .bind(record.standing.as_str())
                    .bind(prior)
                    .bind(kept(&record.post_id))
                    .bind(kept(&record.reason))
                    .bind(kept(&record.error))
                    .bind(record.started_at)
                    .bind(record.ended_at)
                    .execute(&mut **write)
                    .await?;
                if raised.rows_affected() > 0 || record.standing == super::merge::Standing::Failed {
                    return Ok((false, raised.rows_affected() > 0));
                }
                let raised = sqlx::query(RAISE_PRIOR)
                    .bind(now)
                    .bind(&record.tenant)
                    .bind(&record.content_hash)
                    .bind(&record.platform)
                    .bind(record.standing.as_str())
                    .bind(kept(&record.post_id))
                    .execute(&mut **write)
                    .await?;
                Ok((false, raised.rows_affected() > 0))
            }
        }

        #[async_trait]
        impl super::merge::Merge for $ledger {
            async fn merge(
                &self,
                batch: &super::merge::Batch,
            ) -> Result<super::merge::Merged, LedgerError> {
                bounded(async {
                    let mut merged = super::merge::Merged::default();
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    for record in &batch.entries {
                        let (new, raised) = Self::merge_entry(&mut write, record, now).await?;
                        merged.entries.note(new, raised);
                    }
                    for record in &batch.passed_over {
                        let added = sqlx::query(super::merge::ADD_PASSED_OVER)
                            .bind(&record.tenant)
                            .bind(&record.content_hash)
                            .bind(&record.filename)
                            .bind(statements::storable(&record.reason))
                            .bind(statements::storable(&record.error))
                            .bind(record.noted_at)
                            .bind(&record.shown.kind)
                            .bind(&record.shown.hash)
                            .execute(&mut *write)
                            .await?;
                        merged.passed_over.note(added.rows_affected() > 0, false);
                    }
                    let oldest = now.saturating_sub(duration_millis(KEY_KEPT_FOR));
                    for record in &batch.requests {
                        if record.created_at <= oldest {
                            merged.requests.note(false, false);
                            continue;
                        }
                        let added = sqlx::query(ADD_REQUEST)
                            .bind(now)
                            .bind(&record.tenant)
                            .bind(&record.key_hash)
                            .bind(&record.fingerprint)
                            .bind(record.filename.as_deref())
                            .bind(record.content_hash.as_deref())
                            .bind(record.answer.as_deref().map(statements::storable))
                            .bind(record.created_at)
                            .bind(record.hashes.as_deref())
                            .execute(&mut *write)
                            .await?;
                        merged.requests.note(added.rows_affected() > 0, false);
                    }
                    for record in &batch.hashes {
                        let added = sqlx::query(super::merge::ADD_HASH)
                            .bind(&record.tenant)
                            .bind(&record.kind)
                            .bind(&record.hash)
                            .bind(&record.content_hash)
                            .execute(&mut *write)
                            .await?;
                        merged.hashes.note(added.rows_affected() > 0, false);
                    }
                    write.commit().await?;
                    Ok(merged)
                })
                .await
            }
        }
    };
}
pub(super) use sql_merge;
