//! Turns every failure, of a handler, of the framework or of the code, into a problem.

use std::{panic::AssertUnwindSafe, sync::Arc, thread};

use futures_util::FutureExt as _;
use poem::{
    Endpoint, IntoResponse as _, PathPattern, Request, Response, Result,
    http::{StatusCode, header},
};

use crate::{
    app::http::{
        error::ApiError, known_routes::KnownRoutes, problem::ProblemKind,
        request_facts::RequestFacts,
    },
    domain::request_id::RequestId,
};

/// What came of a request: an answer, a failure, or a panic.
type Outcome<T> = thread::Result<Result<T>>;

/// Answers with problems where what is inside fails. Itself it never fails.
pub(in crate::app::http) struct Problems<E> {
    inner: E,
    routes: Arc<KnownRoutes>,
}

impl<E> Problems<E> {
    /// Wraps an endpoint whose routes are `routes`.
    pub(in crate::app::http) fn new(inner: E, routes: Arc<KnownRoutes>) -> Self {
        Self { inner, routes }
    }
}

impl<E: Endpoint> Endpoint for Problems<E> {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        let request_id = request.data().map(|facts: &RequestFacts| facts.id.clone());
        let outcome = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        outcome.map(move |outcome| match outcome {
            Ok(Ok(response)) => Ok(response.into_response()),
            failed => self.problem(failed, request_id),
        })
    }
}

impl<E: Endpoint> Problems<E> {
    fn problem(&self, failed: Outcome<E::Output>, id: Option<RequestId>) -> Result<Response> {
        let request_id = id.ok_or_else(ApiError::internal)?;
        let (error, pattern) = match failed {
            Ok(Ok(response)) => return Ok(response.into_response()),
            Ok(Err(error)) => {
                let pattern = error.data::<PathPattern>().cloned();
                (ApiError::from_framework(error), pattern)
            }
            Err(_panic) => {
                // The panic's hook has said where. What it panicked with may be anything.
                tracing::error!("a handler panicked");
                (ApiError::internal(), None)
            }
        };
        error.log();
        let is_unrouted = error.kind() == ProblemKind::NotFound;
        let mut response = error.into_response(&request_id);
        if let Some(pattern) = pattern.filter(|_| !is_unrouted) {
            if response.status() == StatusCode::METHOD_NOT_ALLOWED
                && let Some(allow) = self.routes.allow(&pattern)
            {
                response.headers_mut().insert(header::ALLOW, allow.clone());
            }
            response.set_data(pattern);
        }
        Ok(response)
    }
}
