//! What is counted, and where it can be read.

use std::collections::{BTreeMap, BTreeSet};

use publisher_sandbox::{Fault, Sandbox};
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, PATIENCE, Service, command};

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
            r#"",commit="unknown"} 1"#
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

/// The metrics that operators were promised, each with its labels.
const PROMISED: [(&str, &[&str]); 28] = [
    (
        "publisher_http_requests_total",
        &["route", "method", "status"],
    ),
    (
        "publisher_http_request_duration_seconds",
        &["route", "method"],
    ),
    ("publisher_cache_requests_total", &["cache", "outcome"]),
    ("publisher_cache_entries", &["cache"]),
    ("publisher_cache_evictions_total", &["cache"]),
    (
        "publisher_upstream_requests_total",
        &["upstream", "operation", "status"],
    ),
    (
        "publisher_upstream_request_duration_seconds",
        &["upstream", "operation"],
    ),
    (
        "publisher_upstream_retries_total",
        &["upstream", "operation"],
    ),
    (
        "publisher_credential_resolutions_total",
        &["provider", "outcome"],
    ),
    ("publisher_publications_total", &["platform", "outcome"]),
    ("publisher_publish_duration_seconds", &["stage"]),
    ("publisher_publish_refusals_total", &["reason"]),
    ("publisher_library_uploads_total", &["outcome"]),
    (
        "publisher_ledger_operation_duration_seconds",
        &["operation"],
    ),
    ("publisher_ledger_errors_total", &["operation"]),
    ("publisher_ledger_pool_connections", &["state"]),
    ("publisher_ledger_entries", &["state"]),
    ("publisher_shared_limits_fallbacks_total", &["limit"]),
    ("publisher_usage_events_total", &["outcome"]),
    ("publisher_jobs", &["status"]),
    ("publisher_jobs_overdue_seconds", &[]),
    ("publisher_job_lateness_seconds", &[]),
    ("publisher_usage_outbox_entries", &[]),
    ("publisher_usage_outbox_oldest_seconds", &[]),
    ("publisher_model_shutdown_timestamp_seconds", &["model"]),
    ("publisher_build_info", &["version", "commit"]),
    ("process_resident_memory_bytes", &[]),
    ("process_cpu_seconds_total", &[]),
];

/// Each metric of a page with the names of its labels, and each label with its values.
#[derive(Default)]
struct Page {
    labels: BTreeMap<String, BTreeSet<String>>,
    values: BTreeMap<String, BTreeSet<String>>,
}

fn read(text: &str) -> Page {
    let mut page = Page::default();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let histograms: BTreeSet<&str> = types
        .filter_map(|line| line.strip_suffix(" histogram"))
        .collect();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let of_histogram = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix))
            .find(|name| histograms.contains(name));
        let names = page.labels.entry(of_histogram.unwrap_or(name).to_owned());
        let names = names.or_default();
        let labels = labels.trim_end_matches('}');
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once("=\"").unwrap();
            if label != "le" {
                names.insert(label.to_owned());
            }
            let values = page.values.entry(label.to_owned()).or_default();
            values.insert(value.trim_end_matches('"').to_owned());
        }
    }
    page
}

/// The metrics that the guide has, each with its labels.
fn written_in_the_guide() -> BTreeMap<String, BTreeSet<String>> {
    let guide = include_str!("../../docs/operations.md");
    let rows = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `publisher_"));
    let mut written = BTreeMap::new();
    for row in rows {
        let mut cells = row.split('|').map(str::trim);
        let (names, labels) = (cells.next().unwrap(), cells.next().unwrap());
        let words = |text: &str| {
            let words = text
                .split(", ")
                .map(|it| it.trim_matches(['`', ' ']).to_owned());
            words
                .filter(|it| !it.is_empty())
                .collect::<BTreeSet<String>>()
        };
        for name in names.split(", ") {
            let name = name.trim_matches('`').trim_start_matches("publisher_");
            written.insert(format!("publisher_{name}"), words(labels));
        }
    }
    written
}

