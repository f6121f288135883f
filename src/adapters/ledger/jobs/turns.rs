//! The turns of tenants: whose turn it is, what is done for a tenant in it, and when its next one is.
//!
//! A turn gives a tenant at most one job: one whose claim has ended, or else the one that has been due for longest. The turns of
//! tenants that have one of the former come first, so that the jobs of a process that is gone wait for no backlog. After its
//! turn a tenant is behind all whose turn was due before: its next one is due now,
//! or later. A tenant that has as many jobs claimed and slots taken as it may is left
//! alone until one of them ends.

use std::time::Duration;

use super::{
    json,
    record::{self, job_columns},
    slots::running,
};
use crate::domain::{job::JobReason, rfc3339, schedule::Schedule, tenant::TenantName};

/// How long a job is left alone that makes no sense to this version: a later one may know what it is.
pub(in crate::adapters::ledger) const UNREADABLE_WAIT: Duration = Duration::from_hours(1);

/// The job that stands for the next posting time.
pub(in crate::adapters::ledger) const NEXT: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM ledger_jobs WHERE tenant = $1 AND is_next = 1"
);

/// Jobs that have not begun, and should have before `$2`.
pub(in crate::adapters::ledger) const MISS_LATE: &str = "UPDATE ledger_jobs
    SET status = 'missed', reason = 'too_late', is_next = 0, ended_at = $3, error = NULL
    WHERE tenant = $1 AND ended_at IS NULL AND publish_at < $2 AND begun_at IS NULL
    RETURNING id, publish_at";

pub(in crate::adapters::ledger) const RUNNING: &str = concat!("SELECT ", running!());

/// The job that is to be carried out now: one whose claim has ended, before all that have waited longer; else the one that
/// has been due for longest. The second part names both states, as its index does.
pub(in crate::adapters::ledger) const PICK: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM ledger_jobs WHERE id = COALESCE(
        (SELECT id FROM ledger_jobs WHERE tenant = $1 AND status = 'running' AND due_at <= $2
            ORDER BY due_at, id LIMIT 1),
        (SELECT id FROM ledger_jobs
            WHERE tenant = $1 AND status IN ('scheduled', 'running') AND due_at <= $2
            ORDER BY due_at, id LIMIT 1))"
);

pub(in crate::adapters::ledger) const POSTPONE: &str =
    "UPDATE ledger_jobs SET due_at = $2 WHERE id = $1";

/// What decides when the next turn is: how many claims and slots hold, when the first of them ends, when the first job is due,
/// when the next posting time is, and the time of the first job that nobody has approved.
pub(in crate::adapters::ledger) const FACTS: &str = concat!(
    "SELECT ",
    running!(),
    ",
    (SELECT min(ends_at) FROM (
        SELECT min(due_at) AS ends_at FROM ledger_jobs
            WHERE tenant = $1 AND status = 'running' AND due_at > $2
        UNION ALL
        SELECT min(ends_at) FROM ledger_publish_slots WHERE tenant = $1 AND ends_at > $2) AS held),
    (SELECT min(due_at) FROM ledger_jobs WHERE tenant = $1 AND status IN ('scheduled', 'running')),
    (SELECT min(publish_at) FROM ledger_jobs WHERE tenant = $1 AND is_next = 1),
    (SELECT min(publish_at) FROM ledger_jobs
        WHERE tenant = $1 AND ended_at IS NULL AND status = 'awaiting_approval')"
);

