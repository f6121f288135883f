//! `/api/jobs`: publications that no request waits for.

mod sent_query;

use std::{collections::BTreeMap, fmt::Display};

use poem_openapi::{
    ApiResponse, OpenApi,
    param::Path,
    payload::Json,
    types::{ParseFromJSON as _, ToJSON as _},
};

use self::sent_query::SentParam;
use super::{
    auth::Admin,
    dto::{
        job_request::{JobChange, JobRequest},
        jobs::{Job, JobList, JobStatus, id_of, position_of},
        problem::FieldError,
    },
    error::ApiError,
    idempotency_key::SentKey,
    json_body::{Fields, JsonBody},
    problem::ProblemKind,
    raw_header::RawHeader,
    request_facts::CallerOrigin,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::{
    app::usecases::manage_jobs::{JobAnswer, ManageJobs},
    domain::{
        caption::is_blank,
        job::{self, Edit, JobId, JobQuery},
        rfc3339,
    },
};

/// The default length of a page.
const DEFAULT_LIMIT: u32 = 50;
/// The longest page.
const MAX_LIMIT: u32 = 200;

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
        RawHeader(idempotency_key): RawHeader<SentKey>,
        body: JsonBody<JobRequest>,
    ) -> Result<Added, ApiError> {
        let mut fields = body.into_fields();
        let key = idempotency_key.read(&mut fields);
        let (order, publish_at) = JobRequest::read(&mut fields);
        let order = fields.finish_with(Some(order))?;
        refuse_blank(order.caption.as_ref(), order.captions.as_ref())?;
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
        status: SentParam<JobStatus>,
        /// The largest number of jobs; left out, 50.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: SentParam<u32>,
        /// The beginning of the page: `next_cursor` of the page before.
        #[oai(validator(max_length = 64))]
        cursor: SentParam<String>,
        /// Only jobs to be published at this time or later: RFC 3339 with an offset. A `+` is written `%2B` in a query.
        from: SentParam<String>,
        /// Only jobs to be published before this time, which is not before `from`: RFC 3339 with an offset. A `+` is written
        /// `%2B` in a query.
        to: SentParam<String>,
    ) -> Result<Json<JobList>, ApiError> {
        let mut fields = Fields::default();
        let names = job::JobStatus::ALL.map(job::JobStatus::as_str).join(", ");
        let known = format!("must be one of: {names}");
        let within = format!("must be a number from 1 to {MAX_LIMIT}");
        let (time, page) = (rfc3339::RULE, "must be the `next_cursor` of a page");
        let read_time = |text: &str| rfc3339::parse(text).ok();
        let query = JobQuery {
            status: status.read(&mut fields, known, job::JobStatus::from_name),
            from: from.read(&mut fields, time, read_time),
            to: to.read(&mut fields, time, read_time),
            after: cursor.read(&mut fields, page, position_of),
            limit: limit
                .read(&mut fields, within, limit_of)
                .unwrap_or(DEFAULT_LIMIT),
        };
        if query.to.is_some() && query.to < query.from {
            fields.reject(FieldError::new("to", "must not be before `from`"));
        }
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
    /// For a job of which no attempt has begun: its time, its captions and its platforms. A job of a posting time that gets another
    /// time stands for the posting time no more: that one is passed over, and the next one gets its job. It still belongs to the
    /// schedule: if that is changed before the job has begun, it is cancelled.
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
        refuse_blank(edited(&change.caption), edited(&change.captions))?;
        Ok(Json(self.jobs.change(&tenant, id, change).await?.into()))
    }

    /// Approve a job.
    ///
    /// For a job that is `awaiting_approval`: it is carried out at its time, or at once if that has passed. A job that was not
    /// approved within an hour of its time (`JOBS_MAX_LATE_MINUTES`) is `missed`, and is refused with `job-state`. A job that was added
    /// without `publish_at` has the time at which it was added: approve it within the hour.
    ///
    /// Which image a job without `filename` publishes is only known when it begins: the next one that is unpublished then.
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
    /// For a job that is not to be carried out, or not to be tried again. What an earlier attempt has sent stays sent: see `results`.
    /// One that is `running` cannot be stopped: it may have sent something already. One that is `cancelled` already is answered as
    /// it is.
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

fn limit_of(text: &str) -> Option<u32> {
    let limit = text.parse().ok()?;
    (1..=MAX_LIMIT).contains(&limit).then_some(limit)
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

/// Refuses captions of which nothing would be seen, each by its field.
///
/// # Errors
/// `caption-required`.
pub(super) fn refuse_blank<P: Display>(
    caption: Option<&String>,
    captions: Option<&BTreeMap<P, String>>,
) -> Result<(), ApiError> {
    let one = caption.map(|text| ("caption".to_owned(), text));
    let each = captions.into_iter().flatten();
    let each = each.map(|(platform, text)| (format!("captions.{platform}"), text));
    let blank = one
        .into_iter()
        .chain(each)
        .filter(|(_, text)| is_blank(text));
    let blank: Vec<String> = blank.map(|(field, _)| field).collect();
    if blank.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "Nothing of {} would be seen. Without `caption` and `captions`, captions are written; to leave a platform \
         out, name fewer in `platforms`.",
        blank
            .iter()
            .map(|field| format!("`{field}`"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    let problem = ApiError::new(ProblemKind::CaptionRequired, detail);
    let name = |problem: ApiError, field| {
        problem.naming(FieldError::new(field, "must have something that is seen"))
    };
    Err(blank.into_iter().fold(problem, name))
}

fn edited<T>(edit: &Edit<Option<T>>) -> Option<&T> {
    match edit {
        Edit::Set(value) => value.as_ref(),
        Edit::Keep => None,
    }
}

/// A stored job that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("a stored job cannot be read: {0}")]
struct UnreadableJob(String);
