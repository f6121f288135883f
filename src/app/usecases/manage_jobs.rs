//! What people do with a tenant's jobs and its posting times. What carries jobs out is another use case.
//!
//! | file | holds |
//! | --- | --- |
//! | `usecase` | adding, listing, changing, approving, cancelling and retrying; the schedule |
//! | `once` | adding one job for all requests under an idempotency key |
//! | `error` | why something is not done |

mod error;
mod once;
mod usecase;

pub use self::{
    error::{AddJobOnceError, JobAction, ManageJobsError},
    once::JobAnswer,
    usecase::{JobPage, ManageJobs, ManageJobsParts, NEXT_SHOWN, ScheduleReport},
};

#[cfg(test)]
mod tests;
