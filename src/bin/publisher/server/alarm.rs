//! Timeouts, most of which are canceled before they expire. Used by this folder.
//!
//! Setting and canceling one of the runtime's timers costs more than everything else that a connection does for a
//! request. So a wait that ends leaves its alarm as it is set. The alarm is moved when it goes off while nothing waits
//! for it, which is once in a while, instead of with every request.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::Timer;
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until};

/// An alarm for one wait after another.
#[derive(Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready when `end` has come. Until then the task is woken at that time, or before it.
    pub(super) fn poll_until(&mut self, end: Instant, context: &mut Context<'_>) -> Poll<()> {
        let alarm = self.0.get_or_insert_with(|| Box::pin(sleep_until(end)));
        // An alarm that an earlier wait with a longer limit has set goes off too late for this
        // wait.
        if alarm.deadline() > end {
            alarm.as_mut().reset(end);
        }
        while alarm.as_mut().poll(context).is_ready() {
            if alarm.deadline() >= end {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(end);
        }
        Poll::Pending
    }
}

/// hyper's timer for one connection, which waits for one thing at a time.
#[derive(Clone, Default)]
pub(super) struct ConnectionTimer(Arc<Mutex<Alarm>>);

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Wait {
            end: deadline.into(),
            alarm: Arc::clone(&self.0),
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the runtime's timers, which tests stop with them"
    )]
    fn now(&self) -> std::time::Instant {
        Instant::now().into()
    }
}

/// One wait of a connection.
struct Wait {
    end: Instant,
    alarm: Arc<Mutex<Alarm>>,
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock();
        alarm.poll_until(self.end, context)
    }
}

impl hyper::rt::Sleep for Wait {}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_in_time_whatever_the_one_before_it_has_set() {
        let timer = ConnectionTimer::default();
        for seconds in [5_u32, 1, 3, 3] {
            // Given up after a moment: its alarm stays.
            let given_up = timer.sleep(SECOND * 20);
            assert!(tokio::time::timeout(SECOND / 2, given_up).await.is_err());
            let begun = timer.now();
            timer.sleep(SECOND * seconds).await;
            assert_eq!(timer.now() - begun, SECOND * seconds);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_that_goes_off_for_nobody_is_moved() {
        let timer = ConnectionTimer::default();
        let short = timer.sleep(SECOND);
        assert!(tokio::time::timeout(SECOND / 2, short).await.is_err());
        let begun = timer.now();
        timer.sleep(SECOND * 10).await;
        assert_eq!(timer.now() - begun, SECOND * 10);
    }
}
