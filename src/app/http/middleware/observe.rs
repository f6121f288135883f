//! Gives each request its id, its span, its line in the log and its place in the metrics, and each
//! response the headers that all of them have.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::ready};
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
        known_routes::{Known, KnownRoutes},
        middleware::{
            from_cache::{Again, FromCache},
            route_metrics::MethodLabel,
        },
        request_facts::RequestFacts,
        request_id, trace_context,
    },
    domain::request_id::RequestId,
    ports::Clock,
};

/// Surrounds everything else.
pub(in crate::app::http) struct Observe<E> {
    inner: E,
    from_cache: FromCache,
    routes: Arc<KnownRoutes>,
    clock: Arc<dyn Clock>,
    records_traces: bool,
}

impl<E> Observe<E> {
    /// Wraps an endpoint whose routes are `routes`, and which need not be asked for what is at hand.
    /// If traces are recorded, all requests have one.
    pub(in crate::app::http) fn new(
        inner: E,
        from_cache: FromCache,
        routes: Arc<KnownRoutes>,
        clock: Arc<dyn Clock>,
        records_traces: bool,
    ) -> Self {
        Self {
            inner,
            from_cache,
            routes,
            clock,
            records_traces,
        }
    }
}

impl<E: Endpoint> Endpoint for Observe<E> {
    type Output = Response;

    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        let started = self.clock.now();
        let facts = RequestFacts::of(&request);
        let method = MethodLabel::of(request.method());
        // Probes come every few seconds: what is looked for would drown in them.
        let is_probe = health::PATHS.contains(&request.uri().path());
        let is_traced =
            !is_probe && (self.records_traces || trace_context::is_named(request.headers()));
        if !is_traced && let Some(again) = self.from_cache.answer(&request, &facts) {
            return ready(Ok(self.give(again, &facts.id, method, started))).left_future();
        }
        let request_id = facts.id.clone();
        request.set_data(facts);
        let span = span(is_traced, &request_id);
        if is_traced {
            trace_context::join(&span, request.headers());
        }
        let answered = self.inner.call(request).map(move |outcome| {
            let mut response = match outcome {
                Ok(response) => response.into_response(),
                Err(error) => error.into_response(),
            };
            add_headers(&mut response, &request_id);
            let (route, status) = self.note(&response, method, started, is_probe);
            if is_traced {
                trace(&Span::current(), method, route, status);
            }
            Ok(response)
        });
        answered.instrument(span).right_future()
    }
}

impl<E> Observe<E> {
    /// Counts an answer, and has it in the log. Tells its route and its status.
    fn note(
        &self,
        response: &Response,
        method: MethodLabel,
        started: Instant,
        is_probe: bool,
    ) -> (&Known, StatusCode) {
        let status = response.status();
        let route = self.routes.matched(response.data::<PathPattern>());
        let latency = self.count(route, method, status, started);
        macro_rules! log {
            ($level:expr) => {
                tracing::event!(
                    $level,
                    route = route.label(),
                    method = method.as_str(),
                    status = status.as_u16(),
                    latency_ms = milliseconds(latency),
                    "request ended"
                )
            };
        }
        if is_probe {
            log!(Level::DEBUG);
        } else {
            log!(Level::INFO);
        }
        (route, status)
    }

    /// The same for an answer that was at hand: its line says itself what the others have of their
    /// spans.
    fn give(
        &self,
        again: Again<'_>,
        id: &RequestId,
        method: MethodLabel,
        started: Instant,
    ) -> Response {
        let Again {
            mut response,
            route,
            tenant,
        } = again;
        add_headers(&mut response, id);
        let status = response.status();
        let latency = self.count(route, method, status, started);
        tracing::info!(
            route = route.label(),
            status = status.as_u16(),
            latency_ms = milliseconds(latency),
            request_id = id.as_str(),
            method = method.as_str(),
            tenant = tenant.name().as_str(),
            "request ended"
        );
        response
    }

    fn count(
        &self,
        route: &Known,
        method: MethodLabel,
        status: StatusCode,
        started: Instant,
    ) -> Duration {
        let latency = self.clock.now().saturating_duration_since(started);
        route.metrics().count(method, status, latency);
        latency
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The span of a request. It says neither the path nor the query: they hold the names of images, and
/// what else callers put there.
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

/// Names the span, and says how the request ended, by OpenTelemetry's conventions for HTTP servers.
fn trace(span: &Span, method: MethodLabel, route: &Known, status: StatusCode) {
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
    // What is the client's fault is none of this service's.
    if status.is_server_error() {
        span.set_attribute("error.type", code.to_string());
        span.set_status(Status::error(""));
    }
}

fn add_headers(response: &mut Response, id: &RequestId) {
    let headers = response.headers_mut();
    if let Some(id) = request_id::header_value(id) {
        headers.insert(request_id::HEADER, id);
    }
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    // What one tenant or admin was told must not be kept for another, and a probe's answer for
    // the next; whatever may be kept says so itself.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
