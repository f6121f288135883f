//! Refuses requests whose target names another host than their `Host` does, whatever they ask for:
//! before a tenant is looked up, and before a route is.

use std::future::ready;

use futures_util::{FutureExt as _, TryFutureExt as _};
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use crate::app::http::{error::ApiError, problem::ProblemKind, request_facts::RequestFacts};

/// What those who are refused are told.
pub(in crate::app::http) const DETAIL: &str =
    "The target of the request names another host than its `Host` header does.";

/// Hands on requests whose target is a path, or names the host that `Host` does.
pub(in crate::app::http) struct TargetCheck<E>(pub(in crate::app::http) E);

impl<E: Endpoint> Endpoint for TargetCheck<E> {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        let facts = request.data::<RequestFacts>();
        // Without facts nothing is known of the target: as good as another host's.
        if facts.is_none_or(|facts| facts.has_other_target) {
            let error = ApiError::new(ProblemKind::InvalidRequest, DETAIL);
            return ready(Err(error.into())).left_future();
        }
        let answered = self.0.call(request).map_ok(IntoResponse::into_response);
        answered.right_future()
    }
}
