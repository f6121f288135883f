//! `/api/jobs`: publications that no request waits for.

use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Path, Query},
    payload::Json,
    types::{ParseFromJSON as _, ToJSON as _},
};

use super::{
    auth::Admin,
    dto::{
        job_request::{JobChange, JobRequest, parse_time},
        jobs::{Job, JobList, JobStatus, id_of, position_of},
        problem::FieldError,
    },
    error::ApiError,
    idempotency_key::SentKey,
    json_body::{Fields, JsonBody},
    problem::ProblemKind,
    request_facts::CallerOrigin,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::{
    app::usecases::manage_jobs::{JobAnswer, ManageJobs},
    domain::{
        caption::is_blank,
        job::{self, Edit, JobId, JobOrder, JobQuery},
    },
};

/// The default length of a page.
const DEFAULT_LIMIT: u32 = 50;

pub(super) struct JobsApi {
    pub(super) jobs: ManageJobs,
}

/// A job that was added.
#[derive(ApiResponse)]
enum Added {
    /// The job.
    #[oai(status = 201)]
    Job(
        Json<Job>,
        /// The path of the job.
        #[oai(header = "Location")]
        String,
        /// `true` when this is the first answer to a request under the same key.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[OpenApi]
impl JobsApi {
    /// Add a job.
    ///
    /// For publications at a time, in the background, or after somebody has approved them: the image is published as
    /// `publishImage` or `publishNextImage` does it, when its time has come, whether this service was restarted meanwhile or
    /// not. A job is carried out once. What fails for a reason that passes is tried again after 1, 5 and 15 minutes, only
    /// on the platforms that failed.
    ///
    /// The tenant's config must allow the publication now, too; whether there is such an image is found out at the time. A job
    /// that has not begun an hour after its time (`JOBS_MAX_LATE_MINUTES`) is `missed`. The body may be left out: then the
    /// next image is published now.
    #[oai(
        path = "/api/jobs",
        method = "post",
        operation_id = "addJob",
        tag = "Tag::Jobs"
    )]
    async fn add_job(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        origin: CallerOrigin,
        /// Makes the request safe to repeat: for 24 hours, requests with the same key get the first answer
        /// again, and no second job is added. 1 to 255 visible ASCII characters, such as a UUID.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: SentKey,
        body: JsonBody<JobRequest>,
    ) -> Result<Added, ApiError> {
        let mut fields = body.into_fields();
        let key = idempotency_key.read(&mut fields);
        let (order, publish_at) = JobRequest::read(&mut fields);
        let order = fields.finish_with(Some(order))?;
        refuse_blank(texts_of(&order))?;
        let host = origin.host;
        let added = self
            .jobs
            .add_once(tenant, host, order, publish_at, key, write_down);
        let (job, replayed) = answer(added.await?)?;
        let location = location_of(&job);
        Ok(Added::Job(Json(job), location, replayed))
    }

    /// Which jobs are there?
    ///
    /// For a queue and its history: the tenant's jobs, by the time at which they are to be published, the latest first. A
    /// job must pass all filters. Jobs that came to their end are kept for 90 days (`JOBS_KEEP_DAYS`).
    #[oai(
        path = "/api/jobs",
        method = "get",
        operation_id = "listJobs",
        tag = "Tag::Jobs"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each parameter of the operation is one"
    )]
    async fn list_jobs(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        /// Only jobs in this state.
        status: Query<Option<JobStatus>>,
        /// The largest number of jobs; left out, 50.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The beginning of the page: `next_cursor` of the page before.
        #[oai(validator(max_length = 64))]
        cursor: Query<Option<String>>,
        /// Only jobs to be published at this time or later: RFC 3339 with an offset. A `+` is written `%2B` in a query.
        from: Query<Option<String>>,
        /// Only jobs to be published before this time: RFC 3339 with an offset. A `+` is written `%2B` in a query.
        to: Query<Option<String>>,
    ) -> Result<Json<JobList>, ApiError> {
        let mut fields = Fields::default();
        let query = JobQuery {
            status: status.0.map(Into::into),
            from: from.0.and_then(|it| parse_time(&mut fields, "from", &it)),
            to: to.0.and_then(|it| parse_time(&mut fields, "to", &it)),
            after: cursor.0.and_then(|cursor| {
                let position = position_of(&cursor);
                if position.is_none() {
                    let rule = "must be the `next_cursor` of a page";
                    fields.reject(FieldError::new("cursor", rule));
                }
                position
            }),
            limit: limit.0.unwrap_or(DEFAULT_LIMIT),
        };
        let query = fields.finish_with(Some(query))?;
        let page = self.jobs.list(&tenant, query).await;
        let page = page.map_err(|error| ApiError::from_ledger(error, "Try again later."))?;
        Ok(Json(page.into()))
    }

    /// How is a job?
    ///
    /// For one who has added a job, or was given its `Location`: the job as it is now.
    #[oai(
        path = "/api/jobs/:id",
        method = "get",
        operation_id = "getJob",
        tag = "Tag::Jobs"
    )]
    async fn job(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        /// The `id` of the job.
        id: Path<String>,
    ) -> Result<Json<Job>, ApiError> {
        let job = self.jobs.find(&tenant, job_id(&id)?).await?;
        Ok(Json(job.into()))
    }

    /// Change a job.
    ///
    /// For a job that has not begun: its time, its captions and its platforms. A job of a posting time that gets another time
    /// stays as it is when the schedule is changed, and the posting time gets no other job.
    #[oai(
        path = "/api/jobs/:id",
        method = "patch",
        operation_id = "changeJob",
        tag = "Tag::Jobs"
    )]
    async fn change_job(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        /// The `id` of the job.
        id: Path<String>,
        body: JsonBody<JobChange>,
    ) -> Result<Json<Job>, ApiError> {
        let id = job_id(&id)?;
        let mut fields = body.into_fields();
        let change = JobChange::read(&mut fields);
        let change = fields.finish_with(Some(change))?;
        refuse_blank(texts_of_change(&change))?;
        Ok(Json(self.jobs.change(&tenant, id, change).await?.into()))
    }

    /// Approve a job.
    ///
    /// For a job that waits for somebody's yes (`awaiting_approval`): it is carried out at its time, or at once if that has
    /// passed. If it would begin too late, it is `missed`.
    #[oai(
        path = "/api/jobs/:id/approve",
        method = "post",
        operation_id = "approveJob",
        tag = "Tag::Jobs"
    )]
    async fn approve_job(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        /// The `id` of the job.
        id: Path<String>,
    ) -> Result<Json<Job>, ApiError> {
        let job = self.jobs.approve(&tenant, job_id(&id)?).await?;
        Ok(Json(job.into()))
    }

    /// Cancel a job.
    ///
    /// For a job that is not to be carried out, or not to be tried again. One that is `running` cannot be stopped: it may have
    /// sent something already.
    #[oai(
        path = "/api/jobs/:id/cancel",
        method = "post",
        operation_id = "cancelJob",
        tag = "Tag::Jobs"
    )]
    async fn cancel_job(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        /// The `id` of the job.
        id: Path<String>,
    ) -> Result<Json<Job>, ApiError> {
        let job = self.jobs.cancel(&tenant, job_id(&id)?).await?;
        Ok(Json(job.into()))
    }

    /// Try a job again.
    ///
    /// For a job that is `failed`, or `done` with platforms that failed: it is carried out again now, and sends only to the
    /// platforms that failed. A platform whose result is `unknown` gets nothing: see `checkPublication`.
    #[oai(
        path = "/api/jobs/:id/retry",
        method = "post",
        operation_id = "retryJob",
        tag = "Tag::Jobs"
    )]
    async fn retry_job(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        /// The `id` of the job.
        id: Path<String>,
    ) -> Result<Json<Job>, ApiError> {
        let job = self.jobs.retry(&tenant, job_id(&id)?).await?;
        Ok(Json(job.into()))
    }
}

