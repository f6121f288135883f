//! What a request leaves in the log, and what it does not.

use std::{
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
};

use poem::Request;
use serde_json::Value;
use tracing::{
    Dispatch,
    subscriber::{DefaultGuard, NoSubscriber},
};

use super::{
    Service,
    harness::{HOST, at, get, publish},
};
use crate::ports::ImageStoreError;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes what this thread writes, at every level.
    fn capture() -> (Self, DefaultGuard) {
        // With one subscriber only, what another thread without any meets first would be
        // switched off for this one too.
        static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
        LazyLock::force(&SECOND);
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines with a message.
    fn lines(&self, message: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &Value| line["fields"]["message"] == message)
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn logged(service: Service, request: Request) -> Log {
    let (log, _guard) = Log::capture();
    service.answer(request).await;
    log
}

#[tokio::test]
async fn a_request_leaves_one_line_with_its_route_and_tenant() {
    let mut request = publish("secret-name.txt", "");
    request
        .headers_mut()
        .insert("x-request-id", "id-1".parse().unwrap());
    let log = logged(Service::new(), request).await;
    let lines = log.lines("request ended");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["fields"]["status"], 400);
    assert!(lines[0]["fields"]["latency_ms"].is_u64());
    let span = &lines[0]["span"];
    assert_eq!(span["request_id"], "id-1");
    assert_eq!(lines[0]["fields"]["method"], "POST");
    assert_eq!(
        lines[0]["fields"]["route"],
        "/api/images/{filename}/publish"
    );
    assert_eq!(span["tenant"], "alice");
}

#[tokio::test]
async fn neither_hosts_nor_paths_nor_queries_nor_tokens_are_logged() {
    let unmatched = at("unknown.example.org", "/nowhere/secret-name?q=secret-query");
    let unknown = at("unknown.example.org", "/api/images/list?after=secret-query");
    let known = get("/api/images/list?after=secret-query");
    let login = Request::builder()
        .method(poem::http::Method::POST)
        .uri_str("/api/admin/login")
        .header("host", HOST)
        .header("authorization", "Basic secret-basic")
        .header(
            "cookie",
            "pv2_admin=secret-cookie; pv2_device=secret-cookie",
        )
        .content_type("application/json")
        .body(r#"{"password": "secret-password", "secret-field": 1}"#);
    for (request, route) in [
        (unmatched, "unmatched"),
        (unknown, "/api/images/list"),
        (known, "/api/images/list"),
        (login, "/api/admin/login"),
        (
            publish("secret-name.jpg", "{"),
            "/api/images/{filename}/publish",
        ),
    ] {
        let log = logged(Service::new(), request).await;
        assert_eq!(log.lines("request ended")[0]["fields"]["route"], route);
        for word in ["secret", "unknown.example", HOST, super::harness::TOKEN] {
            assert!(!log.text().contains(word), "{word} in {}", log.text());
        }
    }
}

#[tokio::test]
async fn the_cause_of_a_failure_is_logged_once() {
    let mut service = Service::new().open_to_viewers();
    service
        .images
        .expect_list()
        .returning(|| Err(ImageStoreError::Unavailable("reset by peer".into())));
    let log = logged(service, get("/api/images/list")).await;
    let lines = log.lines("request failed");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "WARN");
    assert_eq!(lines[0]["fields"]["problem"], "upstream-failed");
    assert_eq!(lines[0]["fields"]["error"], "storage failed: reset by peer");
    assert_eq!(log.text().matches("reset by peer").count(), 1);
}
