//! The orchestrator is down, and what that costs it.

use std::time::Duration;

use futures_util::future::join_all;
use publisher_sandbox::{Fault, Sandbox};

use crate::harness::Service;

const PATH: &str = "/api/config/features";

#[tokio::test]
async fn two_hundred_cold_hosts_in_an_outage_cost_little_more_than_a_call_each() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let switches = sandbox.orchestrator.switches();
    switches.always("by_host", Fault::status(503));
    let hosts: Vec<_> = (0..200)
        .map(|n| format!("cold-{n}.sandbox.localhost"))
        .collect();
    for answer in join_all(hosts.iter().map(|host| service.get(host, PATH))).await {
        answer.assert_problem(503, "tenant-unavailable");
    }
    let calls = switches.calls("by_host");
    assert!((200..=260).contains(&calls), "{calls} calls");
}

#[tokio::test]
async fn a_thousand_first_requests_in_an_outage_are_three_calls_and_one_answer() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let switches = sandbox.orchestrator.switches();
    // Slow enough for all thousand to come while the first is under way.
    switches.always(
        "by_host",
        Fault::status(503).with_header("retry-after", "2"),
    );
    switches.set_latency("by_host", Duration::from_millis(200));
    let answers = join_all((0..1000).map(|_| service.get(host, PATH))).await;
    for answer in answers {
        answer.assert_problem(503, "tenant-unavailable");
    }
    assert_eq!(switches.calls("by_host"), 3);
    assert_eq!(switches.calls("resolve"), 0);
}
