//! The limit of a tenant's calls in a minute: calls beyond it wait.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{domain::tenant::TenantName, ports::Clock};

/// The period of the limit.
const WINDOW: Duration = Duration::from_mins(1);
/// The longest wait for a turn: callers do not wait longer.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The most tenants whose calls are counted at a time: far more than are served at a time.
const MAX_TENANTS: usize = 10_000;

/// The limits of all tenants. A tenant's count outlives the writers that were opened for it, so
/// that a new config does not bring a new allowance.
pub(super) struct RateLimits {
    calls_per_minute: NonZeroU32,
    clock: Arc<dyn Clock>,
    max_tenants: usize,
    tenants: Mutex<HashMap<TenantName, Arc<RateLimit>>>,
}

impl RateLimits {
    pub(super) fn new(calls_per_minute: NonZeroU32, clock: Arc<dyn Clock>) -> Self {
        Self {
            calls_per_minute,
            clock,
            max_tenants: MAX_TENANTS,
            tenants: Mutex::default(),
        }
    }

    /// The limit of one tenant, the same one each time while it is in use.
    pub(super) fn of(&self, tenant: &TenantName) -> Arc<RateLimit> {
        let mut tenants = self.tenants.lock();
        if let Some(known) = tenants.get(tenant) {
            return Arc::clone(known);
        }
        if tenants.len() >= self.max_tenants {
            let now = self.clock.now();
            tenants.retain(|_, limit| Arc::strong_count(limit) > 1 || !limit.is_idle(now));
        }
        let limit = Arc::new(RateLimit {
            calls_per_minute: usize::try_from(self.calls_per_minute.get()).unwrap_or(usize::MAX),
            clock: Arc::clone(&self.clock),
            calls: Mutex::default(),
        });
        // Still full: the writer gets a limit of its own rather than none, or an unbounded map.
        if tenants.len() < self.max_tenants {
            tenants.insert(tenant.clone(), Arc::clone(&limit));
        }
        limit
    }
}

/// The limit of one tenant: in no minute are there more calls than it allows.
pub(super) struct RateLimit {
    calls_per_minute: usize,
    clock: Arc<dyn Clock>,
    /// When the calls of the last minute were, or will be, made; in order.
    calls: Mutex<VecDeque<Instant>>,
}

/// The turn would come too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLate {
    /// When it would come.
    pub(super) wait: Duration,
}

impl RateLimit {
    /// Waits for a turn, 30 s at most.
    ///
    /// # Errors
    /// [`TooLate`], at once, when the wait would be longer.
    pub(super) async fn turn(&self) -> Result<(), TooLate> {
        let wait = self.reserve()?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Takes the next free turn and says how far off it is. A turn whose taker goes away is not
    /// given to another.
    fn reserve(&self) -> Result<Duration, TooLate> {
        let now = self.clock.now();
        let mut calls = self.calls.lock();
        forget_old(&mut calls, now);
        let in_the_way = calls
            .len()
            .checked_sub(self.calls_per_minute)
            .and_then(|index| calls.get(index));
        let turn = in_the_way.map_or(now, |call| *call + WINDOW);
        let wait = turn.saturating_duration_since(now);
        if wait > MAX_WAIT {
            return Err(TooLate { wait });
        }
        calls.push_back(turn);
        Ok(wait)
    }

    fn is_idle(&self, now: Instant) -> bool {
        let mut calls = self.calls.lock();
        forget_old(&mut calls, now);
        calls.is_empty()
    }
}

fn forget_old(calls: &mut VecDeque<Instant>, now: Instant) {
    while calls.front().is_some_and(|call| *call + WINDOW <= now) {
        calls.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::clock::SystemClock;

    fn limits(calls_per_minute: u32) -> RateLimits {
        RateLimits::new(
            NonZeroU32::new(calls_per_minute).unwrap(),
            Arc::new(SystemClock),
        )
    }

    fn tenant(name: &str) -> TenantName {
        TenantName::new(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn calls_within_the_limit_do_not_wait() {
        let limit = limits(20).of(&tenant("alice"));
        let started = SystemClock.now();
        for _ in 0..20 {
            limit.turn().await.unwrap();
        }
        assert_eq!(SystemClock.now(), started);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_beyond_the_limit_waits_until_the_oldest_is_a_minute_old() {
        let limit = limits(2).of(&tenant("alice"));
        let started = SystemClock.now();
        limit.turn().await.unwrap();
        tokio::time::sleep(Duration::from_secs(40)).await;
        limit.turn().await.unwrap();
        limit.turn().await.unwrap();
        assert_eq!(SystemClock.now() - started, WINDOW);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_would_wait_too_long_fails_at_once_and_takes_no_turn() {
        let limit = limits(1).of(&tenant("alice"));
        limit.turn().await.unwrap();
        for _ in 0..3 {
            assert_eq!(limit.turn().await, Err(TooLate { wait: WINDOW }));
        }
        tokio::time::sleep(MAX_WAIT).await;
        assert_eq!(limit.turn().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn in_no_minute_are_there_more_calls_than_allowed() {
        let limit = limits(5).of(&tenant("alice"));
        let mut calls = Vec::new();
        for step in 0_u64..200 {
            tokio::time::sleep(Duration::from_millis(step * 37 % 4_000)).await;
            if limit.turn().await.is_ok() {
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
        let limits = limits(1);
        limits.of(&tenant("alice")).turn().await.unwrap();
        limits.of(&tenant("bob")).turn().await.unwrap();
        assert!(limits.of(&tenant("alice")).turn().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn only_tenants_that_are_idle_are_forgotten() {
        let limits = RateLimits {
            max_tenants: 2,
            ..limits(1)
        };
        limits.of(&tenant("alice")).turn().await.unwrap();
        let bob = limits.of(&tenant("bob"));
        limits.of(&tenant("carol")).turn().await.unwrap();
        assert_eq!(limits.tenants.lock().len(), 2, "nobody was idle");
        tokio::time::sleep(WINDOW).await;
        limits.of(&tenant("carol"));
        let tenants = limits.tenants.lock();
        assert!(!tenants.contains_key(&tenant("alice")));
        assert!(Arc::ptr_eq(&tenants[&tenant("bob")], &bob));
    }
}
