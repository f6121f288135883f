//! The limit of a tenant's calls in a minute: calls beyond it wait.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    domain::tenant::TenantName,
    ports::{RateKey, RateLimit, RateLimits, TooLate},
};

/// The limit's name in metrics and in the database.
pub const AI_CALLS: &str = "ai_calls";
/// The period of the limit.
const WINDOW: Duration = Duration::from_mins(1);
/// The longest wait for a turn: callers do not wait longer.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The limit of all tenants' calls. A tenant's count outlives the writers that were opened for it, so that a new config
/// does not bring a new allowance.
pub(super) struct CallLimit {
    limit: RateLimit,
    rates: Arc<dyn RateLimits>,
}

impl CallLimit {
    /// A limit of so many calls, which are counted in `rates`.
    pub(super) fn new(calls_per_minute: NonZeroU32, rates: Arc<dyn RateLimits>) -> Self {
        let limit = RateLimit {
            name: AI_CALLS,
            turns: calls_per_minute.get(),
            window: WINDOW,
            longest_wait: MAX_WAIT,
        };
        Self { limit, rates }
    }

    /// The turns of one tenant.
    pub(super) fn of(&self, tenant: &TenantName) -> CallTurns {
        CallTurns {
            limit: self.limit,
            key: RateKey {
                tenant: tenant.clone(),
                who: None,
            },
            rates: Arc::clone(&self.rates),
        }
    }
}

/// The turns of one tenant: in no minute are there more calls than the limit allows.
pub(super) struct CallTurns {
    limit: RateLimit,
    key: RateKey,
    rates: Arc<dyn RateLimits>,
}

impl CallTurns {
    /// Waits for a turn, 30 s at most.
    ///
    /// # Errors
    /// [`TooLate`], at once, when the wait would be longer.
    pub(super) async fn turn(&self) -> Result<(), TooLate> {
        let wait = self.rates.take(&self.limit, &self.key).await?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapters::{clock::SystemClock, rate_limits::OwnRates},
        ports::{Clock, MockRateLimits},
    };

    fn limit(calls_per_minute: u32) -> CallLimit {
        let rates = OwnRates::new(Arc::new(SystemClock));
        CallLimit::new(NonZeroU32::new(calls_per_minute).unwrap(), Arc::new(rates))
    }

    fn tenant(name: &str) -> TenantName {
        TenantName::new(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn calls_within_the_limit_do_not_wait() {
        let turns = limit(20).of(&tenant("alice"));
        let started = SystemClock.now();
        for _ in 0..20 {
            turns.turn().await.unwrap();
        }
        assert_eq!(SystemClock.now(), started);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_beyond_the_limit_waits_until_the_oldest_is_a_minute_old() {
        let turns = limit(2).of(&tenant("alice"));
        let started = SystemClock.now();
        turns.turn().await.unwrap();
        tokio::time::sleep(Duration::from_secs(40)).await;
        turns.turn().await.unwrap();
        turns.turn().await.unwrap();
        assert_eq!(SystemClock.now() - started, WINDOW);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_would_wait_too_long_fails_at_once_and_takes_no_turn() {
        let turns = limit(1).of(&tenant("alice"));
        turns.turn().await.unwrap();
        for _ in 0..3 {
            assert_eq!(turns.turn().await, Err(TooLate { wait: WINDOW }));
        }
        tokio::time::sleep(MAX_WAIT).await;
        assert_eq!(turns.turn().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn in_no_minute_are_there_more_calls_than_allowed() {
        let turns = limit(5).of(&tenant("alice"));
        let mut calls = Vec::new();
        for step in 0_u64..200 {
            tokio::time::sleep(Duration::from_millis(step * 37 % 4_000)).await;
            if turns.turn().await.is_ok() {
                calls.push(SystemClock.now());
            }
        }
        assert!(calls.len() > 20);
        for six in calls.windows(6) {
            assert!(six[5] - six[0] >= WINDOW);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_do_not_wait_for_each_other_and_keep_their_count_when_reopened() {
        let limit = limit(1);
        limit.of(&tenant("alice")).turn().await.unwrap();
        limit.of(&tenant("bob")).turn().await.unwrap();
        assert!(limit.of(&tenant("alice")).turn().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn each_turn_is_taken_once_under_the_tenant_and_waited_for() {
        let mut rates = MockRateLimits::new();
        let wait = Duration::from_secs(7);
        rates.expect_take().times(1).returning(move |limit, key| {
            let expected = RateLimit {
                name: "ai_calls",
                turns: 3,
                window: WINDOW,
                longest_wait: MAX_WAIT,
            };
            assert_eq!((*limit, key.tenant.as_str()), (expected, "alice"));
            assert_eq!(key.who, None);
            Ok(wait)
        });
        let limit = CallLimit::new(NonZeroU32::new(3).unwrap(), Arc::new(rates));
        let started = SystemClock.now();
        limit.of(&tenant("alice")).turn().await.unwrap();
        assert_eq!(SystemClock.now() - started, wait);
    }
}
