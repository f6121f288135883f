//! The trace that a call belongs to, as its headers say (W3C Trace Context). The orchestrator is
//! one house with us, so it is told; the other upstreams are strangers, and are not.

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest::header::HeaderMap;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// `traceparent` and `tracestate` of the current span; none outside of a trace.
pub(super) fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(&mut headers));
    if (headers.get("tracestate")).is_some_and(reqwest::header::HeaderValue::is_empty) {
        headers.remove("tracestate");
    }
    headers
}
