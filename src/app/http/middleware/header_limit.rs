//! Bounds the headers of requests, so that whoever sends too many is told so by a problem and not
//! by the server's bare answer to what is larger still.

use std::future::ready;

use futures_util::{FutureExt as _, TryFutureExt as _};
use poem::{Endpoint, IntoResponse, Request, Response, Result, http::HeaderMap};

use crate::app::http::{error::ApiError, problem::ProblemKind};

/// What names and values of all headers may come to, in bytes (16 KiB): four times the longest
/// cookie that browsers keep, and half of the head that the server reads (32 KiB), so that what is
/// somewhat too large is still read, and answered with a problem.
pub(in crate::app::http) const MAX_HEADERS: usize = 16 * 1024;

/// Hands on requests whose headers are small enough.
pub(in crate::app::http) struct HeaderLimit<E>(pub(in crate::app::http) E);

impl<E: Endpoint> Endpoint for HeaderLimit<E> {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        if !is_kept(request.headers()) {
            return ready(Err(too_large().into())).left_future();
        }
        let answered = self.0.call(request).map_ok(IntoResponse::into_response);
        answered.right_future()
    }
}

fn too_large() -> ApiError {
    let detail = "The headers have more than 16 KiB.";
    ApiError::new(ProblemKind::HeadersTooLarge, detail)
}

/// Whether headers are within the limit.
pub(super) fn is_kept(headers: &HeaderMap) -> bool {
    let sizes = (headers.iter()).map(|(name, value)| name.as_str().len() + value.len());
    sizes.sum::<usize>() <= MAX_HEADERS
}
