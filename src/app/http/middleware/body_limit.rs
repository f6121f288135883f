//! Bounds the bodies of requests while they are read, whether or not their length was announced.
//! A body that nobody reads is not waited for.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use poem::{Body, Endpoint, IntoResponse as _, Request, Response, Result, error::ReadBodyError};

/// The largest body, in bytes (64 KiB).
pub(in crate::app::http) const MAX_BODY: usize = 64 * 1024;

/// Hands requests on with a body that fails when it turns out too large.
pub(in crate::app::http) struct BodyLimit<E>(pub(in crate::app::http) E);

#[derive(Debug, thiserror::Error)]
#[error("the body is too large")]
struct Exceeded;

impl<E: Endpoint> Endpoint for BodyLimit<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let body = request.take_body();
        if !body.is_empty() {
            request.set_body(limited(body));
        }
        Ok(self.0.call(request).await?.into_response())
    }
}

fn limited(body: Body) -> Body {
    let mut left = MAX_BODY;
    let chunks = body
        .into_bytes_stream()
        .map(move |chunk: io::Result<Bytes>| {
            let chunk = chunk?;
            left = left
                .checked_sub(chunk.len())
                .ok_or_else(|| io::Error::other(Exceeded))?;
            Ok(chunk)
        });
    Body::from_bytes_stream::<_, Bytes, io::Error>(chunks)
}

/// Is this the failure of a body that turned out too large?
pub(in crate::app::http) fn is_exceeded(error: &poem::Error) -> bool {
    match error.downcast_ref() {
        Some(ReadBodyError::PayloadTooLarge) => true,
        Some(ReadBodyError::Io(error)) => wraps_exceeded(error),
        _ => false,
    }
}

/// The framework wraps what a body failed with into another I/O error on the way.
fn wraps_exceeded(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| {
        inner.is::<Exceeded>() || inner.downcast_ref().is_some_and(wraps_exceeded)
    })
}
