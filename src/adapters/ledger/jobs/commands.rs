//! What people do to a job, in one transaction with the look at its state.

/// Implements it for a type, beside `sql_jobs`.
macro_rules! sql_job_commands {
    ($ledger:ty) => {
        impl $ledger {
            /// Does what somebody asks for; `None` if there is no such job.
            async fn write_command(
                &self,
                tenant: &TenantName,
                id: crate::domain::job::JobId,
                command: &crate::ports::JobCommand,
            ) -> Result<
                Option<Result<crate::domain::job::Job, crate::domain::job::JobRefusal>>,
                LedgerError,
            > {
                use super::jobs::{record, requests, turns};
                use crate::domain::job::{JobReason, JobRefusal};

                let (mut write, now, schedule) =
                    self.begin_jobs(Durability::Synced, tenant).await?;
                let Some(found) = Self::load_job(&mut write, tenant, id).await? else {
                    write.roll_back().await?;
                    return Ok(None);
                };
                let was_next = found.is_next.then_some(found.job.posting_time).flatten();
                let moment = record::time(now);
                let before = found.job;
                let (job, refusal) = match requests::obey(before.clone(), command, moment) {
                    // There is nothing to write.
                    Ok(same) if same == before => {
                        write.roll_back().await?;
                        return Ok(Some(Ok(same)));
                    }
                    Ok(job) => (job, None),
                    // Who asks too late sees at once what has become of it.
                    Err(late @ JobRefusal::TooLate) => {
                        let missed = before.miss(JobReason::TooLate, moment);
                        let missed = missed.map_err(|it| LedgerError::Unavailable(it.into()))?;
                        let which = (missed.id.0, record::millis(missed.publish_at));
                        turns::log_missed(tenant, which, JobReason::TooLate);
                        (missed, Some(late))
                    }
                    Err(refusal) => {
                        write.roll_back().await?;
                        return Ok(Some(Err(refusal)));
                    }
                };
                let is_next = was_next.is_some() && requests::stands_for_posting_time(&job);
                Self::save_job(&mut write, &job, (is_next, None), now).await?;
                Self::wake(&mut write, tenant, record::millis(job.due_at).max(now)).await?;
                if let Some(posting_time) = was_next.filter(|_| !is_next) {
                    let schedule = schedule.as_deref();
                    Self::add_following(&mut write, tenant, schedule, posting_time, now).await?;
                }
                write.commit().await?;
                Ok(Some(refusal.map_or(Ok(job), Err)))
            }
        }
    };
}
pub(in crate::adapters::ledger) use sql_job_commands;
