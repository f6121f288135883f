//! What another ledger knows, written into this one: the SQL that both databases accept. Used by
//! `statements.rs`.
//!
//! The more certain state wins: `published` over `unknown` over `failed`, whichever ledger has it. So nothing
//! that may have been posted is forgotten, and the same can be merged any number of times. An entry whose
//! attempt is under way stays its holder's: what the other ledger knows becomes its prior state.

mod records;

use async_trait::async_trait;

pub(super) use self::records::{
    Batch, Counts, EntryRecord, HashRecord, Merged, PassedOverRecord, RequestRecord, ShownHash,
    Standing,
};

use crate::ports::LedgerError;

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
            started_at, ended_at, hash_kind, hash, post_url, lookup_key, prior_lookup_key)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'imported', $10, $11, $12, $13, $14, $15, $16)
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
                filename = CASE WHEN CAST($5 AS TEXT) = '' THEN e.filename ELSE $5 END, state = $6, prior = $7, post_id = COALESCE($8, e.post_id),
                post_url = CASE WHEN CAST($8 AS TEXT) IS NULL THEN e.post_url ELSE $13 END,
                reason = $9, error = $10, started_at = $11, ended_at = $12,
                lookup_key = $14, prior_lookup_key = $15
             WHERE e.tenant = $2 AND e.content_hash = $3 AND e.platform = $4 AND NOT ",
            under_way!(),
            " AND ",
            certainty!("CAST($6 AS TEXT)"),
            " > ",
            certainty!("e.state")
        );
        /// For an attempt that is under way, the other ledger's knowledge is what was known before.
        const RAISE_PRIOR: &str = concat!(
            "UPDATE ledger_entries AS e SET prior = $5, post_id = COALESCE(e.post_id, $6),
                post_url = CASE WHEN e.post_id IS NULL THEN $7 ELSE e.post_url END,
                prior_lookup_key = $8
             WHERE e.tenant = $2 AND e.content_hash = $3 AND e.platform = $4 AND ",
            under_way!(),
            " AND ",
            certainty!("CAST($5 AS TEXT)"),
            " > ",
            certainty!("COALESCE(e.prior, 'failed')")
        );
        /// An attempt in doubt that the other ledger knows of, and this one does not, is in doubt also when the
        /// platform says that it does not have the post of ours: what the other ledger knows becomes the prior state.
        const KEEP_DOUBT: &str = "UPDATE ledger_entries AS e SET
                prior_lookup_key = CASE WHEN e.prior IS NULL THEN $6 ELSE NULL END,
                prior = CASE
                    WHEN e.prior = 'published' OR CAST($5 AS TEXT) = 'published' THEN 'published'
                    ELSE 'unknown'
                END
             WHERE e.tenant = $2 AND e.content_hash = $3 AND e.platform = $4
                AND e.state IN ('intent', 'unknown') AND e.lookup_key <> COALESCE($6, '')
                AND (e.prior IS NULL OR
                    (e.prior = 'unknown' AND e.prior_lookup_key <> COALESCE($6, '')))";
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
                    .bind(kept(&record.post_url))
                    .bind(kept(&record.lookup_key))
                    .bind(kept(&record.prior_lookup_key))
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
                    .bind(kept(&record.post_url))
                    .bind(kept(&record.lookup_key))
                    .bind(kept(&record.prior_lookup_key))
                    .execute(&mut **write)
                    .await?;
                if raised.rows_affected() > 0 || record.standing == super::merge::Standing::Failed {
                    return Ok((false, raised.rows_affected() > 0));
                }
                // Of two attempts in doubt, neither can be asked about.
                let only = record.prior.is_none().then_some(&record.lookup_key);
                let key = only.and_then(kept);
                let raised = sqlx::query(RAISE_PRIOR)
                    .bind(now)
                    .bind(&record.tenant)
                    .bind(&record.content_hash)
                    .bind(&record.platform)
                    .bind(record.standing.as_str())
                    .bind(kept(&record.post_id))
                    .bind(kept(&record.post_url))
                    .bind(&key)
                    .execute(&mut **write)
                    .await?;
                if raised.rows_affected() > 0
                    || record.standing == super::merge::Standing::Published
                {
                    return Ok((false, raised.rows_affected() > 0));
                }
                let doubt = sqlx::query(KEEP_DOUBT)
                    .bind(now)
                    .bind(&record.tenant)
                    .bind(&record.content_hash)
                    .bind(&record.platform)
                    .bind(prior)
                    .bind(key)
                    .execute(&mut **write)
                    .await?;
                Ok((false, doubt.rows_affected() > 0))
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
                    let note = |new, raised| merged.voices.note(new, raised);
                    Self::merge_voices(&mut write, &batch.voices, note).await?;
                    let note = |new, raised| merged.captions.note(new, raised);
                    Self::merge_captions(&mut write, &batch.captions, note).await?;
                    for event in &batch.usage {
                        let is_new = Self::add_usage(&mut write, event, now).await?;
                        merged.usage.note(is_new, false);
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