/// The job of a path.
fn job_id(id: &str) -> Result<JobId, ApiError> {
    id_of(id).ok_or_else(ApiError::no_job)
}

/// The path of a job.
pub(super) fn location_of(job: &Job) -> String {
    format!("/api/jobs/{}", job.id)
}

/// The job as JSON: as it is stored for later requests with its key.
pub(super) fn write_down(job: &job::Job) -> String {
    Job::from(job.clone()).to_json_string()
}

/// The job of an answer, and the value of `Idempotency-Replayed`.
///
/// # Errors
/// `internal` for a recorded answer that this version cannot read.
pub(super) fn answer(answer: JobAnswer) -> Result<(Job, Option<String>), ApiError> {
    match answer {
        JobAnswer::First(job) => Ok((Job::from(*job), None)),
        JobAnswer::Replayed(text) => {
            let job = Job::parse_from_json_string(&text);
            let job = job.map_err(|error| {
                ApiError::internal().caused_by(UnreadableJob(error.into_message()))
            })?;
            Ok((job, Some("true".to_owned())))
        }
    }
}

/// Refuses captions of which nothing would be seen.
///
/// # Errors
/// `caption-required`.
pub(super) fn refuse_blank<'a>(
    mut captions: impl Iterator<Item = &'a String>,
) -> Result<(), ApiError> {
    if captions.any(|text| is_blank(text)) {
        let detail = "Nothing of a caption would be seen. Without `caption` and `captions`, captions are written; \
                      to leave a platform out, name fewer in `platforms`.";
        return Err(ApiError::new(ProblemKind::CaptionRequired, detail));
    }
    Ok(())
}

fn texts_of(order: &JobOrder) -> impl Iterator<Item = &String> {
    let given = order.captions.iter().flat_map(|all| all.values());
    order.caption.iter().chain(given)
}

fn texts_of_change(change: &job::JobChange) -> impl Iterator<Item = &String> {
    let caption = match &change.caption {
        Edit::Set(caption) => caption.as_ref(),
        Edit::Keep => None,
    };
    let captions = match &change.captions {
        Edit::Set(captions) => captions.as_ref(),
        Edit::Keep => None,
    };
    caption
        .into_iter()
        .chain(captions.into_iter().flat_map(|all| all.values()))
}

/// A stored job that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("a stored job cannot be read: {0}")]
struct UnreadableJob(String);
