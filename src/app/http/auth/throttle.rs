//! Slows the guessing of the admin's password down: five failures a minute, and no more tries
//! until the first of them is a minute old. `docs/decisions/0007` says why it counts as it does.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::domain::tenant::TenantName;

/// So many failures are let through within the window.
const FAILURES: usize = 5;
/// How long a failure counts.
const WINDOW: Duration = Duration::from_mins(1);
/// So many callers are remembered, at about 200 bytes each.
const MAX_CALLERS: usize = 10_000;

/// Who tries to log in, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    /// The tenant whose host was called. Not the host: where one tenant is served under any, each
    /// would give five more tries.
    pub(super) tenant: TenantName,
    /// Where from.
    pub(super) place: Place,
}

/// Where somebody tries to log in from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A browser that has been logged in before.
    Device(Uuid),
    /// Any other at this address.
    Address(IpAddr),
    /// Any other whose address is not known.
    Unknown,
}

/// What comes of a try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The password is right.
    Right,
    /// It is wrong.
    Wrong,
    /// Too many were wrong: whether this one is right is told to nobody.
    TooMany {
        /// When the next try is let through.
        retry_after: Duration,
    },
}

/// The latest failures of those who have failed.
#[derive(Debug, Default)]
pub(super) struct LoginThrottle {
    failures: Mutex<HashMap<Caller, VecDeque<Instant>>>,
}

impl Place {
    /// An address. IPv6 networks are given out in blocks of 2⁶⁴ addresses, so each counts as one.
    pub(super) fn of(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl LoginThrottle {
    /// Judges a try. Whether it is right has been found out before, so that tries that run at the
    /// same time cannot all slip through before the first is noted as a failure.
    pub(super) fn judge(&self, caller: Caller, is_right: bool, now: Instant) -> Verdict {
        // Nothing that could panic half-way runs under the lock, so a poisoned one is sound.
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = |failure: &Instant| now.saturating_duration_since(*failure) < WINDOW;
        if let Some(failures) = all.get_mut(&caller) {
            failures.retain(counts);
            if let (FAILURES.., Some(first)) = (failures.len(), failures.front()) {
                let age = now.saturating_duration_since(*first);
                return Verdict::TooMany {
                    retry_after: WINDOW.saturating_sub(age),
                };
            }
        }
        if is_right {
            all.remove(&caller);
            return Verdict::Right;
        }
        make_room(&mut all, &caller, counts);
        let failures = all.entry(caller).or_default();
        failures.push_back(now);
        if failures.len() == FAILURES {
            tracing::warn!("too many wrong passwords: no more tries from there for a while");
        }
        Verdict::Wrong
    }
}

/// Forgets what no longer counts, and then whoever has not failed for longest: those who guess
/// from so many places must not keep others out, nor fill the memory.
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
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "somewhere a clock has to start")]
        Instant::now()
    }

    fn caller(tenant: &str, address: &str) -> Caller {
        Caller {
            tenant: TenantName::new(tenant).unwrap(),
            place: Place::of(address.parse().unwrap()),
        }
    }

    fn alice() -> Caller {
        caller("alice", "192.0.2.1")
    }

    #[test]
    fn the_sixth_try_within_a_minute_is_refused_even_if_it_is_right() {
        let (throttle, start) = (LoginThrottle::default(), start());
        for second in 0..5 {
            let now = start + SECOND * second;
            assert_eq!(throttle.judge(alice(), false, now), Verdict::Wrong);
        }
        for is_right in [false, true] {
            let verdict = throttle.judge(alice(), is_right, start + SECOND * 10);
            let retry_after = SECOND * 50;
            assert_eq!(verdict, Verdict::TooMany { retry_after });
        }
        let late = start + Duration::from_millis(59_999);
        let retry_after = Duration::from_millis(1);
        assert_eq!(
            throttle.judge(alice(), true, late),
            Verdict::TooMany { retry_after }
        );
        assert_eq!(
            throttle.judge(alice(), true, start + SECOND * 60),
            Verdict::Right,
            "refused tries do not prolong it"
        );
    }

    #[test]
    fn no_minute_has_more_than_five_failures() {
        let (throttle, start) = (LoginThrottle::default(), start());
        let wrong = (0..600_u32)
            .map(|tenth| start + Duration::from_millis(100) * tenth)
            .filter(|now| throttle.judge(alice(), false, *now) == Verdict::Wrong);
        assert_eq!(wrong.count(), 5);
        let later = start + SECOND * 60 + Duration::from_millis(50);
        assert_eq!(throttle.judge(alice(), false, later), Verdict::Wrong);
        let refused = throttle.judge(alice(), false, later);
        assert!(
            matches!(refused, Verdict::TooMany { .. }),
            "one place is free, not five"
        );
    }

    #[test]
    fn a_success_clears_the_failures_before_it() {
        let (throttle, now) = (LoginThrottle::default(), start());
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(throttle.judge(alice(), false, now), Verdict::Wrong);
            }
            assert_eq!(throttle.judge(alice(), true, now), Verdict::Right);
        }
    }

    #[test]
    fn others_are_not_kept_out() {
        let (throttle, now) = (LoginThrottle::default(), start());
        for _ in 0..6 {
            throttle.judge(alice(), false, now);
        }
        let device = Caller {
            place: Place::Device(Uuid::from_u128(1)),
            ..alice()
        };
        let unknown = Caller {
            place: Place::Unknown,
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
                throttle.judge(other.clone(), true, now),
                Verdict::Right,
                "{other:?}"
            );
        }
    }

    #[test]
    fn the_addresses_of_one_network_count_as_one() {
        let same = |one: &str, other: &str| {
            Place::of(one.parse().unwrap()) == Place::of(other.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:0:0:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn only_so_many_are_remembered_and_the_oldest_is_forgotten_first() {
        let (throttle, start) = (LoginThrottle::default(), start());
        let guesser = |number: usize| {
            let number = u32::try_from(number).unwrap();
            caller("alice", &std::net::Ipv4Addr::from_bits(number).to_string())
        };
        let mut now = start;
        for number in 0..=MAX_CALLERS {
            now += Duration::from_micros(1);
            throttle.judge(guesser(number), false, now);
        }
        let remembered = |throttle: &LoginThrottle| throttle.failures.lock().unwrap().len();
        assert_eq!(remembered(&throttle), MAX_CALLERS);
        assert!(!throttle.failures.lock().unwrap().contains_key(&guesser(0)));
        assert!(throttle.failures.lock().unwrap().contains_key(&guesser(1)));
        throttle.judge(alice(), false, now + WINDOW);
        assert_eq!(
            remembered(&throttle),
            1,
            "what no longer counts is forgotten"
        );
    }
}
