//! The time, so that tests can stop it.

use std::time::{Instant, SystemTime};

/// A source of the current time.
#[cfg_attr(test, mockall::automock)]
pub trait Clock: Send + Sync {
    /// A time to measure from; never goes back.
    fn now(&self) -> Instant;

    /// The time of day, as others tell it.
    fn utc(&self) -> SystemTime;
}
