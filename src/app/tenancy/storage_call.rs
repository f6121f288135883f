//! Calls to storage that are made once for all who wait: their limits, and why they fail.

use std::{sync::Arc, time::Duration};

use crate::{
    app::runtime::{memory_budget::Exhausted, single_flight::Aborted},
    ports::ImageStoreError,
};

/// How long an answer of storage is used without another call: a page that shows a folder asks for its list, a
/// random image and dozens of thumbnails at once, and five seconds later a person may look for what they have
/// just put there.
pub(in crate::app) const FRESH: Duration = Duration::from_secs(5);
/// The longest that one call may take, its repetitions included: enough to list a quarter of a million images, at a
/// second for each page of two thousand.
const CALL_LIMIT: Duration = Duration::from_mins(2);
/// The limit of the flight around a call, with some slack.
pub(in crate::app) const FLIGHT_LIMIT: Duration = Duration::from_secs(125);

/// Why storage gave no answer. All who waited for the call share the reason.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageCallError {
    /// Storage did not give what was asked for.
    #[error(transparent)]
    Storage(Arc<ImageStoreError>),
    /// Storage took too long.
    #[error("storage did not answer in time")]
    TimedOut,
    /// The memory budget had no part for the image.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The call ended unexpectedly.
    #[error("the call to storage ended without a result")]
    Aborted,
}

impl StorageCallError {
    /// Whether there is no such image.
    pub(in crate::app) fn is_not_found(&self) -> bool {
        matches!(self, Self::Storage(error) if matches!(**error, ImageStoreError::NotFound))
    }
}

impl From<Aborted> for StorageCallError {
    fn from(_: Aborted) -> Self {
        Self::Aborted
    }
}

/// The answer to a call, or an error when the call takes too long.
pub(in crate::app) async fn within_limit<T>(
    call: impl Future<Output = Result<T, ImageStoreError>>,
) -> Result<T, StorageCallError> {
    let answer = tokio::time::timeout(CALL_LIMIT, call).await;
    let answer = answer.map_err(|_| StorageCallError::TimedOut)?;
    answer.map_err(|error| StorageCallError::Storage(Arc::new(error)))
}
