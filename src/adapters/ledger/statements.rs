//! The SQL that both databases accept, and the macro that implements the ports with it.
//!
//! [`sql_ledger`] builds on what each database does in its own way: `begin` (a transaction, and the time at
//! which it begins), `begin_lightly` (one that need not survive a power cut of the database), `alone` (a connection for a single write), `now`, `session` and `pool`. It is a macro
//! because a generic function would need more lines of sqlx bounds than it has code.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde_json::json;

use super::fault;
pub(super) use super::stored_text::storable;
use crate::{
    domain::{
        ledger::Settlement,
        platform::Platform,
        publication::{Failure, FailureReason, LookupKey},
    },
    ports::LedgerError,
};

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
    pub(super) post_url: Option<String>,
    pub(super) reason: Option<&'static str>,
    pub(super) error: Option<String>,
}

impl From<&Settlement> for Columns {
    fn from(settlement: &Settlement) -> Self {
        let (state, post, reason, error) = match settlement {
            Settlement::Published(post) => ("published", Some(post), None, None),
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
            post_id: post.map(|post| storable(post.id.as_str())),
            post_url: post.and_then(|post| Some(post.url.as_ref()?.as_str().to_owned())),
            reason: reason.map(FailureReason::as_str),
            error: error.map(|text| storable(text)),
        }
    }
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    duration_millis(since.unwrap_or_default())
}

pub(super) fn duration_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The platforms of an intent, each with its key, as a parameter of a statement.
pub(super) fn intents(platforms: &[Platform], keys: &BTreeMap<Platform, LookupKey>) -> String {
    let intent = |platform: &Platform| {
        let key = keys.get(platform).map(|key| storable(key.as_str()));
        json!({ "platform": platform.as_str(), "key": key })
    };
    let intents: Vec<_> = platforms.iter().map(intent).collect();
    serde_json::Value::from(intents).to_string()
}

/// For the log. sqlx's errors contain neither the URL nor a value.
impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(fault::cause(error.into()))
    }
}

