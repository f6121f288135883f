//! Stands in for whatever collects spans.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value,
    trace::v1::{Span, status::StatusCode},
};
use poem::{
    EndpointExt as _, Request, Route, Server, endpoint::make, http, listener::TcpAcceptor, post,
};
use prost::Message as _;
use tokio::net::TcpListener;

/// What it is shown.
pub(crate) const KEY: &str = "key-of-the-collector";

/// What came to the collector: the key it was shown, and the body.
pub(crate) type Export = (Option<String>, Vec<u8>);

/// Stands in for whatever collects spans.
pub(crate) struct Collector {
    pub(crate) url: String,
    pub(crate) requests: Arc<Mutex<Vec<Export>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
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
                Ok::<_, poem::Error>(http::StatusCode::OK)
            }
        });
        let routes = Route::new().at("/otlp/v1/traces", post(take)).boxed();
        let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
        Self { url, requests }
    }

    pub(crate) fn settings(&self) -> [(&'static str, &str); 2] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &self.url),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20key-of-the-collector",
            ),
        ]
    }

    pub(crate) fn requests(&self) -> Vec<Export> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.requests().into_iter();
        let batches = requests.flat_map(|(_, body)| {
            let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
            request.resource_spans
        });
        let scopes = batches.flat_map(|it| it.scope_spans);
        scopes.flat_map(|it| it.spans).collect()
    }
}

/// An attribute of a span, as text.
pub(crate) fn attribute(span: &Span, name: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|it| it.key == name)?;
    Some(match attribute.value.clone()?.value? {
        any_value::Value::StringValue(text) => text,
        any_value::Value::IntValue(number) => number.to_string(),
        other => panic!("{name} is {other:?}"),
    })
}

pub(crate) fn has_failed(span: &Span) -> bool {
    span.status
        .as_ref()
        .is_some_and(|it| it.code() == StatusCode::Error)
}
