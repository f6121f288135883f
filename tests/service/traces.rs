//! Traces: a caller's goes on through the service, and spans go to a collector where there is one.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value,
    trace::v1::{Span, span::SpanKind},
};
use poem::{
    EndpointExt as _, Request, Route, Server, endpoint::make, http::StatusCode,
    listener::TcpAcceptor, post,
};
use prost::Message as _;
use publisher::adapters::sandbox::{DemoTenant, RecordedRequest, Sandbox};
use reqwest::Method;
use tokio::net::TcpListener;

use crate::harness::Service;

const IMAGE: &str = "/api/images/harbour-dawn.jpg/publish";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const STATE: &str = "vendor=value,other=1";
const KEY: &str = "key-of-the-collector";

/// What came to the collector: the key it was shown, and the body.
type Export = (Option<String>, Vec<u8>);

/// Stands in for whatever collects spans.
struct Collector {
    url: String,
    requests: Arc<Mutex<Vec<Export>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/otlp", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let received = Arc::clone(&requests);
        let take = make(move |mut request: Request| {
            let received = Arc::clone(&received);
            async move {
                let key = request.header("authorization").map(str::to_owned);
                let body = request.take_body().into_vec().await.unwrap();
                received.lock().unwrap().push((key, body));
                Ok::<_, poem::Error>(StatusCode::OK)
            }
        });
        let routes = Route::new().at("/otlp/v1/traces", post(take)).boxed();
        let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
        Self { url, requests }
    }

    fn settings(&self) -> [(&'static str, &str); 2] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &self.url),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20key-of-the-collector",
            ),
        ]
    }

    fn requests(&self) -> Vec<Export> {
        self.requests.lock().unwrap().clone()
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests().into_iter();
        let batches = requests.flat_map(|(_, body)| {
            let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
            request.resource_spans
        });
        let scopes = batches.flat_map(|it| it.scope_spans);
        scopes.flat_map(|it| it.spans).collect()
    }
}

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
    for call in service.lines("upstream call succeeded").await {
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
async fn the_spans_of_a_request_are_sent_to_the_collector_and_name_nobody_and_no_host() {
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
    assert_eq!(request.kind, SpanKind::Server as i32);
    for name in [
        "orchestrator runtime_by_host",
        "dropbox download",
        "openai vision",
        "telegram sendPhoto",
        "whole",
        "wait_for_room",
    ] {
        let span = named(name).unwrap_or_else(|| panic!("{name} is not among {spans:?}"));
        assert_eq!(hex(&span.trace_id), TRACE, "{name}");
    }
    // What the orchestrator records hangs below our call of it.
    let lookup = named("orchestrator runtime_by_host").unwrap();
    assert_eq!(lookup.kind, SpanKind::Client as i32);
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
        let mut hidden = sandbox.secrets();
        hidden.extend([
            alice.host.clone(),
            "harbour-dawn".to_owned(),
            "127.0.0.1".to_owned(),
        ]);
        for hidden in hidden {
            assert!(!text.contains(&hidden), "{hidden} is in a span");
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
