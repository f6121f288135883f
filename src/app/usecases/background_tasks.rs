//! Work that goes on when whoever asked for it has gone away: an image must not be left half-way
//! between two folders, nor a lease unreturned. A process that ends waits for it.

use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::app::usecases::deferred_writes::{DeferredWrite, DeferredWrites};

/// The task ended without a result: it panicked, or the process is ending.
#[derive(Debug, thiserror::Error)]
#[error("the task was aborted")]
pub struct TaskAborted;

/// All such work of this process, and what it could not write to the ledger yet; clones share it.
#[derive(Clone, Default)]
pub struct BackgroundTasks {
    running: TaskTracker,
    deferred: DeferredWrites,
}

impl BackgroundTasks {
    /// Runs work to its completion on a task of its own, also when the caller is dropped.
    pub(super) async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, TaskAborted> {
        let ended = self.running.spawn(work.in_current_span()).await;
        ended.map_err(|error| {
            tracing::error!(%error, "a background task was aborted");
            TaskAborted
        })
    }

    /// Has a write to the ledger that failed tried again until it is made, and says whether there is room
    /// for it. Where there is none, the log has it.
    pub(super) fn defer(&self, write: DeferredWrite) -> bool {
        let refused = self.deferred.defer(write, |work| {
            self.running.spawn(work);
        });
        if let Err(write) = &refused {
            write.report_lost("too many writes wait for the ledger");
        }
        refused.is_ok()
    }

    /// What waits for the ledger.
    pub(super) fn deferred(&self) -> &DeferredWrites {
        &self.deferred
    }

    /// Waits until no work is left, and nothing waits for the ledger that would be lost.
    pub async fn ended(&self) {
        self.deferred.end();
        self.running.close();
        self.running.wait().await;
    }

    /// How much is under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.running.len()
    }

    /// Says in the log what the ledger was not told.
    pub fn report_unwritten(&self) {
        self.deferred.report_unwritten();
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
        let tasks = BackgroundTasks::default();
        let (finish, finished) = oneshot::channel::<()>();
        let call = tasks.run_to_completion(finished);
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
