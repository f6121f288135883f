//! A tenant that moves from one kind of storage to another, over real sockets: what it published is not published again.
#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

#[path = "fault_matrix/providers.rs"]
mod providers;
#[path = "fault_matrix/stage.rs"]
#[expect(dead_code, reason = "faults are another test's")]
mod stage;

use std::sync::Arc;

use publisher::{adapters::clock::SystemClock, ports::Clock};
use publisher_sandbox::{Sample, TenantSpec};
use serde_json::json;

use self::stage::{IMAGE, Stage, compose, open_storages};

#[tokio::test]
async fn an_image_that_moved_from_dropbox_to_another_storage_is_not_published_again() {
    let mut stage = Stage::new(false).await;
    let first = stage.publish().await;
    let outcome = &first.document["results"]["telegram"]["outcome"];
    assert_eq!(outcome, "published", "{}", first.document);
    let image = Sample::jpeg(IMAGE, 32, 24, 1).unwrap();
    let moved = json!({ "storage": { "provider": "memory", "credentials_ref": null,
        "paths": { "root": "acme", "archive": null, "keep": null, "remove": null } } });
    let tenant = TenantSpec::new("alice").email(true).patch(&moved);
    stage.tenant = stage.sandbox.add_tenant(tenant);
    // The service starts anew on its ledger.
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let storages = open_storages(&stage.sandbox, &clock);
    let path = format!("/acme/{IMAGE}");
    storages.memory.put(&path, image.bytes);
    stage.routes = compose(&stage.sandbox, &stage.ledger, clock, storages);
    let calls = |stage: &Stage| {
        let sandbox = &stage.sandbox;
        [
            sandbox.telegram.switches().calls("sendPhoto"),
            sandbox.openai.switches().calls("vision"),
            sandbox.openai.switches().calls("caption"),
        ]
    };
    let before = calls(&stage);
    let recorded = stage.entries().await;
    let second = stage.publish().await;
    let results = &second.document["results"];
    for platform in ["telegram", "email"] {
        let outcome = &results[platform]["outcome"];
        assert_eq!(outcome, "already_published", "{}", second.document);
    }
    assert_eq!(calls(&stage), before);
    assert_eq!(stage.entries().await, recorded);
}
