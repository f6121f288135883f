//! Schedules, and the job of each that stands for its next posting time.

pub(in crate::adapters::ledger) const SCHEDULE: &str =
    "SELECT schedule FROM ledger_job_queues WHERE tenant = $1";

pub(in crate::adapters::ledger) const SET_SCHEDULE: &str =
    "UPDATE ledger_job_queues SET schedule = $2 WHERE tenant = $1";

/// Jobs of the schedule that have not begun, those that were moved to another time included. They are found among the open jobs,
/// which are fewer than those of posting times.
pub(in crate::adapters::ledger) const REPLACE: &str = "UPDATE ledger_jobs
    SET status = 'cancelled', reason = 'schedule_changed', is_next = 0, ended_at = $2, error = NULL
    WHERE tenant = $1 AND ended_at IS NULL AND begun_at IS NULL
        AND COALESCE(posting_time, 0) <> 0";

/// The posting times after `$2` that have had a job, whatever became of it: no other schedule gives them another. A job that was
/// replaced at its own time, because the schedule was changed, does not count.
macro_rules! taken {
    () => {
        "SELECT DISTINCT posting_time FROM ledger_jobs
            WHERE tenant = $1 AND posting_time > $2
                AND NOT (publish_at = posting_time AND status = 'cancelled'
                    AND reason IS NOT NULL AND reason = 'schedule_changed')"
    };
}

pub(in crate::adapters::ledger) const TAKEN: &str =
    concat!(taken!(), " ORDER BY posting_time LIMIT 1000");

/// Those of them at which nothing will be published any more: their job has begun or ended, or was moved.
pub(in crate::adapters::ledger) const PASSED_OVER: &str = concat!(
    taken!(),
    " AND NOT (publish_at = posting_time AND begun_at IS NULL AND ended_at IS NULL)
    ORDER BY posting_time LIMIT 1000"
);

/// How many posting times a turn looks at: one that is too late, the last that has come, and the next.
pub(in crate::adapters::ledger) const STEPS: u32 = 4;

