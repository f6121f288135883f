//! Admits as many requests at a time as there are permits, and sheds the rest at once: a request
//! that waits for a permit would take memory until its client gives up.

use std::{future::ready, num::NonZeroUsize, sync::Arc};

use futures_util::FutureExt as _;
use poem::{Endpoint, IntoResponse as _, Request, Response, Result, http::Method};

use crate::app::{
    http::{
        docs, error::ApiError, health, problem::ProblemKind, request_facts::RequestFacts,
        upload_form::UPLOAD_PATH,
    },
    runtime::concurrency_limit::ConcurrencyLimit,
    usecases::publish::Refusal,
};

/// The number of clients that may download the spec at a time. It is large, rarely asked for, and belongs to
/// no tenant, so a slow reader of it must not take a permit from a tenant's requests.
const MAX_DOCUMENT_REQUESTS: usize = 64;

/// The number of uploads that may arrive at a time, all tenants together, and those under one host where there are many
/// tenants. They take their time and their place on disk, and keep no permit from other requests.
const MAX_UPLOADS: usize = 160;
const MAX_UPLOADS_OF_HOST: usize = 128;

/// The path of event streams.
const EVENTS_PATH: &str = "/api/jobs/events";
/// The number of event streams that are open at a time. They stay open while nothing happens, and keep no permit from other
/// requests.
pub const MAX_EVENT_STREAMS: usize = 2_000;

/// Holds a permit for each request until its answer has been sent. Probes need none, so that a full
/// service does not look dead.
pub(in crate::app::http) struct Admission<E> {
    inner: E,
    limit: ConcurrencyLimit,
    document_limit: ConcurrencyLimit,
    upload_limit: ConcurrencyLimit,
    stream_limit: ConcurrencyLimit,
}

impl<E> Admission<E> {
    /// Wraps an endpoint, limited by `limit`.
    pub(in crate::app::http) fn new(inner: E, limit: ConcurrencyLimit) -> Self {
        let all = |max| NonZeroUsize::new(max).unwrap_or(NonZeroUsize::MIN);
        Self {
            inner,
            upload_limit: limit.alike(MAX_UPLOADS, MAX_UPLOADS_OF_HOST),
            limit,
            document_limit: ConcurrencyLimit::for_one_tenant(all(MAX_DOCUMENT_REQUESTS)),
            stream_limit: ConcurrencyLimit::for_one_tenant(all(MAX_EVENT_STREAMS)),
        }
    }
}

impl<E: Endpoint> Endpoint for Admission<E> {
    type Output = Response;

    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        let path = request.uri().path();
        let permit = if health::PATHS.contains(&path) {
            None
        } else {
            let permit = if docs::PATHS.contains(&path) {
                self.document_limit.try_acquire(None)
            } else if path == EVENTS_PATH {
                self.stream_limit.try_acquire(None)
            } else {
                let limit = if path == UPLOAD_PATH {
                    &self.upload_limit
                } else {
                    &self.limit
                };
                let facts = request.data::<RequestFacts>();
                limit.try_acquire(facts.and_then(|facts| facts.host.as_ref()))
            };
            let Some(permit) = permit else {
                return ready(Err(full(&request).into())).left_future();
            };
            let permit = Arc::new(permit);
            request.set_data(Arc::clone(&permit));
            Some(permit)
        };
        let answered = self.inner.call(request).map(|answer| {
            let mut response = answer?.into_response();
            if let Some(permit) = permit {
                // Dropped by the server once the answer has been sent.
                response.set_data(permit);
            }
            Ok(response)
        });
        answered.right_future()
    }
}

/// The answer to a request that gets no permit.
pub(in crate::app::http) fn full(request: &Request) -> ApiError {
    if is_publish(request.method(), request.uri().path()) {
        Refusal::Busy.count();
    }
    let detail = "As many requests are being answered as may be at a time.";
    ApiError::new(ProblemKind::Overloaded, detail)
}

/// Whether a request is one of the two that publish.
pub(in crate::app::http) fn is_publish(method: &Method, path: &str) -> bool {
    let of_image = path.strip_prefix("/api/images/");
    let of_image = of_image.and_then(|rest| rest.strip_suffix("/publish"));
    method == Method::POST && (path == "/api/publish" || of_image.is_some())
}
