//! Work that is finished when its caller has gone away: an image must not be left half-way between two
//! folders, nor a lease unreleased. A process that ends waits for this work.

use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::deferred_writes::{DeferredWrite, DeferredWrites};
use crate::ports::LedgerError;

/// The task ended without a result: it panicked, or the process is ending.
#[derive(Debug, thiserror::Error)]
#[error("the task was aborted")]
pub struct TaskAborted;

/// The background work of this process, and the writes that wait for the ledger; clones share both.
#[derive(Clone, Default)]
pub struct BackgroundTasks {
    running: TaskTracker,
    deferred: DeferredWrites,
}

impl BackgroundTasks {
    /// Runs work to completion on a task of its own, also when the caller is dropped.
    pub(in crate::app) async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, TaskAborted> {
        let ended = self.running.spawn(work.in_current_span()).await;
        ended.map_err(|error| {
            tracing::error!(%error, "a background task was aborted");
            TaskAborted
        })
    }

    /// Runs work to completion on a task of its own; nobody waits for what it comes to.
    pub(in crate::app) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(work);
    }

    /// Makes a write to the ledger, in one attempt. A write that fails is retried in the background.
    pub(in crate::app) async fn write(&self, write: DeferredWrite) -> Result<(), LedgerError> {
        let written = write.attempt().await;
        if written.is_err() {
            self.defer(write);
        }
        written
    }

    /// Retries a failed write in the background until it succeeds. `false` where too many writes wait already: the
    /// write is in the log only.
    pub(in crate::app) fn defer(&self, write: DeferredWrite) -> bool {
        let refused = self.deferred.defer(write, &self.running);
        if let Err(write) = &refused {
            write.report_lost("too many writes wait for the ledger");
        }
        refused.is_ok()
    }

    /// The writes that wait for the ledger.
    pub(super) fn deferred(&self) -> &DeferredWrites {
        &self.deferred
    }

    /// Waits until all work has ended, and every write that would be lost is made.
    pub async fn ended(&self) {
        self.deferred.end();
        self.running.close();
        self.running.wait().await;
    }

    /// The number of tasks that are running.
    #[must_use]
    pub fn count(&self) -> usize {
        self.running.len()
    }

    /// Logs the writes that are lost when the process ends now.
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
