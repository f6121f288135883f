//! Carrying out jobs, in the background: this claims those that are due, and publishes each by the use case that publishes
//! for requests. There is no other way to publish.
//!
//! A process claims as many jobs as it has room for, and holds each by renewing its claim. A process that is gone renews
//! nothing, so another one claims its jobs; what had been sent by then is in the ledger, and is not sent again.

mod ending;

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use self::ending::ending;
use super::{
    publish::{Attempt, PublishImage},
    steps::progress::JobProgress,
};
use crate::{
    app::{
        runtime::{
            background_tasks::BackgroundTasks, error_chain::ErrorChain, event_hub::EventHub,
        },
        tenancy::{
            resolve_error::ResolveTenantError, resolve_tenant::ResolveTenant, tenant::Tenant,
        },
    },
    domain::{
        job::{AttemptEnd, Job, JobStatus},
        publication::PublishStage,
        request_id::RequestId,
    },
    ports::{ClaimTerms, ClaimedJob, JOB_CLAIM_RENEWED_EVERY, JobClaim, JobClaimError, JobQueue},
};

/// How many jobs one process carries out at a time. Most of the time, a job waits for a model or a platform; what takes
/// memory has a budget of its own.
const AT_A_TIME: usize = 64;
/// How often jobs that are due are looked for.
const POLLED_EVERY: Duration = Duration::from_millis(500);
/// The same while the ledger is away.
const POLLED_WHILE_AWAY: Duration = Duration::from_secs(5);
/// How long a stage has lasted before the job is given it.
const STAGE_SETTLES: Duration = Duration::from_millis(500);
/// The pauses between attempts to write the end of an attempt down. After the last, the claim ends by itself, and the
/// job is carried out again: what was sent is known by then.
const END_PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
];
/// How long the end of a job waits for its stages to be written.
const STAGES_WRITTEN_WITHIN: Duration = Duration::from_secs(1);

/// Carries out jobs.
#[derive(Clone)]
pub struct CarryOutJobs {
    queue: Arc<dyn JobQueue>,
    resolve_tenant: Arc<ResolveTenant>,
    publish: PublishImage,
    tasks: BackgroundTasks,
    hub: Arc<EventHub>,
    settings: JobSettings,
}

/// The settings of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobSettings {
    /// The most publications of one tenant at a time.
    pub per_tenant: u32,
    /// How late a job can begin.
    pub max_late: Duration,
}

impl CarryOutJobs {
    /// Carries out the jobs of `queue`, for tenants that `resolve_tenant` finds, with `publish`; tells `hub` of what has
    /// changed.
    #[must_use]
    pub fn new(
        queue: Arc<dyn JobQueue>,
        resolve_tenant: Arc<ResolveTenant>,
        publish: PublishImage,
        tasks: BackgroundTasks,
        hub: Arc<EventHub>,
        settings: JobSettings,
    ) -> Self {
        Self {
            queue,
            resolve_tenant,
            publish,
            tasks,
            hub,
            settings,
        }
    }

    /// Claims and carries out jobs until `end`. What has been claimed by then is carried out by the background tasks of the
    /// process.
    pub async fn run(self, end: CancellationToken) {
        let room = Arc::new(Semaphore::new(AT_A_TIME));
        let claim = async {
            while let Ok(first) = Arc::clone(&room).acquire_owned().await {
                // To its end, also when `end` comes: a claimed job that does not begin waits for the end of its claim.
                let claim = self.clone().claim(Arc::clone(&room), first);
                let pause = self.tasks.run_to_completion(claim).await;
                tokio::time::sleep(pause.unwrap_or(POLLED_WHILE_AWAY)).await;
            }
        };
        tokio::select! {
            () = end.cancelled() => {}
            () = claim => {}
        }
    }

    /// Claims as many jobs as there is room for, one for the permit in hand, and begins to carry them out. Returns the pause before the next claim.
    async fn claim(self, room: Arc<Semaphore>, first: OwnedSemaphorePermit) -> Duration {
        let more = room.available_permits();
        let terms = ClaimTerms {
            limit: u32::try_from(more + 1).unwrap_or(u32::MAX),
            per_tenant: self.settings.per_tenant,
            max_late: self.settings.max_late,
        };
        let claimed = match self.queue.claim_jobs(&terms).await {
            Ok(claimed) => claimed,
            Err(error) => {
                // A ledger that is away is told of by the watch of the ledger.
                tracing::debug!(error = %ErrorChain(&error), "jobs cannot be claimed");
                return POLLED_WHILE_AWAY;
            }
        };
        if claimed.is_empty() {
            return POLLED_EVERY;
        }
        self.hub.wake();
        let mut first = Some(first);
        for job in claimed {
            let permit = first.take();
            let permit = permit.or_else(|| Arc::clone(&room).try_acquire_owned().ok());
            let usecase = self.clone();
            let span = tracing::info_span!(
                "job",
                tenant = %job.claim.tenant,
                job = %job.job.id,
                attempt = job.job.attempts,
                request_id = tracing::field::Empty,
            );
            let work = async move {
                usecase.carry_out(job).await;
                drop(permit);
            };
            self.tasks.spawn(work.instrument(span));
        }
        // More may be due than was claimed: of tenants that have served their turn.
        Duration::ZERO
    }

