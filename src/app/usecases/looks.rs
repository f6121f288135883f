//! Why an image cannot be looked at. Storage is asked once for all callers who look at the same time,
//! and they share its answer, a failure too.

use std::{sync::Arc, time::Duration};

use crate::ports::ImageStoreError;

/// How old an answer may be that is shown without another look at the image: as old as a listing.
pub(super) const FRESH: Duration = Duration::from_secs(5);
/// The longest that one look may take, its repetitions included.
const LOOK_LIMIT: Duration = Duration::from_mins(2);
/// That, and slack: what takes longer has gone wrong here.
pub(super) const FLIGHT_LIMIT: Duration = Duration::from_secs(125);

/// Why an image cannot be looked at.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookError {
    /// Storage did not give what was asked for. All who have waited for it share the reason.
    #[error(transparent)]
    Storage(Arc<ImageStoreError>),
    /// Storage has taken too long.
    #[error("storage did not answer in time")]
    Unfinished,
    /// It ended unexpectedly.
    #[error("the call to storage ended without a result")]
    Lost,
}

impl LookError {
    /// Whether there is no such image.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Storage(error) if matches!(**error, ImageStoreError::NotFound))
    }
}

/// A call to storage, given up when it takes too long.
pub(super) async fn within_limit<T>(
    call: impl Future<Output = Result<T, ImageStoreError>>,
) -> Result<T, LookError> {
    let answer = tokio::time::timeout(LOOK_LIMIT, call).await;
    let answer = answer.map_err(|_| LookError::Unfinished)?;
    answer.map_err(|error| LookError::Storage(Arc::new(error)))
}
