//! A storage that lists without an end, and crowds that look at images.

use futures_util::future::join_all;
use publisher_sandbox::{DemoTenant, Fault, Sample, Sandbox, TenantSpec};
use serde_json::{Value, json};

use crate::harness::Service;

const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// The most memory that the process may ever have held, in bytes.
const MAX_MEMORY: u64 = 250_000_000;

async fn open_tenant() -> (Sandbox, DemoTenant) {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let open = json!({"features": {"auto_view_enabled": true}});
    let image = Sample::png("a.png", 40, 30, 1).unwrap();
    let spec = TenantSpec::new("carol").archive(false).patch(&open);
    let carol = sandbox.add_tenant(spec.images([image]));
    (sandbox, carol)
}

#[tokio::test]
async fn a_listing_without_an_end_is_told_as_such_and_takes_little_memory() {
    let (sandbox, carol) = open_tenant().await;
    let switches = sandbox.dropbox.switches();
    switches.keep_requests(false);
    let file = |number: usize| {
        let name = format!("{number:04}{}.jpg", "n".repeat(240));
        json!({ ".tag": "file", "name": name, "id": "i".repeat(250), "rev": "r".repeat(250),
            "size": 1, "content_hash": HASH })
    };
    let images: Vec<Value> = (0..2_000).map(file).collect();
    let nothing = vec![json!(0); 1_000_000];
    let service = Service::start(&sandbox).await;
    for entries in [images, nothing] {
        let page = json!({ "entries": entries, "cursor": "c", "has_more": true });
        for operation in ["list_folder", "list_folder/continue"] {
            switches.clear(operation);
            switches.always(operation, Fault::json(200, &page));
        }
        let lists = (0..20).map(|_| service.get(&carol.host, "/api/images/list"));
        for list in join_all(lists).await {
            list.assert_problem(502, "upstream-failed");
            let detail = list.json()["detail"].to_string();
            assert!(
                detail.contains("holds more than this service lists"),
                "{detail}"
            );
        }
    }
    let peak = service.peak_memory();
    println!("peak memory {peak} bytes");
    assert!(peak < MAX_MEMORY, "{peak}");
    let log = service.whole_log().await;
    assert!(log.contains("the root folder holds more than this service lists"));
}

#[tokio::test]
async fn a_crowd_of_strangers_costs_storage_what_one_costs() {
    let (sandbox, carol) = open_tenant().await;
    let service = Service::start(&sandbox).await;
    let switches = sandbox.dropbox.switches();
    for (path, operation) in [
        ("/api/images/a.png/thumbnail", "get_thumbnail_v2"),
        ("/api/images/a.png", "get_temporary_link"),
    ] {
        let held = switches.hold(operation);
        let crowd = join_all((0..200).map(|_| service.get(&carol.host, path)));
        let (answers, ()) = tokio::join!(crowd, async {
            held.arrived(1).await;
            held.release();
        });
        assert!(answers.iter().all(|answer| answer.status == 200), "{path}");
        assert_eq!(switches.calls(operation), 1, "{path}");
    }
    let metrics = service.metrics().await.text;
    assert!(metrics.contains(r#"publisher_cache_entries{cache="thumbnail"} 1"#));
    assert!(metrics.contains(r#"publisher_cache_entries{cache="image_details"} 1"#));
}

#[tokio::test]
async fn without_a_cache_of_thumbnails_each_is_made_anew() {
    let (sandbox, carol) = open_tenant().await;
    let off = [("THUMBNAIL_CACHE_MB", "0")];
    let service = Service::start_with(sandbox.environment(), &off).await;
    for _ in 0..3 {
        let answer = service
            .get(&carol.host, "/api/images/a.png/thumbnail")
            .await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(sandbox.dropbox.switches().calls("get_thumbnail_v2"), 3);
}
