//! Waits that end on time.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// A wait that has begun, and that is at most a fraction of a millisecond longer than it is to be.
///
/// A timer of the runtime may take two milliseconds more. A publication waits for eight answers one
/// after the other: what it takes beyond their latency would drown in that. So each wait is a thread's,
/// which the system wakes when it is time.
#[derive(Debug)]
pub struct Latency(oneshot::Receiver<()>);

impl Latency {
    /// Begins to wait.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread that starts late is to end on time"
    )]
    pub fn of(time: Duration) -> Self {
        let begun = Instant::now();
        let (end, ended) = oneshot::channel();
        thread::spawn(move || {
            thread::sleep(time.saturating_sub(begun.elapsed()));
            // Whoever waited may have gone away.
            let _ = end.send(());
        });
        Self(ended)
    }

    /// Waits for the end.
    pub async fn ended(self) {
        // The thread ends in no other way.
        let _ = self.0.await;
    }
}
