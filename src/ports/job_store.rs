//! Where jobs are kept, claimed and shared among processes. `docs/decisions/0014-jobs.md` has the reasons.
//!
//! Three traits of one store, in the ledger's database: [`JobStore`] for people, [`JobQueue`] for what carries
//! jobs out, and [`ScheduleStore`] for posting times. What they promise together:
//!
//! - *Durable.* What a call has written when it returns survives the end of the process and of the machine, unless its doc says
//!   otherwise.
//! - *One clock.* What is due, late and over is decided by the database's clock, never by that of a process.
//! - *One after another.* All writes of one tenant's jobs are serial, over all processes.
//! - *The next posting time has its job.* As long as a schedule is enabled, exactly one job stands for its next posting time.
//!   When that job begins, ends or is moved, the one after it is made in the same transaction.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

use super::{Cause, LedgerError};
use crate::domain::{
    host::Host,
    idempotency::ChosenImage,
    job::{AttemptEnd, Job, JobChange, JobId, JobQuery, JobRefusal, JobStatus, NewJob},
    publication::PublishStage,
    schedule::Schedule,
    tenant::TenantName,
};

/// How long a claim holds without being renewed: a job of a process that is gone can be claimed again within a minute, a
/// poll of the queue included. Three renewals, one every [`JOB_CLAIM_RENEWED_EVERY`], can fail before.
pub const JOB_CLAIM_TTL: Duration = Duration::from_secs(45);
/// How often a claim is renewed.
pub const JOB_CLAIM_RENEWED_EVERY: Duration = Duration::from_secs(10);

/// The jobs of all tenants, for people. No call sees a job of another tenant.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Adds a job, and returns it with its number. One without a time is for now. Times are kept in milliseconds. From now
    /// on, the tenant's jobs are carried out under `host`.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. The job may have been added all the same.
    async fn add_job(
        &self,
        tenant: &TenantName,
        host: &Host,
        job: &NewJob,
    ) -> Result<Job, LedgerError>;

    /// The tenant's job of this number.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn find_job(&self, tenant: &TenantName, id: JobId) -> Result<Option<Job>, LedgerError>;

    /// Jobs of a tenant, by the time at which they are to be published, the latest first. A page reads no more rows than it
    /// returns, however many jobs there are.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn list_jobs(
        &self,
        tenant: &TenantName,
        query: &JobQuery,
    ) -> Result<Vec<Job>, LedgerError>;

    /// Does to a job what somebody asks for, in one step with the look at its state, and returns the job as it is then. A job
    /// that a process has claimed meanwhile is not changed under it.
    ///
    /// # Errors
    /// [`JobStoreError`].
    async fn alter_job(
        &self,
        tenant: &TenantName,
        id: JobId,
        command: &JobCommand,
    ) -> Result<Job, JobStoreError>;

    /// The time by the database's clock.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn now(&self) -> Result<SystemTime, LedgerError>;

    /// Counts the jobs of all tenants. Takes longer the more jobs there are, about 40 ms for a million: for metrics, and not
    /// for each request.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn count_jobs(&self) -> Result<JobCounts, LedgerError>;
}

/// The jobs that are due, for the processes that carry them out.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Claims jobs that are due, each for [`JOB_CLAIM_TTL`] from now. No other claim gets them before that is over, and no
    /// tenant has more of them claimed than `per_tenant`, by all processes together and with the slots that requests have
    /// taken ([`PublishSlots`](super::PublishSlots)). Jobs whose claim has ended come first, of their tenant and of all.
    ///
    /// Tenants take turns: one that was served is behind all whose turn was due before, however many jobs it has. A claim
    /// reads as many tenants as it returns jobs, and passes over those at which another claim is. Jobs that have not begun
    /// by `max_late` after their time are missed, and those of a posting time after which a later one has come.
    ///
    /// Need not survive a power cut: then the process is gone, too, and the job is due as before.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. Jobs may be claimed all the same, until their claim ends.
    async fn claim_jobs(&self, terms: &ClaimTerms) -> Result<Vec<ClaimedJob>, LedgerError>;

    /// Holds the claim for another [`JOB_CLAIM_TTL`] from now, and notes how far the attempt has come. Need not survive a
    /// power cut.
    ///
    /// # Errors
    /// [`JobClaimError`].
    async fn renew_claim(
        &self,
        claim: &JobClaim,
        stage: Option<PublishStage>,
    ) -> Result<(), JobClaimError>;

    /// Writes down the image of the job, with the hashes of its content, so that a later attempt does not choose another. It has to be called before
    /// anything is sent, also for a job that names its image: from then on, an attempt that ends with its process is
    /// known to have begun.
    ///
    /// # Errors
    /// [`JobClaimError`]. Nothing must be sent then.
    async fn choose_image(
        &self,
        claim: &JobClaim,
        chosen: &ChosenImage,
    ) -> Result<(), JobClaimError>;

    /// Ends the attempt, as [`Job::finish`] says, and with it the claim. If the tenant is gone, all its jobs that wait are
    /// cancelled, and its schedule is disabled.
    ///
    /// # Errors
    /// [`JobClaimError`]. The job is then claimed again, and the ledger says what has been sent.
    async fn finish_job(&self, claim: &JobClaim, end: &AttemptEnd) -> Result<Job, JobClaimError>;

    /// Deletes jobs that came to their end this long ago, and returns how many those were. Never holds the database for
    /// long.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. What was deleted until then is gone.
    async fn sweep_jobs(&self, kept_for: Duration) -> Result<u64, LedgerError>;
}

