//! The outbox of usage events: the SQL that both databases accept. Used by `statements.rs`, and by `merge.rs` and
//! `ledger_file.rs` for those of another ledger.
//!
//! A claim moves `due_at` of its rows to its own end. So one index leads to what is due, however many rows wait, and a
//! row whose process is gone is due again by itself. PostgreSQL skips rows that another claim is about to take; in
//! `SQLite` every write is alone.

use std::{
    num::NonZeroU64,
    time::{Duration, SystemTime},
};

use sqlx::{Row as _, sqlite::SqliteRow};

use crate::{
    domain::{
        tenant::TenantName,
        usage::{UsageEvent, UsageKey, UsageMetric},
    },
    ports::ClaimedUsage,
};

pub(super) const ADD: &str = "INSERT INTO ledger_usage
        (tenant, event_key, metric, quantity, occurred_at, added_at, due_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6)
    ON CONFLICT (tenant, event_key) DO NOTHING";

pub(super) const DONE: &str = "DELETE FROM ledger_usage WHERE id = $1 AND claim = $2";

pub(super) const LATER: &str = "UPDATE ledger_usage SET due_at = $3, claim = NULL,
        unknown_since = CASE WHEN $4 THEN COALESCE(unknown_since, $5) ELSE unknown_since END
    WHERE id = $1 AND claim = $2";

/// The newest row that is too much.
pub(super) const LAST_TO_DROP: &str =
    "SELECT id FROM ledger_usage ORDER BY id DESC LIMIT 1 OFFSET $1";

/// How many rows one statement deletes.
pub(super) const ROWS: i64 = 500;

pub(super) const DROP: &str = "DELETE FROM ledger_usage
    WHERE id IN (SELECT id FROM ledger_usage WHERE id <= $1 ORDER BY id LIMIT $2)";

pub(super) const COUNT: &str = "SELECT count(*) FROM ledger_usage";

pub(super) const OLDEST: &str = "SELECT added_at FROM ledger_usage ORDER BY id LIMIT 1";

/// One claimed row.
pub(super) type ClaimedRow = (i64, String, String, String, i64, i64, i64, Option<i64>);

/// The claimed event; `None` for a row that no version of this service writes.
pub(super) fn claimed(row: ClaimedRow, claim: &str, now: i64) -> Option<ClaimedUsage> {
    let (id, tenant, key, metric, quantity, occurred_at, attempts, unknown_since) = row;
    Some(ClaimedUsage {
        id,
        claim: claim.to_owned(),
        event: event([&tenant, &key, &metric], quantity, occurred_at)?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        own_failure_for: unknown_since.map(|since| millis(now.saturating_sub(since))),
    })
}

/// The event in a row of a file, whoever has claimed it there; `None` for a row that no version of this service writes.
pub(super) fn record(row: &SqliteRow) -> Option<UsageEvent> {
    let text = |column: &str| row.try_get::<String, _>(column).ok();
    let number = |column: &str| row.try_get::<i64, _>(column).ok();
    let (tenant, key, metric) = (text("tenant")?, text("event_key")?, text("metric")?);
    event(
        [&tenant, &key, &metric],
        number("quantity")?,
        number("occurred_at")?,
    )
}

fn event([tenant, key, metric]: [&str; 3], quantity: i64, occurred_at: i64) -> Option<UsageEvent> {
    Some(UsageEvent {
        tenant: TenantName::new(tenant)?,
        metric: UsageMetric::from_name(metric)?,
        key: UsageKey::new(key)?,
        quantity: NonZeroU64::new(u64::try_from(quantity).ok()?)?,
        occurred_at: SystemTime::UNIX_EPOCH + millis(occurred_at),
    })
}

fn millis(since: i64) -> Duration {
    Duration::from_millis(u64::try_from(since).unwrap_or_default())
}

