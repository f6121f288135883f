//! The SQL that both databases accept, and the macro that implements the ports with it.
//!
//! [`sql_ledger`] builds on what each database does in its own way: `begin` (a transaction, and the time at
//! which it begins), `alone` (a connection for a single write), `now`, `session` and `pool`. It is a macro
//! because a generic function would need more lines of sqlx bounds than it has code.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::fault;
use crate::{
    domain::{
        ledger::{PriorState, Settlement},
        platform::Platform,
        publication::{Failure, FailureReason, PostId},
    },
    ports::LedgerError,
};

/// Takes a lease back from its holder if it is still his, for as long as `$1` says.
pub(super) const HOLD: &str = "UPDATE ledger_leases SET expires_at = $1, session = $2
    WHERE tenant = $3 AND content_hash = $4 AND holder = $5";

pub(super) const RELEASE: &str =
    "DELETE FROM ledger_leases WHERE tenant = $1 AND content_hash = $2 AND holder = $3";

pub(super) const KNOWN: &str = "SELECT platform, state, post_id FROM ledger_entries
    WHERE tenant = $1 AND content_hash = $2";

/// Only an intent is settled, so that the same write may come twice. It has to be the intent of the attempt whose
/// outcome this is; which holder has the lease by now does not matter.
pub(super) const RECORD_OUTCOME: &str = "UPDATE ledger_entries SET
        state = CASE
            WHEN CAST($1 AS TEXT) = 'failed' AND prior IS NOT NULL THEN prior
            ELSE CAST($1 AS TEXT)
        END,
        prior = CASE WHEN CAST($1 AS TEXT) = 'unknown' THEN prior ELSE NULL END,
        post_id = COALESCE(CAST($2 AS TEXT), post_id),
        reason = $3,
        error = $4,
        ended_at = $5
    WHERE tenant = $6 AND content_hash = $7 AND platform = $8 AND holder = $9
        AND state = 'intent'";

/// Whether the last attempt on a platform is still this holder's.
pub(super) const IS_LAST_ATTEMPT: &str = "SELECT EXISTS (SELECT 1 FROM ledger_entries
    WHERE tenant = $1 AND content_hash = $2 AND platform = $3 AND holder = $4)";

/// The last finding counts.
pub(super) const PASS_OVER: &str = "INSERT INTO ledger_passed_over
        (tenant, content_hash, filename, reason, error, noted_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant, content_hash) DO UPDATE SET
        filename = excluded.filename,
        reason = excluded.reason,
        error = excluded.error,
        noted_at = excluded.noted_at";

/// An image that is about to be sent is passed over no longer.
pub(super) const TAKE_UP: &str =
    "DELETE FROM ledger_passed_over WHERE tenant = $1 AND content_hash = $2";

/// Whether a write survives a power cut once it is done.
#[derive(Clone, Copy)]
pub(super) enum Durability {
    /// It is on the disk.
    Synced,
    /// It may be lost: it concerns a lease, which need not outlive the process that holds it.
    Volatile,
}

/// The columns of a settlement.
pub(super) struct Columns {
    pub(super) state: &'static str,
    pub(super) post_id: Option<String>,
    pub(super) reason: Option<&'static str>,
    pub(super) error: Option<String>,
}

impl From<&Settlement> for Columns {
    fn from(settlement: &Settlement) -> Self {
        let (state, post_id, reason, error) = match settlement {
            Settlement::Published(id) => ("published", Some(id.as_str()), None, None),
            Settlement::Failed(Failure {
                reason,
                text,
                retry_after: _, // over by the time that anybody reads it
            }) => ("failed", None, Some(*reason), Some(text)),
            Settlement::Unknown(text) => {
                ("unknown", None, Some(FailureReason::LostAnswer), Some(text))
            }
        };
        Self {
            state,
            post_id: post_id.map(storable),
            reason: reason.map(FailureReason::as_str),
            error: error.map(|text| storable(text)),
        }
    }
}

/// A text from outside, as a database takes it: PostgreSQL takes every character but this one.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    duration_millis(since.unwrap_or_default())
}

pub(super) fn duration_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// One row of [`KNOWN`]: platform, state, post id.
pub(super) type KnownRow = (String, String, Option<String>);

