//! Publishes that end before a platform is called are counted, each with its reason.

use publisher_sandbox::{Fault, Sandbox, TenantSpec};
use serde_json::json;

use crate::harness::Service;

const REASONS: [&str; 7] = [
    "ledger", "storage", "tenant", "captions", "image", "busy", "conflict",
];

/// Checks how many were refused for which reason.
async fn assert_refused(service: &Service, expected: [usize; 7]) {
    let text = service.metrics().await.text;
    for (reason, count) in REASONS.into_iter().zip(expected) {
        let line = format!("publisher_publish_refusals_total{{reason=\"{reason}\"}} {count}\n");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_publish_that_is_refused_is_counted_with_its_reason() {
    const IMAGE: &str = "harbour-dawn.jpg";
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    assert_refused(&service, [0; 7]).await;
    let (alice, bob) = (&sandbox.tenants()[0], &sandbox.tenants()[1]);
    let publish = |body| service.publish(&sandbox, alice, IMAGE, body);

    let dropbox = sandbox.dropbox.switches();
    dropbox.always("get_metadata", Fault::status(500));
    publish(json!({}))
        .await
        .assert_problem(502, "upstream-failed");
    dropbox.clear("get_metadata");
    assert_refused(&service, [0, 1, 0, 0, 0, 0, 0]).await;

    let openai = sandbox.openai.switches();
    openai.always("vision", Fault::status(500));
    publish(json!({}))
        .await
        .assert_problem(502, "upstream-failed");
    // One that was only to be tried is none.
    publish(json!({"dry_run": true}))
        .await
        .assert_problem(502, "upstream-failed");
    openai.clear("vision");
    assert_refused(&service, [0, 1, 0, 1, 0, 0, 0]).await;

    let path = format!("{}/broken.jpg", alice.root);
    sandbox.dropbox.put(&alice.name, &path, "no image");
    let broken = service.publish(&sandbox, alice, "broken.jpg", json!({}));
    broken.await.assert_problem(422, "unusable-image");
    // A name that no image has is the caller's mistake.
    let missing = service.publish(&sandbox, alice, "missing.jpg", json!({}));
    missing.await.assert_problem(404, "image-not-found");
    assert_refused(&service, [0, 1, 0, 1, 1, 0, 0]).await;

    let held = sandbox.telegram.switches().hold("sendPhoto");
    let ridge = || service.publish(&sandbox, bob, "north-ridge.jpg", json!({}));
    let second = async {
        held.arrived(1).await;
        let second = ridge().await;
        held.release();
        second
    };
    let (first, second) = tokio::join!(ridge(), second);
    assert_eq!(first.status, 200, "{first:?}");
    second.assert_problem(409, "conflict");
    assert!(!second.header("retry-after").is_empty(), "{second:?}");
    assert_refused(&service, [0, 1, 0, 1, 1, 0, 1]).await;

    let carol = sandbox.add_tenant(TenantSpec::new("carol"));
    let orchestrator = sandbox.orchestrator.switches();
    orchestrator.always("by_host", Fault::status(503));
    let lost = service.publish(&sandbox, &carol, IMAGE, json!({}));
    lost.await.assert_problem(503, "tenant-unavailable");
    // What publishes nothing is not counted.
    let listing = service.get_as_admin(&sandbox, &carol.host, "/api/images/list");
    listing.await.assert_problem(503, "tenant-unavailable");
    assert_refused(&service, [0, 1, 1, 1, 1, 0, 1]).await;
}