pub(in crate::adapters::ledger) type Facts =
    (i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

pub(in crate::adapters::ledger) const SET_TURN: &str =
    "UPDATE ledger_job_queues SET turn_at = $2 WHERE tenant = $1";

/// When the next turn of a tenant is, in milliseconds since 1970; `None` if nothing waits. After a turn in which no job
/// was claimed, it is later than now.
pub(in crate::adapters::ledger) fn next_turn(
    (running, first_ends, due, next, awaiting): Facts,
    (per_tenant, max_late): (i64, i64),
    (now, has_claimed): (i64, bool),
) -> Option<i64> {
    let work = if running >= per_tenant {
        first_ends
    } else {
        due
    };
    // At its time, a job that waits for a yes makes room for the next posting time.
    let next = next.filter(|next| *next > now);
    let too_late = awaiting.map(|time| time.saturating_add(max_late).saturating_add(1));
    let at = [work, next, too_late].into_iter().flatten().min()?;
    Some(at.max(now.saturating_add(i64::from(!has_claimed))))
}

/// Tells operators of a job that is missed, by its number and its time: it may have no other line in the log.
pub(in crate::adapters::ledger) fn log_missed(
    tenant: &TenantName,
    (job, publish_at): (i64, i64),
    reason: JobReason,
) {
    let publish_at = rfc3339::format(record::time(publish_at));
    tracing::info!(%tenant, %job, reason = reason.as_str(), publish_at, "a job is missed");
}

/// The schedule in a column, if it is to be followed.
pub(in crate::adapters::ledger) fn enabled(
    tenant: &TenantName,
    text: Option<&str>,
) -> Option<Schedule> {
    let schedule = json::schedule(text?);
    if schedule.is_none() {
        tracing::warn!(
            %tenant,
            "the stored schedule makes no sense to this version, and is not followed"
        );
    }
    schedule.filter(Schedule::is_enabled)
}

/// Implements the turns for a type. `$skipped` is added to the query of the tenants whose turn it is.
macro_rules! sql_turns {
    ($ledger:ty, skipped: $skipped:literal) => {
        pub(super) const TURNS: &str = concat!(
            "SELECT tenant, schedule, host FROM ledger_job_queues
                WHERE turn_at IS NOT NULL AND turn_at <= $1 ORDER BY turn_at, tenant LIMIT $2 ",
            $skipped
        );

        /// Of those, the tenants that have a job whose claim has ended. They are found by the few claims, and not by the time of
        /// their turn, of which many may be due.
        pub(super) const LOST_TURNS: &str = concat!(
            "SELECT tenant, schedule, host FROM ledger_job_queues
                WHERE turn_at + 0 <= $1 AND tenant IN
                    (SELECT tenant FROM ledger_jobs WHERE status = 'running' AND due_at <= $1)
                LIMIT $2 ",
            $skipped
        );

        impl $ledger {
            /// Whether anybody's turn is due.
            async fn is_turn_due(&self) -> Result<bool, sqlx::Error> {
                let mut alone = self.alone(Durability::Volatile).await?;
                let first: Option<i64> = sqlx::query_scalar(super::jobs::FIRST_TURN)
                    .fetch_one(&mut *alone)
                    .await?;
                let now = self.now(&mut alone).await?;
                alone.give_back();
                Ok(first.is_some_and(|first| first <= now))
            }

            /// Gives turns until there are as many jobs as may be claimed, or nobody's turn is left. The jobs of processes that
            /// are gone come first.
            async fn give_turns(
                write: &mut Guarded,
                terms: &crate::ports::ClaimTerms,
                now: i64,
            ) -> Result<Vec<crate::ports::ClaimedJob>, sqlx::Error> {
                let mut claimed = Vec::new();
                for statement in [LOST_TURNS, TURNS] {
                    Self::give_turns_of(write, statement, terms, now, &mut claimed).await?;
                }
                Ok(claimed)
            }

            async fn give_turns_of(
                write: &mut Guarded,
                statement: &'static str,
                terms: &crate::ports::ClaimTerms,
                now: i64,
                claimed: &mut Vec<crate::ports::ClaimedJob>,
            ) -> Result<(), sqlx::Error> {
                let limit = usize::try_from(terms.limit).unwrap_or(usize::MAX);
                while claimed.len() < limit {
                    let missing = i64::try_from(limit - claimed.len()).unwrap_or(i64::MAX);
                    let turns: Vec<(String, Option<String>, Option<String>)> = sqlx::query_as(statement)
                        .bind(now)
                        .bind(missing)
                        .fetch_all(&mut **write)
                        .await?;
                    if turns.is_empty() {
                        break;
                    }
                    for (tenant, schedule, host) in turns {
                        let tenant = TenantName::new(&tenant)
                            .ok_or_else(|| sqlx::Error::Decode("tenant".into()))?;
                        let texts = (schedule.as_deref(), host.as_deref());
                        claimed.extend(Self::give_turn(write, &tenant, texts, terms, now).await?);
                    }
                }
                Ok(())
            }

            /// Gives a tenant a turn, whose row is taken.
            async fn give_turn(
                write: &mut Guarded,
                tenant: &TenantName,
                (schedule, host): (Option<&str>, Option<&str>),
                terms: &crate::ports::ClaimTerms,
                now: i64,
            ) -> Result<Option<crate::ports::ClaimedJob>, sqlx::Error> {
                use super::jobs::turns;
                use crate::domain::job::JobReason;

                let max_late = duration_millis(terms.max_late);
                let per_tenant = i64::from(terms.per_tenant);
                Self::advance_schedule(write, tenant, schedule, terms.max_late, now).await?;
                let missed: Vec<(i64, i64)> = sqlx::query_as(turns::MISS_LATE)
                    .bind(tenant.as_str())
                    .bind(now.saturating_sub(max_late))
                    .bind(now)
                    .fetch_all(&mut **write)
                    .await?;
                if !missed.is_empty() {
                    Self::note_ended_jobs(write, tenant, now).await?;
                }
                for missed in missed {
                    turns::log_missed(tenant, missed, JobReason::TooLate);
                }
                let running: i64 = sqlx::query_scalar(turns::RUNNING)
                    .bind(tenant.as_str())
                    .bind(now)
                    .fetch_one(&mut **write)
                    .await?;
                let mut claimed = None;
                if running < per_tenant {
                    claimed = Self::claim_one(write, tenant, (schedule, host), now).await?;
                }
                let facts: turns::Facts = sqlx::query_as(turns::FACTS)
                    .bind(tenant.as_str())
                    .bind(now)
                    .fetch_one(&mut **write)
                    .await?;
                let limits = (per_tenant, max_late);
                sqlx::query(turns::SET_TURN)
                    .bind(tenant.as_str())
                    .bind(turns::next_turn(facts, limits, (now, claimed.is_some())))
                    .execute(&mut **write)
                    .await?;
                Ok(claimed)
            }

            /// Claims the tenant's job that is to be carried out now.
            async fn claim_one(
                write: &mut Guarded,
                tenant: &TenantName,
                (schedule, host): (Option<&str>, Option<&str>),
                now: i64,
            ) -> Result<Option<crate::ports::ClaimedJob>, sqlx::Error> {
                use super::jobs::{record, turns};

                let host = host.and_then(|host| crate::domain::host::Host::normalize_any(host).ok());

                loop {
                    let row = sqlx::query(turns::PICK)
                        .bind(tenant.as_str())
                        .bind(now)
                        .fetch_optional(&mut **write)
                        .await?;
                    let Some(row) = row else {
                        return Ok(None);
                    };
                    let found = match record::job(&row) {
                        Ok(found) => found,
                        Err(error) => {
                            let id: i64 = sqlx::Row::try_get(&row, "id")?;
                            tracing::warn!(%tenant, job = id, %error, "a job makes no sense to this version");
                            let wait = duration_millis(turns::UNREADABLE_WAIT);
                            sqlx::query(turns::POSTPONE)
                                .bind(id)
                                .bind(now.saturating_add(wait))
                                .execute(&mut **write)
                                .await?;
                            continue;
                        }
                    };
                    let until = duration_millis(crate::ports::JOB_CLAIM_TTL);
                    let until = record::time(now.saturating_add(until));
                    let job = found.job.claim(record::time(now), until);
                    let job = job.map_err(|refusal| sqlx::Error::Decode(refusal.into()))?;
                    let token = Uuid::new_v4().simple().to_string();
                    Self::save_job(write, &job, (false, Some(&token)), now).await?;
                    if let Some(posting_time) = job.posting_time.filter(|_| found.is_next) {
                        Self::add_following(write, tenant, schedule, posting_time, now).await?;
                    }
                    let claim = crate::ports::JobClaim {
                        tenant: tenant.clone(),
                        id: job.id,
                        token,
                    };
                    return Ok(Some(crate::ports::ClaimedJob { job, host, claim }));
                }
            }
        }
    };
}
pub(in crate::adapters::ledger) use sql_turns;

#[cfg(test)]
mod tests {
    use super::next_turn;

    #[test]
    fn the_next_turn_is_when_something_can_be_done() {
        let limits = (2, 60);
        let turn = |facts, now, has_claimed| next_turn(facts, limits, (now, has_claimed));
        assert_eq!(turn((0, None, None, None, None), 100, false), None);
        let due = (0, None, Some(50), None, None);
        assert_eq!(turn(due, 100, true), Some(100), "behind those before");
        assert_eq!(
            turn(due, 100, false),
            Some(101),
            "no turn is given twice at once"
        );
        assert_eq!(turn((0, None, Some(150), None, None), 100, true), Some(150));
        let full = (2, Some(145), Some(50), Some(50), None);
        assert_eq!(turn(full, 100, true), Some(145), "a claim has to end first");
        let awaiting = (0, None, None, Some(120), Some(120));
        assert_eq!(
            turn(awaiting, 100, false),
            Some(120),
            "the next posting time"
        );
        let awaiting = (0, None, None, Some(300), Some(90));
        assert_eq!(turn(awaiting, 100, false), Some(151), "then it is too late");
    }
}
