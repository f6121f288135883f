//! `/api/schedule`: the tenant's posting times.

use poem_openapi::{OpenApi, payload::Json};

use super::{
    auth::Admin,
    dto::schedule::{Schedule, ScheduleChange},
    error::ApiError,
    json_body::JsonBody,
    request_facts::CallerOrigin,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::app::usecases::manage_jobs::ManageJobs;

pub(super) struct ScheduleApi {
    pub(super) jobs: ManageJobs,
}

#[OpenApi]
impl ScheduleApi {
    /// When are images posted?
    ///
    /// For a page of settings: the tenant's posting times, and the next of them. Where none were ever put, the list is empty
    /// and `enabled` is `false`.
    #[oai(
        path = "/api/schedule",
        method = "get",
        operation_id = "getSchedule",
        tag = "Tag::Jobs"
    )]
    async fn schedule(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
    ) -> Result<Json<Schedule>, ApiError> {
        let report = self.jobs.schedule(&tenant).await;
        let report = report.map_err(|error| ApiError::from_ledger(error, "Try again later."))?;
        Ok(Json(report.into()))
    }

    /// Set the posting times.
    ///
    /// For a page of settings: at each posting time, the next unpublished image is published. The next posting time always has a
    /// job, so that it can be seen, approved, changed or cancelled. What is put takes the place of all that was there: all jobs of
    /// the schedule that have not begun are cancelled (`schedule_changed`), also those that somebody has changed or moved. A posting
    /// time whose job has begun or ended, was cancelled by somebody or was moved does not get another.
    ///
    /// The same schedule again changes no job, also with its times or platforms in another order. Of posting times that passed
    /// while no process ran, at most the last is caught up with.
    #[oai(
        path = "/api/schedule",
        method = "put",
        operation_id = "putSchedule",
        tag = "Tag::Jobs"
    )]
    async fn put_schedule(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        origin: CallerOrigin,
        body: JsonBody<ScheduleChange>,
    ) -> Result<Json<Schedule>, ApiError> {
        let mut fields = body.into_fields();
        let schedule = ScheduleChange::read(&mut fields);
        let schedule = fields.finish_with(schedule)?;
        let put = self.jobs.put_schedule(&tenant, &origin.host, schedule);
        Ok(Json(put.await?.into()))
    }
}
