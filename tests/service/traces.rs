//! Traces: a caller's goes on through the service, and spans go to a collector where there is one.

use std::fmt::Write as _;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value,
    trace::v1::span::SpanKind,
};
use prost::Message as _;
use publisher_sandbox::{DemoTenant, Fault, RecordedRequest, Sandbox};
use reqwest::Method;
use tokio::net::TcpListener;

use crate::{
    collector::{Collector, KEY, attribute, has_failed},
    harness::Service,
};

const IMAGE: &str = "/api/images/harbour-dawn.jpg/publish";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const STATE: &str = "vendor=value,other=1";

/// Publishes an image, in the caller's trace.
async fn publish(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant, traceparent: &str) {
    let request = service
        .request(Method::POST, &tenant.host, IMAGE)
        .bearer_auth(sandbox.web_token())
        .header("traceparent", traceparent)
        .header("tracestate", STATE);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

fn callers_trace() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

fn calls_of_the_orchestrator(sandbox: &Sandbox) -> Vec<RecordedRequest> {
    let switches = sandbox.orchestrator.switches();
    let calls = [switches.requests("by_host"), switches.requests("resolve")].concat();
    assert!(calls.len() > 2);
    calls
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[tokio::test]
async fn without_a_collector_a_callers_trace_goes_on_to_the_orchestrator_as_it_came() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    publish(&service, &sandbox, &sandbox.tenants()[0], &callers_trace()).await;
    for call in calls_of_the_orchestrator(&sandbox) {
        assert_eq!(call.header("traceparent"), Some(&*callers_trace()));
        assert_eq!(call.header("tracestate"), Some(STATE));
    }
    // The others are strangers.
    let strangers = [
        sandbox.dropbox.switches().requests("download"),
        sandbox.openai.switches().requests("vision"),
        sandbox.telegram.switches().requests("sendPhoto"),
    ];
    for call in strangers.concat() {
        assert_eq!(call.header("traceparent"), None);
        assert_eq!(call.header("tracestate"), None);
    }
    assert_eq!(service.lines("request ended").await[0]["trace_id"], TRACE);
    // Usage events are sent in the background, in no caller's trace.
    let calls = service.lines("upstream call succeeded").await.into_iter();
    for call in calls.filter(|call| call["operation"] != "usage") {
        assert_eq!(call["trace_id"], TRACE, "{call}");
    }
}

#[tokio::test]
async fn a_malformed_trace_counts_as_none() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let malformed = callers_trace().to_uppercase();
    publish(&service, &sandbox, &sandbox.tenants()[0], &malformed).await;
    for call in calls_of_the_orchestrator(&sandbox) {
        assert_eq!(call.header("traceparent"), None);
        assert_eq!(call.header("tracestate"), None);
    }
    assert!(!service.whole_log().await.contains("trace_id"));
}

