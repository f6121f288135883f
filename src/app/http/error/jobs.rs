//! Conversion of the errors of jobs and events.

use super::{ApiError, DEFAULT_RETRY_AFTER};
use crate::{
    app::{
        http::{dto::problem::FieldError, problem::ProblemKind},
        runtime::event_hub::ListenError,
        usecases::manage_jobs::{AddJobOnceError, JobAction, ManageJobsError},
    },
    domain::job::{JobRefusal, JobStatus},
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
            ManageJobsError::NothingLeft { platform, field } => {
                let rule = format!("comes to nothing on {platform}");
                Self::new(
                    ProblemKind::CaptionRequired,
                    format!(
                        "Nothing is left of the caption for {platform}: hashtags alone, or more than it takes in one \
                         piece. Give another one, or allow an empty one. Nothing was added or changed."
                    ),
                )
                .naming(FieldError::new(field, rule))
            }
            ManageJobsError::Refused(action, refusal) => {
                Self::new(ProblemKind::JobState, refused(action, refusal))
            }
            ManageJobsError::Ledger(error) => Self::from_ledger(
                error,
                "What was asked for may have been done: look before trying again.",
            ),
        }
    }
}

/// What a job does not allow, with its state and what does instead.
fn refused(action: JobAction, refusal: JobRefusal) -> String {
    let status = match refusal {
        JobRefusal::TooLate => {
            return "The job was not approved in time: it is `missed`, and will not be carried out.".to_owned();
        }
        JobRefusal::NothingFailed(_) => {
            return "The job failed on no platform, so there is nothing to retry. A platform whose result is `unknown` is \
                    asked by `checkPublication`."
                .to_owned();
        }
        JobRefusal::IllegalMove { from, .. } => from,
        JobRefusal::NotChangeable(status) => status,
    };
    let state = match status {
        JobStatus::AwaitingApproval => "waits for approval",
        JobStatus::Scheduled if action == JobAction::Change => {
            "has begun, and waits for its next attempt"
        }
        JobStatus::Scheduled => "is scheduled",
        JobStatus::Running => "is running",
        JobStatus::Done => "is done",
        JobStatus::Failed => "has failed",
        JobStatus::Missed => "was missed",
        JobStatus::Cancelled => "is cancelled",
    };
    let (done, rule) = match action {
        JobAction::Change => ("changed", "only a job that has not begun can be changed"),
        JobAction::Approve => (
            "approved",
            "only a job that is `awaiting_approval` can be approved",
        ),
        JobAction::Cancel if status == JobStatus::Running => {
            ("cancelled", "it may have sent something already")
        }
        JobAction::Cancel => ("cancelled", "it has ended already"),
        JobAction::Retry => (
            "retried",
            "only a job that is `done` or `failed` can be retried",
        ),
    };
    format!(
        "The job {state} (`{}`), so it cannot be {done}: {rule}.",
        status.as_str()
    )
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
