//! What the processes do that carry jobs out: claim, renew, choose an image, end an attempt; and what goes with time.

pub(in crate::adapters::ledger) const RENEW: &str = "UPDATE ledger_jobs
    SET due_at = $4, stage = COALESCE($5, stage)
    WHERE tenant = $1 AND id = $2 AND claim = $3 AND status = 'running'";

pub(in crate::adapters::ledger) const CHOOSE: &str = "UPDATE ledger_jobs
    SET due_at = $4, filename = $5, hashes = $6
    WHERE tenant = $1 AND id = $2 AND claim = $3 AND status = 'running'";

pub(in crate::adapters::ledger) const IS_CLAIMED: &str = "SELECT count(*) FROM ledger_jobs
    WHERE tenant = $1 AND id = $2 AND claim = $3 AND status = 'running'";

/// Jobs that wait for their time, for a yes, or for their next attempt.
pub(in crate::adapters::ledger) const CANCEL_WAITING: &str = "UPDATE ledger_jobs
    SET status = 'cancelled', reason = $3, is_next = 0, ended_at = $2, error = NULL
    WHERE tenant = $1 AND ended_at IS NULL AND status <> 'running'";

/// One whose posting time is to come is kept until then: it says that the posting time has had its job. A quarter of
/// `retention::ROWS` at a time: each row is in six indexes, and has texts.
pub(in crate::adapters::ledger) const SWEEP: &str = "DELETE FROM ledger_jobs
    WHERE id IN (SELECT id FROM ledger_jobs
            WHERE ended_at IS NOT NULL AND ended_at <= $1
                AND (posting_time IS NULL OR posting_time <= $1)
            ORDER BY ended_at LIMIT $2 / 4)
        AND ended_at <= $1";

