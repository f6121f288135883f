//! Why something is not done with a job.

use std::time::Duration;

use crate::{
    app::runtime::background_tasks::TaskAborted,
    domain::{job::JobRefusal, platform::Platform, publication::PlanError},
    ports::{JobCommand, JobStoreError, LedgerError},
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
    /// Nothing would be left of a caption that was given, once it is fitted to a platform.
    #[error("nothing is left of the caption for {platform}")]
    NothingLeft {
        /// The platform.
        platform: Platform,
        /// The field that the caption was given in.
        field: String,
    },
    /// The job's state does not allow it.
    #[error("{0:?}: {1}")]
    Refused(JobAction, #[source] JobRefusal),
    /// The ledger is unavailable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What somebody asks of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobAction {
    /// Another time, other captions or platforms.
    Change,
    /// A yes.
    Approve,
    /// No more attempts.
    Cancel,
    /// Another attempt.
    Retry,
}

impl From<&JobCommand> for JobAction {
    fn from(command: &JobCommand) -> Self {
        match command {
            JobCommand::Change(_) => Self::Change,
            JobCommand::Approve { .. } => Self::Approve,
            JobCommand::Cancel => Self::Cancel,
            JobCommand::Retry => Self::Retry,
        }
    }
}

impl ManageJobsError {
    /// Why the store has not done this.
    pub(super) fn of(action: JobAction, error: JobStoreError) -> Self {
        match error {
            JobStoreError::NotFound => Self::NotFound,
            JobStoreError::Refused(refusal) => Self::Refused(action, refusal),
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