/// The schedules of all tenants.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait ScheduleStore: Send + Sync {
    /// The tenant's schedule; `None` if none was ever put.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn schedule(&self, tenant: &TenantName) -> Result<Option<Schedule>, LedgerError>;

    /// The posting times after an instant at which nothing will be published any more: their job has begun or ended, or was
    /// moved to another time.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn passed_over(
        &self,
        tenant: &TenantName,
        after: SystemTime,
    ) -> Result<BTreeSet<SystemTime>, LedgerError>;

    /// Puts the tenant's schedule in the place of the one that was there. Jobs of that one that have not begun are cancelled, and
    /// the first posting time from now on that has had no job gets one. One whose job was cancelled for the change gets
    /// another; one whose job has begun, was cancelled by somebody, or was moved, does not. An equivalent schedule changes no
    /// job. From now on, the tenant's jobs are carried out under `host`.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. It may have been put all the same.
    async fn put_schedule(
        &self,
        tenant: &TenantName,
        host: &Host,
        schedule: &Schedule,
    ) -> Result<(), LedgerError>;
}

/// The jobs of all tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCounts {
    /// How many are in each state; each state is there.
    pub by_status: HashMap<JobStatus, u64>,
    /// For how long something could have been done for a tenant, and was not: more than seconds only where nobody carries
    /// jobs out, or too few do.
    pub overdue: Duration,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobCommand {
    /// [`Job::change`].
    Change(JobChange),
    /// [`Job::approve`].
    Approve {
        /// How late a job can begin.
        max_late: Duration,
    },
    /// [`Job::cancel`].
    Cancel,
    /// [`Job::retry`].
    Retry,
}

/// What a process can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimTerms {
    /// The most jobs.
    pub limit: u32,
    /// The most jobs of one tenant that are claimed at a time, by all processes together.
    pub per_tenant: u32,
    /// How late a job can begin.
    pub max_late: Duration,
}

/// A claim on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobClaim {
    /// The tenant.
    pub tenant: TenantName,
    /// The job.
    pub id: JobId,
    /// The claim. No other has the same.
    pub token: String,
}

/// A job that is to be carried out now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedJob {
    /// The job, which runs from now on.
    pub job: Job,
    /// The host under which the tenant is found: the last one under which somebody added a job or put a schedule. `None` makes
    /// no sense to this version.
    pub host: Option<Host>,
    /// The right to carry it out.
    pub claim: JobClaim,
}

/// Why a job was not altered.
#[derive(Debug, thiserror::Error)]
pub enum JobStoreError {
    /// The tenant has no job of this number.
    #[error("there is no such job")]
    NotFound,
    /// Its state does not allow it.
    #[error(transparent)]
    Refused(#[from] JobRefusal),
    /// The database cannot be read or written at the moment.
    #[error("the ledger is unavailable")]
    Unavailable(#[source] Cause),
}

/// Why an attempt cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum JobClaimError {
    /// The job is another claimant's, or has ended: the former claimant must not go on.
    #[error("the claim on this job is lost")]
    Lost,
    /// The database cannot be read or written at the moment.
    #[error("the ledger is unavailable")]
    Unavailable(#[source] Cause),
}