/// Implements [`JobQueue`](crate::ports::JobQueue) for a type.
macro_rules! sql_job_queue {
    ($ledger:ty) => {
        impl $ledger {
            /// Ends an attempt.
            async fn write_end(
                &self,
                claim: &crate::ports::JobClaim,
                end: &crate::domain::job::AttemptEnd,
            ) -> Result<crate::domain::job::Job, LedgerError> {
                use super::jobs::{json, queue, record, turns};
                use crate::domain::job::{AttemptEnd, JobReason};

                let tenant = &claim.tenant;
                let (mut write, now, schedule) =
                    self.begin_jobs(Durability::Synced, tenant).await?;
                let is_claimed: i64 = sqlx::query_scalar(queue::IS_CLAIMED)
                    .bind(tenant.as_str())
                    .bind(claim.id.0)
                    .bind(&claim.token)
                    .fetch_one(&mut *write)
                    .await?;
                let found = Self::load_job(&mut write, tenant, claim.id).await?;
                let Some(found) = found.filter(|_| is_claimed == 1) else {
                    write.roll_back().await?;
                    return Err(LedgerError::LeaseLost);
                };
                let job = found.job.finish(end.clone(), record::time(now));
                let job = job.map_err(|refusal| LedgerError::Unavailable(refusal.into()))?;
                Self::save_job(&mut write, &job, (false, None), now).await?;
                if matches!(end, AttemptEnd::TenantGone) {
                    let cancelled = sqlx::query(queue::CANCEL_WAITING)
                        .bind(tenant.as_str())
                        .bind(now)
                        .bind(JobReason::TenantGone.as_str())
                        .execute(&mut *write)
                        .await?;
                    if cancelled.rows_affected() > 0 {
                        Self::note_ended_jobs(&mut write, tenant, now).await?;
                    }
                    if let Some(schedule) = turns::enabled(tenant, schedule.as_deref()) {
                        sqlx::query(super::jobs::schedules::SET_SCHEDULE)
                            .bind(tenant.as_str())
                            .bind(json::schedule_text(&schedule.disabled()))
                            .execute(&mut *write)
                            .await?;
                    }
                }
                Self::wake(&mut write, tenant, now).await?;
                write.commit().await?;
                Ok(job)
            }

            /// Runs a statement for the claimant, with the end of its claim from now on. One that has to be on the disk
            /// changes the job.
            async fn write_as_claimant(
                &self,
                claim: &crate::ports::JobClaim,
                (statement, durability): (&'static str, Durability),
                values: &[Option<&str>],
            ) -> Result<(), LedgerError> {
                let (mut write, now, _) = self.begin_jobs(durability, &claim.tenant).await?;
                let until = duration_millis(crate::ports::JOB_CLAIM_TTL);
                let mut statement = sqlx::query(statement)
                    .bind(claim.tenant.as_str())
                    .bind(claim.id.0)
                    .bind(&claim.token)
                    .bind(now.saturating_add(until));
                for value in values {
                    statement = statement.bind(value.map(str::to_owned));
                }
                let written = statement.execute(&mut *write).await?;
                if written.rows_affected() == 0 {
                    write.roll_back().await?;
                    return Err(LedgerError::LeaseLost);
                }
                if matches!(durability, Durability::Synced) {
                    Self::note_job(&mut write, &claim.tenant, claim.id, now).await?;
                }
                Ok(write.commit().await?)
            }
        }

        #[async_trait]
        impl crate::ports::JobQueue for $ledger {
            async fn claim_jobs(
                &self,
                terms: &crate::ports::ClaimTerms,
            ) -> Result<Vec<crate::ports::ClaimedJob>, LedgerError> {
                measured(&self.clock, "job_claim", async {
                    // A look keeps nobody from writing, and waits for nobody who writes.
                    if !self.is_turn_due().await? {
                        return Ok(Vec::new());
                    }
                    let (mut write, now) = self.begin_patiently(Durability::Volatile).await?;
                    let claimed = Self::give_turns(&mut write, terms, now).await?;
                    write.commit().await?;
                    Ok(claimed)
                })
                .await
            }

            async fn renew_claim(
                &self,
                claim: &crate::ports::JobClaim,
                stage: Option<crate::domain::publication::PublishStage>,
            ) -> Result<(), crate::ports::JobClaimError> {
                let stage = stage.map(crate::domain::publication::PublishStage::as_str);
                let renew = (super::jobs::queue::RENEW, Durability::Volatile);
                let values = [stage];
                let written = self.write_as_claimant(claim, renew, &values);
                let written = measured(&self.clock, "job_renew", written).await;
                written.map_err(super::jobs::requests::claim_error)
            }

            async fn choose_image(
                &self,
                claim: &crate::ports::JobClaim,
                chosen: &crate::domain::idempotency::ChosenImage,
            ) -> Result<(), crate::ports::JobClaimError> {
                let choose = (super::jobs::queue::CHOOSE, Durability::Synced);
                let hashes = super::hashes::texts(&chosen.hashes);
                let values = [Some(chosen.name.as_str()), Some(&*hashes)];
                let written = self.write_as_claimant(claim, choose, &values);
                let written = measured(&self.clock, "job_choose", written).await;
                written.map_err(super::jobs::requests::claim_error)
            }

            async fn finish_job(
                &self,
                claim: &crate::ports::JobClaim,
                end: &crate::domain::job::AttemptEnd,
            ) -> Result<crate::domain::job::Job, crate::ports::JobClaimError> {
                let ended = measured(&self.clock, "job_finish", self.write_end(claim, end)).await;
                ended.map_err(super::jobs::requests::claim_error)
            }

            async fn sweep_jobs(&self, kept_for: std::time::Duration) -> Result<u64, LedgerError> {
                use super::jobs::{queue, slots};

                let jobs = self.drop_old(queue::SWEEP, kept_for).await?;
                self.drop_old(slots::DROP, slots::KEPT_FOR).await?;
                self.drop_idle_tenants(kept_for).await?;
                Ok(jobs)
            }
        }
    };
}
pub(in crate::adapters::ledger) use sql_job_queue;
