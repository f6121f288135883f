//! The limit on wrong credentials, for the admin's password and for `Authorization`: five failures a
//! minute, and no more tries until the first of them is a minute old. `docs/decisions/0007` gives the reasons for
//! what it counts.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::caller::Caller;

/// The failures that are allowed within the window.
const FAILURES: usize = 5;
/// How long a failure counts.
const WINDOW: Duration = Duration::from_mins(1);
/// The callers whose failures are kept, at about 200 bytes each.
const MAX_CALLERS: usize = 10_000;

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
#[derive(Debug)]
pub(super) struct GuessThrottle {
    /// Logged when a caller reaches the limit.
    warning: &'static str,
    failures: Mutex<HashMap<Caller, VecDeque<Instant>>>,
}

impl GuessThrottle {
    /// A throttle without failures; `warning` is logged when a caller reaches the limit.
    pub(super) fn new(warning: &'static str) -> Self {
        Self {
            warning,
            failures: Mutex::default(),
        }
    }

    /// Decides on a try, and counts a wrong one. The caller has compared the secret before, so that
    /// tries that run at the same time cannot all pass before the first is recorded as a failure.
    pub(super) fn check(&self, caller: &Caller, is_right: bool, now: Instant) -> Decision {
        let mut all = self.failures.lock();
        let counts = |failure: &Instant| now.saturating_duration_since(*failure) < WINDOW;
        if let Some(failures) = all.get_mut(caller) {
            failures.retain(counts);
            if let (FAILURES.., Some(first)) = (failures.len(), failures.front()) {
                let age = now.saturating_duration_since(*first);
                return Decision::TooMany {
                    retry_after: WINDOW.saturating_sub(age),
                };
            }
        }
        if is_right {
            return Decision::Right;
        }
        make_room(&mut all, caller, counts);
        let failures = all.entry(caller.clone()).or_default();
        failures.push_back(now);
        if failures.len() == FAILURES {
            tracing::warn!("{}", self.warning);
        }
        Decision::Wrong
    }

    pub(super) fn forget(&self, caller: &Caller) {
        self.failures.lock().remove(caller);
    }
}

/// Makes room for a caller: drops the failures that no longer count, then the caller with the oldest one. Guesses
/// from many addresses must neither lock others out nor fill the memory.
fn make_room(
    all: &mut HashMap<Caller, VecDeque<Instant>>,
    caller: &Caller,
    counts: impl Fn(&Instant) -> bool,
) {
    if all.len() < MAX_CALLERS || all.contains_key(caller) {
        return;
    }
    all.retain(|_, failures| failures.back().is_some_and(&counts));
    if all.len() < MAX_CALLERS {
        return;
    }
    let oldest = all.iter().min_by_key(|(_, failures)| failures.back());
    if let Some(oldest) = oldest.map(|(caller, _)| caller.clone()) {
        all.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{app::http::auth::caller::ClientKey, domain::tenant::TenantName};

    const SECOND: Duration = Duration::from_secs(1);

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "somewhere a clock has to start")]
        Instant::now()
    }

    fn caller(tenant: &str, address: &str) -> Caller {
        Caller {
            tenant: TenantName::new(tenant).unwrap(),
            client: ClientKey::new(None, Some(address.parse().unwrap())),
        }
    }

    fn throttle() -> GuessThrottle {
        GuessThrottle::new("too many")
    }

    fn alice() -> Caller {
        caller("alice", "192.0.2.1")
    }

    #[test]
    fn the_sixth_try_within_a_minute_is_refused_even_if_it_is_right() {
        let (throttle, start) = (throttle(), start());
        for second in 0..5 {
            let now = start + SECOND * second;
            assert_eq!(throttle.check(&alice(), false, now), Decision::Wrong);
        }
        for is_right in [false, true] {
            let decision = throttle.check(&alice(), is_right, start + SECOND * 10);
            let retry_after = SECOND * 50;
            assert_eq!(decision, Decision::TooMany { retry_after });
        }
        let late = start + Duration::from_millis(59_999);
        let retry_after = Duration::from_millis(1);
        assert_eq!(
            throttle.check(&alice(), true, late),
            Decision::TooMany { retry_after }
        );
        assert_eq!(
            throttle.check(&alice(), true, start + SECOND * 60),
            Decision::Right,
            "refused tries do not prolong it"
        );
    }

    #[test]
    fn no_minute_has_more_than_five_failures() {
        let (throttle, start) = (throttle(), start());
        let wrong = (0..600_u32)
            .map(|tenth| start + Duration::from_millis(100) * tenth)
            .filter(|now| throttle.check(&alice(), false, *now) == Decision::Wrong);
        assert_eq!(wrong.count(), 5);
        let later = start + SECOND * 60 + Duration::from_millis(50);
        assert_eq!(throttle.check(&alice(), false, later), Decision::Wrong);
        let refused = throttle.check(&alice(), false, later);
        assert!(
            matches!(refused, Decision::TooMany { .. }),
            "one place is free, not five"
        );
    }

    #[test]
    fn a_success_clears_no_failures_unless_it_is_said_to() {
        let (throttle, now) = (throttle(), start());
        for _ in 0..4 {
            assert_eq!(throttle.check(&alice(), false, now), Decision::Wrong);
        }
        assert_eq!(throttle.check(&alice(), true, now), Decision::Right);
        assert_eq!(throttle.check(&alice(), false, now), Decision::Wrong);
        let refused = throttle.check(&alice(), true, now);
        assert!(matches!(refused, Decision::TooMany { .. }), "{refused:?}");
        throttle.forget(&alice());
        assert_eq!(throttle.check(&alice(), true, now), Decision::Right);
    }

    #[test]
    fn others_are_not_kept_out() {
        let (throttle, now) = (throttle(), start());
        for _ in 0..6 {
            throttle.check(&alice(), false, now);
        }
        let device = Caller {
            client: ClientKey::Device(Uuid::from_u128(1)),
            ..alice()
        };
        let unknown = Caller {
            client: ClientKey::Unknown,
            ..alice()
        };
        for other in [
            caller("bob", "192.0.2.1"),
            caller("alice", "192.0.2.2"),
            caller("alice", "2001:db8::1"),
            device,
            unknown,
        ] {
            assert_eq!(
                throttle.check(&other, true, now),
                Decision::Right,
                "{other:?}"
            );
        }
    }

    #[test]
    fn only_so_many_are_remembered_and_the_oldest_is_forgotten_first() {
        let (throttle, start) = (throttle(), start());
        let guesser = |number: usize| {
            let number = u32::try_from(number).unwrap();
            caller("alice", &std::net::Ipv4Addr::from_bits(number).to_string())
        };
        let mut now = start;
        for number in 0..=MAX_CALLERS {
            now += Duration::from_micros(1);
            throttle.check(&guesser(number), false, now);
        }
        let remembered = |throttle: &GuessThrottle| throttle.failures.lock().len();
        assert_eq!(remembered(&throttle), MAX_CALLERS);
        assert!(!throttle.failures.lock().contains_key(&guesser(0)));
        assert!(throttle.failures.lock().contains_key(&guesser(1)));
        throttle.check(&alice(), false, now + WINDOW);
        assert_eq!(
            remembered(&throttle),
            1,
            "what no longer counts is forgotten"
        );
    }
}
