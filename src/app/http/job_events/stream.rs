//! The answer that goes on: events as they come, and a comment where none does, so that no proxy takes the connection for a
//! dead one, and a client that is gone is noticed.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::unfold};
use poem::{Body, IntoResponse, Response, http::header};
use poem_openapi::{
    payload::Payload,
    registry::{MetaSchema, MetaSchemaRef},
};
use tokio::time::timeout;

use super::text::COMMENT;
use crate::app::{
    http::auth::Person,
    runtime::{event_hub::Listener, keyed_limit::Permit},
};

/// The media type.
const EVENT_STREAM: &str = "text/event-stream";
/// The longest time without a byte.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// In the extensions of an answer that goes on while nothing happens: it should not keep the connections of other
/// requests from them. There are at most [`MAX_EVENT_STREAMS`](crate::app::http::MAX_EVENT_STREAMS) at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenEnded;

/// An answer of events.
pub(super) struct EventStream(Body);

/// The events of a listener until they end, or `access_end` is over.
pub(super) fn streamed(
    listener: Listener,
    access_end: BoxFuture<'static, ()>,
    permit: Permit<Person>,
) -> EventStream {
    let open = Open {
        listener,
        access_end,
        _gauge: OpenStream::count(),
        _permit: permit,
    };
    let texts = unfold(open, |mut open| async move {
        let text = open.next().await?;
        Some((Ok::<_, std::io::Error>(text), open))
    });
    EventStream(Body::from_bytes_stream(texts))
}

/// A stream that is open.
struct Open {
    listener: Listener,
    access_end: BoxFuture<'static, ()>,
    _gauge: OpenStream,
    _permit: Permit<Person>,
}

impl Open {
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            () = &mut self.access_end => None,
            text = timeout(COMMENT_EVERY, self.listener.next()) => text.unwrap_or(Some(COMMENT)),
        }
    }
}

/// Counts a stream as long as it is open.
struct OpenStream(metrics::Gauge);

impl OpenStream {
    fn count() -> Self {
        let gauge = metrics::gauge!("publisher_event_streams");
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl Payload for EventStream {
    const CONTENT_TYPE: &'static str = EVENT_STREAM;

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let mut response = Response::builder()
            .content_type(EVENT_STREAM)
            // `no-transform`: a proxy that compresses would keep events back.
            .header(header::CACHE_CONTROL, "no-store, no-transform")
            // What nginx calls the same.
            .header("X-Accel-Buffering", "no")
            .body(self.0);
        response.set_data(OpenEnded);
        response
    }
}
