//! Bounds the headers of requests, so that whoever sends too many is told so by a problem and not
//! by the server's bare answer to what is larger still.

use poem::{Endpoint, IntoResponse as _, Request, Response, Result, http::HeaderMap};

use crate::app::http::{error::ApiError, problem::ProblemKind};

/// What names and values of all headers may come to, in bytes (16 KiB): four times the longest
/// cookie that browsers keep, and half of the head that the server reads (32 KiB), so that what is
/// somewhat too large is still read, and answered with a problem.
pub(in crate::app::http) const MAX_HEADERS: usize = 16 * 1024;

/// Hands on requests whose headers are small enough.
pub(in crate::app::http) struct HeaderLimit<E>(pub(in crate::app::http) E);

impl<E: Endpoint> Endpoint for HeaderLimit<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if size_of(request.headers()) > MAX_HEADERS {
            let detail = "The headers have more than 16 KiB.";
            return Err(ApiError::new(ProblemKind::HeadersTooLarge, detail).into());
        }
        Ok(self.0.call(request).await?.into_response())
    }
}

fn size_of(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}
