//! What the orchestrator says of a tenant's storage counts at once, and what people do in it with the next look.

use std::time::Duration;

use publisher_sandbox::{DemoTenant, Fault, Sample, Sandbox, TenantSpec};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Service};

const LIST: &str = "/api/images/list";

/// A sandbox with a tenant, whom anyone may look at, with one image and a config that lives for a second.
async fn tenant() -> (Sandbox, DemoTenant) {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let spec = TenantSpec::new("carol")
        .ttl_seconds(Some(1))
        .patch(&json!({"features": {"auto_view_enabled": true}}))
        .images([Sample::png("old.png", 4, 4, 1).unwrap()]);
    let carol = sandbox.add_tenant(spec);
    (sandbox, carol)
}

/// The first answer with this status, once the config of before has lived its second.
async fn answered(service: &Service, host: &str, status: u16) -> Answer {
    for _ in 0..300 {
        let answer = service.get(host, LIST).await;
        if answer.status == status {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never answered with {status}")
}

async fn publish_next(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant) -> Answer {
    let request = service.request(Method::POST, &tenant.host, "/api/publish");
    let answer = Answer::to(request.bearer_auth(sandbox.web_token())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

#[tokio::test]
async fn a_storage_that_cannot_be_served_as_told_is_503_until_it_can() {
    for (pointer, value) in [
        ("/storage/provider", json!("floppy")),
        ("/storage/credentials_ref", json!("ref-of-nothing")),
        ("/storage/paths/root", json!("no-slash")),
        ("/storage", json!(null)),
    ] {
        let (sandbox, carol) = tenant().await;
        let service = Service::start(&sandbox).await;
        let path = "/api/images/old.png";
        assert_eq!(service.get(&carol.host, LIST).await.json()["count"], 1);
        assert_eq!(service.get(&carol.host, path).await.status, 200);
        let mut before = Value::Null;
        assert!(sandbox.orchestrator.edit_config(&carol.host, |config| {
            before = config.clone();
            *config.pointer_mut(pointer).unwrap() = value.clone();
        }));
        let answer = answered(&service, &carol.host, 503).await;
        answer.assert_problem(503, "tenant-unavailable");
        // Nor is anything shown that was kept of the old one, nor later, when nobody can be asked.
        let calls = || {
            let switches = sandbox.dropbox.switches();
            switches.calls("list_folder") + switches.calls("list_folder/continue")
        };
        let listed = calls();
        let switches = sandbox.orchestrator.switches();
        switches.always("by_host", Fault::json(503, &json!({})));
        for path in [
            LIST,
            path,
            "/api/images/old.png/thumbnail",
            "/api/images/random",
        ] {
            let answer = service.get(&carol.host, path).await;
            answer.assert_problem(503, "tenant-unavailable");
        }
        let publish = service
            .publish(&sandbox, &carol, "old.png", json!({}))
            .await;
        publish.assert_problem(503, "tenant-unavailable");
        assert_eq!(calls(), listed, "{pointer}");
        switches.clear("by_host");
        assert!(sandbox.orchestrator.set_config(&carol.host, before));
        let answer = answered(&service, &carol.host, 200).await;
        assert_eq!(answer.json()["count"], 1, "{pointer}");
    }
}

#[tokio::test]
async fn another_root_shows_nothing_of_the_one_before() {
    let (sandbox, carol) = tenant().await;
    let service = Service::start(&sandbox).await;
    let old = service.get(&carol.host, LIST).await.json();
    assert_eq!(old["filenames"], json!(["old.png"]));
    assert!(sandbox.dropbox.put(
        &carol.name,
        "/new/new.png",
        Sample::png("x", 4, 4, 2).unwrap().bytes
    ));
    assert!(sandbox.orchestrator.edit_config(&carol.host, |config| {
        config["storage"]["paths"]["root"] = json!("/new");
    }));
    for _ in 0..300 {
        let listed = service.get(&carol.host, LIST).await.json();
        if listed != old {
            assert_eq!(listed["filenames"], json!(["new.png"]));
            let gone = service.get(&carol.host, "/api/images/old.png").await;
            gone.assert_problem(404, "image-not-found");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the new root never counted")
}

#[tokio::test]
async fn a_folder_is_listed_once_and_then_asked_for_what_has_changed() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let images = (0..5).map(|number| Sample::png(&format!("{number}.png"), 4, 4, number).unwrap());
    let spec = TenantSpec::new("carol").images(images);
    let spec = spec.patch(&json!({"features": {"auto_view_enabled": true}}));
    let carol = sandbox.add_tenant(spec);
    let service = Service::start(&sandbox).await;
    assert_eq!(service.get(&carol.host, LIST).await.json()["count"], 5);
    // A publication of the next image looks at what there is now: what people have just done counts.
    assert!(sandbox.dropbox.remove(&carol.name, "/carol/0.png"));
    assert!(sandbox.dropbox.put(
        &carol.name,
        "/carol/00.png",
        Sample::png("x", 4, 4, 9).unwrap().bytes
    ));
    for expected in ["00.png", "1.png"] {
        let published = publish_next(&service, &sandbox, &carol).await;
        assert_eq!(published.json()["filename"], expected, "{}", published.text);
        // What we have archived is gone at once, without a look.
        let listed = service.get(&carol.host, LIST).await.json();
        assert!(
            !listed["filenames"]
                .to_string()
                .contains(&format!("\"{expected}\""))
        );
    }
    let switches = sandbox.dropbox.switches();
    assert_eq!(switches.calls("list_folder"), 1);
    // Whoever is told of a cursor that is no good reads all of it again.
    sandbox.dropbox.reset_cursors();
    let published = publish_next(&service, &sandbox, &carol).await;
    assert_eq!(published.json()["filename"], "2.png", "{}", published.text);
    assert_eq!(switches.calls("list_folder"), 2);
}
