//! Conversion of the errors of jobs and events.

use super::{ApiError, DEFAULT_RETRY_AFTER};
use crate::app::{
    http::{dto::problem::FieldError, problem::ProblemKind},
    runtime::event_hub::ListenError,
    usecases::manage_jobs::{AddJobOnceError, ManageJobsError},
};

impl From<ManageJobsError> for ApiError {
    fn from(error: ManageJobsError) -> Self {
        match error {
            ManageJobsError::Plan(error) => error.into(),
            ManageJobsError::TooLongAgo(max_late) => {
                let minutes = max_late.as_secs() / 60;
                let rule =
                    format!("must not be more than {minutes} minutes ago: the job would be missed");
                Self::bad_fields(vec![FieldError::new("publish_at", rule)])
            }
            ManageJobsError::NotFound => Self::no_job(),
            ManageJobsError::Refused(refusal) => {
                let mut detail = refusal.to_string();
                detail.replace_range(..1, "A");
                Self::new(ProblemKind::JobState, format!("{detail}."))
            }
            ManageJobsError::Ledger(error) => Self::from_ledger(
                error,
                "What was asked for may have been done: look before trying again.",
            ),
        }
    }
}

impl From<AddJobOnceError> for ApiError {
    fn from(error: AddJobOnceError) -> Self {
        match error {
            AddJobOnceError::Running => Self::new(
                ProblemKind::Conflict,
                "A request under this idempotency key is being carried out.",
            ),
            AddJobOnceError::Mismatch => Self::new(
                ProblemKind::IdempotencyMismatch,
                "This idempotency key belongs to a request that asked for something else.",
            ),
            AddJobOnceError::Add(error) => error.into(),
            AddJobOnceError::Aborted(error) => Self::new(
                ProblemKind::Internal,
                "This ended unexpectedly. Look whether the job is there before trying again.",
            )
            .caused_by(error),
        }
    }
}

impl From<ListenError> for ApiError {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::Closed => Self::new(
                ProblemKind::Overloaded,
                "This process of the service ends: connect again.",
            )
            .retry_after(Some(DEFAULT_RETRY_AFTER)),
            ListenError::Ledger(error) => Self::from_ledger(error, "Try again later."),
        }
    }
}
