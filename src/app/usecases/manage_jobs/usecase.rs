//! Adding, listing, changing, approving, cancelling and retrying jobs; the schedule.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::error::{JobAction, ManageJobsError};
use crate::{
    app::{
        runtime::{background_tasks::BackgroundTasks, event_hub::EventHub},
        tenancy::tenant::Tenant,
    },
    domain::{
        host::Host,
        job::{Edit, Job, JobChange, JobId, JobOrder, JobPosition, JobQuery, NewJob},
        publication::{PublicationPlan, PublicationRequest},
        schedule::Schedule,
    },
    ports::{IdempotencyStore, JobCommand, JobStore, LedgerError, ScheduleStore},
};

/// How many of the next posting times are shown with a schedule.
pub const NEXT_SHOWN: usize = 5;

/// Adds, lists, changes, approves, cancels and retries jobs, and puts schedules. Clones share everything.
#[derive(Clone)]
pub struct ManageJobs {
    jobs: Arc<dyn JobStore>,
    schedules: Arc<dyn ScheduleStore>,
    pub(super) requests: Arc<dyn IdempotencyStore>,
    pub(super) hub: Arc<EventHub>,
    pub(super) tasks: BackgroundTasks,
    max_late: Duration,
}

/// What [`ManageJobs`] is made of.
pub struct ManageJobsParts {
    /// Keeps the jobs.
    pub jobs: Arc<dyn JobStore>,
    /// Keeps the schedules.
    pub schedules: Arc<dyn ScheduleStore>,
    /// Keeps the keys of requests that are meant to add one job.
    pub requests: Arc<dyn IdempotencyStore>,
    /// Is woken after each change.
    pub hub: Arc<EventHub>,
    /// Finishes what a request has begun when its caller goes away.
    pub tasks: BackgroundTasks,
    /// How late a job can begin.
    pub max_late: Duration,
}

/// One page of a tenant's jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPage {
    /// The jobs, the latest first.
    pub jobs: Vec<Job>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<JobPosition>,
}

/// A tenant's schedule, and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleReport {
    /// The schedule; `None` if none was ever put.
    pub schedule: Option<Schedule>,
    /// The next posting times at which something is to be published, at most [`NEXT_SHOWN`]; none if the schedule is not
    /// followed.
    pub next: Vec<SystemTime>,
}

impl ManageJobs {
    /// A use case of these parts.
    #[must_use]
    pub fn new(parts: ManageJobsParts) -> Self {
        let ManageJobsParts {
            jobs,
            schedules,
            requests,
            hub,
            tasks,
            max_late,
        } = parts;
        Self {
            jobs,
            schedules,
            requests,
            hub,
            tasks,
            max_late,
        }
    }

    /// Adds a job. Without a time it is for now. A time that has passed is for now, too, unless the job would be missed.
    ///
    /// # Errors
    /// [`ManageJobsError`]: the tenant's config does not allow the publication now, the time is too long ago, or the ledger
    /// is unavailable. In the last case it may have been added all the same.
    pub async fn add(
        &self,
        tenant: &Tenant,
        host: &Host,
        order: JobOrder,
        publish_at: Option<SystemTime>,
    ) -> Result<Job, ManageJobsError> {
        let new = self.check(tenant, order, publish_at).await?;
        let job = self.jobs.add_job(tenant.name(), host, &new).await?;
        self.hub.wake();
        Ok(job)
    }

