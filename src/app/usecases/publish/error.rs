//! Why a publication ends without a report.

use std::time::Duration;

use crate::{
    app::{
        runtime::{background_tasks::TaskAborted, memory_budget::Exhausted},
        tenancy::storage_call::StorageCallError,
        usecases::steps::{captioning::CaptionsUnavailable, loaded_image::Replaced},
    },
    domain::{platform::Platform, publication::PlanError},
    ports::{ImageProcessingError, ImageStoreError, LedgerError},
};

/// Why there is no report. Except for [`PublishImageError::Aborted`], nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum PublishImageError {
    /// The tenant's config does not allow it.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The tenant has as many publications as it may have.
    #[error("too many images of this tenant are being published")]
    TooMany,
    /// The memory budget is exhausted.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// No platform's credential is available at the moment.
    #[error("no platform can be reached for this tenant at the moment")]
    NoPlatformAvailable {
        /// When to ask again.
        retry_after: Option<Duration>,
    },
    /// No platform's credential is available, and the tenant is out of credit.
    #[error("the tenant is out of credit")]
    OutOfCredit,
    /// Another request is working on the image.
    #[error("somebody is working on this image already")]
    InProgress,
    /// The image was replaced while it was being fetched.
    #[error(transparent)]
    Replaced(#[from] Replaced),
    /// The images could not be listed.
    #[error(transparent)]
    Listing(StorageCallError),
    /// Storage did not give the image.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// The file cannot be published as an image.
    #[error(transparent)]
    Image(#[from] ImageProcessingError),
    /// No caption could be written, and the request does not allow an empty one.
    #[error("no caption could be written")]
    Captions(#[source] CaptionsUnavailable),
    /// Nothing that this platform takes is left of the caption that was given, and the request does not allow an empty one.
    #[error("nothing is left of the caption for {0}")]
    NothingLeft(Platform),
    /// The ledger is unavailable.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The publication ended without a report. Whether anything was sent is in the log.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

/// A lease that was lost before anything was sent belongs to another request now.
impl From<LedgerError> for PublishImageError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::LeaseLost => Self::InProgress,
            LedgerError::Unavailable(_) => Self::Ledger(error),
        }
    }
}
