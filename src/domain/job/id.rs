//! The number of a job.

use derive_more::Display;

/// The number of a job. No two jobs have the same, of whichever tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display)]
pub struct JobId(pub i64);
