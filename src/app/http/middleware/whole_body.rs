//! Bounds the bodies of requests while they are read, whether or not their length was announced:
//! how large they are, and how long they take. A body that nobody reads is not waited for.

use std::{io, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryFutureExt as _, stream};
use poem::{Body, Endpoint, IntoResponse, Request, Response, Result, error::ReadBodyError};
use tokio::time::{Sleep, sleep};

/// The largest body, in bytes (64 KiB).
pub(in crate::app::http) const MAX_BODY: usize = 64 * 1024;
/// How long a body may take as a whole, from the end of its head: 2 KiB a second for the largest.
pub(in crate::app::http) const MAX_TIME: Duration = Duration::from_secs(30);

/// Hands requests on with a body that fails when it turns out too large or too slow.
pub(in crate::app::http) struct BodyLimit<E>(pub(in crate::app::http) E);

/// Why a body is not read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::app::http) enum BodyRefused {
    /// It has more than [`MAX_BODY`].
    #[error("the body is too large")]
    TooLarge,
    /// It takes longer than [`MAX_TIME`].
    #[error("the body takes too long")]
    TooSlow,
}

impl<E: Endpoint> Endpoint for BodyLimit<E> {
    type Output = Response;

    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        let body = request.take_body();
        if !body.is_empty() {
            request.set_body(limited(body));
        }
        self.0.call(request).map_ok(IntoResponse::into_response)
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
                .ok_or_else(|| io::Error::other(BodyRefused::TooLarge))?;
            Ok::<_, io::Error>(chunk)
        });
    let end = Box::pin(sleep(MAX_TIME));
    let timely = stream::try_unfold(
        (Box::pin(chunks), end),
        |(mut chunks, mut end)| async move {
            let chunk = before(&mut end, chunks.next()).await?.transpose()?;
            Ok(chunk.map(|chunk| (chunk, (chunks, end))))
        },
    );
    Body::from_bytes_stream::<_, Bytes, io::Error>(timely)
}

async fn before<T>(end: &mut Pin<Box<Sleep>>, next: impl Future<Output = T>) -> io::Result<T> {
    tokio::select! {
        biased;
        next = next => Ok(next),
        () = end => Err(io::Error::other(BodyRefused::TooSlow)),
    }
}

/// Why the body of a request was refused, if that is what went wrong.
pub(in crate::app::http) fn refusal(error: &poem::Error) -> Option<BodyRefused> {
    match error.downcast_ref()? {
        ReadBodyError::PayloadTooLarge => Some(BodyRefused::TooLarge),
        ReadBodyError::Io(error) => wrapped(error),
        _ => None,
    }
}

/// The framework wraps what a body failed with into another I/O error on the way.
fn wrapped(error: &io::Error) -> Option<BodyRefused> {
    let inner = error.get_ref()?;
    let refused = inner.downcast_ref().copied();
    refused.or_else(|| wrapped(inner.downcast_ref()?))
}