/// Implements [`UsageOutbox`](crate::ports::UsageOutbox) for a type. `$locked` is added to the query of the rows that are
/// claimed.
macro_rules! sql_usage {
    ($ledger:ty, locked: $locked:literal) => {
        /// Materialized, so that the rows are chosen once: a plan that chose them for each row would claim more.
        pub(super) const CLAIM_USAGE: &str = concat!(
            "WITH due AS MATERIALIZED (
                SELECT id FROM ledger_usage
                    WHERE due_at <= $1 AND metric IN ('ai_tokens', 'storage_ops_requests')
                    ORDER BY due_at, id LIMIT $2 ",
            $locked,
            ")
             UPDATE ledger_usage SET due_at = $3, claim = $4, attempts = attempts + 1
                WHERE id IN (SELECT id FROM due)
             RETURNING id, tenant, event_key, metric, quantity, occurred_at, attempts, unknown_since"
        );

        impl $ledger {
            /// Adds an event. Returns whether it was not there.
            async fn add_usage(
                write: &mut Guarded,
                event: &crate::domain::usage::UsageEvent,
                now: i64,
            ) -> Result<bool, sqlx::Error> {
                let added = sqlx::query(super::usage::ADD)
                    .bind(event.tenant.as_str())
                    .bind(event.key.as_str())
                    .bind(event.metric.as_str())
                    .bind(i64::try_from(event.quantity.get()).unwrap_or(i64::MAX))
                    .bind(statements::millis(event.occurred_at))
                    .bind(now)
                    .execute(&mut **write)
                    .await?;
                Ok(added.rows_affected() > 0)
            }
        }

        #[async_trait]
        impl crate::ports::UsageOutbox for $ledger {
            async fn add(&self, event: &crate::domain::usage::UsageEvent) -> Result<(), LedgerError> {
                measured(&self.clock, "usage_add", async {
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    Self::add_usage(&mut write, event, now).await?;
                    Ok(write.commit().await?)
                })
                .await
            }

            async fn claim_due(
                &self,
                limit: u32,
            ) -> Result<Vec<crate::ports::ClaimedUsage>, LedgerError> {
                measured(&self.clock, "usage_claim", async {
                    let claim = Uuid::new_v4().to_string();
                    let (mut write, now) = self.begin(Durability::Volatile).await?;
                    let rows: Vec<super::usage::ClaimedRow> = sqlx::query_as(CLAIM_USAGE)
                        .bind(now)
                        .bind(i64::from(limit))
                        .bind(now.saturating_add(duration_millis(crate::ports::CLAIM_TTL)))
                        .bind(&claim)
                        .fetch_all(&mut *write)
                        .await?;
                    write.commit().await?;
                    let claimed = rows.into_iter();
                    let claimed = claimed.filter_map(|row| super::usage::claimed(row, &claim, now));
                    let mut claimed: Vec<_> = claimed.collect();
                    claimed.sort_by_key(|claimed| claimed.id);
                    Ok(claimed)
                })
                .await
            }

            /// Need not survive a power cut: the event is sent again then, under the same key.
            async fn settle(
                &self,
                claimed: &crate::ports::ClaimedUsage,
                settlement: crate::ports::UsageSettlement,
            ) -> Result<(), LedgerError> {
                use crate::ports::UsageSettlement;

                measured(&self.clock, "usage_settle", async {
                    let (mut write, now) = self.begin(Durability::Volatile).await?;
                    let query = match settlement {
                        UsageSettlement::Done => sqlx::query(super::usage::DONE)
                            .bind(claimed.id)
                            .bind(&claimed.claim),
                        UsageSettlement::Later { wait, is_own_failure } => {
                            sqlx::query(super::usage::LATER)
                                .bind(claimed.id)
                                .bind(&claimed.claim)
                                .bind(now.saturating_add(duration_millis(wait)))
                                .bind(is_own_failure)
                                .bind(now)
                        }
                    };
                    query.execute(&mut *write).await?;
                    Ok(write.commit().await?)
                })
                .await
            }

            async fn trim(&self, keep: u32) -> Result<u64, LedgerError> {
                use super::usage::{DROP, LAST_TO_DROP, ROWS};

                let last: Option<i64> = bounded(async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let last = sqlx::query_scalar(LAST_TO_DROP)
                        .bind(i64::from(keep))
                        .fetch_optional(&mut *alone)
                        .await?;
                    alone.give_back();
                    Ok(last)
                })
                .await?;
                let mut dropped = 0;
                let Some(last) = last else {
                    return Ok(dropped);
                };
                loop {
                    let some = bounded(async {
                        let mut alone = self.alone(Durability::Volatile).await?;
                        let drop = sqlx::query(DROP).bind(last).bind(ROWS);
                        let some = drop.execute(&mut *alone).await?.rows_affected();
                        alone.give_back();
                        Ok(some)
                    })
                    .await?;
                    dropped += some;
                    if some == 0 {
                        return Ok(dropped);
                    }
                }
            }

            async fn state(&self) -> Result<crate::ports::OutboxState, LedgerError> {
                measured(&self.clock, "usage_state", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let entries: i64 = sqlx::query_scalar(super::usage::COUNT)
                        .fetch_one(&mut *alone)
                        .await?;
                    let oldest: Option<i64> = sqlx::query_scalar(super::usage::OLDEST)
                        .fetch_optional(&mut *alone)
                        .await?;
                    let now = self.now(&mut alone).await?;
                    alone.give_back();
                    let age = |since: i64| u64::try_from(now.saturating_sub(since)).unwrap_or(0);
                    Ok(crate::ports::OutboxState {
                        entries: u64::try_from(entries).unwrap_or(0),
                        oldest: oldest.map(|since| Duration::from_millis(age(since))),
                    })
                })
                .await
            }
        }
    };
}
pub(super) use sql_usage;
