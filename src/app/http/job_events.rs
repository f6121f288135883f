//! `/api/jobs/events`: what happens to a tenant's jobs and publications, as Server-Sent Events.

mod access_end;
mod last_event_id;
mod stream;
mod text;

use std::{num::NonZeroUsize, sync::Arc};

use poem_openapi::{ApiResponse, OpenApi};

#[cfg(feature = "fuzzing")]
pub(super) use self::last_event_id::begin_after;
pub use self::stream::OpenEnded;
use self::{
    access_end::Watcher,
    last_event_id::LastEventId,
    stream::{EventStream, streamed},
    text::FORMAT,
};
use super::{
    auth::{Admin, AdminPerson, Person},
    error::ApiError,
    problem::ProblemKind,
    raw_header::RawHeader,
    request_facts::{CallerOrigin, CurrentRequestId},
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::app::{
    runtime::{event_hub::EventHub, keyed_limit::KeyedLimit},
    tenancy::resolve_tenant::ResolveTenant,
};

/// The number of streams that one admin of a tenant may have open at a time: those of a person's browser windows.
const MAX_STREAMS_OF_PERSON: usize = 20;

pub(super) struct JobEventsApi {
    hub: Arc<EventHub>,
    resolve_tenant: Arc<ResolveTenant>,
    streams: KeyedLimit<Person>,
}

impl JobEventsApi {
    pub(super) fn new(hub: Arc<EventHub>, resolve_tenant: Arc<ResolveTenant>) -> Self {
        let max = NonZeroUsize::new(MAX_STREAMS_OF_PERSON).unwrap_or(NonZeroUsize::MIN);
        Self {
            hub,
            resolve_tenant,
            streams: KeyedLimit::new(max),
        }
    }
}

/// A stream of events.
#[derive(ApiResponse)]
enum Events {
    /// The events: each has an `id`, a kind (`event`), and JSON (`data`) on one line.
    #[oai(status = 200)]
    Stream(EventStream),
}

#[OpenApi]
impl JobEventsApi {
    /// Watch jobs.
    ///
    /// For pages that show a queue as it is: Server-Sent Events, as the `EventSource` of browsers reads them.
    ///
    /// | `event` | `data` | when |
    /// | --- | --- | --- |
    /// | `job` | a `Job`, as it is now | a job was added, or has changed |
    /// | `stage` | `{"job_id", "filename", "platform", "stage"}` | a publication has reached a stage, as `PublishStage` names them; `job_id` is `null` for one that a request waits for, `platform` is `null` for stages that are not a platform's own |
    /// | `reset` | `{}` | events were missed: read the jobs again |
    ///
    /// The end of a job is told after its stages. The stream begins with an `id` and no event. `EventSource` sends no
    /// `Authorization`: it works with a session.
    ///
    /// Events have numbers (`id`). A client that connects again with `Last-Event-ID`, also to another process of the service,
    /// gets what it has missed, in its order, if that is among the tenant's last 1,000 events; else `reset`, and what happens
    /// from then on. A client that connects without it gets what happens from then on.
    ///
    /// Where nothing happens, a comment is sent every 15 seconds. The stream ends when the admin's session does; within 15
    /// seconds of the service learning, by a new config, that the tenant has ended or does not admit the person any more; when
    /// the service ends; and when more than 64 KiB wait for a client that does not read: connect again. An admin may have 20
    /// streams of a tenant open at a time.
    #[oai(
        path = "/api/jobs/events",
        method = "get",
        operation_id = "streamJobEvents",
        tag = "Tag::Jobs"
    )]
    async fn events(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        admin: AdminPerson,
        origin: CallerOrigin,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The `id` of the last event that the caller has.
        #[oai(name = "Last-Event-ID")]
        RawHeader(last_event_id): RawHeader<LastEventId>,
    ) -> Result<Events, ApiError> {
        let AdminPerson { person, access } = admin;
        let permit = self.streams.try_acquire(&person).ok_or_else(|| {
            let detail = format!(
                "This admin watches the tenant with {MAX_STREAMS_OF_PERSON} streams already: close one."
            );
            ApiError::new(ProblemKind::RateLimited, detail)
        })?;
        let listener = self.hub.listen(tenant.name(), last_event_id.0, FORMAT);
        let listener = listener.await?;
        let watcher = Watcher {
            tenant: tenant.name().clone(),
            host: origin.host,
            request_id,
            access,
        };
        let access_end = watcher.access_end(Arc::clone(&self.resolve_tenant));
        let stream = streamed(listener, Box::pin(access_end), permit);
        Ok(Events::Stream(stream))
    }
}
