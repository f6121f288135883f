//! Keeping, sorting out, deleting.

use serde_json::{Value, json};

use crate::harness::{Answer, Service};
use publisher_sandbox::{DemoTenant, Dropbox, Fault, Sandbox, TenantSpec};
use reqwest::Method;

const IMAGE: &str = "harbour-dawn.jpg";

/// The text of a file of a tenant.
fn text(sandbox: &Sandbox, tenant: &DemoTenant, path: &str) -> Option<String> {
    let file = sandbox.dropbox.file(&tenant.name, path)?;
    Some(String::from_utf8(file.to_vec()).unwrap())
}

fn put(sandbox: &Sandbox, tenant: &DemoTenant, path: &str, text: &str) {
    let bytes = text.as_bytes().to_vec();
    assert!(sandbox.dropbox.put(&tenant.name, path, bytes));
}

#[tokio::test]
async fn an_image_moves_with_its_caption_file() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let root = &alice.root;
    for (image, action, folder) in [
        ("harbour-dawn.jpg", "keep", "keep"),
        ("café-夜.jpg", "remove", "reject"),
    ] {
        let stem = image.trim_end_matches(".jpg");
        let by_hand = sidecar_of(image);
        put(&sandbox, alice, &format!("{root}/{stem}.txt"), &by_hand);
        let before = sandbox
            .dropbox
            .file(&alice.name, &format!("{root}/{image}"));
        let answer = service.post(&sandbox, alice, image, action).await;
        let expected = json!({
            "filename": image,
            "action": action,
            "destination_folder": format!("{root}/{folder}"),
            "destination_filename": image,
            "preview_only": false,
            "warnings": [],
        });
        assert_eq!(answer.json(), expected);
        let there = format!("{root}/{folder}/{stem}");
        assert_eq!(
            text(&sandbox, alice, &format!("{there}.txt")),
            Some(by_hand)
        );
        let moved = sandbox.dropbox.file(&alice.name, &format!("{there}.jpg"));
        assert!(before.is_some() && moved == before);
        assert_eq!(text(&sandbox, alice, &format!("{root}/{stem}.txt")), None);
        service
            .post(&sandbox, alice, image, action)
            .await
            .assert_problem(404, "image-not-found");
    }
}

#[tokio::test]
async fn a_name_that_is_taken_gets_a_new_one_and_nothing_is_overwritten() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let keep = format!("{}/keep", alice.root);
    put(
        &sandbox,
        alice,
        &format!("{keep}/{IMAGE}"),
        "an older image",
    );
    put(
        &sandbox,
        alice,
        &format!("{keep}/harbour-dawn.txt"),
        "an older text",
    );
    put(
        &sandbox,
        alice,
        &format!("{}/harbour-dawn.txt", alice.root),
        &sidecar_of(IMAGE),
    );
    let answer = service.post(&sandbox, alice, IMAGE, "keep").await.json();
    assert_eq!(answer["destination_filename"], "harbour-dawn (1).jpg");
    for (name, expected) in [
        (IMAGE, "an older image"),
        ("harbour-dawn.txt", "an older text"),
        ("harbour-dawn (1).txt", &sidecar_of(IMAGE)),
    ] {
        let path = format!("{keep}/{name}");
        assert_eq!(text(&sandbox, alice, &path).as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn a_deleted_image_is_gone_with_its_caption_file() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    put(
        &sandbox,
        alice,
        &format!("{}/harbour-dawn.txt", alice.root),
        &sidecar_of(IMAGE),
    );
    let before = sandbox.dropbox.paths(&alice.name).len();
    let answer = service.post(&sandbox, alice, IMAGE, "delete").await.json();
    assert_eq!(answer["action"], "delete");
    assert!(answer["destination_folder"].is_null());
    let after = sandbox.dropbox.paths(&alice.name);
    assert_eq!(after.len(), before - 2);
    assert!(
        after.iter().all(|path| !path.contains("harbour-dawn")),
        "{after:?}"
    );
}

#[tokio::test]
async fn what_is_off_is_forbidden_before_anything_is_called() {
    let sandbox = Sandbox::start().await.unwrap();
    let off = json!({"keep_enabled": false, "remove_enabled": false, "delete_enabled": null});
    let carol = sandbox.add_tenant(TenantSpec::new("carol").patch(&json!({"features": off})));
    let service = Service::start(&sandbox).await;
    for action in ["keep", "remove", "delete"] {
        let answer = service.post(&sandbox, &carol, IMAGE, action).await;
        answer.assert_problem(403, "feature-disabled");
    }
    assert_eq!(sandbox.dropbox.switches().total_calls(), 0);
}

#[tokio::test]
async fn a_preview_leaves_everything_as_it_is() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let before = sandbox.dropbox.paths(&alice.name);
    let preview = async |image: &str, action: &str| {
        let path = format!("/api/images/{image}/{action}");
        let request = service.request(Method::POST, &alice.host, &path);
        let request = request.json(&json!({"preview_only": true}));
        let request = request.bearer_auth(sandbox.web_token());
        Answer::of(request.send().await.unwrap()).await
    };
    for action in ["keep", "remove", "delete"] {
        let answer = preview(IMAGE, action).await.json();
        assert_eq!(answer["preview_only"], true);
        assert_eq!(answer["destination_filename"], Value::Null);
        preview("missing.jpg", action)
            .await
            .assert_problem(404, "image-not-found");
    }
    assert_eq!(sandbox.dropbox.paths(&alice.name), before);
}

