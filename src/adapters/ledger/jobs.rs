//! Jobs: the SQL that both databases accept. Used by `statements.rs`. `jobs/queue.rs` has what claimants do, `jobs/turns.rs`
//! the turns of tenants, `jobs/schedules.rs` posting times, `jobs/commands.rs` and `jobs/requests.rs` what people ask for, `jobs/events.rs` what is told
//! of all that, `jobs/slots.rs` publications that are no jobs, `jobs/idle.rs` tenants that have nothing left, `jobs/record.rs` and
//! `jobs/json.rs` the columns.
//!
//! Every write of a tenant's jobs first takes the tenant's row in `ledger_job_queues` (`LOCK`), and so is alone with them.
//! That row is the queue, too: `turn_at` is no later than the time at which something can be done for the tenant, and one
//! index finds the tenants whose turn it is. A turn that finds nothing sets it right; so writes only ever move it
//! forward (`WAKE`).
//!
//! A claim is the due time of a running job, as in `usage.rs`.
//!
//! Jobs are not taken over from another ledger (`merge.rs`): a job that two ledgers carried out would be published twice.

pub(super) mod commands;
pub(super) mod events;
pub(super) mod idle;
pub(super) mod json;
pub(super) mod queue;
pub(super) mod record;
pub(super) mod requests;
pub(super) mod schedules;
pub(super) mod slots;
pub(super) mod turns;

use self::record::job_columns;

/// Takes the tenant's row until the end of the transaction, and reads its schedule.
pub(super) const LOCK: &str = "INSERT INTO ledger_job_queues (tenant) VALUES ($1)
    ON CONFLICT (tenant) DO UPDATE SET tenant = excluded.tenant RETURNING schedule";

/// Under which host the tenant is found.
pub(super) const SET_HOST: &str = "UPDATE ledger_job_queues SET host = $2
    WHERE tenant = $1 AND host IS DISTINCT FROM $2";

/// Looks at the tenant's jobs at this time, or earlier.
pub(super) const WAKE: &str = "UPDATE ledger_job_queues SET turn_at = $2
    WHERE tenant = $1 AND (turn_at IS NULL OR turn_at > $2)";

pub(super) const INSERT: &str = concat!(
    "INSERT INTO ledger_jobs
        (tenant, status, filename, what, publish_at, posting_time, is_next, due_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ",
    job_columns!()
);

/// Everything of a job that can change. A claim that is not kept ends.
pub(super) const SAVE: &str = "UPDATE ledger_jobs SET status = $2, filename = $3, what = $4,
        publish_at = $5, is_next = $6, due_at = $7, begun_at = $8, ended_at = $9, attempts = $10,
        failures = $11, interrupted = $12, remaining = $13, results = $14, stage = $15,
        reason = $16, error = $17, claim = $18, approved_at = $19
    WHERE id = $1";

pub(super) const FIND: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM ledger_jobs WHERE tenant = $1 AND id = $2"
);

/// The filters and the place in the list are parts of one index, in its order. `$2` and `$3` are bounds of the time.
pub(super) const LIST: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM ledger_jobs WHERE tenant = $1 AND publish_at >= $2 AND publish_at <= $3
        AND (publish_at, id) < ($4, $5)
    ORDER BY publish_at DESC, id DESC LIMIT $6"
);

/// Reads a narrow index as a whole: about 40 ms for a million jobs.
pub(super) const COUNT: &str = "SELECT status, count(*) FROM ledger_jobs GROUP BY status";

/// The turn that is due first, or was.
pub(super) const FIRST_TURN: &str =
    "SELECT min(turn_at) FROM ledger_job_queues WHERE turn_at IS NOT NULL";

