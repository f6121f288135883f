//! The background work that carries jobs out and tells those who watch, from the start of the service to its end. For
//! `main`.

use std::sync::Arc;

use publisher::app::{runtime::event_hub::EventHub, usecases::carry_out_jobs::CarryOutJobs};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The work.
pub(crate) struct JobWork {
    end: CancellationToken,
    claiming: Option<JoinHandle<()>>,
    telling: JoinHandle<()>,
}

impl JobWork {
    /// Begins to tell of what happens, and to carry jobs out where this process does.
    pub(crate) fn begin(hub: &Arc<EventHub>, carry_out: Option<CarryOutJobs>) -> Self {
        let end = CancellationToken::new();
        let telling = Arc::clone(hub).run(end.clone());
        Self {
            claiming: carry_out.map(|it| tokio::spawn(it.run(end.clone()))),
            telling: tokio::spawn(telling),
            end,
        }
    }

    /// Claims no more jobs, and ends the streams of those who watch. Jobs that have begun are background work of the
    /// process.
    pub(crate) fn end_claiming(&self) {
        self.end.cancel();
    }

    /// Waits for the end of the work.
    pub(crate) async fn ended(self) {
        for work in self.claiming.into_iter().chain([self.telling]) {
            if let Err(error) = work.await {
                tracing::error!(%error, "the background work of jobs has failed");
            }
        }
    }
}
