//! Refuses requests by their heads alone: before the body is read, a tenant looked up, or a route chosen.

use std::future::ready;

use futures_util::{FutureExt as _, TryFutureExt as _};
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use crate::app::http::{error::ApiError, problem::ProblemKind, request_facts::RequestFacts};

/// The limit on names and values of all headers, in bytes (16 KiB): four times the longest
/// cookie that browsers keep, and half of the head that the server reads (32 KiB), so that a head
/// that is somewhat too large is still read, and answered with a problem.
pub(in crate::app::http) const MAX_HEADERS: usize = 16 * 1024;

/// The detail of a refusal because of the target.
pub(in crate::app::http) const OTHER_TARGET: &str =
    "The target of the request names another host than its `Host` header does.";

/// Forwards requests whose headers are small enough, and whose target is a path or names the host that `Host` does.
pub(in crate::app::http) struct HeadCheck<E>(pub(in crate::app::http) E);

impl<E: Endpoint> Endpoint for HeadCheck<E> {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        if let Err(error) = check(&request) {
            return ready(Err(error.into())).left_future();
        }
        let answered = self.0.call(request).map_ok(IntoResponse::into_response);
        answered.right_future()
    }
}

fn check(request: &Request) -> Result<(), ApiError> {
    let facts = request.data::<RequestFacts>();
    if facts.is_none_or(|facts| facts.has_other_target) {
        return Err(ApiError::new(ProblemKind::InvalidRequest, OTHER_TARGET));
    }
    let sizes = (request.headers().iter()).map(|(name, value)| name.as_str().len() + value.len());
    if sizes.sum::<usize>() > MAX_HEADERS {
        let detail = "The headers have more than 16 KiB.";
        return Err(ApiError::new(ProblemKind::HeadersTooLarge, detail));
    }
    Ok(())
}
