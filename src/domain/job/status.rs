//! The states of a job, and the moves between them.

use crate::domain::words::words;

words! {
    /// The state of a job, by its name in requests, answers, metrics and the database.
    pub enum JobStatus {
        /// Somebody has to say yes.
        AwaitingApproval = "awaiting_approval",
        /// It waits for its time, or for its next attempt.
        Scheduled = "scheduled",
        /// A process carries it out.
        Running = "running",
        /// It was carried out. Some platforms may have failed.
        Done = "done",
        /// No platform has the image.
        Failed = "failed",
        /// Its time passed before it had begun.
        Missed = "missed",
        /// It is not carried out any more.
        Cancelled = "cancelled",
    }
}

impl JobStatus {
    /// Whether the job has come to its end. A retry takes up one that is done or failed.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        match self {
            Self::AwaitingApproval | Self::Scheduled | Self::Running => false,
            Self::Done | Self::Failed | Self::Missed | Self::Cancelled => true,
        }
    }

    /// Whether a job may move from this state to `next`: the table of all moves.
    ///
    /// | from | to | when |
    /// | --- | --- | --- |
    /// | `awaiting_approval` | `scheduled` | somebody approved it |
    /// | `awaiting_approval`, `scheduled` | `missed` | it is too late, or a later posting time has come |
    /// | `awaiting_approval`, `scheduled` | `cancelled` | somebody cancelled it, the schedule was changed, or the tenant is gone |
    /// | `scheduled` | `running` | a process claimed it |
    /// | `running` | `running` | another process claimed it, since the claim of the first has ended |
    /// | `running` | `scheduled` | it is tried again later |
    /// | `running` | `done`, `failed` | its attempt ended |
    /// | `running` | `cancelled` | the tenant is gone |
    /// | `done`, `failed` | `scheduled` | somebody has it tried again |
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::AwaitingApproval => {
                matches!(next, Self::Scheduled | Self::Missed | Self::Cancelled)
            }
            Self::Scheduled => matches!(next, Self::Running | Self::Missed | Self::Cancelled),
            Self::Running => matches!(
                next,
                Self::Running | Self::Scheduled | Self::Done | Self::Failed | Self::Cancelled
            ),
            Self::Done | Self::Failed => matches!(next, Self::Scheduled),
            Self::Missed | Self::Cancelled => false,
        }
    }
}
