//! Work that goes on when whoever asked for it has gone away: an image must not be left half-way
//! between two folders, nor a lease unreturned. A process that ends waits for it.

use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The work ended without a result: it panicked, or the process is ending.
#[derive(Debug, thiserror::Error)]
#[error("the work ended unexpectedly")]
pub struct Lost;

/// All such work of this process; clones share it.
#[derive(Debug, Clone, Default)]
pub struct OwnTasks(TaskTracker);

impl OwnTasks {
    /// Runs work to its end, on a task of its own.
    pub(super) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Lost> {
        let ended = self.0.spawn(work.in_current_span()).await;
        ended.map_err(|error| {
            tracing::error!(%error, "work ended without a result");
            Lost
        })
    }

    /// Waits until no work is left.
    pub async fn ended(&self) {
        self.0.close();
        self.0.wait().await;
    }

    /// How much is under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_waited_for_when_its_caller_has_gone() {
        let tasks = OwnTasks::default();
        let (finish, finished) = oneshot::channel::<()>();
        let call = tasks.to_its_end(finished);
        assert!(
            tokio::time::timeout(Duration::from_secs(1), call)
                .await
                .is_err()
        );
        assert_eq!(tasks.count(), 1);
        assert!(tasks.ended().now_or_never().is_none());
        finish.send(()).unwrap();
        tasks.ended().await;
        assert_eq!(tasks.count(), 0);
    }
}
