//! What a line of the log looks like.

use std::{collections::BTreeSet, time::Duration};

use publisher::adapters::http_client::{self, ExtraRoots};
use publisher_sandbox::{Fault, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
};

use crate::harness::{Answer, Service, command};

#[tokio::test]
async fn every_line_is_flat_json_and_a_call_says_all_that_is_known_of_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let by_host = sandbox.orchestrator.switches();
    by_host.inject("by_host", Fault::status(503));
    let request = service
        .request(
            Method::POST,
            &alice.host,
            "/api/images/harbour-dawn.jpg/publish",
        )
        .bearer_auth(sandbox.web_token())
        .header("x-request-id", "request-1");
    assert_eq!(request.send().await.unwrap().status(), 200);
    for line in service.whole_log().await.lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        let fields = object.as_object().unwrap();
        for name in ["timestamp", "level", "target", "message"] {
            assert!(fields[name].is_string(), "{name} of {line}");
        }
        assert!(
            fields.values().all(|it| !it.is_object() && !it.is_array()),
            "{line}"
        );
        // What was read has each name once; so what was written is as long only if it had, too.
        assert_eq!(
            object.to_string().len(),
            line.len(),
            "a name comes twice: {line}"
        );
        assert!(!line.contains("otel."), "{line}");
    }
    let calls = service.lines("upstream call succeeded").await;
    // Usage events are sent in the background, each as a request of its own.
    let (events, calls): (Vec<_>, Vec<_>) = calls
        .into_iter()
        .partition(|call| call["operation"] == "usage");
    for event in &events {
        assert_ne!(event["request_id"], "request-1", "{event}");
        assert_eq!(event["tenant"], "alice", "{event}");
    }
    let upstreams: BTreeSet<_> = calls
        .iter()
        .map(|it| it["upstream"].as_str().unwrap())
        .collect();
    let all = ["dropbox", "openai", "orchestrator", "smtp", "telegram"];
    assert_eq!(upstreams, BTreeSet::from(all));
    for call in &calls {
        assert_eq!(call["request_id"], "request-1", "{call}");
        assert_eq!(call["tenant"], "alice", "{call}");
        assert!(call["operation"].is_string(), "{call}");
        assert!(
            call["http_status"].is_u64() || call["upstream"] == "smtp",
            "{call}"
        );
        assert!(
            call["latency_ms"].is_u64() && call["attempts"].is_u64(),
            "{call}"
        );
        let has_version = call["config_version"] == "v1";
        assert_eq!(has_version, call["upstream"] == "orchestrator", "{call}");
    }
    let lookup = calls
        .iter()
        .find(|it| it["operation"] == "runtime_by_host")
        .unwrap();
    assert_eq!(lookup["attempts"], 2);
    let ended = &service.lines("request ended").await[0];
    assert_eq!(ended["route"], "/api/images/{filename}/publish");
    assert_eq!(
        (&ended["method"], &ended["status"]),
        (&json!("POST"), &json!(200))
    );
}

#[tokio::test]
async fn a_line_that_the_filter_lets_through_has_its_request_and_tenant() {
    let sandbox = Sandbox::start().await.unwrap();
    let quiet = "info,publisher::app=warn,publisher::adapters=warn";
    let service = Service::start_with(sandbox.environment(), &[("RUST_LOG", quiet)]).await;
    let alice = &sandbox.tenants()[0];
    sandbox.orchestrator.remove_credential(&alice.telegram_ref);
    let path = "/api/images/harbour-dawn.jpg/publish";
    let request = service.request(Method::POST, &alice.host, path);
    let request = request.bearer_auth(sandbox.web_token());
    let request = request.header("x-request-id", "request-1");
    assert_eq!(request.send().await.unwrap().status(), 200);
    service.terminate().await;
    let (_, log) = service.ended().await;
    let lines = log.lines().map(|it| serde_json::from_str(it).unwrap());
    let warnings: Vec<Value> = lines
        .filter(|line: &Value| line["level"] == "WARN")
        .collect();
    assert!(!warnings.is_empty());
    for warning in warnings {
        assert_eq!(warning["request_id"], "request-1", "{warning}");
        assert_eq!(warning["tenant"], "alice", "{warning}");
    }
}

/// An address that nothing listens on.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn after_a_gap_a_line_says_how_many_lines_are_missing() {
    let (address, metrics) = (free_address(), free_address());
    let mut serve = command("serve");
    let sandbox = Sandbox::start().await.unwrap();
    serve.envs(sandbox.environment()).envs([
        ("LISTEN_ADDRESS", &*address),
        ("METRICS_LISTEN_ADDRESS", &metrics),
        ("LOG_FORMAT", "json"),
        ("RUST_LOG", "trace"),
    ]);
    let mut child = serve.spawn().unwrap();
    while TcpStream::connect(&address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let client = http_client::build(Duration::from_mins(1), &ExtraRoots::default()).unwrap();
    // Nothing reads its standard output yet.
    let lost = loop {
        for _ in 0..100 {
            Answer::to(client.get(format!("http://{address}/health"))).await;
        }
        let shown = Answer::to(client.get(format!("http://{metrics}/metrics"))).await;
        let mut lines = shown.text.lines();
        let count = lines.find_map(|it| it.strip_prefix("publisher_log_lines_lost_total "));
        let count: u64 = count.unwrap().parse().unwrap();
        if count > 100 {
            break count;
        }
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = 0;
    let gaps = async {
        while told < lost {
            let line = lines.next_line().await.unwrap().unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            let message = line["message"].as_str().unwrap_or_default();
            if message.starts_with("log lines were lost") {
                told += line["lines"].as_u64().unwrap();
            }
        }
    };
    let all_told = tokio::time::timeout(Duration::from_secs(30), gaps).await;
    assert!(
        all_told.is_ok(),
        "{lost} lines were lost, and {told} are named"
    );
}