#[tokio::test]
async fn an_image_that_is_being_published_stays_where_it_is() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let image = "north-ridge.jpg";
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let publish = service.publish(&sandbox, bob, image, json!({}));
    let others = async {
        held.arrived(1).await;
        for action in ["keep", "remove", "delete"] {
            let answer = service.post(&sandbox, bob, image, action).await;
            answer.assert_problem(409, "conflict");
        }
        held.release();
    };
    let (published, ()) = tokio::join!(publish, others);
    assert_eq!(published.json()["archived"], true);
    assert_eq!(sandbox.dropbox.switches().calls("delete_v2"), 0);
}

#[tokio::test]
async fn the_image_can_be_worked_on_again_after_a_failure() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let refused = Dropbox::endpoint_error(&["to", "insufficient_space"]);
    sandbox.dropbox.switches().inject("move_v2", refused);
    let answer = service.post(&sandbox, bob, "north-ridge.jpg", "keep").await;
    answer.assert_problem(502, "upstream-failed");
    let answer = service.post(&sandbox, bob, "north-ridge.jpg", "keep").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_image_without_its_caption_file() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    put(
        &sandbox,
        bob,
        "/bob/north-ridge.txt",
        &sidecar_of("north-ridge.jpg"),
    );
    let held = sandbox
        .dropbox
        .switches()
        .hold_matching("move_v2", "north-ridge.jpg");
    {
        let keep = service.post(&sandbox, bob, "north-ridge.jpg", "keep");
        tokio::pin!(keep);
        tokio::select! {
            answer = &mut keep => panic!("it was held: {answer:?}"),
            () = held.arrived(1) => {}
        }
    }
    let sidecar = sandbox
        .dropbox
        .switches()
        .hold_matching("move_v2", "north-ridge.txt");
    held.release();
    sidecar.arrived(1).await;
    sidecar.release();
    assert!(text(&sandbox, bob, "/bob/keep/north-ridge.txt").is_some());
}

#[tokio::test]
async fn a_deletion_whose_answer_is_lost_is_done_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let switches = sandbox.dropbox.switches();
    switches.inject("delete_v2", Fault::ResetAfterRequest);
    let answer = service
        .post(&sandbox, bob, "north-ridge.jpg", "delete")
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(switches.calls("delete_v2"), 1);
    assert_eq!(text(&sandbox, bob, "/bob/north-ridge.jpg"), None);
}

/// The sidecar of an image, as this service and the one before it write it.
fn sidecar_of(image: &str) -> String {
    format!("\n\n# ---\n# image_file: {image}\n# note: by hand\n")
}
