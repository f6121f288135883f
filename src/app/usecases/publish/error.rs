//! Why a publication ends without a report.

use std::time::Duration;

use crate::{
    app::{
        runtime::memory_budget::Exhausted,
        usecases::{
            background_tasks::TaskAborted, captioning::CaptionsUnavailable, loaded_image::LoadError,
        },
    },
    domain::publication::PlanError,
    ports::{ImageProcessingError, ImageStoreError, LedgerError},
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
    Image(#[from] ImageProcessingError),
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