/// Implements [`JobStore`](crate::ports::JobStore) for a type, beside `sql_job_commands`, `sql_turns`,
/// `sql_job_queue`, `sql_schedules` and `sql_job_events`. `$patience`
/// has a transaction that its process leaves alone ended by the server; `$by_status` names the index of a list by state.
macro_rules! sql_jobs {
    (
        $ledger:ty,
        patience: $patience:expr,
        by_status: $by_status:literal
    ) => {
        /// `SQLite` takes the index of the whole list to be as good.
        pub(super) const LIST_BY_STATUS: &str = concat!(
            "SELECT ",
            super::jobs::record::job_columns!(),
            " FROM ledger_jobs ",
            $by_status,
            " WHERE tenant = $1 AND status = $7 AND publish_at >= $2 AND publish_at <= $3
                AND (publish_at, id) < ($4, $5)
            ORDER BY publish_at DESC, id DESC LIMIT $6"
        );

        impl $ledger {
            /// Begins a write of a tenant's jobs, alone with them, and returns the tenant's schedule in its column.
            async fn begin_jobs(
                &self,
                durability: Durability,
                tenant: &TenantName,
            ) -> Result<(Guarded, i64, Option<String>), sqlx::Error> {
                let (mut write, now) = self.begin_patiently(durability).await?;
                let schedule: Option<String> = sqlx::query_scalar(super::jobs::LOCK)
                    .bind(tenant.as_str())
                    .fetch_one(&mut *write)
                    .await?;
                Ok((write, now, schedule))
            }

            /// Begins a write that the server ends if this process leaves it alone.
            pub(super) async fn begin_patiently(
                &self,
                durability: Durability,
            ) -> Result<(Guarded, i64), sqlx::Error> {
                let (mut write, now) = self.begin(durability).await?;
                let patience: Option<&'static str> = $patience;
                if let Some(patience) = patience {
                    write.execute(sqlx::raw_sql(patience)).await?;
                }
                Ok((write, now))
            }

            /// Notes under which host the tenant is found, whose row is taken.
            async fn set_host(
                write: &mut Guarded,
                tenant: &TenantName,
                host: &crate::domain::host::Host,
            ) -> Result<(), sqlx::Error> {
                sqlx::query(super::jobs::SET_HOST)
                    .bind(tenant.as_str())
                    .bind(host.as_str().to_owned())
                    .execute(&mut **write)
                    .await?;
                Ok(())
            }

            /// Adds a job to the tenant's, whose row is taken.
            async fn insert_job(
                write: &mut Guarded,
                tenant: &TenantName,
                new: &crate::domain::job::NewJob,
                is_next: bool,
                now: i64,
            ) -> Result<crate::domain::job::Job, sqlx::Error> {
                use super::jobs::record::{self, millis};

                let id = crate::domain::job::JobId(0);
                let job = new.clone().into_job(id, tenant.clone(), record::time(now));
                let texts = record::Texts::from(&job);
                let row = sqlx::query(super::jobs::INSERT)
                    .bind(tenant.as_str())
                    .bind(job.status.as_str())
                    .bind(
                        job.order
                            .image
                            .as_ref()
                            .map(|image| image.as_str().to_owned()),
                    )
                    .bind(texts.what)
                    .bind(millis(job.publish_at))
                    .bind(job.posting_time.map(millis))
                    .bind(i64::from(is_next))
                    .bind(millis(job.due_at))
                    .bind(now)
                    .fetch_one(&mut **write)
                    .await?;
                let job = record::job(&row)?.job;
                Self::wake(write, tenant, millis(job.due_at).max(now)).await?;
                Self::note_job(write, tenant, job.id, now).await?;
                Ok(job)
            }

            async fn wake(
                write: &mut Guarded,
                tenant: &TenantName,
                at: i64,
            ) -> Result<(), sqlx::Error> {
                sqlx::query(super::jobs::WAKE)
                    .bind(tenant.as_str())
                    .bind(at)
                    .execute(&mut **write)
                    .await?;
                Ok(())
            }

            /// Writes a job of the tenant whose row is taken.
            async fn save_job(
                write: &mut Guarded,
                job: &crate::domain::job::Job,
                (is_next, claim): (bool, Option<&str>),
                now: i64,
            ) -> Result<(), sqlx::Error> {
                use super::jobs::record::{self, millis};

                let texts = record::Texts::from(job);
                let saved = sqlx::query(super::jobs::SAVE)
                    .bind(job.id.0)
                    .bind(job.status.as_str())
                    .bind(
                        job.order
                            .image
                            .as_ref()
                            .map(|image| image.as_str().to_owned()),
                    )
                    .bind(texts.what)
                    .bind(millis(job.publish_at))
                    .bind(i64::from(is_next))
                    .bind(millis(job.due_at))
                    .bind(job.begun_at.map(millis))
                    .bind(job.ended_at.map(millis))
                    .bind(i64::from(job.attempts))
                    .bind(i64::from(job.failures))
                    .bind(i64::from(job.interrupted))
                    .bind(texts.remaining)
                    .bind(texts.results)
                    .bind(
                        job.stage
                            .map(crate::domain::publication::PublishStage::as_str),
                    )
                    .bind(job.reason.map(crate::domain::job::JobReason::as_str))
                    .bind(texts.error)
                    .bind(claim)
                    .bind(job.approved_at.map(millis))
                    .execute(&mut **write)
                    .await?;
                // It has been swept since it was read.
                if saved.rows_affected() == 0 {
                    return Err(sqlx::Error::RowNotFound);
                }
                Self::note_job(write, &job.tenant, job.id, now).await
            }

            async fn load_job(
                connection: &mut Guarded,
                tenant: &TenantName,
                id: crate::domain::job::JobId,
            ) -> Result<Option<super::jobs::record::JobRecord>, sqlx::Error> {
                let row = sqlx::query(super::jobs::FIND)
                    .bind(tenant.as_str())
                    .bind(id.0)
                    .fetch_optional(&mut **connection)
                    .await?;
                row.as_ref().map(super::jobs::record::job).transpose()
            }
        }

        #[async_trait]
        impl crate::ports::JobStore for $ledger {
            async fn add_job(
                &self,
                tenant: &TenantName,
                host: &crate::domain::host::Host,
                job: &crate::domain::job::NewJob,
            ) -> Result<crate::domain::job::Job, LedgerError> {
                measured(&self.clock, "job_add", async {
                    let (mut write, now, _) = self.begin_jobs(Durability::Synced, tenant).await?;
                    Self::set_host(&mut write, tenant, host).await?;
                    let job = Self::insert_job(&mut write, tenant, job, false, now).await?;
                    write.commit().await?;
                    Ok(job)
                })
                .await
            }

            async fn find_job(
                &self,
                tenant: &TenantName,
                id: crate::domain::job::JobId,
            ) -> Result<Option<crate::domain::job::Job>, LedgerError> {
                measured(&self.clock, "job_find", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let found = Self::load_job(&mut alone, tenant, id).await?;
                    alone.give_back();
                    Ok(found.map(|found| found.job))
                })
                .await
            }

            async fn list_jobs(
                &self,
                tenant: &TenantName,
                query: &crate::domain::job::JobQuery,
            ) -> Result<Vec<crate::domain::job::Job>, LedgerError> {
                use super::jobs::{LIST, record, requests};

                measured(&self.clock, "job_list", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let [from, to, after, after_id] = requests::range(query);
                    let statement = if query.status.is_some() {
                        LIST_BY_STATUS
                    } else {
                        LIST
                    };
                    let mut page = sqlx::query(statement)
                        .bind(tenant.as_str())
                        .bind(from)
                        .bind(to)
                        .bind(after)
                        .bind(after_id)
                        .bind(i64::from(query.limit));
                    if let Some(status) = query.status {
                        page = page.bind(status.as_str());
                    }
                    let rows = page.fetch_all(&mut *alone).await?;
                    alone.give_back();
                    let jobs = rows.iter().map(|row| Ok(record::job(row)?.job));
                    Ok(jobs.collect::<Result<_, sqlx::Error>>()?)
                })
                .await
            }

            async fn alter_job(
                &self,
                tenant: &TenantName,
                id: crate::domain::job::JobId,
                command: &crate::ports::JobCommand,
            ) -> Result<crate::domain::job::Job, crate::ports::JobStoreError> {
                use crate::ports::JobStoreError;

                let written = self.write_command(tenant, id, command);
                let written = measured(&self.clock, "job_alter", written).await;
                match written.map_err(super::jobs::requests::unavailable)? {
                    Some(result) => Ok(result?),
                    None => Err(JobStoreError::NotFound),
                }
            }

            async fn now(&self) -> Result<std::time::SystemTime, LedgerError> {
                measured(&self.clock, "job_now", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let now = self.now(&mut alone).await?;
                    alone.give_back();
                    Ok(super::jobs::record::time(now))
                })
                .await
            }

            async fn count_jobs(&self) -> Result<crate::ports::JobCounts, LedgerError> {
                measured(&self.clock, "job_count", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let rows = sqlx::query_as(super::jobs::COUNT)
                        .fetch_all(&mut *alone)
                        .await?;
                    let first: Option<i64> = sqlx::query_scalar(super::jobs::FIRST_TURN)
                        .fetch_one(&mut *alone)
                        .await?;
                    let now = self.now(&mut alone).await?;
                    alone.give_back();
                    let overdue = now.saturating_sub(first.unwrap_or(now));
                    Ok(crate::ports::JobCounts {
                        by_status: super::jobs::requests::counts(rows),
                        overdue: std::time::Duration::from_millis(
                            u64::try_from(overdue).unwrap_or(0),
                        ),
                    })
                })
                .await
            }
        }
    };
}
pub(super) use sql_jobs;
