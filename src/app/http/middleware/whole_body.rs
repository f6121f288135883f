//! Reads the bodies of requests before admission, so that a client that sends its body slowly takes no permit.
//! Uploads are not read here: they are admitted beside other requests (`admission`). All other bodies are small; the size of one, its time, and the memory of all of them are bounded here.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use poem::{Body, Endpoint, IntoResponse as _, Request, Response, Result};
use tokio::{sync::Semaphore, time::timeout};

use crate::app::http::{error::ApiError, problem::ProblemKind, upload_form::UPLOAD_PATH};

/// The largest body, in bytes (64 KiB).
pub(in crate::app::http) const MAX_BODY: usize = 64 * 1024;
/// The time limit of a body, from the end of its head: 2 KiB a second for the largest.
pub(in crate::app::http) const MAX_TIME: Duration = Duration::from_secs(30);
/// The time limit of a body that is not one of the [`MAX_SLOW`]: most arrive with their heads.
pub(in crate::app::http) const QUICK: Duration = Duration::from_secs(1);
/// The number of bodies that may take longer than [`QUICK`] at a time.
pub(in crate::app::http) const MAX_SLOW: usize = 512;
/// The memory of all bodies that are not complete yet, in KiB (16 MiB).
const MAX_BUFFERED: usize = 16 * 1024;

/// Forwards requests once their bodies are complete.
pub(in crate::app::http) struct WholeBody<E> {
    inner: E,
    slow: Arc<Semaphore>,
    buffer: Arc<Semaphore>,
}

impl<E> WholeBody<E> {
    pub(in crate::app::http) fn new(inner: E) -> Self {
        Self {
            inner,
            slow: Arc::new(Semaphore::new(MAX_SLOW)),
            buffer: Arc::new(Semaphore::new(MAX_BUFFERED)),
        }
    }

    async fn read(&self, body: Body) -> Result<Bytes, ApiError> {
        let mut reading = Box::pin(read(body, Arc::clone(&self.buffer)));
        if let Ok(read) = timeout(QUICK, &mut reading).await {
            return read;
        }
        let Ok(_permit) = self.slow.try_acquire() else {
            let detail = "Too many others are slow to send their bodies, too.";
            return Err(ApiError::new(ProblemKind::Overloaded, detail));
        };
        let read = timeout(MAX_TIME.saturating_sub(QUICK), reading).await;
        read.unwrap_or_else(|_| {
            let detail = "The body did not arrive within 30 seconds.";
            Err(ApiError::new(ProblemKind::RequestTimeout, detail))
        })
    }
}

impl<E: Endpoint> Endpoint for WholeBody<E> {
    type Output = Response;

    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        let inner = move |request| self.inner.call(request);
        let is_upload = request.uri().path() == UPLOAD_PATH;
        let body = if is_upload {
            Body::empty()
        } else {
            request.take_body()
        };
        let answered = if body.is_empty() {
            inner(request).left_future()
        } else {
            let whole = async move {
                request.set_body(self.read(body).await?);
                inner(request).await
            };
            whole.right_future()
        };
        answered.map(|answer| Ok(answer?.into_response()))
    }
}

/// Reads a body to its end, with a permit for each of its KiB.
async fn read(body: Body, buffer: Arc<Semaphore>) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_bytes_stream();
    let mut whole = BytesMut::new();
    let mut permits = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            let detail = "The body could not be read to its end.";
            ApiError::new(ProblemKind::InvalidRequest, detail).caused_by(error)
        })?;
        let length = whole.len() + chunk.len();
        if length > MAX_BODY {
            let detail = "The body has more than 64 KiB.";
            return Err(ApiError::new(ProblemKind::PayloadTooLarge, detail));
        }
        let more = length.div_ceil(1024) - whole.len().div_ceil(1024);
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let more = Arc::clone(&buffer).try_acquire_many_owned(more);
        permits.push(more.map_err(|_| {
            let detail = "There is no memory left for more bodies of requests.";
            ApiError::new(ProblemKind::Overloaded, detail)
        })?);
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}
