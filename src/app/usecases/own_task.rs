//! Work that goes on when whoever asked for it has gone away: an image must not be left half-way
//! between two folders, nor a lease unreturned.

use tracing::Instrument as _;

/// The work ended without a result: it panicked, or the process is ending.
#[derive(Debug, thiserror::Error)]
#[error("the work ended unexpectedly")]
pub struct Lost;

/// Runs work to its end, on a task of its own.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Lost> {
    let ended = tokio::spawn(work.in_current_span()).await;
    ended.map_err(|error| {
        tracing::error!(%error, "work ended without a result");
        Lost
    })
}