#[tokio::test]
async fn the_spans_of_a_request_are_sent_to_the_collector_and_name_nobody() {
    let sandbox = Sandbox::start().await.unwrap();
    let collector = Collector::start().await;
    let service = Service::start_with(sandbox.environment(), &collector.settings()).await;
    let alice = &sandbox.tenants()[0];
    publish(&service, &sandbox, alice, &callers_trace()).await;
    service.terminate().await;
    let (status, log) = service.ended().await;
    assert!(status.success() && !log.contains(KEY), "{log}");

    let spans = collector.spans();
    let named = |name: &str| spans.iter().find(|it| it.name == name);
    let request = named("POST /api/images/{filename}/publish").unwrap();
    assert_eq!(hex(&request.trace_id), TRACE);
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(request.trace_state, STATE);
    assert_eq!(request.kind(), SpanKind::Server);
    for (name, value) in [
        ("http.request.method", Some("POST")),
        ("http.route", Some("/api/images/{filename}/publish")),
        ("http.response.status_code", Some("200")),
        ("tenant", Some("alice")),
        ("error.type", None),
        ("server.address", None),
        ("url.path", None),
    ] {
        assert_eq!(attribute(request, name).as_deref(), value, "{name}");
    }
    for (name, kind) in [
        ("orchestrator runtime_by_host", SpanKind::Internal),
        ("POST runtime_by_host", SpanKind::Client),
        ("dropbox download", SpanKind::Internal),
        ("POST download", SpanKind::Client),
        ("POST token", SpanKind::Client),
        ("POST vision", SpanKind::Client),
        ("POST sendPhoto", SpanKind::Client),
        ("whole", SpanKind::Internal),
        ("wait_for_room", SpanKind::Internal),
    ] {
        let span = named(name).unwrap_or_else(|| panic!("{name} is not among {spans:?}"));
        assert_eq!(hex(&span.trace_id), TRACE, "{name}");
        assert_eq!(span.kind(), kind, "{name}");
        if kind == SpanKind::Client {
            for (name, value) in [
                ("http.request.method", Some("POST")),
                ("http.response.status_code", Some("200")),
                ("server.address", Some("127.0.0.1")),
                ("error.type", None),
                ("http.request.resend_count", None),
            ] {
                assert_eq!(attribute(span, name).as_deref(), value, "{name}: {span:?}");
            }
            assert!(attribute(span, "server.port").is_some());
        }
        assert!(!has_failed(span), "{span:?}");
    }
    // A mail server is a tenant's, and called the same as its call.
    let mail = spans.iter().filter(|it| it.name == "smtp send");
    let mail: Vec<_> = mail
        .map(opentelemetry_proto::tonic::trace::v1::Span::kind)
        .collect();
    assert_eq!(mail.len(), 2, "{spans:?}");
    assert!(mail.contains(&SpanKind::Client) && mail.contains(&SpanKind::Internal));
    // Only what the operator's settings name is named.
    for span in &spans {
        let is_http_call = span.kind() == SpanKind::Client && !span.name.starts_with("smtp");
        let has_address = attribute(span, "server.address").is_some();
        assert_eq!(has_address, is_http_call, "{span:?}");
    }
    // What the orchestrator records hangs below our request to it.
    let lookup = named("POST runtime_by_host").unwrap();
    let sent = &sandbox.orchestrator.switches().requests("by_host")[0];
    let expected = format!("00-{TRACE}-{}-01", hex(&lookup.span_id));
    assert_eq!(sent.header("traceparent"), Some(&*expected));

    for (key, body) in collector.requests() {
        assert_eq!(key, Some(format!("Bearer {KEY}")));
        let decoded = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        let resource = decoded.resource_spans[0].resource.clone().unwrap();
        let name = resource
            .attributes
            .iter()
            .find(|it| it.key == "service.name");
        let name = name.and_then(|it| it.value.clone()?.value);
        assert_eq!(
            name,
            Some(any_value::Value::StringValue("publisher".to_owned()))
        );
        let text = String::from_utf8_lossy(&body).into_owned();
        let attribute = |name: &str| resource.attributes.iter().any(|it| it.key == name);
        assert!(attribute("service.version") && attribute("telemetry.sdk.name"));
        let mut hidden = sandbox.secrets();
        hidden.extend([
            alice.host.clone(),
            "harbour-dawn".to_owned(),
            "localhost".to_owned(),
        ]);
        for hidden in hidden {
            assert!(!text.contains(&hidden), "{hidden} is in a span");
        }
    }
}

#[tokio::test]
async fn each_request_to_an_upstream_has_a_span_which_says_how_it_ended() {
    let sandbox = Sandbox::start().await.unwrap();
    let collector = Collector::start().await;
    let service = Service::start_with(sandbox.environment(), &collector.settings()).await;
    let alice = &sandbox.tenants()[0];
    let orchestrator = sandbox.orchestrator.switches();
    orchestrator.inject("by_host", Fault::status(503));
    publish(&service, &sandbox, alice, &callers_trace()).await;
    let unknown = service.get("nobody.sandbox.localhost", "/api/config/features");
    assert_eq!(unknown.await.status, 404);
    let nowhere = service.get(&alice.host, "/nowhere");
    assert_eq!(nowhere.await.status, 404);
    service.terminate().await;
    assert!(service.ended().await.0.success());

    let spans = collector.spans();
    let lookups = spans.iter().filter(|it| it.name == "POST runtime_by_host");
    let told = lookups.map(|span| {
        let of = |name| attribute(span, name);
        (
            of("http.response.status_code"),
            of("error.type"),
            of("http.request.resend_count"),
            has_failed(span),
        )
    });
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (text("503"), text("503"), None, true),
            (text("200"), None, text("1"), false),
            (text("404"), text("404"), None, true),
        ]
    );
    // What a client does wrong is no error of the server.
    let not_found = spans.iter().filter(|it| {
        it.kind() == SpanKind::Server
            && attribute(it, "http.response.status_code").as_deref() == Some("404")
    });
    let names: Vec<_> = not_found
        .inspect(|it| assert!(!has_failed(it) && attribute(it, "error.type").is_none()))
        .map(|it| (it.name.as_str(), attribute(it, "http.route")))
        .collect();
    let route = "/api/config/features";
    assert_eq!(
        names,
        [("GET /api/config/features", text(route)), ("GET", None)]
    );
}

