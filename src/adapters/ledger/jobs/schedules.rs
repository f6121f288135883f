//! Schedules, and the job of each that stands for its next posting time.

pub(in crate::adapters::ledger) const SCHEDULE: &str =
    "SELECT schedule FROM ledger_job_queues WHERE tenant = $1";

pub(in crate::adapters::ledger) const SET_SCHEDULE: &str =
    "UPDATE ledger_job_queues SET schedule = $2 WHERE tenant = $1";

/// Jobs of the schedule that have not begun, those that were moved to another time included.
pub(in crate::adapters::ledger) const REPLACE: &str = "UPDATE ledger_jobs
    SET status = 'cancelled', reason = 'schedule_changed', is_next = 0, ended_at = $2, error = NULL
    WHERE tenant = $1 AND ended_at IS NULL AND begun_at IS NULL AND posting_time IS NOT NULL";

/// How many posting times a turn looks at: one that is too late, the last that has come, and the next.
pub(in crate::adapters::ledger) const STEPS: u32 = 4;

/// Implements [`ScheduleStore`](crate::ports::ScheduleStore) for a type, and what its jobs need.
macro_rules! sql_schedules {
    ($ledger:ty) => {
        impl $ledger {
            /// Makes the job of the posting time that follows one whose job has begun, ended or moved.
            async fn add_following(
                write: &mut Guarded,
                tenant: &TenantName,
                schedule: Option<&str>,
                posting_time: std::time::SystemTime,
                now: i64,
            ) -> Result<(), sqlx::Error> {
                use super::jobs::{record, turns};

                let Some(schedule) = turns::enabled(tenant, schedule) else {
                    return Ok(());
                };
                if let Some(next) = schedule.following(posting_time, record::time(now)) {
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
                        if let Some(first) = schedule.first(moment) {
                            let job = schedule.job_at(first);
                            Self::insert_job(write, tenant, &job, true, now).await?;
                        }
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

            async fn put_schedule(
                &self,
                tenant: &TenantName,
                host: &crate::domain::host::Host,
                schedule: &crate::domain::schedule::Schedule,
            ) -> Result<(), LedgerError> {
                use super::jobs::{json, record, schedules};

                measured(&self.clock, "schedule_put", async {
                    let (mut write, now, before) =
                        self.begin_jobs(Durability::Synced, tenant).await?;
                    Self::set_host(&mut write, tenant, host).await?;
                    if before.as_deref().and_then(json::schedule).as_ref() == Some(schedule) {
                        return Ok(write.commit().await?);
                    }
                    let replaced = sqlx::query(schedules::REPLACE)
                        .bind(tenant.as_str())
                        .bind(now)
                        .execute(&mut *write)
                        .await?;
                    if replaced.rows_affected() > 0 {
                        Self::note_ended_jobs(&mut write, tenant, now).await?;
                    }
                    sqlx::query(schedules::SET_SCHEDULE)
                        .bind(tenant.as_str())
                        .bind(json::schedule_text(schedule))
                        .execute(&mut *write)
                        .await?;
                    if let Some(first) = schedule.first(record::time(now)) {
                        let job = schedule.job_at(first);
                        Self::insert_job(&mut write, tenant, &job, true, now).await?;
                    }
                    Ok(write.commit().await?)
                })
                .await
            }
        }
    };
}
pub(in crate::adapters::ledger) use sql_schedules;
