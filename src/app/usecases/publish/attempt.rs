//! One attempt at a request to publish, or at a job. Under an idempotency key, it records the image that it is about to
//! send, and its answer; at a job, the image.

use std::sync::Arc;

use super::error::PublishImageError;
use crate::{
    app::{
        runtime::{
            background_tasks::BackgroundTasks, deferred_writes::DeferredWrite,
            error_chain::ErrorChain,
        },
        usecases::steps::progress::JobProgress,
    },
    domain::{
        content_hashes::ContentHashes,
        idempotency::{ChosenImage, KeyedRequest},
        image::ImageName,
        publication::PublicationReport,
    },
    ports::{IdempotencyStore, JobClaim, JobClaimError, JobQueue, LedgerError},
};

/// One attempt at a request, which may have a key, or at a job.
#[derive(Clone)]
pub struct Attempt(Kind);

#[derive(Clone)]
enum Kind {
    Plain,
    Keyed(Arc<Keyed>),
    Job(Arc<OfJob>),
}

struct Keyed {
    store: Arc<dyn IdempotencyStore>,
    request: KeyedRequest,
    resumes: Option<ChosenImage>,
}

struct OfJob {
    queue: Arc<dyn JobQueue>,
    claim: JobClaim,
    resumes: Option<ChosenImage>,
    progress: JobProgress,
}

impl Attempt {
    /// An attempt at a request under a key of `store`, which may resume an earlier attempt.
    pub(in crate::app::usecases) fn under_key(
        store: Arc<dyn IdempotencyStore>,
        request: KeyedRequest,
        resumes: Option<ChosenImage>,
    ) -> Self {
        Self(Kind::Keyed(Arc::new(Keyed {
            store,
            request,
            resumes,
        })))
    }

    /// An attempt at a request without a key.
    #[must_use]
    pub fn without_key() -> Self {
        Self(Kind::Plain)
    }

    /// An attempt at a job of `queue` under this claim, which may resume an earlier attempt.
    pub(in crate::app::usecases) fn of_job(
        queue: Arc<dyn JobQueue>,
        claim: JobClaim,
        resumes: Option<ChosenImage>,
        progress: JobProgress,
    ) -> Self {
        Self(Kind::Job(Arc::new(OfJob {
            queue,
            claim,
            resumes,
            progress,
        })))
    }

    /// Whether it is one of the tenant's publications already, by its claim, and takes no slot.
    pub(super) fn has_slot(&self) -> bool {
        matches!(self.0, Kind::Job(_))
    }

    /// The job that it is of, and where its stages are noted.
    pub(super) fn job(&self) -> Option<&JobProgress> {
        match &self.0 {
            Kind::Job(job) => Some(&job.progress),
            Kind::Plain | Kind::Keyed(_) => None,
        }
    }

    /// The image that an earlier attempt may have sent, if this one resumes it.
    pub(super) fn resumes(&self) -> Option<&ChosenImage> {
        match &self.0 {
            Kind::Plain => None,
            Kind::Keyed(keyed) => keyed.resumes.as_ref(),
            Kind::Job(job) => job.resumes.as_ref(),
        }
    }

    /// Whether an earlier attempt at the request may have sent the image: forced again, it could be sent twice. Jobs know
    /// what their attempts have sent, and force nothing once they do not ([`Job::request`](crate::domain::job::Job::request)).
    pub(super) fn forces_nothing(&self) -> bool {
        match &self.0 {
            Kind::Plain | Kind::Job(_) => false,
            Kind::Keyed(keyed) => keyed.resumes.is_some(),
        }
    }

    /// Records the image that is about to be sent.
    pub(super) async fn choose(
        &self,
        image: &ImageName,
        hashes: &ContentHashes,
    ) -> Result<(), LedgerError> {
        let chosen = || ChosenImage {
            name: image.clone(),
            hashes: hashes.clone(),
        };
        match &self.0 {
            Kind::Plain => Ok(()),
            Kind::Keyed(keyed) => keyed.store.choose(&keyed.request, &chosen()).await,
            Kind::Job(job) => {
                let chosen = job.queue.choose_image(&job.claim, &chosen()).await;
                chosen.map_err(|error| match error {
                    JobClaimError::Lost => LedgerError::LeaseLost,
                    JobClaimError::Unavailable(cause) => LedgerError::Unavailable(cause),
                })
            }
        }
    }

    /// Records the answer, or releases the key; in the background, where the ledger is unavailable.
    pub(in crate::app::usecases) async fn end(
        &self,
        result: &Result<PublicationReport, PublishImageError>,
        write_down: fn(&PublicationReport) -> String,
        tasks: &BackgroundTasks,
    ) {
        let Kind::Keyed(keyed) = &self.0 else { return };
        let (store, request) = (Arc::clone(&keyed.store), keyed.request.clone());
        let write = match result {
            Ok(report) => DeferredWrite::Answer {
                store,
                request,
                answer: write_down(report),
            },
            Err(error) => DeferredWrite::Abandon {
                store,
                request,
                may_have_sent: matches!(error, PublishImageError::Aborted(_))
                    || keyed.resumes.is_some(),
            },
        };
        if let Err(error) = tasks.write(write).await {
            tracing::warn!(
                tenant = %keyed.request.tenant(),
                error = %ErrorChain(&error),
                "an idempotency key could not be given its answer; retrying in the background"
            );
        }
    }
}