/// Something of everything that is counted.
async fn make_traffic(service: &Service, sandbox: &Sandbox) {
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    sandbox
        .orchestrator
        .switches()
        .inject("by_host", Fault::status(503));
    sandbox.telegram.revoke_bot(&bob.bot_token);
    service
        .publish(sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await;
    let dry = json!({"dry_run": true});
    service
        .publish(sandbox, alice, "paper-lantern.png", dry)
        .await;
    service
        .publish(sandbox, bob, "north-ridge.jpg", json!({}))
        .await;
    service.get("nobody.sandbox.localhost", "/made/up").await;
    let jobs = service.request(Method::POST, &alice.host, "/api/jobs");
    let job = jobs.json(&json!({"filename": "no-such-image.jpg"}));
    Answer::to(job.bearer_auth(sandbox.web_token())).await;
    let begun = "job_lateness_seconds_count";
    let looking = async { while !service.metrics().await.text.contains(begun) {} };
    tokio::time::timeout(PATIENCE, looking).await.unwrap();
    let made_up = Method::from_bytes(b"BREW").unwrap();
    let made_up = service.request(made_up, &alice.host, "/api/images/list");
    assert_eq!(Answer::to(made_up).await.status, 405);
}

#[tokio::test]
async fn all_that_was_promised_is_there_with_its_labels_and_in_the_guide() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    sandbox.orchestrator.edit_config(&alice.host, |config| {
        let lifecycle = json!({"shutdown_date": "2027-02-01"});
        config["ai"]["caption_model_lifecycle"] = lifecycle;
    });
    let service = Service::start(&sandbox).await;
    make_traffic(&service, &sandbox).await;
    let text = service.metrics().await.text;
    let ends = r#"publisher_model_shutdown_timestamp_seconds{model="gpt-4o-mini"} 1801440000"#;
    assert!(text.contains(ends), "{text}");
    let page = read(&text);
    for (name, labels) in PROMISED {
        let expected: BTreeSet<String> = labels.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(page.labels.get(name), Some(&expected), "{name} in\n{text}");
    }
    let has = |label: &str, values: &[&str]| {
        let missing = values
            .iter()
            .find(|value| !page.values[label].contains(**value));
        assert_eq!(missing, None, "{label}: {:?}", page.values[label]);
    };
    has(
        "cache",
        &[
            "runtime_config",
            "credential",
            "tenant_services",
            "unknown_host",
            "voice_profile",
        ],
    );
    has(
        "outcome",
        &["hit", "miss", "stale", "published", "failed", "resolved"],
    );
    has("platform", &["telegram", "email"]);
    has(
        "stage",
        &[
            "find",
            "claim",
            "wait_for_room",
            "fetch",
            "prepare",
            "vision",
            "captions",
            "stage",
            "send",
            "sidecar",
            "archive",
            "whole",
        ],
    );
    has("route", &["/api/images/{filename}/publish", "unmatched"]);
    has("method", &["GET", "POST", "other"]);
    for line in [
        r#"publisher_publications_total{platform="telegram",outcome="published"} 1"#,
        r#"publisher_publications_total{platform="email",outcome="published"} 1"#,
        r#"publisher_publications_total{platform="telegram",outcome="failed"} 1"#,
        r#"publisher_publish_duration_seconds_count{stage="whole"} 4"#,
        r#"publisher_http_requests_total{route="/api/images/list",method="other",status="405"} 1"#,
        r#"publisher_http_requests_total{route="unmatched",method="GET",status="404"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(
        !text.contains("made/up") && !text.contains("BREW"),
        "{text}"
    );

    let written = written_in_the_guide();
    let mut shown = page.labels;
    shown.retain(|name, _| name.starts_with("publisher_"));
    assert_eq!(shown, written, "what is shown, and what the guide says");
}

/// The series of a page that count what alerts look at. Calls without their status: an upstream may
/// answer with any.
fn counted(text: &str) -> BTreeSet<&str> {
    let series = text.lines().filter_map(|line| line.rsplit_once(' '));
    let series = series.map(|(series, _)| series.split(",status=").next().unwrap());
    let is_counted = |series: &&str| {
        [
            "publisher_publications_total",
            "publisher_publication_failures_total",
            "publisher_publish_refusals_total",
            "publisher_credential_resolutions_total",
            "publisher_upstream_requests_total",
            "publisher_upstream_retries_total",
            "publisher_cache_",
            "publisher_ledger_errors_total",
        ]
        .iter()
        .any(|name| series.starts_with(name))
    };
    series.filter(is_counted).collect()
}

#[tokio::test]
async fn what_is_counted_is_there_at_zero_before_anything_happens() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let at_first = service.metrics().await.text;
    for line in [
        r#"publisher_http_requests_total{route="/api/images/{filename}/publish",method="POST",status="503"} 0"#,
        r#"publisher_http_requests_total{route="/api/images/{filename}/publish",method="POST",status="200"} 0"#,
        r#"publisher_http_requests_total{route="/health/ready",method="GET",status="503"} 0"#,
        r#"publisher_publish_refusals_total{reason="ledger"} 0"#,
        r#"publisher_publications_total{platform="email",outcome="unknown"} 0"#,
        r#"publisher_ledger_errors_total{operation="claim"} 0"#,
    ] {
        assert!(at_first.contains(line), "{line} is not in\n{at_first}");
    }
    make_traffic(&service, &sandbox).await;
    let later = service.metrics().await.text;
    let (at_first, later) = (counted(&at_first), counted(&later));
    let new: Vec<_> = later.difference(&at_first).collect();
    assert_eq!(new, [&""; 0], "series that begin with their first event");
    assert!(at_first.len() < 400, "{} series", at_first.len());
}

#[tokio::test]
async fn a_ledger_that_is_left_with_an_unknown_post_says_so_from_the_start() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let unknown = async |service: &Service, count: u8| {
        let line = format!(r#"publisher_ledger_entries{{state="unknown"}} {count}"#);
        while !service.metrics().await.text.contains(&line) {
            tokio::task::yield_now().await;
        }
    };
    let service = Service::start(&sandbox).await;
    unknown(&service, 0).await;
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let body = json!({"platforms": ["telegram"], "caption": "Dawn"});
    {
        let publish = service.publish(&sandbox, alice, "harbour-dawn.jpg", body);
        tokio::select! {
            answer = publish => panic!("it was to hang: {answer:?}"),
            () = held.arrived(1) => {}
        }
    }
    service.kill().await;
    held.release();
    let service = Service::start(&sandbox).await;
    unknown(&service, 1).await;
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
    assert!(!service.whole_log().await.contains("metrics listening"));
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
