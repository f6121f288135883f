//! The machine's own clocks.

use std::time::{Instant, SystemTime};

use crate::ports::Clock;

/// The clock of this machine. While the tokio clock is paused, `now` does not advance, so that
/// lifetimes can be tested without waiting.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that the ban points to"
    )]
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that the ban points to"
    )]
    fn utc(&self) -> SystemTime {
        SystemTime::now()
    }
}
