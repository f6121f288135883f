//! Whether jobs are carried out here, how late they may be, and how long they are kept.

use std::time::Duration;

use publisher::adapters::env::Environment;

/// A week: what is later than that is a mistake, or no longer wanted.
const MOST_MINUTES: u64 = 7 * 24 * 60;
/// The longest time that jobs are kept, in days: ten years.
const MOST_DAYS: u64 = 3_650;

/// The settings of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JobsSettings {
    /// Whether this process carries jobs out. It takes and shows them all the same.
    pub(crate) enabled: bool,
    /// How late a job can begin.
    pub(crate) max_late: Duration,
    /// How long jobs are kept that have come to their end.
    pub(crate) kept_for: Duration,
}

/// The settings of jobs from the environment.
pub(super) fn read(environment: &mut Environment) -> JobsSettings {
    let minutes = environment.number("JOBS_MAX_LATE_MINUTES", 60, 1..=MOST_MINUTES);
    let days = environment.number("JOBS_KEEP_DAYS", 90, 1..=MOST_DAYS);
    JobsSettings {
        enabled: environment.boolean("JOBS_ENABLED", true),
        max_late: Duration::from_mins(minutes),
        kept_for: Duration::from_hours(days * 24),
    }
}
