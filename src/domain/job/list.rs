//! Lists of jobs.

use std::time::SystemTime;

use super::{id::JobId, status::JobStatus};

/// A query for jobs. They are listed by the time at which they are to be published, the latest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobQuery {
    /// Only jobs in this state.
    pub status: Option<JobStatus>,
    /// Only jobs to be published at this time or later.
    pub from: Option<SystemTime>,
    /// Only jobs to be published before this time.
    pub to: Option<SystemTime>,
    /// Only jobs behind this one.
    pub after: Option<JobPosition>,
    /// The most jobs.
    pub limit: u32,
}

/// The place of a job in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobPosition {
    /// When it is to be published, in milliseconds since 1970.
    pub publish_at_ms: i64,
    /// Its number.
    pub id: JobId,
}
