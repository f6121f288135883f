//! What people and claimants ask for, in terms of the domain and of the tables.

use std::{collections::HashMap, time::SystemTime};

use super::record;
use crate::{
    domain::job::{Job, JobQuery, JobReason, JobRefusal, JobStatus},
    ports::{JobClaimError, JobCommand, JobStoreError, LedgerError},
};

/// The job after what somebody asked for.
pub(in crate::adapters::ledger) fn obey(
    job: Job,
    command: &JobCommand,
    now: SystemTime,
) -> Result<Job, JobRefusal> {
    match command {
        JobCommand::Change(change) => {
            let mut changed = job.change(change.clone())?;
            changed.publish_at = record::kept(changed.publish_at);
            changed.due_at = changed.publish_at;
            Ok(changed)
        }
        JobCommand::Approve { max_late } => job.approve(now, *max_late),
        // Asked for twice, it is done once.
        JobCommand::Cancel if job.status == JobStatus::Cancelled => Ok(job),
        JobCommand::Cancel => job.cancel(JobReason::ByRequest, now),
        JobCommand::Retry => job.retry(now),
    }
}

/// Whether a job that did so still stands for its posting time.
pub(in crate::adapters::ledger) fn stands_for_posting_time(job: &Job) -> bool {
    job.posting_time == Some(job.publish_at) && !job.has_begun() && !job.status.is_ended()
}

/// The bounds of a query: the first and the last time, and the place behind which its jobs are.
pub(in crate::adapters::ledger) fn range(query: &JobQuery) -> [i64; 4] {
    let from = query.from.map_or(i64::MIN, record::millis);
    let to = query.to.map_or(i64::MAX, |to| record::millis(to) - 1);
    let after = query.after.map_or((i64::MAX, i64::MAX), |after| {
        (after.publish_at_ms, after.id.0)
    });
    [from, to.min(after.0), after.0, after.1]
}

/// The number of jobs in each state.
pub(in crate::adapters::ledger) fn counts(rows: Vec<(String, i64)>) -> HashMap<JobStatus, u64> {
    let mut counts: HashMap<_, _> = JobStatus::ALL.map(|status| (status, 0)).into();
    for (name, count) in rows {
        if let Some(status) = JobStatus::from_name(&name) {
            counts.insert(status, u64::try_from(count).unwrap_or_default());
        }
    }
    counts
}

/// The error of people's operations. No lease is taken for them.
pub(in crate::adapters::ledger) fn unavailable(error: LedgerError) -> JobStoreError {
    match error {
        LedgerError::Unavailable(cause) => JobStoreError::Unavailable(cause),
        lost @ LedgerError::LeaseLost => JobStoreError::Unavailable(lost.into()),
    }
}

/// The error of a claimant's operations.
pub(in crate::adapters::ledger) fn claim_error(error: LedgerError) -> JobClaimError {
    match error {
        LedgerError::Unavailable(cause) => JobClaimError::Unavailable(cause),
        LedgerError::LeaseLost => JobClaimError::Lost,
    }
}
