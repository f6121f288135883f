//! The trace of a request: the caller's, if it names one (W3C Trace Context).

use opentelemetry::{Context, propagation::TextMapPropagator as _, trace::TraceContextExt as _};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use poem::http::HeaderMap;
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The lengths of the parts of a `traceparent` of version 00; later versions may add more.
const PARTS: [usize; 4] = [2, 32, 16, 2];

/// The target of spans that are in no trace: those of probes, and where no traces are recorded, of requests
/// that name none.
pub const UNTRACED: &str = "publisher::untraced";

const TRACEPARENT: &str = "traceparent";

/// Whether a request names a trace, valid or not.
pub(super) fn is_named(headers: &HeaderMap) -> bool {
    headers.contains_key(TRACEPARENT)
}

/// Makes a span that has not been entered yet part of the caller's trace, and records the id of its
/// trace in `trace_id`. A malformed trace counts as none.
pub(super) fn join(span: &Span, headers: &HeaderMap) {
    if let Some(callers) = of_caller(headers)
        && let Err(error) = span.set_parent(callers)
    {
        // The process records no traces, as in tests.
        tracing::trace!(?error, "the caller's trace cannot be joined");
    }
    let context = span.context();
    let trace = context.span().span_context().clone();
    if trace.is_valid() {
        span.record("trace_id", field::display(trace.trace_id()));
    }
}

fn of_caller(headers: &HeaderMap) -> Option<Context> {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    let only = sent.next().filter(|_| sent.next().is_none())?;
    let parts: Vec<&str> = only.to_str().ok()?.split('-').collect();
    let is_hex = |part: &str| {
        part.bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_sound =
        (PARTS.iter().zip(&parts)).all(|(length, part)| part.len() == *length && is_hex(part));
    if !is_sound || parts.len() < PARTS.len() {
        return None;
    }
    let context = TraceContextPropagator::new()
        .extract_with_context(&Context::new(), &HeaderExtractor(headers));
    let is_valid = context.span().span_context().is_valid();
    is_valid.then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0af7651916cd43dd8448eb211c80319c";

    fn read(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("traceparent", value.parse().unwrap());
        }
        let context = of_caller(&headers)?;
        Some(context.span().span_context().trace_id().to_string())
    }

    #[test]
    fn the_caller_names_its_trace() {
        for rest in ["01", "00", "ff"] {
            let sent = format!("00-{ID}-b7ad6b7169203331-{rest}");
            assert_eq!(read(&[&sent]).as_deref(), Some(ID));
        }
        let later = format!("01-{ID}-b7ad6b7169203331-01-more");
        assert_eq!(read(&[&later]).as_deref(), Some(ID));
    }

    #[test]
    fn what_is_malformed_counts_as_none() {
        let sound = format!("00-{ID}-b7ad6b7169203331-01");
        assert_eq!(read(&[&sound, &sound]), None, "two of them");
        for sent in [
            "",
            "00",
            &sound[..54],
            &format!("{sound}-more"),
            &format!("ff{}", &sound[2..]),
            &sound.to_uppercase(),
            &sound.replace(ID, &"0".repeat(32)),
            &sound.replace("b7ad6b7169203331", &"0".repeat(16)),
            &sound.replace(ID, &ID[1..]),
            &sound.replace("0af", "+af"),
            &format!("{sound} "),
        ] {
            assert_eq!(read(&[sent]), None, "{sent:?}");
        }
    }
}
