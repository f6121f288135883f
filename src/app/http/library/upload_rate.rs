//! The limit of an admin's uploads: ten at once, and then one each six seconds.

use std::{hash::Hash, num::NonZeroU32, sync::Arc, time::Instant};

use governor::{
    Quota, RateLimiter, clock, middleware::NoOpMiddleware, state::keyed::HashMapStateStore,
};

use crate::{
    app::http::{error::ApiError, problem::ProblemKind},
    ports::Clock,
};

/// The uploads of one admin in a minute.
const PER_MINUTE: u32 = 10;
/// The most admins that are remembered before those whose uploads no longer count are dropped.
const MAX_KEYS: usize = 10_000;

/// The port as the clock of the library.
#[derive(Clone)]
struct PortClock(Arc<dyn Clock>);

impl clock::Clock for PortClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        self.0.now()
    }
}

/// The uploads of each admin.
pub(super) struct UploadRate<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, HashMapStateStore<K>, PortClock, NoOpMiddleware<Instant>>,
    clock: PortClock,
}

impl<K: Hash + Eq + Clone> UploadRate<K> {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let clock = PortClock(clock);
        let per_minute = NonZeroU32::new(PER_MINUTE).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(per_minute);
        Self {
            limiter: RateLimiter::hashmap_with_clock(quota, clock.clone()),
            clock,
        }
    }

    /// Counts an upload.
    ///
    /// # Errors
    /// `rate-limited` if it is one too many.
    pub(super) fn count(&self, admin: &K) -> Result<(), ApiError> {
        if self.limiter.len() >= MAX_KEYS {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(admin).map_err(|next| {
            let wait = next.wait_time_from(clock::Clock::now(&self.clock));
            let detail = "An admin may upload ten images a minute.";
            ApiError::new(ProblemKind::RateLimited, detail).retry_after(Some(wait))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ports::MockClock;

    #[test]
    fn ten_uploads_are_taken_at_once_and_then_one_each_six_seconds() {
        #[expect(clippy::disallowed_methods, reason = "somewhere a clock has to start")]
        let start = Instant::now();
        let passed = Arc::new(parking_lot::Mutex::new(Duration::ZERO));
        let mut clock = MockClock::new();
        let of_clock = Arc::clone(&passed);
        clock
            .expect_now()
            .returning(move || start + *of_clock.lock());
        let rate = UploadRate::new(Arc::new(clock));
        for _ in 0..10 {
            assert!(rate.count(&"alice").is_ok());
        }
        assert_eq!(
            rate.count(&"alice").unwrap_err().kind(),
            ProblemKind::RateLimited
        );
        assert!(rate.count(&"bob").is_ok(), "another admin");
        *passed.lock() = Duration::from_secs(6);
        assert!(rate.count(&"alice").is_ok());
        assert!(rate.count(&"alice").is_err());
        *passed.lock() = Duration::from_mins(3);
        rate.limiter.retain_recent();
        assert!(
            rate.limiter.is_empty(),
            "who has not uploaded lately is forgotten"
        );
    }
}
