//! The outermost layer: gives each request its id, its span, its line in the log and its place in the metrics, and
//! each response the headers that all of them have.

use std::sync::Arc;

use futures_util::FutureExt as _;
use opentelemetry::trace::{Status, TraceContextExt as _};
use poem::{
    Endpoint, IntoResponse as _, PathPattern, Request, Response, Result,
    http::{HeaderValue, StatusCode, header},
};
use tracing::{Instrument as _, Level, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{
    app::http::{
        health,
        middleware::route_metrics::MethodLabel,
        request_facts::{REQUEST_ID, RequestFacts},
        route_table::{Route, RouteTable},
        trace_context,
    },
    domain::request_id::RequestId,
    ports::Clock,
};

pub(in crate::app::http) struct Observe<E> {
    pub(in crate::app::http) inner: E,
    pub(in crate::app::http) routes: Arc<RouteTable>,
    pub(in crate::app::http) clock: Arc<dyn Clock>,
    /// Whether every request has a trace, and not only those that name one.
    pub(in crate::app::http) records_traces: bool,
}

impl<E: Endpoint> Endpoint for Observe<E> {
    type Output = Response;

    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        let started = self.clock.now();
        let facts = RequestFacts::of(&request);
        let method = MethodLabel::of(request.method());
        // Probes come every few seconds, and would hide everything else.
        let is_probe = health::PATHS.contains(&request.uri().path());
        let is_traced =
            !is_probe && (self.records_traces || trace_context::is_named(request.headers()));
        let span = span(is_traced, &facts.id);
        if is_traced {
            trace_context::join(&span, request.headers());
        }
        let request_id = facts.id.clone();
        request.set_data(facts);
        let answered = self.inner.call(request).map(move |outcome| {
            let mut response = match outcome {
                Ok(response) => response.into_response(),
                Err(error) => error.into_response(),
            };
            add_headers(&mut response, &request_id);
            let status = response.status();
            let route = self.routes.matched(response.data::<PathPattern>());
            let latency = self.clock.now().saturating_duration_since(started);
            route.metrics().count(method, status, latency);
            macro_rules! log {
                ($level:expr) => {
                    tracing::event!(
                        $level,
                        route = route.label(),
                        method = method.as_str(),
                        status = status.as_u16(),
                        latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
                        "request ended"
                    )
                };
            }
            if is_probe {
                log!(Level::DEBUG);
            } else {
                log!(Level::INFO);
            }
            if is_traced {
                trace(&Span::current(), method, route, status);
            }
            Ok(response)
        });
        answered.instrument(span)
    }
}

/// The span of a request. It has neither the path nor the query: they hold the names of images, and
/// whatever callers put there.
fn span(is_traced: bool, request_id: &RequestId) -> Span {
    macro_rules! span {
        ($target:expr) => {
            tracing::info_span!(
                target: $target,
                "request",
                otel.kind = "server",
                request_id = request_id.as_str(),
                tenant = Empty,
                trace_id = Empty,
            )
        };
    }
    if is_traced {
        span!(module_path!())
    } else {
        span!(trace_context::UNTRACED)
    }
}

/// Names the span and records how the request ended, by OpenTelemetry's conventions for HTTP servers.
fn trace(span: &Span, method: MethodLabel, route: &Route, status: StatusCode) {
    let (name, method) = match method.known() {
        Some(method) => (method, method),
        None => ("HTTP", "_OTHER"),
    };
    let context = span.context();
    if route.is_matched() {
        let route = route.label();
        context.span().update_name(format!("{name} {route}"));
        span.set_attribute("http.route", route.to_owned());
    } else {
        context.span().update_name(name);
    }
    let code = status.as_u16();
    span.set_attribute("http.request.method", method);
    span.set_attribute("http.response.status_code", i64::from(code));
    // A client's error is no error of this service.
    if status.is_server_error() {
        span.set_attribute("error.type", code.to_string());
        span.set_status(Status::error(""));
    }
}

fn add_headers(response: &mut Response, id: &RequestId) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    // No cache may give an answer to another tenant, admin or probe; an answer that may be kept has the header.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
