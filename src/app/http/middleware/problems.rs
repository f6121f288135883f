//! Turns every failure, of a handler, of the framework or of the code, into a problem.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use poem::{
    Endpoint, FromRequest as _, IntoResponse as _, PathPattern, Request, Response, Result,
    http::{StatusCode, header},
};

use crate::app::http::{
    error::ApiError, known_routes::KnownRoutes, problem::ProblemKind, request_id::CurrentRequestId,
};

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

    async fn call(&self, request: Request) -> Result<Response> {
        let CurrentRequestId(request_id) =
            CurrentRequestId::from_request_without_body(&request).await?;
        let outcome = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let (error, pattern) = match outcome.await {
            Ok(Ok(response)) => return Ok(response.into_response()),
            Ok(Err(error)) => {
                let pattern = error.data::<PathPattern>().cloned();
                (ApiError::from_framework(error), pattern)
            }
            Err(_panic) => {
                // What it panicked with has gone to stderr, and may be anything.
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
