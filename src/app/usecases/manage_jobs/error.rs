//! Why something is not done with a job.

use std::time::Duration;

use crate::{
    app::runtime::background_tasks::TaskAborted,
    domain::{job::JobRefusal, publication::PlanError},
    ports::{JobStoreError, LedgerError},
};

/// Why something is not done with a job or a schedule.
#[derive(Debug, thiserror::Error)]
pub enum ManageJobsError {
    /// The tenant's config does not allow the publication.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The time of the job is longer ago than a job can be late.
    #[error("the time is more than {} minutes ago", .0.as_secs() / 60)]
    TooLongAgo(Duration),
    /// The tenant has no such job.
    #[error("there is no such job")]
    NotFound,
    /// The job's state does not allow it.
    #[error(transparent)]
    Refused(#[from] JobRefusal),
    /// The ledger is unavailable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<JobStoreError> for ManageJobsError {
    fn from(error: JobStoreError) -> Self {
        match error {
            JobStoreError::NotFound => Self::NotFound,
            JobStoreError::Refused(refusal) => Self::Refused(refusal),
            JobStoreError::Unavailable(cause) => Self::Ledger(LedgerError::Unavailable(cause)),
        }
    }
}

/// Why a request that may have a key has no job.
#[derive(Debug, thiserror::Error)]
pub enum AddJobOnceError {
    /// A request under the same key is running.
    #[error("a request under this key is being carried out")]
    Running,
    /// The key belongs to a different request.
    #[error("the key belongs to another request")]
    Mismatch,
    /// The job was not added.
    #[error(transparent)]
    Add(#[from] ManageJobsError),
    /// The request ended without an answer.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

impl From<LedgerError> for AddJobOnceError {
    fn from(error: LedgerError) -> Self {
        Self::Add(error.into())
    }
}
