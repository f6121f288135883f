//! Publishing one image: find → claim → fetch → caption → intent → publish in parallel, each outcome
//! into the ledger → sidecar → archive. What follows a post that was taken, such as a confirmation,
//! goes beside the last two. A named image is looked for in the archive, too: there it stays.
//!
//! The claim tells which platforms have the image, or may have it: those get nothing unless the
//! request forces it, and if none is left, nothing is fetched or paid for either.
//!
//! Everything that can be refused is refused before the first paid call, and everything that
//! went wrong after the platforms were served is a warning: the image counts as published.

mod captions;
mod delivery;
mod filing;
mod finding;
mod next;
mod publication;
mod refusal;

use std::{sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;

pub use self::refusal::Refusal;

use self::publication::Publication;
use super::{
    captioning::CaptionsUnavailable,
    imaging::{ImageScaler, ScaleError},
    loaded_image::LoadError,
    publish_once::Attempt,
};
use crate::{
    app::{
        runtime::{keyed_limit::Capacity, memory_budget::Exhausted},
        tenancy::tenant::Tenant,
        usecases::background_tasks::{BackgroundTasks, TaskAborted},
    },
    domain::{
        publication::{PlanError, PublicationPlan, PublicationReport, PublicationRequest, Target},
        request_id::RequestId,
    },
    ports::{Clock, ImageStoreError, Ledger, LedgerError, LedgerReader},
};

/// Why there is no report. But for [`PublishImageError::Aborted`], nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum PublishImageError {
    /// The tenant's config does not allow it.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The tenant has as many publications under way as it may have.
    #[error("too many images of this tenant are being published")]
    TooMany,
    /// The service has as many images in memory as it may have.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The credential of no platform can be had at the moment.
    #[error("no platform can be reached for this tenant at the moment")]
    NoPlatformAvailable {
        /// When to ask again.
        retry_after: Option<Duration>,
    },
    /// The same image is being worked on right now.
    #[error("somebody is working on this image already")]
    InProgress,
    /// The image is another one than it was a moment ago.
    #[error("the image was replaced")]
    Replaced,
    /// Storage did not give the image.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// The file cannot be published as an image.
    #[error(transparent)]
    Image(#[from] ScaleError),
    /// No caption could be had, and the request does not allow an empty one.
    #[error("no caption could be written")]
    Captions(#[source] CaptionsUnavailable),
    /// The ledger cannot be asked or written.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The publication ended without a report. Whether anything was sent is in the log.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

/// Publishes images.
#[derive(Clone)]
pub struct PublishImage {
    scaler: ImageScaler,
    clock: Arc<dyn Clock>,
    ledger: Arc<dyn Ledger>,
    reader: Arc<dyn LedgerReader>,
    capacity: Capacity,
    tasks: BackgroundTasks,
}

impl PublishImage {
    /// Publishes with images scaled by `scaler`, within `capacity`, on `tasks`, and nothing that
    /// `ledger` knows to be published; `reader` reads the same ledger.
    #[must_use]
    pub fn new(
        scaler: ImageScaler,
        clock: Arc<dyn Clock>,
        ledger: Arc<dyn Ledger>,
        reader: Arc<dyn LedgerReader>,
        capacity: Capacity,
        tasks: BackgroundTasks,
    ) -> Self {
        Self {
            scaler,
            clock,
            ledger,
            reader,
            capacity,
            tasks,
        }
    }

    /// Where what must not stop half-way runs.
    pub(super) fn tasks(&self) -> &BackgroundTasks {
        &self.tasks
    }

    /// Publishes one image. Runs on a task of its own: a caller that goes away does not stop a
    /// publication half-way.
    ///
    /// # Errors
    /// [`PublishImageError`]. A platform that fails is no error, but in the report; so is that
    /// there is no next image.
    pub async fn run(
        &self,
        tenant: Arc<Tenant>,
        target: Target,
        request: PublicationRequest,
        request_id: RequestId,
        attempt: Attempt,
    ) -> Result<PublicationReport, PublishImageError> {
        let plan = PublicationPlan::new(&tenant.config(), &request)?;
        let counts = !plan.is_dry_run();
        let Some(permit) = self.capacity.publications.try_acquire(tenant.name()) else {
            count_refusal(counts, &PublishImageError::TooMany);
            return Err(PublishImageError::TooMany);
        };
        let publication = Publication {
            usecase: self.clone(),
            tenant,
            target,
            plan,
            // Forced twice would be sent twice: who resumes a request only ends it.
            force: request.force && attempt.resumes().is_none(),
            request,
            request_id,
            attempt,
            folder: None,
            follow_ups: TaskTracker::new(),
        };
        let task = async move {
            let _permit = permit;
            let result = publication.run().await;
            if let Err(error) = &result {
                count_refusal(counts, error);
            }
            result
        };
        self.tasks.run_to_completion(task).await?
    }
}

/// Counts a publication that was refused, unless it was only to be tried.
fn count_refusal(counts: bool, error: &PublishImageError) {
    if let Some(refusal) = Refusal::of(error).filter(|_| counts) {
        refusal.count();
    }
}

impl From<LoadError> for PublishImageError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Exhausted(error) => error.into(),
            LoadError::Replaced => Self::Replaced,
            LoadError::Storage(error) => error.into(),
            LoadError::NoImage(error) => error.into(),
        }
    }
}

/// A lease that is lost before anything was sent is somebody else's now.
impl From<LedgerError> for PublishImageError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::LeaseLost => Self::InProgress,
            LedgerError::Unavailable(_) => Self::Ledger(error),
        }
    }
}

#[cfg(test)]
mod tests;
