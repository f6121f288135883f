//! The limit on wrong credentials, for the admin's password, for `Authorization` and for logins with an account: five failures a
//! minute, and no more tries until the first of them is a minute old. `docs/decisions/0007` gives the reasons for
//! what it counts.

use std::{sync::Arc, time::Duration};

use super::caller::Caller;
use crate::ports::{RateLimit, RateLimits};

/// Wrong passwords of a client.
pub(in crate::app::http) const LOGINS: RateLimit = failures("logins");
/// Wrong `Authorization` headers of a client: apart from logins, so that neither uses up the tries of the other.
pub(in crate::app::http) const AUTHORIZATION: RateLimit = failures("authorization");
/// Logins with an account of a client that were not completed.
pub(in crate::app::http) const ACCOUNT_LOGINS: RateLimit = failures("account_logins");

/// The failures that are allowed within the window.
const fn failures(name: &'static str) -> RateLimit {
    RateLimit {
        name,
        turns: 5,
        window: Duration::from_mins(1),
        longest_wait: Duration::ZERO,
    }
}

/// The outcome of a try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The secret is right.
    Right,
    /// It is wrong.
    Wrong,
    /// Too many were wrong: the answer does not depend on whether this one is right.
    TooMany {
        /// The time until the next try is allowed.
        retry_after: Duration,
    },
}

/// The latest failures of each caller, with one kind of secret.
pub(super) struct GuessThrottle {
    limit: RateLimit,
    /// Logged when a caller reaches the limit.
    warning: &'static str,
    rates: Arc<dyn RateLimits>,
}

impl GuessThrottle {
    /// A throttle that counts failures in `rates`; `warning` is logged when a caller reaches the limit.
    pub(super) fn new(limit: RateLimit, warning: &'static str, rates: Arc<dyn RateLimits>) -> Self {
        Self {
            limit,
            warning,
            rates,
        }
    }

    /// Decides on a try, and counts a wrong one. The caller has compared the secret before, so that tries that run at the
    /// same time cannot all pass before the first is recorded as a failure.
    ///
    /// Beyond the limit, the same is done for a right try and for a wrong one: also the time of the answer must not tell them
    /// apart.
    pub(super) async fn check(&self, caller: &Caller, is_right: bool) -> Decision {
        let key = caller.rate_key();
        let too_many = |retry_after| Decision::TooMany { retry_after };
        if let Err(too_late) = self.rates.look(&self.limit, &key).await {
            return too_many(too_late.wait);
        }
        if is_right {
            return Decision::Right;
        }
        if let Err(too_late) = self.rates.take(&self.limit, &key).await {
            return too_many(too_late.wait);
        }
        if self.rates.look(&self.limit, &key).await.is_err() {
            tracing::warn!("{}", self.warning);
        }
        Decision::Wrong
    }

    /// Forgets the failures of a caller.
    pub(super) async fn forget(&self, caller: &Caller) {
        self.rates.forget(&self.limit, &caller.rate_key()).await;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        adapters::rate_limits::OwnRates,
        app::{http::auth::caller::ClientKey, usecases::fixtures::clock},
        domain::tenant::TenantName,
        ports::{MockRateLimits, TooLate},
    };

    const SECOND: Duration = Duration::from_secs(1);

    fn caller(tenant: &str, address: &str) -> Caller {
        Caller::at(TenantName::new(tenant).unwrap(), address.parse().unwrap())
    }

    fn over(rates: impl RateLimits + 'static) -> GuessThrottle {
        GuessThrottle::new(LOGINS, "too many", Arc::new(rates))
    }

    fn throttle() -> GuessThrottle {
        over(OwnRates::new(clock()))
    }

    fn alice() -> Caller {
        caller("alice", "192.0.2.1")
    }

    #[tokio::test(start_paused = true)]
    async fn the_sixth_try_within_a_minute_is_refused_even_if_it_is_right() {
        let throttle = throttle();
        for _ in 0..5 {
            assert_eq!(throttle.check(&alice(), false).await, Decision::Wrong);
            tokio::time::sleep(SECOND).await;
        }
        tokio::time::sleep(SECOND * 5).await;
        for is_right in [false, true] {
            let decision = throttle.check(&alice(), is_right).await;
            let retry_after = SECOND * 50;
            assert_eq!(decision, Decision::TooMany { retry_after });
        }
        tokio::time::sleep(Duration::from_millis(49_999)).await;
        let retry_after = Duration::from_millis(1);
        assert_eq!(
            throttle.check(&alice(), true).await,
            Decision::TooMany { retry_after }
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(
            throttle.check(&alice(), true).await,
            Decision::Right,
            "refused tries do not prolong it"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_than_five_failures() {
        let throttle = throttle();
        let mut wrong = 0;
        for _ in 0..600 {
            wrong += u32::from(throttle.check(&alice(), false).await == Decision::Wrong);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(wrong, 5);
        assert_eq!(throttle.check(&alice(), false).await, Decision::Wrong);
        let refused = throttle.check(&alice(), false).await;
        assert!(
            matches!(refused, Decision::TooMany { .. }),
            "one place is free, not five"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_clears_no_failures_unless_it_is_said_to() {
        let throttle = throttle();
        for _ in 0..4 {
            assert_eq!(throttle.check(&alice(), false).await, Decision::Wrong);
        }
        assert_eq!(throttle.check(&alice(), true).await, Decision::Right);
        assert_eq!(throttle.check(&alice(), false).await, Decision::Wrong);
        let refused = throttle.check(&alice(), true).await;
        assert!(matches!(refused, Decision::TooMany { .. }), "{refused:?}");
        throttle.forget(&alice()).await;
        assert_eq!(throttle.check(&alice(), true).await, Decision::Right);
    }

    #[tokio::test(start_paused = true)]
    async fn others_are_not_kept_out() {
        let throttle = throttle();
        for _ in 0..6 {
            throttle.check(&alice(), false).await;
        }
        let of = |client| Caller { client, ..alice() };
        for other in [
            caller("bob", "192.0.2.1"),
            caller("alice", "192.0.2.2"),
            caller("alice", "2001:db8::1"),
            of(ClientKey::Device(Uuid::from_u128(1))),
            of(ClientKey::Unknown),
        ] {
            let decision = throttle.check(&other, true).await;
            assert_eq!(decision, Decision::Right, "{other:?}");
        }
    }

    #[tokio::test]
    async fn beyond_the_limit_the_same_is_done_whether_the_try_is_right() {
        for is_right in [false, true] {
            let mut rates = MockRateLimits::new();
            let wait = SECOND;
            let refuse = move |_: &RateLimit, _: &_| Err(TooLate { wait });
            rates.expect_look().times(1).returning(refuse);
            rates.expect_take().never();
            rates.expect_forget().never();
            let decision = over(rates).check(&alice(), is_right).await;
            assert_eq!(decision, Decision::TooMany { retry_after: wait });
        }
    }

    #[tokio::test]
    async fn of_tries_at_the_same_time_only_so_many_are_wrong() {
        let mut rates = MockRateLimits::new();
        rates.expect_look().times(1).returning(|_, _| Ok(()));
        let wait = SECOND * 60;
        let refuse = move |_: &RateLimit, _: &_| Err(TooLate { wait });
        rates.expect_take().times(1).returning(refuse);
        let decision = over(rates).check(&alice(), false).await;
        assert_eq!(decision, Decision::TooMany { retry_after: wait });
    }
}
