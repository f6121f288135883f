//! What must survive the process of requests that callers may send again.

use std::time::Duration;

use async_trait::async_trait;

use super::LedgerError;
use crate::domain::{
    host::Host,
    idempotency::{Begun, ChosenImage, KeyedRequest},
    job::{Job, NewJob},
};

/// How long a key and its answer are kept, from the first request on.
pub const KEY_KEPT_FOR: Duration = Duration::from_hours(24);
/// How long a key is held by a request that is not heard of again. Far longer than any publication
/// takes: a holder whose process has ended is known by that, and need not be waited for.
pub const KEY_HELD_FOR: Duration = Duration::from_hours(1);

/// Keeps requests under their keys, for [`KEY_KEPT_FOR`]. It lives beside the ledger,
/// and fails as the ledger does.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Takes the key for this request if it is free, and returns the state of the key.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn begin(&self, request: &KeyedRequest) -> Result<Begun, LedgerError>;

    /// Notes the image before anything of it is sent, so that a resumed request does not choose
    /// another.
    ///
    /// # Errors
    /// [`LedgerError`]; `LeaseLost` when another holder has taken the key.
    async fn choose(&self, request: &KeyedRequest, image: &ChosenImage) -> Result<(), LedgerError>;

    /// Adds the job of this request, as [`JobStore::add_job`](super::JobStore::add_job) does, and notes it under the key,
    /// in one step: a request that resumes this one finds the job if, and only if, it was added.
    ///
    /// # Errors
    /// [`LedgerError`]; `LeaseLost` when another holder has taken the key: then no job was added.
    async fn add_keyed_job(
        &self,
        request: &KeyedRequest,
        host: &Host,
        job: &NewJob,
    ) -> Result<Job, LedgerError>;

    /// Keeps the answer, and with it the key, for callers that ask again.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. The request then counts as one that ended without an answer.
    async fn finish(&self, request: &KeyedRequest, answer: &str) -> Result<(), LedgerError>;

    /// Gives the key back for another try. Nothing was sent unless `may_have_sent`: then the next
    /// one resumes this one. A job that was added stays noted.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. The key then comes free with the end of the process.
    async fn abandon(&self, request: &KeyedRequest, may_have_sent: bool)
    -> Result<(), LedgerError>;
}