/// Implements [`ScheduleStore`](crate::ports::ScheduleStore) for a type, and what its jobs need.
macro_rules! sql_schedules {
    ($ledger:ty) => {
        impl $ledger {
            /// The posting times after an instant that have had a job.
            async fn taken_posting_times(
                connection: &mut Guarded,
                statement: &'static str,
                tenant: &TenantName,
                after: std::time::SystemTime,
            ) -> Result<std::collections::BTreeSet<std::time::SystemTime>, sqlx::Error> {
                use super::jobs::record;

                let times: Vec<i64> = sqlx::query_scalar(statement)
                    .bind(tenant.as_str())
                    .bind(record::millis(after))
                    .fetch_all(&mut **connection)
                    .await?;
                Ok(times.into_iter().map(record::time).collect())
            }

            /// Makes the job of the first posting time from now on that has had none.
            async fn add_first(
                write: &mut Guarded,
                tenant: &TenantName,
                schedule: &crate::domain::schedule::Schedule,
                now: i64,
            ) -> Result<(), sqlx::Error> {
                use super::jobs::{record, schedules};

                let moment = record::time(now);
                let taken = schedules::TAKEN;
                let taken = Self::taken_posting_times(write, taken, tenant, moment).await?;
                if let Some(first) = schedule.first(moment, &taken) {
                    Self::insert_job(write, tenant, &schedule.job_at(first), true, now).await?;
                }
                Ok(())
            }

            /// Makes the job of the posting time that follows one whose job has begun, ended or moved.
            async fn add_following(
                write: &mut Guarded,
                tenant: &TenantName,
                schedule: Option<&str>,
                posting_time: std::time::SystemTime,
                now: i64,
            ) -> Result<(), sqlx::Error> {
                use super::jobs::{record, schedules, turns};

                let Some(schedule) = turns::enabled(tenant, schedule) else {
                    return Ok(());
                };
                let taken = schedules::TAKEN;
                let taken = Self::taken_posting_times(write, taken, tenant, posting_time).await?;
                if let Some(next) = schedule.following(posting_time, record::time(now), &taken) {
                    Self::insert_job(write, tenant, &schedule.job_at(next), true, now).await?;
                }
                Ok(())
            }

            /// Goes on to the next posting time, if the one that has a job is over: it is too late, or a later one has
            /// come, or nobody has said yes by now.
            async fn advance_schedule(
                write: &mut Guarded,
                tenant: &TenantName,
                text: Option<&str>,
                max_late: std::time::Duration,
                now: i64,
            ) -> Result<(), sqlx::Error> {
                use super::jobs::{record, schedules, turns};
                use crate::domain::job::{JobReason, JobStatus};

                let Some(schedule) = turns::enabled(tenant, text) else {
                    return Ok(());
                };
                let moment = record::time(now);
                for _ in 0..schedules::STEPS {
                    let row = sqlx::query(turns::NEXT)
                        .bind(tenant.as_str())
                        .fetch_optional(&mut **write)
                        .await?;
                    let Some(row) = row else {
                        // A version that could not read the schedule has left it out.
                        Self::add_first(write, tenant, &schedule, now).await?;
                        break;
                    };
                    let Ok(found) = record::job(&row) else {
                        break;
                    };
                    let Some(posting_time) = found.job.posting_time else {
                        break;
                    };
                    let is_awaiting = found.job.status == JobStatus::AwaitingApproval;
                    let over = if found.job.is_late(moment, max_late) {
                        found.job.miss(JobReason::TooLate, moment)
                    } else if is_awaiting && posting_time <= moment {
                        Ok(found.job)
                    } else if schedule.is_superseded(posting_time, moment) {
                        found.job.miss(JobReason::Superseded, moment)
                    } else {
                        break;
                    };
                    let over = over.map_err(|refusal| sqlx::Error::Decode(refusal.into()))?;
                    if let (JobStatus::Missed, Some(reason)) = (over.status, over.reason) {
                        let missed = (over.id.0, record::millis(over.publish_at));
                        turns::log_missed(tenant, missed, reason);
                    }
                    Self::save_job(write, &over, (false, None), now).await?;
                    Self::add_following(write, tenant, text, posting_time, now).await?;
                }
                Ok(())
            }
        }

        #[async_trait]
        impl crate::ports::ScheduleStore for $ledger {
            async fn schedule(
                &self,
                tenant: &TenantName,
            ) -> Result<Option<crate::domain::schedule::Schedule>, LedgerError> {
                use super::jobs::{json, schedules};

                measured(&self.clock, "schedule_get", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let found: Option<Option<String>> = sqlx::query_scalar(schedules::SCHEDULE)
                        .bind(tenant.as_str())
                        .fetch_optional(&mut *alone)
                        .await?;
                    alone.give_back();
                    let Some(text) = found.flatten() else {
                        return Ok(None);
                    };
                    let cause = "the stored schedule makes no sense to this version";
                    let schedule = json::schedule(&text);
                    schedule
                        .map(Some)
                        .ok_or_else(|| LedgerError::Unavailable(cause.into()))
                })
                .await
            }

            async fn passed_over(
                &self,
                tenant: &TenantName,
                after: std::time::SystemTime,
            ) -> Result<std::collections::BTreeSet<std::time::SystemTime>, LedgerError> {
                let statement = super::jobs::schedules::PASSED_OVER;
                measured(&self.clock, "schedule_passed", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let times = Self::taken_posting_times(&mut alone, statement, tenant, after);
                    let times = times.await?;
                    alone.give_back();
                    Ok(times)
                })
                .await
            }

            async fn put_schedule(
                &self,
                tenant: &TenantName,
                host: &crate::domain::host::Host,
                schedule: &crate::domain::schedule::Schedule,
            ) -> Result<(), LedgerError> {
                use super::jobs::{json, schedules};

                measured(&self.clock, "schedule_put", async {
                    let (mut write, now, before) =
                        self.begin_jobs(Durability::Synced, tenant).await?;
                    Self::set_host(&mut write, tenant, host).await?;
                    let before = before.as_deref().and_then(json::schedule);
                    let is_same = before.is_some_and(|it| it.is_equivalent_to(schedule));
                    if !is_same {
                        let replaced = sqlx::query(schedules::REPLACE)
                            .bind(tenant.as_str())
                            .bind(now)
                            .execute(&mut *write)
                            .await?;
                        if replaced.rows_affected() > 0 {
                            Self::note_ended_jobs(&mut write, tenant, now).await?;
                        }
                    }
                    // In the order in which its entries were given last.
                    sqlx::query(schedules::SET_SCHEDULE)
                        .bind(tenant.as_str())
                        .bind(json::schedule_text(schedule))
                        .execute(&mut *write)
                        .await?;
                    if !is_same {
                        Self::add_first(&mut write, tenant, schedule, now).await?;
                    }
                    Ok(write.commit().await?)
                })
                .await
            }
        }
    };
}
pub(in crate::adapters::ledger) use sql_schedules;
