//! How often something is done, counted by all processes that share a server. Used by `postgres.rs`; a file has one process,
//! which counts for itself.
//!
//! A row of each limit and key has the times of the turns that were taken and may still matter. One statement takes a turn:
//! whoever comes second waits for the row, and reads the clock after that. So in no window are more turns than there may be,
//! whichever process took them, and turns are given in the order in which they were asked for. Commits wait for no disk: a
//! server that ends forgets at most the turns of its last moments.

use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::{
    metered::measured, pool::Guarded, postgres::PostgresLedger, statements::duration_millis,
};
use crate::ports::{LedgerError, RateKey, RateLimit, SharedRates, TooLate};

/// How long one of these operations may take, waiting for a connection included: longer, and the caller's own count is the
/// better answer.
const LIMIT: Duration = Duration::from_secs(3);

/// The turns `$turns` that count at the time `now`, in their order, and when the next one is: now, or as soon as the first of
/// the last `$3` is `$4` milliseconds ago.
macro_rules! next_turn {
    ($turns:literal) => {
        concat!(
            "SELECT now, counted, CASE
                    WHEN cardinality(counted) < $3 THEN now
                    ELSE GREATEST(now, counted[cardinality(counted) - $3 + 1] + $4)
                END AS next
            FROM (SELECT now, ARRAY(SELECT turn FROM unnest(",
            $turns,
            ") AS turn WHERE turn > now - $4 ORDER BY turn) AS counted
                FROM (SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now)
                    AS clock) AS log"
        )
    };
}

/// Takes the next turn, unless it is further off than `$5` milliseconds, and says how far off it is. The row is kept until its
/// turns cannot matter any more, to the full hour: a column of an index that changes seldom.
pub(super) const TAKE: &str = concat!(
    "INSERT INTO ledger_rates AS kept (name, key, turns, asked_at, next_at, evict_at)
    SELECT CAST($1 AS TEXT), CAST($2 AS BYTEA), ARRAY[now], now, now,
            ((now + $4) / 3600000 + 1) * 3600000
        FROM (SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now) AS clock
        WHERE set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT (name, key) DO UPDATE SET (turns, asked_at, next_at, evict_at) = (
        SELECT CASE WHEN next <= now + $5 THEN counted || next ELSE counted END,
            now, next, ((next + $4) / 3600000 + 1) * 3600000
        FROM (",
    next_turn!("kept.turns"),
    ") AS decided)
    RETURNING next_at - asked_at"
);

/// How far off the next turn is.
pub(super) const LOOK: &str = concat!(
    "SELECT next - now FROM ledger_rates AS kept CROSS JOIN LATERAL (",
    next_turn!("kept.turns"),
    ") AS decided WHERE name = $1 AND key = $2"
);

pub(super) const FORGET: &str = "DELETE FROM ledger_rates WHERE name = $1 AND key = $2";

#[async_trait]
impl SharedRates for PostgresLedger {
    async fn take(
        &self,
        limit: &RateLimit,
        key: &RateKey,
    ) -> Result<Result<Duration, TooLate>, LedgerError> {
        if limit.turns == 0 {
            return Ok(Err(TooLate { wait: limit.window }));
        }
        let longest = duration_millis(limit.longest_wait);
        let taken = soon(Box::pin(async {
            let mut connection = Guarded::acquire(self.pool()).await?;
            let wait: i64 = sqlx::query_scalar(TAKE)
                .bind(limit.name)
                .bind(hash(key))
                .bind(i32::try_from(limit.turns).unwrap_or(i32::MAX))
                .bind(duration_millis(limit.window))
                .bind(longest)
                .fetch_one(&mut *connection)
                .await?;
            connection.give_back();
            Ok(wait)
        }));
        let wait = measured(&self.clock, "rate_take", taken).await?;
        Ok(within(wait, longest))
    }

    async fn look(
        &self,
        limit: &RateLimit,
        key: &RateKey,
    ) -> Result<Result<(), TooLate>, LedgerError> {
        if limit.turns == 0 {
            return Ok(Err(TooLate { wait: limit.window }));
        }
        let looked = soon(Box::pin(async {
            let mut connection = Guarded::acquire(self.pool()).await?;
            let wait: Option<i64> = sqlx::query_scalar(LOOK)
                .bind(limit.name)
                .bind(hash(key))
                .bind(i32::try_from(limit.turns).unwrap_or(i32::MAX))
                .bind(duration_millis(limit.window))
                .fetch_optional(&mut *connection)
                .await?;
            connection.give_back();
            Ok(wait)
        }));
        let wait = measured(&self.clock, "rate_look", looked).await?;
        let longest = duration_millis(limit.longest_wait);
        Ok(within(wait.unwrap_or(0), longest).map(|_| ()))
    }

    async fn forget(&self, limit: &RateLimit, key: &RateKey) -> Result<(), LedgerError> {
        let forgotten = soon(Box::pin(async {
            let mut connection = Guarded::acquire(self.pool()).await?;
            sqlx::query(FORGET)
                .bind(limit.name)
                .bind(hash(key))
                .execute(&mut *connection)
                .await?;
            connection.give_back();
            Ok(())
        }));
        measured(&self.clock, "rate_forget", forgotten).await
    }
}

/// Ends an operation that exceeds [`LIMIT`].
async fn soon<T>(
    operation: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    let slow = |_| {
        let cause = format!("the database did not answer within {} s", LIMIT.as_secs());
        Err(LedgerError::Unavailable(cause.into()))
    };
    timeout(LIMIT, operation).await.unwrap_or_else(slow)
}

/// The wait for a turn, if it is not too long.
fn within(wait: i64, longest: i64) -> Result<Duration, TooLate> {
    let is_within = wait <= longest;
    let wait = Duration::from_millis(u64::try_from(wait).unwrap_or_default());
    is_within.then_some(wait).ok_or(TooLate { wait })
}

/// What stands for the key in the database, which learns neither addresses nor names from it. No tenant's name has a NUL.
fn hash(key: &RateKey) -> Vec<u8> {
    let RateKey { tenant, who } = key;
    let mut hash = Sha256::new();
    hash.update(tenant.as_str());
    if let Some(who) = who {
        hash.update([0]);
        hash.update(who);
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::{RateKey, hash};
    use crate::domain::tenant::TenantName;

    #[test]
    fn each_key_has_a_hash_of_its_own() {
        let key = |tenant, who: Option<&str>| RateKey {
            tenant: TenantName::new(tenant).unwrap(),
            who: who.map(str::to_owned),
        };
        let keys = [
            key("alice", None),
            key("alice", Some("")),
            key("alice", Some("bob")),
            key("alicebob", None),
            key("bob", Some("alice")),
        ];
        let hashes: std::collections::BTreeSet<_> = keys.iter().map(hash).collect();
        assert_eq!(hashes.len(), keys.len());
        assert_eq!(hash(&keys[0]), hash(&keys[0].clone()));
        assert!(hashes.iter().all(|hash| hash.len() == 32));
    }
}
