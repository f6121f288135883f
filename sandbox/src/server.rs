//! The HTTP/1.1 server that all HTTP stand-ins share: it names the operation, records, applies
//! the switches and asks the stand-in for its answer. Used by the stand-ins of this folder.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    fault::Fault,
    listener::{Listener, Serve},
    record::RecordedRequest,
    reply::Reply,
    switches::Switches,
    wire::{Reset, Wire},
};

/// The largest request body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// One HTTP stand-in on a loopback port; it ends when dropped.
pub struct HttpServer {
    listener: Listener,
    switches: Switches,
}

impl HttpServer {
    /// The base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.address())
    }

    /// Faults, latency, holds and call counts.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// Closes every connection and the port: callers get "connection refused".
    pub async fn stop_listening(&self) {
        self.listener.stop().await;
    }

    /// Opens the same port again after [`HttpServer::stop_listening`].
    ///
    /// # Errors
    /// The port was taken by somebody else meanwhile.
    pub async fn listen_again(&self) -> io::Result<()> {
        self.listener.restart().await
    }

    /// Starts to serve `stand_in`.
    pub(super) async fn start(stand_in: Arc<dyn StandIn>) -> io::Result<Self> {
        let switches = Switches::new();
        let context = Context {
            stand_in,
            switches: switches.clone(),
        };
        let serve: Serve = Arc::new(move |stream| Box::pin(connection(context.clone(), stream)));
        let listener = Listener::start(serve).await?;
        Ok(Self { listener, switches })
    }
}

/// What a stand-in does with requests. Its answers are made in memory, so they are synchronous
/// and cannot be cut short by a caller who goes away.
pub(super) trait StandIn: Send + Sync + 'static {
    /// The operation's name by method and path; `unknown` if there is none.
    fn operation(&self, head: &RecordedRequest) -> String;

    /// A finer name, when it takes the body to tell.
    fn refine(&self, request: &RecordedRequest) -> Option<String> {
        let _ = request;
        None
    }

    /// Whether the operation decodes images and so belongs on a blocking thread.
    fn is_heavy(&self, operation: &str) -> bool {
        let _ = operation;
        false
    }

    /// Processes the request.
    fn answer(&self, request: &RecordedRequest) -> Reply;
}

#[derive(Clone)]
struct Context {
    stand_in: Arc<dyn StandIn>,
    switches: Switches,
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

async fn connection(context: Context, stream: TcpStream) {
    let (wire, reset) = Wire::new(stream);
    let service = service_fn(|request| exchange(context.clone(), reset.clone(), request));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(wire), service)
        .await;
    if let Err(error) = served {
        tracing::trace!(%error, "a sandbox connection ended early");
    }
}

async fn exchange(
    context: Context,
    reset: Reset,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let mut request = record(&head);
    request.operation = context.stand_in.operation(&request);
    if context.switches.resets_early(&request) {
        return Err(reset_now(&reset));
    }
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return Ok(respond(&Reply::text(
            413,
            "the body is too large or broke off",
        )));
    };
    request.body = body.to_bytes();
    if let Some(finer) = context.stand_in.refine(&request) {
        request.operation = finer;
    }
    let mut passage = context.switches.enter(&request);
    let reply = if passage.processes() {
        Some(process(&context, &request).await?)
    } else {
        None
    };
    passage.wait(&request).await;
    match (&passage.fault, reply) {
        (None, Some(reply)) => Ok(respond(&reply)),
        (Some(Fault::MalformedBody), Some(mut reply)) => {
            reply.body = Bytes::from_static(b"{\"broken\": [1, 2");
            Ok(respond(&reply))
        }
        (Some(Fault::SlowBody { chunk_bytes, delay }), Some(reply)) => {
            let pieces = pieces(&reply.body, (*chunk_bytes).max(1));
            let delay = *delay;
            let body = stream::unfold(pieces.into_iter(), move |mut rest| async move {
                let piece = rest.next()?;
                tokio::time::sleep(delay).await;
                Some((Ok(Frame::data(piece)), rest))
            });
            Ok(respond_with(&reply, StreamBody::new(body).boxed_unsync()))
        }
        (Some(Fault::TruncatedBody), Some(reply)) => {
            let half = reply.body.slice(..reply.body.len() / 2);
            Ok(respond_with(&reply, broken_off(half)))
        }
        (Some(Fault::Timeout | Fault::TimeoutAfterProcessing), _) => {
            // hyper drops this future when the caller hangs up.
            std::future::pending().await
        }
        (
            Some(
                Fault::Status {
                    status,
                    headers,
                    body,
                }
                | Fault::StatusAfterProcessing {
                    status,
                    headers,
                    body,
                },
            ),
            _,
        ) => Ok(respond(&Reply {
            status: *status,
            headers: headers.clone(),
            body: body.clone(),
        })),
        (_, _) => Err(reset_now(&reset)),
    }
}

async fn process(context: &Context, request: &RecordedRequest) -> io::Result<Reply> {
    if !context.stand_in.is_heavy(&request.operation) {
        return Ok(context.stand_in.answer(request));
    }
    let stand_in = Arc::clone(&context.stand_in);
    let request = request.clone();
    tokio::task::spawn_blocking(move || stand_in.answer(&request))
        .await
        .map_err(io::Error::other)
}

fn record(head: &Parts) -> RecordedRequest {
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    RecordedRequest {
        operation: String::new(),
        method: head.method.to_string(),
        path_and_query: head
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        headers: headers.collect(),
        body: Bytes::new(),
    }
}

/// hyper closes the connection when the service fails, and the pulled trigger makes that an RST.
fn reset_now(reset: &Reset) -> io::Error {
    reset.pull();
    io::Error::new(io::ErrorKind::ConnectionReset, "reset by the sandbox")
}

/// A body that ends in an error once `start` is on its way.
fn broken_off(start: Bytes) -> Body {
    let body = stream::unfold(Some(start), |start| async {
        if let Some(start) = start {
            return Some((Ok(Frame::data(start)), None));
        }
        // hyper flushes what it has before it polls again.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Err(io::Error::from(io::ErrorKind::BrokenPipe)), None))
    });
    StreamBody::new(body).boxed_unsync()
}

fn pieces(body: &Bytes, size: usize) -> Vec<Bytes> {
    body.chunks(size)
        .map(|piece| body.slice_ref(piece))
        .collect()
}

fn respond(reply: &Reply) -> Response<Body> {
    let body = Full::new(reply.body.clone()).map_err(|never| match never {});
    respond_with(reply, body.boxed_unsync())
}

fn respond_with(reply: &Reply, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            headers.insert(name, value);
        }
    }
    // Of HEAD the reply says the length of what GET answers.
    let length = HeaderValue::from(reply.body.len());
    if reply.body.is_empty() {
        headers.entry(CONTENT_LENGTH).or_insert(length);
    } else {
        headers.insert(CONTENT_LENGTH, length);
    }
    response
}
