//! Turns every failure, of a handler, of the framework or of the code, into a problem.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use poem::{
    Endpoint, Error, IntoResponse as _, PathPattern, Request, Response, Result,
    http::{StatusCode, header},
};

use crate::{
    app::http::{
        error::ApiError, problem::ProblemKind, request_facts::RequestFacts, route_table::RouteTable,
    },
    domain::request_id::RequestId,
};

/// Answers with a problem where the layer inside fails. Never fails itself.
pub(in crate::app::http) struct Problems<E> {
    pub(in crate::app::http) inner: E,
    pub(in crate::app::http) routes: Arc<RouteTable>,
}

impl<E: Endpoint> Endpoint for Problems<E> {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        let request_id = request.data().map(|facts: &RequestFacts| facts.id.clone());
        let outcome = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        outcome.map(move |outcome| {
            let error = match outcome {
                Ok(Ok(response)) => return Ok(response.into_response()),
                Ok(Err(error)) => error,
                Err(_panic) => {
                    // The panic hook has logged its location. The payload may be anything.
                    tracing::error!("a handler panicked");
                    ApiError::internal().into()
                }
            };
            Ok(self.problem(error, &request_id.ok_or_else(ApiError::internal)?))
        })
    }
}

impl<E> Problems<E> {
    fn problem(&self, error: Error, request_id: &RequestId) -> Response {
        let pattern = error.data::<PathPattern>().cloned();
        let error = ApiError::from_framework(error);
        error.log();
        let is_unrouted = error.kind() == ProblemKind::NotFound;
        let mut response = error.into_response(request_id);
        if let Some(pattern) = pattern.filter(|_| !is_unrouted) {
            if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                let allow = self.routes.matched(Some(&pattern)).allow().clone();
                response.headers_mut().insert(header::ALLOW, allow);
            }
            response.set_data(pattern);
        }
        response
    }
}
