//! The background work that carries jobs out and tells those who watch, from the start of the service to its end. For
//! `main`.

use std::sync::Arc;

use publisher::{
    adapters::ledger::OpenLedger,
    app::{
        runtime::event_hub::EventHub,
        usecases::{
            carry_out_jobs::{CarryOutJobs, JobSettings},
            manage_jobs::{ManageJobs, ManageJobsParts},
            watch_jobs::WatchJobs,
        },
    },
};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{publishing::Publishing, settings::JobsSettings};

/// The work.
pub(crate) struct JobWork {
    end: CancellationToken,
    claiming: Option<JoinHandle<()>>,
    hub: Arc<EventHub>,
    /// Comes after the last publication, so that its stages are told, too.
    end_of_telling: CancellationToken,
    telling: JoinHandle<()>,
    _watch: AbortOnDropHandle<()>,
}

/// What people do with jobs.
pub(crate) fn manage(
    settings: JobsSettings,
    ledger: &OpenLedger,
    hub: &Arc<EventHub>,
    publishing: &Publishing,
) -> ManageJobs {
    ManageJobs::new(ManageJobsParts {
        jobs: Arc::clone(&ledger.jobs),
        schedules: Arc::clone(&ledger.schedules),
        requests: Arc::clone(&ledger.requests),
        hub: Arc::clone(hub),
        tasks: publishing.work.clone(),
        max_late: settings.max_late,
    })
}

impl JobWork {
    /// Begins to tell of what happens, and to carry jobs out where this process does.
    pub(crate) fn begin(
        settings: JobsSettings,
        ledger: &OpenLedger,
        hub: &Arc<EventHub>,
        publishing: &Publishing,
    ) -> Self {
        let end = CancellationToken::new();
        let claiming = settings.enabled.then(|| {
            let carry_out = CarryOutJobs::new(
                Arc::clone(&ledger.job_queue),
                Arc::clone(&publishing.resolve_tenant),
                publishing.publish_image.clone(),
                publishing.work.clone(),
                Arc::clone(hub),
                JobSettings {
                    per_tenant: publishing.most_at_a_time,
                    max_late: settings.max_late,
                },
            );
            tokio::spawn(carry_out.run(end.clone()))
        });
        let watch = WatchJobs::new(Arc::clone(&ledger.jobs));
        let watch = tokio::spawn(watch.run());
        let end_of_telling = CancellationToken::new();
        let telling = tokio::spawn(Arc::clone(hub).run(end_of_telling.clone()));
        Self {
            end,
            claiming,
            hub: Arc::clone(hub),
            end_of_telling,
            telling,
            _watch: AbortOnDropHandle::new(watch),
        }
    }

    /// Claims no more jobs, and ends the streams of those who watch. Jobs that have begun are background work of the
    /// process, which waits for it.
    pub(crate) fn end_claiming(&self) {
        self.end.cancel();
        self.hub.close();
    }

    /// Waits for the end of the work.
    pub(crate) async fn ended(self) {
        self.end_of_telling.cancel();
        for work in self.claiming.into_iter().chain([self.telling]) {
            if let Err(error) = work.await {
                tracing::error!(%error, "the background work of jobs has failed");
            }
        }
    }
}
