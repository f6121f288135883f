//! Gives each request its id, its span, its line in the log and its place in the metrics, and each
//! response the headers that all of them have.

use std::{sync::Arc, time::Duration};

use metrics::SharedString;
use opentelemetry::trace::{Status, TraceContextExt as _};
use poem::{
    Endpoint, IntoResponse as _, PathPattern, Request, Response, Result,
    http::{HeaderValue, Method, StatusCode, header},
};
use tracing::{Instrument as _, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{
    app::http::{known_routes::KnownRoutes, request_id, trace_context},
    domain::request_id::RequestId,
    ports::Clock,
};

/// Surrounds everything else.
pub(in crate::app::http) struct Observe<E> {
    inner: E,
    routes: Arc<KnownRoutes>,
    clock: Arc<dyn Clock>,
}

impl<E> Observe<E> {
    /// Wraps an endpoint whose routes are `routes`.
    pub(in crate::app::http) fn new(
        inner: E,
        routes: Arc<KnownRoutes>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            inner,
            routes,
            clock,
        }
    }
}

impl<E: Endpoint> Endpoint for Observe<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let started = self.clock.now();
        let request_id = request_id::choose(request.headers());
        request.set_data(request_id.clone());
        let method = method_name(request.method());
        // Neither the path nor the query: they hold the names of images, and what else callers
        // put there.
        let span = tracing::info_span!(
            "request",
            otel.kind = "server",
            %request_id,
            method,
            route = Empty,
            tenant = Empty,
            trace_id = Empty,
        );
        trace_context::join(&span, request.headers());
        let outcome = self.inner.call(request).instrument(span.clone()).await;
        let mut response = match outcome {
            Ok(response) => response.into_response(),
            Err(error) => error.into_response(),
        };
        let status = response.status();
        let route = self.routes.label(response.data::<PathPattern>());
        let latency = self.clock.now().saturating_duration_since(started);
        trace(&span, method, &route, status);
        count(method, route, status, latency);
        span.in_scope(|| {
            tracing::info!(
                status = status.as_u16(),
                latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
                "request ended"
            );
        });
        add_headers(&mut response, &request_id);
        Ok(response)
    }
}

fn trace(span: &Span, method: &str, route: &str, status: StatusCode) {
    span.record("route", route);
    let context = span.context();
    context.span().update_name(format!("{method} {route}"));
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}

/// By names of this code's own: neither callers nor tenants can make up more.
fn count(method: &'static str, route: SharedString, status: StatusCode, latency: Duration) {
    metrics::histogram!(
        "publisher_http_request_duration_seconds",
        "route" => route.clone(), "method" => method
    )
    .record(latency);
    metrics::counter!(
        "publisher_http_requests_total",
        "route" => route, "method" => method, "status" => status.as_str().to_owned()
    )
    .increment(1);
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

/// The methods that there are; callers can make up others without end.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