    /// Carries out one job, from its claim to its end.
    async fn carry_out(&self, claimed: ClaimedJob) {
        note_lateness(&claimed.job);
        let request_id = RequestId::from(Uuid::new_v4());
        tracing::Span::current().record("request_id", request_id.as_str());
        tracing::info!("a job begins");
        let (stage, stages) = watch::channel(None);
        let attempt = async {
            match self.tenant_of(&claimed, &request_id).await {
                Ok(tenant) => self.publish(&claimed, tenant, request_id, stage).await,
                Err(end) => end,
            }
        };
        let end = tokio::select! {
            biased;
            end = attempt => end,
            () = self.hold(&claimed.claim, stages) => {
                // The publication that it has begun goes on, under the lease on its image.
                tracing::warn!("the claim on a job is lost: another process carries it out");
                return;
            }
        };
        // Who watches is told of the end after all stages; a ledger that is slow does not put the end off.
        let stages = self.hub.settle(&claimed.claim.tenant);
        let _ = tokio::time::timeout(STAGES_WRITTEN_WITHIN, stages).await;
        self.end(&claimed.claim, end).await;
        self.hub.wake();
    }

    /// The tenant of a job, or what the attempt comes to without it.
    async fn tenant_of(
        &self,
        claimed: &ClaimedJob,
        request_id: &RequestId,
    ) -> Result<Arc<Tenant>, AttemptEnd> {
        let host = claimed.host.as_ref();
        let away = AttemptEnd::TenantAway { retry_after: None };
        if host.is_none() {
            return Err(away);
        }
        match self.resolve_tenant.by_host(host, request_id).await {
            Ok(tenant) if *tenant.name() == claimed.claim.tenant => Ok(tenant),
            Ok(_) => {
                tracing::warn!("the host of a job leads to another tenant now: the job waits");
                Err(away)
            }
            Err(ResolveTenantError::Unknown) => Err(AttemptEnd::TenantGone),
            Err(ResolveTenantError::Unavailable { retry_after }) => {
                Err(AttemptEnd::TenantAway { retry_after })
            }
        }
    }

    /// Publishes what the job asks for.
    async fn publish(
        &self,
        claimed: &ClaimedJob,
        tenant: Arc<Tenant>,
        request_id: RequestId,
        stage: watch::Sender<Option<PublishStage>>,
    ) -> AttemptEnd {
        let ClaimedJob { job, claim, .. } = claimed;
        let progress = JobProgress { id: job.id, stage };
        let queue = Arc::clone(&self.queue);
        let attempt = Attempt::of_job(queue, claim.clone(), job.chosen(), progress);
        let publish = &self.publish;
        let published = publish.run(tenant, job.target(), job.request(), request_id, attempt);
        ending(published.await)
    }

    /// Renews the claim, and notes the stage of the job, until the claim is lost.
    async fn hold(&self, claim: &JobClaim, mut stages: watch::Receiver<Option<PublishStage>>) {
        loop {
            let changed = async {
                if stages.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(STAGE_SETTLES).await;
            };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(JOB_CLAIM_RENEWED_EVERY) => {}
            }
            let stage = *stages.borrow_and_update();
            match self.queue.renew_claim(claim, stage).await {
                Ok(()) => {}
                Err(JobClaimError::Lost) => return,
                Err(error @ JobClaimError::Unavailable(_)) => {
                    let error = ErrorChain(&error);
                    tracing::warn!(%error, "the claim on a job could not be renewed");
                }
            }
        }
    }

    /// Writes the end of the attempt down.
    async fn end(&self, claim: &JobClaim, end: AttemptEnd) {
        let mut pauses = END_PAUSES.into_iter();
        loop {
            let error = match self.queue.finish_job(claim, &end).await {
                Ok(job) => return log_end(&job),
                Err(JobClaimError::Lost) => {
                    tracing::warn!("the claim on a job was lost before its end was written down");
                    return;
                }
                Err(error @ JobClaimError::Unavailable(_)) => error,
            };
            let Some(pause) = pauses.next() else {
                let error = ErrorChain(&error);
                tracing::warn!(%error, "the end of a job could not be written down; it is carried out again");
                return;
            };
            tokio::time::sleep(pause).await;
        }
    }
}

/// How late a job begins. All times are of the database's clock.
fn note_lateness(job: &Job) {
    if job.attempts == 1
        && let Some(lateness) = job.lateness()
    {
        metrics::histogram!("publisher_job_lateness_seconds").record(lateness);
    }
}

fn log_end(job: &Job) {
    let status = job.status.as_str();
    let reason = job
        .reason
        .map(|reason| tracing::field::display(reason.as_str()));
    match job.status {
        JobStatus::Failed => tracing::warn!(status, reason, "a job has ended"),
        JobStatus::Scheduled => tracing::info!(status, reason, "a job waits for its next attempt"),
        _ => tracing::info!(status, reason, "a job has ended"),
    }
}

#[cfg(test)]
mod tests;
