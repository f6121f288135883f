//! What is counted, and where it can be read.

use publisher::adapters::sandbox::{Fault, Sandbox};
use serde_json::json;

use crate::harness::{Service, command};

#[tokio::test]
async fn a_publish_can_be_told_from_the_metrics_but_not_whose_it_was() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let by_host = sandbox.orchestrator.switches();
    by_host.inject("by_host", Fault::status(503));
    service
        .publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await;
    let metrics = service.metrics().await;
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    let text = &metrics.text;
    for line in [
        r#"publisher_upstream_requests_total{upstream="orchestrator",operation="runtime_by_host",status="503"} 1"#,
        r#"publisher_upstream_requests_total{upstream="orchestrator",operation="runtime_by_host",status="200"} 1"#,
        r#"publisher_upstream_retries_total{upstream="orchestrator",operation="runtime_by_host"} 1"#,
        r#"publisher_upstream_requests_total{upstream="orchestrator",operation="resolve_credential",status="200"} 4"#,
        r#"publisher_upstream_request_duration_seconds_count{upstream="orchestrator",operation="runtime_by_host"} 2"#,
        r#"publisher_upstream_request_duration_seconds_bucket{upstream="orchestrator",operation="runtime_by_host",le="0.005"}"#,
        r#"publisher_upstream_requests_total{upstream="telegram""#,
        r#"publisher_upstream_requests_total{upstream="openai""#,
        r#"publisher_upstream_requests_total{upstream="dropbox""#,
        r#"publisher_upstream_requests_total{upstream="smtp""#,
        concat!(
            r#"publisher_build_info{version=""#,
            env!("CARGO_PKG_VERSION"),
            r#""} 1"#
        ),
        r#"publisher_cache_requests_total{cache="runtime_config",outcome="miss"} 1"#,
        r#"publisher_cache_entries{cache="tenant_services"} 1"#,
        r#"publisher_cache_entries{cache="credential"} 4"#,
        r#"publisher_credential_resolutions_total{provider="smtp",outcome="resolved"} 1"#,
        "process_resident_memory_bytes ",
        "process_open_fds ",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let mut hidden = sandbox.secrets();
    hidden.extend([&alice.host, &alice.name].map(Clone::clone));
    for hidden in hidden {
        assert!(!text.contains(&hidden), "{hidden} is in\n{text}");
    }
}

#[tokio::test]
async fn metrics_are_not_among_the_routes_of_the_service() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    service
        .get(host, "/metrics")
        .await
        .assert_problem(404, "not-found");
}

#[tokio::test]
async fn without_an_address_there_are_no_metrics() {
    let sandbox = Sandbox::start().await.unwrap();
    let off = [("METRICS_LISTEN_ADDRESS", "")];
    let service = Service::start_with(sandbox.environment(), &off).await;
    assert!(!service.log().contains("metrics listening"));
}

#[tokio::test]
async fn metrics_that_cannot_be_served_stop_the_start() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let taken = sandbox.orchestrator.server().url();
    let taken = taken.trim_start_matches("http://");
    let mut serve = command("serve");
    serve.envs(sandbox.environment());
    serve.envs([
        ("LISTEN_ADDRESS", "127.0.0.1:0"),
        ("METRICS_LISTEN_ADDRESS", taken),
    ]);
    let output = serve.output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("METRICS_LISTEN_ADDRESS") && told.contains(taken),
        "{told}"
    );
}