#[tokio::test]
async fn probes_are_in_no_trace_and_logged_at_debug() {
    let sandbox = Sandbox::start().await.unwrap();
    let collector = Collector::start().await;
    let service = Service::start_with(sandbox.environment(), &collector.settings()).await;
    for path in ["/health", "/health/live", "/health/ready"] {
        let request = service.request(Method::GET, "any", path);
        let request = request.header("traceparent", callers_trace());
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let probes = sandbox.orchestrator.switches().requests("by_host");
    assert_eq!(probes.len(), 1);
    assert_eq!(probes[0].header("traceparent"), None);
    for message in ["request ended", "upstream call succeeded"] {
        let lines = service.lines(message).await;
        assert!(!lines.is_empty(), "{message}");
        assert!(lines.iter().all(|it| it["level"] == "DEBUG"), "{lines:?}");
    }
    service.terminate().await;
    assert!(service.ended().await.0.success());
    assert!(collector.spans().is_empty(), "{:?}", collector.spans());
}

#[tokio::test]
async fn what_is_said_of_traces_alone_goes_before_what_is_said_of_all_signals() {
    let sandbox = Sandbox::start().await.unwrap();
    let collector = Collector::start().await;
    let whole = format!("{}/v1/traces", collector.url);
    let more = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &whole),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=all"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=traces"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=by%2Dattribute"),
    ];
    for off in [None, Some(("OTEL_SDK_DISABLED", "true"))] {
        let more: Vec<_> = more.into_iter().chain(off).collect();
        let service = Service::start_with(sandbox.environment(), &more).await;
        publish(&service, &sandbox, &sandbox.tenants()[0], &callers_trace()).await;
        service.terminate().await;
        assert!(service.ended().await.0.success());
        let requests = std::mem::take(&mut *collector.requests.lock().unwrap());
        assert_eq!(requests.is_empty(), off.is_some());
        for (key, body) in requests {
            assert_eq!(key.as_deref(), Some("traces"));
            let decoded = ExportTraceServiceRequest::decode(&body[..]).unwrap();
            let resource = format!("{:?}", decoded.resource_spans[0].resource);
            assert!(resource.contains("by-attribute"), "{resource}");
        }
    }
}

#[tokio::test]
async fn the_sampler_decides_what_is_recorded() {
    let sandbox = Sandbox::start().await.unwrap();
    let collector = Collector::start().await;
    let more = [
        &collector.settings()[..],
        &[("OTEL_TRACES_SAMPLER", "always_off")],
    ]
    .concat();
    let service = Service::start_with(sandbox.environment(), &more).await;
    publish(&service, &sandbox, &sandbox.tenants()[0], &callers_trace()).await;
    service.terminate().await;
    assert!(service.ended().await.0.success());
    assert!(collector.requests().is_empty());
}

#[tokio::test]
async fn a_collector_that_is_away_disturbs_nobody_and_is_told_of_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let more = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        // How often spans are sent, in milliseconds.
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
    ];
    let service = Service::start_with(sandbox.environment(), &more).await;
    let alice = &sandbox.tenants()[0];
    publish(&service, &sandbox, alice, &callers_trace()).await;
    for _ in 0..20 {
        let features = service.get(&alice.host, "/api/config/features").await;
        assert_eq!(features.status, 200);
    }
    service.terminate().await;
    let (status, log) = service.ended().await;
    assert!(status.success(), "{log}");
    assert_eq!(log.matches("traces cannot be sent").count(), 1, "{log}");
    assert!(!log.contains(url.trim_start_matches("http://")), "{log}");
}