/// Implements the ports of the ledger for a type, with those of `reader`, `requests`, `retention`, `merge`,
/// `takeover`, `usage`, `voice`, `captions` and `jobs`. `$live` says in SQL whether the lease `l` holds at the time `$1`, `$intents` selects the
/// elements of the JSON array `$4`: platform and key; `$elements` is that of `sql_captions`; `$hashes` and `$locked` are those of `sql_hashes`, `$skipped` is
/// that of `sql_usage` and `sql_turns`, `$patience` and `$by_status` are
/// those of `sql_jobs`, `$listed` is that of `sql_job_events`, and `$names_indexes` is that
/// of `sql_reader`.
macro_rules! sql_ledger {
    (
        $ledger:ty,
        live: $live:literal,
        intents: $intents:literal,
        elements: $elements:literal,
        hashes: $hashes:literal,
        locked: $locked:literal,
        skipped: $skipped:literal,
        patience: $patience:expr,
        by_status: $by_status:literal,
        listed: $listed:literal,
        names_indexes: $names_indexes:literal
    ) => {
        super::hashes::sql_hashes!(hashes: $hashes, locked: $locked);
        super::publications::sql_publications!(intents: $intents);
        super::reader::sql_reader!($ledger, live: $live, names_indexes: $names_indexes);
        super::look_ups::sql_look_ups!($ledger);
        super::requests::sql_requests!($ledger, live: $live);
        super::retention::sql_retention!($ledger);
        super::merge::sql_merge!($ledger, live: $live);
        super::takeover::sql_takeover!($ledger, hashes: $hashes);
        super::usage::sql_usage!($ledger, locked: $skipped);
        super::voice::sql_voice!($ledger);
        super::captions::sql_captions!($ledger, elements: $elements);
        super::jobs::sql_jobs!(
            $ledger,
            patience: $patience,
            by_status: $by_status
        );
        super::jobs::commands::sql_job_commands!($ledger);
        super::jobs::turns::sql_turns!($ledger, skipped: $skipped);
        super::jobs::queue::sql_job_queue!($ledger);
        super::jobs::schedules::sql_schedules!($ledger);
        super::jobs::events::sql_job_events!($ledger, listed: $listed);
        super::jobs::slots::sql_publish_slots!($ledger);
        super::jobs::idle::sql_idle_tenants!($ledger, skipped: $skipped);

        const TAKE: &str = take!($live);

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
                write.roll_back().await?;
                Err(LedgerError::LeaseLost)
            }

            /// Begins a write, and says whether the lease on all hashes is still the holder's. It is renewed
            /// then, and its rows are locked, so that no other holder takes it before the end of the write.
            async fn begin_and_hold(
                &self,
                lease: &Lease,
            ) -> Result<(Guarded, i64, bool), LedgerError> {
                let session = self.session().await?;
                let (mut write, now) = self.begin(Durability::Synced).await?;
                let hashes = lease.hashes().as_slice();
                let held = sqlx::query(HOLD)
                    .bind(now.saturating_add(duration_millis(LEASE_TTL)))
                    .bind(lease.tenant().as_str())
                    .bind(hashes::parameter(hashes))
                    .bind(lease.holder())
                    .bind(session)
                    .execute(&mut *write)
                    .await?;
                let is_held = usize::try_from(held.rows_affected()) == Ok(hashes.len());
                Ok((write, now, is_held))
            }

            /// Lets all these hashes lead to what is kept of the content.
            async fn link(
                write: &mut Guarded,
                now: i64,
                tenant: &TenantName,
                hashes: &ContentHashes,
            ) -> Result<(), sqlx::Error> {
                if hashes.as_slice().len() > 1 {
                    sqlx::query(LINK)
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(hashes::parameter(hashes.as_slice()))
                        .execute(&mut **write)
                        .await?;
                }
                Ok(())
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
                    let tenant = lease.tenant();
                    let hashes = hashes::parameter(lease.hashes().as_slice());
                    let taken = sqlx::query(TAKE)
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(&hashes)
                        .bind(lease.holder())
                        .bind(session)
                        .bind(now.saturating_add(duration_millis(LEASE_TTL)))
                        .execute(&mut *write)
                        .await?;
                    let count = lease.hashes().as_slice().len();
                    if usize::try_from(taken.rows_affected()) != Ok(count) {
                        write.roll_back().await?;
                        return Ok(Claim::HeldByOther);
                    }
                    let rows: Vec<_> = sqlx::query_as(KNOWN)
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(hashes)
                        .fetch_all(&mut *write)
                        .await?;
                    if !rows.is_empty() {
                        Self::link(&mut write, now, tenant, lease.hashes()).await?;
                    }
                    write.commit().await?;
                    Ok(Claim::Held(known::prior(rows, platforms)))
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
                keys: &std::collections::BTreeMap<Platform, LookupKey>,
                captions: &std::collections::BTreeMap<
                    Platform,
                    crate::domain::caption_history::KeptCaption,
                >,
            ) -> Result<(), LedgerError> {
                measured(&self.clock, "record_intent", async {
                    let (mut write, now) = self.begin_as_holder(lease).await?;
                    let tenant = lease.tenant();
                    let hashes = hashes::parameter(lease.hashes().as_slice());
                    let (kind, hash) = hashes::columns(lease.hashes());
                    sqlx::query(RECORD_INTENT)
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(&hashes)
                        .bind(statements::intents(platforms, keys))
                        .bind(lease.holder())
                        .bind(image.as_str())
                        .bind(hashes::key(lease.hashes()))
                        .bind(kind)
                        .bind(hash)
                        .execute(&mut *write)
                        .await?;
                    Self::keep_captions(&mut write, lease, captions).await?;
                    sqlx::query(TAKE_UP)
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(hashes)
                        .execute(&mut *write)
                        .await?;
                    Self::link(&mut write, now, tenant, lease.hashes()).await?;
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
                    let hashes = hashes::parameter(lease.hashes().as_slice());
                    let settled = sqlx::query(RECORD_OUTCOME)
                        .bind(now)
                        .bind(lease.tenant().as_str())
                        .bind(&hashes)
                        .bind(platform.as_str())
                        .bind(lease.holder())
                        .bind(columns.state)
                        .bind(columns.post_id)
                        .bind(columns.reason)
                        .bind(columns.error)
                        .bind(columns.post_url)
                        .execute(&mut *write)
                        .await?;
                    Self::settle_caption(&mut write, lease, platform, settlement).await?;
                    let is_own = settled.rows_affected() > 0
                        || sqlx::query_scalar(IS_LAST_ATTEMPT)
                            .bind(now)
                            .bind(lease.tenant().as_str())
                            .bind(hashes)
                            .bind(platform.as_str())
                            .bind(lease.holder())
                            .fetch_one(&mut *write)
                            .await?;
                    write.commit().await?;
                    is_own.then_some(()).ok_or(LedgerError::LeaseLost)
                })
                .await
            }

            async fn record_look_up(
                &self,
                lease: &Lease,
                platform: Platform,
                key: &LookupKey,
                settlement: &Settlement,
            ) -> Result<Prior, LedgerError> {
                let recorded = self.write_look_up(lease, platform, key, settlement);
                measured(&self.clock, "record_look_up", recorded).await
            }

            async fn pass_over(
                &self,
                tenant: &TenantName,
                image: &ImageName,
                hashes: &ContentHashes,
                failure: &Failure,
            ) -> Result<(), LedgerError> {
                measured(&self.clock, "pass_over", async {
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    let (key, (kind, hash)) = (hashes::key(hashes), hashes::columns(hashes));
                    sqlx::query(FORGET_OTHER_KEYS)
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(hashes::parameter(hashes.as_slice()))
                        .bind(&key)
                        .execute(&mut *write)
                        .await?;
                    sqlx::query(PASS_OVER)
                        .bind(tenant.as_str())
                        .bind(key)
                        .bind(image.as_str())
                        .bind(failure.reason.as_str())
                        .bind(statements::storable(&failure.text))
                        .bind(now)
                        .bind(kind)
                        .bind(hash)
                        .execute(&mut *write)
                        .await?;
                    Self::link(&mut write, now, tenant, hashes).await?;
                    Ok(write.commit().await?)
                })
                .await
            }

            async fn release(&self, lease: &Lease) -> Result<(), LedgerError> {
                measured(&self.clock, "release", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    sqlx::query(RELEASE)
                        .bind(0_i64)
                        .bind(lease.tenant().as_str())
                        .bind(hashes::parameter(lease.hashes().as_slice()))
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
