//! When a refresh that has failed may be tried again.

use std::time::{Duration, Instant};

/// How long no refresh is tried after one has failed; it doubles with each failure up to the longest.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(1);

/// Whether an entry should be refreshed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Refresh {
    /// It is young, or a refresh has failed a moment ago.
    NotDue,
    /// It should, and no refresh of it has failed so far.
    Due,
    /// It should, and the last refresh has failed.
    DueAgain,
}

/// The refreshes of an entry that have failed.
#[derive(Debug, Default)]
pub(super) struct RefreshBackoff {
    failures: u32,
    until: Option<Instant>,
}

impl RefreshBackoff {
    /// Whether an entry whose refresh is due may be refreshed.
    pub(super) fn at(&self, now: Instant) -> Refresh {
        match self.until {
            None => Refresh::Due,
            Some(until) if now < until => Refresh::NotDue,
            Some(_) => Refresh::DueAgain,
        }
    }

    /// Records a failure, unless one has been recorded a moment ago.
    pub(super) fn record_failure(&mut self, now: Instant) {
        if self.at(now) == Refresh::NotDue {
            return;
        }
        let doublings = self.failures.min(LONGEST.as_secs().ilog2());
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + (FIRST * 2_u32.pow(doublings)).min(LONGEST));
    }
}