/// What is known of these platforms.
pub(super) fn prior_states(
    rows: Vec<KnownRow>,
    platforms: &[Platform],
) -> BTreeMap<Platform, PriorState> {
    let known = rows.into_iter().filter_map(|(platform, state, post_id)| {
        let platform = Platform::from_name(&platform).filter(|it| platforms.contains(it))?;
        let prior = match state.as_str() {
            "published" => PriorState::Published(PostId::new(post_id.unwrap_or_default())),
            "failed" => PriorState::Failed,
            // An intent as well: the caller has the lease, so no attempt is under way.
            _ => PriorState::Unknown,
        };
        Some((platform, prior))
    });
    known.collect()
}

/// For the log. sqlx's errors contain neither the URL nor a value.
impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(fault::cause(error.into()))
    }
}

/// Implements the ports of the ledger for a type, with those of `reader`, `requests`, `retention` and
/// `merge`. `$live` says in SQL whether the lease `l` holds at the time `$1`, and `$texts` selects the
/// elements of the JSON array `$3`.
macro_rules! sql_ledger {
    ($ledger:ty, live: $live:literal, texts: $texts:literal) => {
        const TAKE: &str = concat!(
            "INSERT INTO ledger_leases AS l (tenant, content_hash, holder, session, expires_at)
             VALUES ($2, $3, $4, $5, $6)
             ON CONFLICT (tenant, content_hash) DO UPDATE SET
                holder = excluded.holder,
                session = excluded.session,
                expires_at = excluded.expires_at
             WHERE NOT (",
            $live,
            ")"
        );

        /// What was known before an attempt is kept beside it, for the case that it fails.
        const RECORD_INTENT: &str = concat!(
            "INSERT INTO ledger_entries AS e
                (tenant, content_hash, platform, filename, state, holder, started_at)
             SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), platforms.value, CAST($4 AS TEXT), 'intent',
                CAST($5 AS TEXT), CAST($6 AS BIGINT)
             FROM (",
            $texts,
            ") AS platforms WHERE true
             ON CONFLICT (tenant, content_hash, platform) DO UPDATE SET
                filename = excluded.filename,
                state = 'intent',
                prior = CASE
                    WHEN e.state = 'failed' THEN NULL
                    WHEN e.state = 'published' OR e.prior = 'published' THEN 'published'
                    ELSE 'unknown'
                END,
                reason = NULL,
                error = NULL,
                holder = excluded.holder,
                started_at = excluded.started_at,
                ended_at = NULL"
        );
        super::reader::sql_reader!($ledger, live: $live, texts: $texts);
        super::requests::sql_requests!($ledger, live: $live);
        super::retention::sql_retention!($ledger);
        super::merge::sql_merge!($ledger, live: $live);

        impl $ledger {
            /// Begins a write of the holder.
            ///
            /// # Errors
            /// `LeaseLost` if the lease is no longer the holder's.
            async fn begin_as_holder(&self, lease: &Lease) -> Result<(Guarded, i64), LedgerError> {
                let (write, now, is_held) = self.begin_and_hold(lease).await?;
                if is_held {
                    return Ok((write, now));
                }
                // Nothing was written.
                write.commit().await?;
                Err(LedgerError::LeaseLost)
            }

            /// Begins a write, and says whether the lease is still the holder's: then it is renewed, and its
            /// row is locked, so that no other holder takes it before the end of the write.
            async fn begin_and_hold(
                &self,
                lease: &Lease,
            ) -> Result<(Guarded, i64, bool), LedgerError> {
                let session = self.session().await?;
                let (mut write, now) = self.begin(Durability::Synced).await?;
                let held = sqlx::query(statements::HOLD)
                    .bind(now.saturating_add(duration_millis(LEASE_TTL)))
                    .bind(session)
                    .bind(lease.tenant().as_str())
                    .bind(hashes::key(lease.content_hash()))
                    .bind(lease.holder())
                    .execute(&mut *write)
                    .await?;
                Ok((write, now, held.rows_affected() > 0))
            }
        }

        #[async_trait]
        impl Ledger for $ledger {
            async fn claim(
                &self,
                lease: &Lease,
                platforms: &[Platform],
            ) -> Result<Claim, LedgerError> {
                measured(&self.clock, "claim", async {
                    let session = self.session().await?;
                    let (mut write, now) = self.begin(Durability::Volatile).await?;
                    let (tenant, hash) = (lease.tenant().as_str(), hashes::key(lease.content_hash()));
                    let taken = sqlx::query(TAKE)
                        .bind(now)
                        .bind(tenant)
                        .bind(&hash)
                        .bind(lease.holder())
                        .bind(session)
                        .bind(now.saturating_add(duration_millis(LEASE_TTL)))
                        .execute(&mut *write)
                        .await?;
                    if taken.rows_affected() == 0 {
                        write.commit().await?;
                        return Ok(Claim::HeldByOther);
                    }
                    let rows = sqlx::query_as(statements::KNOWN)
                        .bind(tenant)
                        .bind(hash)
                        .fetch_all(&mut *write)
                        .await?;
                    write.commit().await?;
                    Ok(Claim::Held(statements::prior_states(rows, platforms)))
                })
                .await
            }

            async fn renew(&self, lease: &Lease) -> Result<(), LedgerError> {
                measured(&self.clock, "renew", async {
                    let (write, _) = self.begin_as_holder(lease).await?;
                    Ok(write.commit().await?)
                })
                .await
            }

            async fn record_intent(
                &self,
                lease: &Lease,
                image: &ImageName,
                platforms: &[Platform],
            ) -> Result<(), LedgerError> {
                let platforms: Vec<&str> = platforms.iter().map(|it| it.as_str()).collect();
                measured(&self.clock, "record_intent", async {
                    let (mut write, now) = self.begin_as_holder(lease).await?;
                    sqlx::query(RECORD_INTENT)
                        .bind(lease.tenant().as_str())
                        .bind(hashes::key(lease.content_hash()))
                        .bind(serde_json::Value::from(platforms).to_string())
                        .bind(image.as_str())
                        .bind(lease.holder())
                        .bind(now)
                        .execute(&mut *write)
                        .await?;
                    sqlx::query(statements::TAKE_UP)
                        .bind(lease.tenant().as_str())
                        .bind(hashes::key(lease.content_hash()))
                        .execute(&mut *write)
                        .await?;
                    Ok(write.commit().await?)
                })
                .await
            }

            async fn record_outcome(
                &self,
                lease: &Lease,
                platform: Platform,
                settlement: &Settlement,
            ) -> Result<(), LedgerError> {
                let columns = statements::Columns::from(settlement);
                measured(&self.clock, "record_outcome", async {
                    let (mut write, now, _) = self.begin_and_hold(lease).await?;
                    let settled = sqlx::query(statements::RECORD_OUTCOME)
                        .bind(columns.state)
                        .bind(columns.post_id)
                        .bind(columns.reason)
                        .bind(columns.error)
                        .bind(now)
                        .bind(lease.tenant().as_str())
                        .bind(hashes::key(lease.content_hash()))
                        .bind(platform.as_str())
                        .bind(lease.holder())
                        .execute(&mut *write)
                        .await?;
                    let is_own = settled.rows_affected() > 0
                        || sqlx::query_scalar(statements::IS_LAST_ATTEMPT)
                            .bind(lease.tenant().as_str())
                            .bind(hashes::key(lease.content_hash()))
                            .bind(platform.as_str())
                            .bind(lease.holder())
                            .fetch_one(&mut *write)
                            .await?;
                    write.commit().await?;
                    is_own.then_some(()).ok_or(LedgerError::LeaseLost)
                })
                .await
            }

            async fn pass_over(
                &self,
                tenant: &TenantName,
                image: &ImageName,
                content_hash: &ContentHash,
                failure: &Failure,
            ) -> Result<(), LedgerError> {
                measured(&self.clock, "pass_over", async {
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    sqlx::query(statements::PASS_OVER)
                        .bind(tenant.as_str())
                        .bind(hashes::key(content_hash))
                        .bind(image.as_str())
                        .bind(failure.reason.as_str())
                        .bind(statements::storable(&failure.text))
                        .bind(now)
                        .execute(&mut *write)
                        .await?;
                    Ok(write.commit().await?)
                })
                .await
            }

            async fn release(&self, lease: &Lease) -> Result<(), LedgerError> {
                measured(&self.clock, "release", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    sqlx::query(statements::RELEASE)
                        .bind(lease.tenant().as_str())
                        .bind(hashes::key(lease.content_hash()))
                        .bind(lease.holder())
                        .execute(&mut *alone)
                        .await?;
                    alone.give_back();
                    Ok(())
                })
                .await
            }
        }
    };
}
pub(super) use sql_ledger;