    /// The tenant's jobs that a query asks for.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn list(&self, tenant: &Tenant, query: JobQuery) -> Result<JobPage, LedgerError> {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        // One more job tells whether there is another page.
        let query = JobQuery {
            limit: query.limit.saturating_add(1),
            ..query
        };
        let mut jobs = self.jobs.list_jobs(tenant.name(), &query).await?;
        let has_more = jobs.len() > limit;
        jobs.truncate(limit);
        let next = jobs.last().map(position_of).filter(|_| has_more);
        Ok(JobPage { jobs, next })
    }

    /// One of the tenant's jobs.
    ///
    /// # Errors
    /// [`ManageJobsError::NotFound`], also of a job of another tenant; [`ManageJobsError::Ledger`].
    pub async fn find(&self, tenant: &Tenant, id: JobId) -> Result<Job, ManageJobsError> {
        let found = self.jobs.find_job(tenant.name(), id).await?;
        found.ok_or(ManageJobsError::NotFound)
    }

    /// Changes a job that has not begun.
    ///
    /// # Errors
    /// [`ManageJobsError`]: as for [`add`](Self::add), and where the job is not there or has begun.
    pub async fn change(
        &self,
        tenant: &Tenant,
        id: JobId,
        change: JobChange,
    ) -> Result<Job, ManageJobsError> {
        if let Edit::Set(time) = change.publish_at {
            self.check_time(time).await?;
        }
        let job = self.find(tenant, id).await?;
        let changed = job.change(change.clone());
        let changed = changed.map_err(|it| ManageJobsError::Refused(JobAction::Change, it))?;
        check_plan(tenant, &changed.request())?;
        self.alter(tenant, id, JobCommand::Change(change)).await
    }

    /// Approves a job. It begins at its time, or at once.
    ///
    /// # Errors
    /// [`ManageJobsError`]: it is not there, does not wait for approval, or would begin too late: then it is missed.
    pub async fn approve(&self, tenant: &Tenant, id: JobId) -> Result<Job, ManageJobsError> {
        let max_late = self.max_late;
        self.alter(tenant, id, JobCommand::Approve { max_late })
            .await
    }

    /// Cancels a job that does not run. One that is cancelled already stays as it is.
    ///
    /// # Errors
    /// [`ManageJobsError`]: it is not there, runs, or has ended otherwise.
    pub async fn cancel(&self, tenant: &Tenant, id: JobId) -> Result<Job, ManageJobsError> {
        self.alter(tenant, id, JobCommand::Cancel).await
    }

    /// Has a job tried again now, only for the platforms that failed.
    ///
    /// # Errors
    /// [`ManageJobsError`]: it is not there, has not ended, or failed on no platform.
    pub async fn retry(&self, tenant: &Tenant, id: JobId) -> Result<Job, ManageJobsError> {
        self.alter(tenant, id, JobCommand::Retry).await
    }

    /// The tenant's schedule.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn schedule(&self, tenant: &Tenant) -> Result<ScheduleReport, LedgerError> {
        let schedule = self.schedules.schedule(tenant.name()).await?;
        self.report(tenant, schedule).await
    }

    /// Puts the tenant's schedule in the place of the one that was there.
    ///
    /// # Errors
    /// [`ManageJobsError`]: a schedule that is followed needs what each of its publications needs; the ledger is
    /// unavailable. In the last case the schedule may have been put all the same.
    pub async fn put_schedule(
        &self,
        tenant: &Tenant,
        host: &Host,
        schedule: Schedule,
    ) -> Result<ScheduleReport, ManageJobsError> {
        if schedule.is_enabled() {
            let request = PublicationRequest {
                platforms: schedule.platforms().map(<[_]>::to_vec),
                ..PublicationRequest::default()
            };
            check_plan(tenant, &request)?;
        }
        let put = self.schedules.put_schedule(tenant.name(), host, &schedule);
        put.await?;
        self.hub.wake();
        Ok(self.report(tenant, Some(schedule)).await?)
    }

    async fn alter(
        &self,
        tenant: &Tenant,
        id: JobId,
        command: JobCommand,
    ) -> Result<Job, ManageJobsError> {
        let job = self.jobs.alter_job(tenant.name(), id, &command).await;
        self.hub.wake();
        job.map_err(|error| ManageJobsError::of((&command).into(), error))
    }

    async fn report(
        &self,
        tenant: &Tenant,
        schedule: Option<Schedule>,
    ) -> Result<ScheduleReport, LedgerError> {
        let Some(followed) = schedule.as_ref().filter(|it| it.is_enabled()) else {
            let next = Vec::new();
            return Ok(ScheduleReport { schedule, next });
        };
        let now = self.jobs.now().await?;
        let passed_over = self.schedules.passed_over(tenant.name(), now).await?;
        let coming = followed.coming(now);
        let next = coming.filter(|time| !passed_over.contains(time));
        let next = next.take(NEXT_SHOWN).collect();
        Ok(ScheduleReport { schedule, next })
    }

    /// Checks what is known of a job's publication before its time.
    pub(super) async fn check(
        &self,
        tenant: &Tenant,
        order: JobOrder,
        publish_at: Option<SystemTime>,
    ) -> Result<NewJob, ManageJobsError> {
        if let Some(time) = publish_at {
            self.check_time(time).await?;
        }
        let new = NewJob {
            order,
            publish_at,
            posting_time: None,
        };
        let order = new.order.clone();
        let request = PublicationRequest {
            platforms: order.platforms,
            caption: order.caption,
            captions: order.captions,
            dry_run: false,
            allow_empty_caption: order.allow_empty_caption,
            force: order.force,
        };
        check_plan(tenant, &request)?;
        Ok(new)
    }

    /// Refuses a time at which a job would be missed at once, by the clock that would decide so.
    async fn check_time(&self, time: SystemTime) -> Result<(), ManageJobsError> {
        let now = self.jobs.now().await?;
        let late = now.duration_since(time).unwrap_or_default();
        if late > self.max_late {
            return Err(ManageJobsError::TooLongAgo(self.max_late));
        }
        Ok(())
    }
}

/// Refuses what the tenant's config does not allow now, and captions of which nothing would be left. It is planned again when
/// the job is carried out.
fn check_plan(tenant: &Tenant, request: &PublicationRequest) -> Result<(), ManageJobsError> {
    let plan = PublicationPlan::new(&tenant.config(), request)?;
    if !request.has_captions() || request.allow_empty_caption {
        return Ok(());
    }
    let settings = tenant.settings();
    let hashtags = &settings.content.hashtag_string;
    for (platform, rules) in settings.platforms.rules_of(plan.platforms()) {
        let caption = request.caption_for(platform).unwrap_or_default();
        if rules.fit_with_own_hashtags(caption, hashtags).is_empty() {
            let field = match &request.captions {
                Some(_) => format!("captions.{platform}"),
                None => "caption".to_owned(),
            };
            return Err(ManageJobsError::NothingLeft { platform, field });
        }
    }
    Ok(())
}

/// The place of a job in the list.
fn position_of(job: &Job) -> JobPosition {
    let since = job.publish_at.duration_since(SystemTime::UNIX_EPOCH);
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    JobPosition {
        publish_at_ms: since.map_or_else(|before| -millis(before.duration()), millis),
        id: job.id,
    }
}
