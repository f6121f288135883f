//! Why a job is not moved.

use super::status::JobStatus;

/// Why a job stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobRefusal {
    /// There is no such move.
    #[error("a job that is {} cannot become {}", from.as_str(), to.as_str())]
    IllegalMove {
        /// Its state.
        from: JobStatus,
        /// The state that it would have.
        to: JobStatus,
    },
    /// It has begun, or has come to its end: what it publishes cannot be changed.
    #[error("a job that is {} and has begun or ended cannot be changed", .0.as_str())]
    NotChangeable(JobStatus),
    /// Nobody approved it in time: it is missed.
    #[error("a job that was not approved in time cannot be approved any more")]
    TooLate,
    /// It has not failed on any platform: nothing is to be tried again.
    #[error("a job that is {} and failed on no platform has nothing to try again", .0.as_str())]
    NothingFailed(JobStatus),
}
