//! What is deleted with time: the SQL that both databases accept. Used by `statements.rs`.
//!
//! Each statement concerns few rows and is a transaction of its own: a publication waits for one of them,
//! not for all.

use std::time::Duration;

/// How many rows one statement is about.
pub(super) const ROWS: i64 = 500;

/// A lease that ended that long ago has no holder. Under one that has ended more recently, its
/// holder may still write unless another has taken the lease.
pub(super) const LEASES_KEPT_FOR: Duration = Duration::from_hours(1);

/// The time is asked for again: a lease may have been taken meanwhile.
pub(super) const DROP_LEASES: &str = "DELETE FROM ledger_leases
    WHERE (tenant, content_hash) IN
            (SELECT tenant, content_hash FROM ledger_leases WHERE expires_at <= $1 LIMIT $2)
        AND expires_at <= $1";

pub(super) const DROP_KEYS: &str = "DELETE FROM ledger_requests
    WHERE (tenant, key_hash) IN
            (SELECT tenant, key_hash FROM ledger_requests WHERE created_at <= $1
                ORDER BY created_at LIMIT $2)
        AND created_at <= $1";

/// Captions go by when they were sent, published or not.
pub(super) const DROP_CAPTIONS: &str = "DELETE FROM ledger_caption_history
    WHERE id IN (SELECT id FROM ledger_caption_history WHERE sent_at <= $1 ORDER BY sent_at LIMIT $2)
        AND sent_at <= $1";

/// Turns that do not matter any more, which only a server has. The time is looked at again: one may have been taken meanwhile.
pub(super) const DROP_RATES: &str = "DELETE FROM ledger_rates
    WHERE (name, key) IN
            (SELECT name, key FROM ledger_rates WHERE evict_at <= $1 ORDER BY evict_at LIMIT $2)
        AND evict_at <= $1";

/// Texts, table by table: the last of the next rows, and those between taken out.
pub(super) const TEXTS: [(&str, &str); 2] = [
    (
        "SELECT max(id) FROM
            (SELECT id FROM ledger_entries WHERE id > $1 ORDER BY id LIMIT $2) AS next",
        "UPDATE ledger_entries SET error = NULL
            WHERE id > $1 AND id <= $2 AND error IS NOT NULL
                AND COALESCE(ended_at, started_at) <= $3",
    ),
    (
        "SELECT max(id) FROM
            (SELECT id FROM ledger_passed_over WHERE id > $1 ORDER BY id LIMIT $2) AS next",
        "UPDATE ledger_passed_over SET error = ''
            WHERE id > $1 AND id <= $2 AND error <> '' AND noted_at <= $3",
    ),
];

/// Implements [`LedgerRetention`](crate::ports::LedgerRetention) for a type. `OWN_RETENTION` beside it has what goes with time in this
/// database alone.
macro_rules! sql_retention {
    ($ledger:ty) => {
        impl $ledger {
            /// Deletes rows that are at least this old, until none are left.
            async fn drop_old(
                &self,
                statement: &'static str,
                age: std::time::Duration,
            ) -> Result<u64, LedgerError> {
                let mut dropped = 0;
                loop {
                    let some = bounded(async {
                        let (mut write, now) = self.begin(Durability::Volatile).await?;
                        let some = sqlx::query(statement)
                            .bind(now.saturating_sub(duration_millis(age)))
                            .bind(super::retention::ROWS)
                            .execute(&mut *write)
                            .await?;
                        write.commit().await?;
                        Ok(some.rows_affected())
                    })
                    .await?;
                    dropped += some;
                    if some == 0 {
                        return Ok(dropped);
                    }
                }
            }

            /// Deletes the texts of the rows after `after`, as many as one statement concerns; returns the last
            /// row that it looked at, and how many texts those were.
            async fn drop_next_texts(
                &self,
                (next, drop): (&'static str, &'static str),
                after: i64,
                age: std::time::Duration,
            ) -> Result<Option<(i64, u64)>, LedgerError> {
                let (mut write, now) = self.begin(Durability::Volatile).await?;
                let last: Option<i64> = sqlx::query_scalar(next)
                    .bind(after)
                    .bind(super::retention::ROWS)
                    .fetch_one(&mut *write)
                    .await?;
                let mut dropped = None;
                if let Some(last) = last {
                    let drop = sqlx::query(drop)
                        .bind(after)
                        .bind(last)
                        .bind(now.saturating_sub(duration_millis(age)))
                        .execute(&mut *write);
                    dropped = Some((last, drop.await?.rows_affected()));
                }
                write.commit().await?;
                Ok(dropped)
            }
        }

        #[async_trait]
        impl crate::ports::LedgerRetention for $ledger {
            async fn sweep(
                &self,
                kept_for: crate::ports::KeptFor,
            ) -> Result<crate::ports::Swept, LedgerError> {
                use super::retention;

                let mut swept = crate::ports::Swept {
                    leases: self
                        .drop_old(retention::DROP_LEASES, retention::LEASES_KEPT_FOR)
                        .await?,
                    keys: self.drop_old(retention::DROP_KEYS, KEY_KEPT_FOR).await?,
                    captions: self
                        .drop_old(retention::DROP_CAPTIONS, kept_for.captions)
                        .await?,
                    texts: 0,
                };
                for (statement, age) in OWN_RETENTION {
                    self.drop_old(statement, age).await?;
                }
                let Some(age) = kept_for.texts else {
                    return Ok(swept);
                };
                for statements in retention::TEXTS {
                    let mut after = i64::MIN;
                    while let Some((last, dropped)) =
                        bounded(self.drop_next_texts(statements, after, age)).await?
                    {
                        after = last;
                        swept.texts += dropped;
                    }
                }
                Ok(swept)
            }
        }
    };
}
pub(super) use sql_retention;
