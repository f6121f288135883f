//! Analysing images.

use serde_json::{Value, json};

use crate::harness::Service;
use publisher_sandbox::{Fault, Sandbox, TenantSpec, sample_images};

const IMAGE: &str = "harbour-dawn.jpg";

/// How often a model was called to look, and to write.
fn calls(sandbox: &Sandbox) -> (usize, usize) {
    let openai = sandbox.openai.switches();
    (openai.calls("vision"), openai.calls("caption"))
}

#[tokio::test]
async fn an_image_is_analysed_once_and_told_again_from_its_caption_file() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let first = service.post(&sandbox, alice, IMAGE, "analyze").await.json();
    assert_eq!(first["filename"], IMAGE);
    assert_eq!(first["sidecar_written"], true);
    assert!(
        first["description"]
            .as_str()
            .unwrap()
            .contains("320 by 240")
    );
    assert!(first["nsfw"].is_boolean() && first["tags"][0].is_string());
    let telegram = first["platform_captions"]["telegram"].as_str().unwrap();
    assert!(telegram.ends_with("#ropeart #sandbox"), "{telegram}");
    assert!(first["platform_captions"]["email"].is_string());
    assert_eq!(calls(&sandbox), (1, 1));

    sandbox.dropbox.switches().forget_calls();
    let second = service.post(&sandbox, alice, IMAGE, "analyze").await.json();
    assert_eq!(second["sidecar_written"], false);
    assert_eq!(second["description"], Value::Null, "not extended");
    assert_eq!(second["sd_caption"], first["sd_caption"]);
    assert_eq!(second["platform_captions"]["telegram"], telegram);
    assert_eq!(calls(&sandbox), (1, 1));
    let downloads = sandbox.dropbox.switches().requests("download");
    assert_eq!(
        downloads.len(),
        2,
        "the two names of the caption file alone"
    );

    let what = "analyze?force_refresh=true";
    let third = service.post(&sandbox, alice, IMAGE, what).await.json();
    assert_eq!(third["sidecar_written"], true);
    assert_eq!(calls(&sandbox), (2, 2));
}

#[tokio::test]
async fn with_extended_metadata_the_second_answer_is_as_whole_as_the_first() {
    let sandbox = Sandbox::start().await.unwrap();
    let extended = json!({"captionfile": {"extended_metadata_enabled": true}});
    let [images, _] = sample_images().unwrap();
    let carol = sandbox.add_tenant(TenantSpec::new("carol").images(images).patch(&extended));
    let service = Service::start(&sandbox).await;
    let first = service
        .post(&sandbox, &carol, IMAGE, "analyze")
        .await
        .json();
    let second = service
        .post(&sandbox, &carol, IMAGE, "analyze")
        .await
        .json();
    for field in [
        "description",
        "mood",
        "tags",
        "nsfw",
        "sd_caption",
        "alt_text",
    ] {
        assert!(!first[field].is_null(), "{field}");
        assert_eq!(first[field], second[field], "{field}");
    }
    assert_eq!(calls(&sandbox), (1, 1));
}

#[tokio::test]
async fn a_publication_after_an_analysis_keeps_foreign_keys() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let foreign =
        b"\n\n# ---\n# image_file: harbour-dawn.jpg\n# rating: 5\n# camera_owner: me\n".to_vec();
    let path = format!("{}/harbour-dawn.txt", alice.root);
    assert!(sandbox.dropbox.put(&alice.name, &path, foreign));
    let answer = service.post(&sandbox, alice, IMAGE, "analyze").await;
    assert_eq!(answer.json()["sidecar_written"], true);
    let answer = service.publish(&sandbox, alice, IMAGE, json!({})).await;
    assert_eq!(answer.json()["archived"], true);
    let path = format!("{}/archive/harbour-dawn.txt", alice.root);
    let file = sandbox.dropbox.file(&alice.name, &path).unwrap();
    let text = String::from_utf8(file.to_vec()).unwrap();
    for line in [
        "# rating: 5",
        "# camera_owner: me",
        "# image_file: harbour-dawn.jpg",
    ] {
        assert!(
            text.lines().any(|it| it == line),
            "{line} is missing in {text}"
        );
    }
}

#[tokio::test]
async fn an_image_that_is_being_published_is_not_analysed() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let image = "north-ridge.jpg";
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let publish = service.publish(&sandbox, bob, image, json!({}));
    let analysis = async {
        held.arrived(1).await;
        let answer = service.post(&sandbox, bob, image, "analyze").await;
        held.release();
        answer
    };
    let (published, analysis) = tokio::join!(publish, analysis);
    analysis.assert_problem(409, "conflict");
    assert_eq!(published.json()["any_success"], true);
    assert_eq!(calls(&sandbox), (1, 1));
}

#[tokio::test]
async fn a_caption_file_that_cannot_be_written_costs_nobody_the_answer() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let switches = sandbox.dropbox.switches();
    switches.always("upload", Fault::status(400));
    let answer = service
        .post(&sandbox, bob, "north-ridge.jpg", "analyze")
        .await;
    let answer = answer.json();
    assert_eq!(answer["sidecar_written"], false);
    assert!(answer["description"].is_string());
}

#[tokio::test]
async fn without_ai_or_its_flag_analysis_is_off() {
    let sandbox = Sandbox::start().await.unwrap();
    let flag = json!({"features": {"analyze_caption_enabled": false}});
    let carol = sandbox.add_tenant(TenantSpec::new("carol").patch(&flag));
    let dave = sandbox.add_tenant(TenantSpec::new("dave").patch(&json!({"ai": null})));
    let service = Service::start(&sandbox).await;
    for tenant in [&carol, &dave] {
        let answer = service.post(&sandbox, tenant, IMAGE, "analyze").await;
        answer.assert_problem(403, "feature-disabled");
    }
    assert_eq!(sandbox.dropbox.switches().total_calls(), 0);
}

#[tokio::test]
async fn a_debugged_tenant_has_nothing_written() {
    let sandbox = Sandbox::start().await.unwrap();
    let [images, _] = sample_images().unwrap();
    let debug = json!({"content": {"debug": true}});
    let carol = sandbox.add_tenant(TenantSpec::new("carol").images(images).patch(&debug));
    let service = Service::start(&sandbox).await;
    let answer = service
        .post(&sandbox, &carol, IMAGE, "analyze")
        .await
        .json();
    assert_eq!(answer["sidecar_written"], false);
    assert!(answer["caption"].is_string());
    assert_eq!(sandbox.dropbox.switches().calls("upload"), 0);
}
