//! The spans of calls: one around a call with all of its attempts and the waits between them, and one
//! for each request that is sent, by OpenTelemetry's conventions for HTTP clients.
//!
//! A span says which host a request went to, where the operator's settings decide it; neither the
//! path nor the query, where Telegram's token and names of images stand. A mail server and a bucket are a
//! tenant's, so their attempts name none.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{FutureExt as _, future::BoxFuture};
use opentelemetry::{
    Context,
    propagation::TextMapPropagator as _,
    trace::{Status, TraceContextExt as _},
};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest::{
    RequestBuilder, Response,
    header::{HeaderMap, HeaderValue},
};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{Answer, AttemptError, Call};

/// The operation of readiness. It is asked for every few seconds and says nothing of a tenant, so that it
/// is neither traced nor logged above `debug` while all is well.
pub(crate) const PROBE: &str = "probe";
/// The target of spans that are never part of a trace.
pub const UNTRACED: &str = "publisher::untraced";
/// What `error.type` is where nothing better is known.
const OTHER: &str = "_OTHER";

/// A request in flight. Boxed: it nests deep, and is part of the future of every call.
type Sending = BoxFuture<'static, Result<Response, reqwest::Error>>;

tokio::task_local! {
    /// The call that is under way.
    static UNDER_WAY: UnderWay;
}

struct UnderWay {
    upstream: &'static str,
    operation: &'static str,
    /// The requests that were sent so far.
    sent: AtomicU32,
}

impl Call<'_> {
    /// The call in a trace. Its line in the log stands outside, and says the same by itself.
    pub(super) fn span(self) -> Span {
        macro_rules! span {
            ($target:expr) => {
                tracing::info_span!(
                    target: $target,
                    "upstream call",
                    otel.name = format!("{} {}", self.upstream, self.operation),
                    upstream = self.upstream,
                    operation = self.operation,
                )
            };
        }
        if self.operation == PROBE {
            span!(UNTRACED)
        } else {
            span!(module_path!())
        }
    }

    /// Runs the attempts with this call as their context.
    pub(super) async fn under_way<T>(self, attempts: impl Future<Output = T>) -> T {
        let under_way = UnderWay {
            upstream: self.upstream,
            operation: self.operation,
            sent: AtomicU32::new(0),
        };
        // Boxed: the futures of callers would go deeper than the compiler does.
        UNDER_WAY.scope(under_way, Box::pin(attempts)).await
    }
}

/// Records the failure of a call in its span.
pub(super) fn failed<E: AttemptError>(span: &Span, error: &E) {
    fail(span, error.http_status().map(|status| status.to_string()));
}

/// Sends a request. The span ends with the head of the answer.
///
/// # Errors
/// Those of `reqwest`.
pub(crate) fn send(request: RequestBuilder) -> Sending {
    exchange(request, Peer::Others).boxed()
}

/// The same for a server that a tenant's credential names: the span does not say which.
///
/// # Errors
/// Those of `reqwest`.
pub(crate) fn send_to_tenants(request: RequestBuilder) -> Sending {
    exchange(request, Peer::Tenant).boxed()
}

/// The same for an upstream of the same operator: the request carries the trace context (W3C). Requests to others
/// do not.
///
/// # Errors
/// Those of `reqwest`.
pub(crate) fn send_in_trace(request: RequestBuilder) -> Sending {
    exchange(request, Peer::Operator).boxed()
}

/// Who runs the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// The same operator: it is told the trace.
    Operator,
    Others,
    /// A tenant, or somebody in its name: where it is is a secret.
    Tenant,
}

async fn exchange(request: RequestBuilder, peer: Peer) -> Result<Response, reqwest::Error> {
    let (client, request) = request.build_split();
    let mut request = request?;
    let (operation, resends) = UNDER_WAY
        .try_with(|it| (it.operation, it.sent.fetch_add(1, Ordering::Relaxed)))
        .unwrap_or_default();
    let span = if operation == PROBE {
        Span::none()
    } else {
        request_span(&request, operation, resends, peer)
    };
    if peer == Peer::Operator {
        request.headers_mut().extend(trace_headers(&span.context()));
    }
    let answer = client.execute(request).instrument(span.clone()).await;
    match &answer {
        Ok(response) => {
            let status = response.status();
            let code = status.as_u16();
            span.set_attribute("http.response.status_code", i64::from(code));
            if status.is_client_error() || status.is_server_error() {
                fail(&span, Some(code.to_string()));
            }
        }
        Err(error) if error.is_timeout() => fail(&span, Some("timeout".to_owned())),
        Err(error) if error.is_connect() => fail(&span, Some("connect".to_owned())),
        Err(_) => fail(&span, None),
    }
    answer
}

fn request_span(
    request: &reqwest::Request,
    operation: &'static str,
    resends: u32,
    peer: Peer,
) -> Span {
    let (method, url) = (request.method().as_str(), request.url());
    let name = format!("{method} {operation}");
    let span = tracing::info_span!(
        "upstream request",
        otel.kind = "client",
        otel.name = name.trim_end(),
    );
    span.set_attribute("http.request.method", method.to_owned());
    if peer != Peer::Tenant {
        if let Some(host) = url.host_str() {
            span.set_attribute("server.address", host.to_owned());
        }
        if let Some(port) = url.port_or_known_default() {
            span.set_attribute("server.port", i64::from(port));
        }
    }
    if resends > 0 {
        span.set_attribute("http.request.resend_count", i64::from(resends));
    }
    span
}

/// Makes an attempt that is no HTTP request in a span of its own.
///
/// # Errors
/// Those of the attempt.
pub(crate) async fn attempt<T, E: AttemptError>(
    attempt: impl Future<Output = Result<Answer<T>, E>>,
) -> Result<Answer<T>, E> {
    let name = UNDER_WAY.try_with(|it| format!("{} {}", it.upstream, it.operation));
    let span = tracing::info_span!(
        "upstream attempt",
        otel.kind = "client",
        otel.name = name.unwrap_or_default(),
    );
    let result = attempt.instrument(span.clone()).await;
    if let Err(error) = &result {
        failed(&span, error);
    }
    result
}

fn fail(span: &Span, error_type: Option<String>) {
    span.set_attribute("error.type", error_type.unwrap_or_else(|| OTHER.to_owned()));
    span.set_status(Status::error(""));
}

/// `traceparent` and `tracestate`; none outside of a trace.
fn trace_headers(context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !context.span().span_context().is_valid() {
        return headers;
    }
    TraceContextPropagator::new().inject_context(context, &mut HeaderInjector(&mut headers));
    if (headers.get("tracestate")).is_some_and(HeaderValue::is_empty) {
        headers.remove("tracestate");
    }
    headers
}
