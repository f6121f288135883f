//! What is answered when storage or the models refuse: whose fault it is, and what to do about it.

use publisher_sandbox::{DemoTenant, Dropbox, Fault, Sandbox, Unsupported};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Service};

const IMAGE: &str = "harbour-dawn.jpg";

fn assert_says(answer: &Answer, status: u16, kind: &str, words: &[&str]) {
    answer.assert_problem(status, kind);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    for word in words {
        assert!(detail.contains(word), "{detail}");
    }
}

async fn publish_next(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant) -> Answer {
    let request = service.request(Method::POST, &tenant.host, "/api/publish");
    let request = request.bearer_auth(sandbox.web_token());
    Answer::to(request.json(&json!({}))).await
}

#[tokio::test]
async fn a_root_folder_that_is_missing_is_named_to_admins_and_to_nobody_else() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    assert!(sandbox.dropbox.remove(&alice.name, &alice.root));
    let answer = publish_next(&service, &sandbox, alice).await;
    let words = [alice.root.as_str(), "does not exist"];
    assert_says(&answer, 502, "upstream-failed", &words);
    let listed = service
        .get_as_admin(&sandbox, &alice.host, "/api/images/list")
        .await;
    let words = ["the root folder does not exist"];
    assert_says(&listed, 502, "upstream-failed", &words);
    assert!(!listed.text.contains(&alice.root), "{}", listed.text);
    let log = service.whole_log().await;
    assert!(log.contains("the root folder does not exist") && !log.contains(&alice.root));
}

#[tokio::test]
async fn a_permission_that_the_app_lacks_is_named() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let missing = Dropbox::missing_scope("files.content.read");
    sandbox.dropbox.switches().always("download", missing);
    let answer = service.publish(&sandbox, alice, IMAGE, json!({})).await;
    assert_says(
        &answer,
        502,
        "upstream-failed",
        &["\"files.content.read\"", "Permissions"],
    );
    assert_eq!(sandbox.openai.switches().total_calls(), 0);
}

#[tokio::test]
async fn a_file_that_storage_does_not_hand_out_cannot_be_used() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let restricted = Dropbox::endpoint_error(&["path", "restricted_content"]);
    sandbox.dropbox.switches().always("download", restricted);
    let answer = service.publish(&sandbox, alice, IMAGE, json!({})).await;
    assert_says(&answer, 422, "unusable-image", &["restricted"]);
}

#[tokio::test]
async fn an_image_that_the_model_refuses_needs_a_caption_of_ones_own() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let words = "I'm sorry, I can't assist with that.";
    sandbox.openai.answer_vision_with(Some(words));
    let answer = service.publish(&sandbox, alice, IMAGE, json!({})).await;
    assert_says(
        &answer,
        422,
        "caption-required",
        &["refuses", "Give a caption"],
    );
    let answer = service.post(&sandbox, alice, IMAGE, "analyze").await;
    assert_says(&answer, 422, "unusable-image", &["refuses"]);
    let vision = sandbox.openai.switches().calls("vision");
    assert_eq!(vision, 4, "each time once more, closer");
    let body = json!({ "caption": "A quiet harbour." });
    let answer = service.publish(&sandbox, alice, IMAGE, body).await.json();
    assert_eq!(answer["any_success"], true, "{answer}");
}

#[tokio::test]
async fn a_model_that_is_not_there_is_named_whichever_it_is_and_nothing_is_sent() {
    for (field, model) in [
        ("vision_model", "gpt-4-vision-preview"),
        ("caption_model", "gpt-gone"),
    ] {
        let sandbox = Sandbox::start().await.unwrap();
        let service = Service::start(&sandbox).await;
        let alice = &sandbox.tenants()[0];
        let change = |config: &mut Value| config["ai"][field] = model.into();
        assert!(sandbox.orchestrator.edit_config(&alice.host, change));
        sandbox.openai.limit_model(model, Unsupported::Model);
        let answer = service.publish(&sandbox, alice, IMAGE, json!({})).await;
        let words = [model, "does not exist", "AI settings", "Nothing was sent"];
        assert_says(&answer, 502, "upstream-failed", &words);
        assert!(sandbox.telegram.photos().is_empty() && sandbox.smtp.mails().is_empty());
    }
}

#[tokio::test]
async fn a_caption_writer_whose_credential_cannot_be_had_is_a_feature_that_is_not_there() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let switches = sandbox.orchestrator.switches();
    switches.always_matching("resolve", &alice.ai_ref, Fault::status(404));
    let answer = service.publish(&sandbox, alice, IMAGE, json!({})).await;
    assert_says(&answer, 503, "feature-unavailable", &["Nothing was sent"]);
    assert!(!answer.header("retry-after").is_empty());
    let answer = service.post(&sandbox, alice, IMAGE, "analyze").await;
    answer.assert_problem(503, "feature-unavailable");
}

#[tokio::test]
async fn what_a_model_writes_arrives_as_plain_text() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let written = "<think>Something warm.</think>Here it is:\n```json\n{\"captions\": {\n\
                   \"telegram\": \"**Caption:** \\\"A *quiet* harbour &amp; a [boat](https://x.test).\
                   \\u200b\\u202e\\\" #boat\",\n'email': 'Subject: A <b>quiet</b> harbour.',}}\n```";
    sandbox.openai.answer_captions_with(Some(written));
    let answer = service
        .publish(&sandbox, alice, IMAGE, json!({}))
        .await
        .json();
    assert_eq!(answer["any_success"], true, "{answer}");
    let photo = sandbox.telegram.photos().remove(0);
    let caption = photo.caption.unwrap();
    assert!(
        caption.starts_with("A quiet harbour & a boat."),
        "{caption:?}"
    );
    let mail = sandbox.smtp.mails().remove(0);
    let subject = mail.header("subject").unwrap();
    assert!(
        subject.contains("A quiet harbour.") && !subject.contains("Subject:"),
        "{subject}"
    );
}

#[tokio::test]
async fn one_file_that_is_never_handed_out_does_not_keep_the_others_waiting() {
    for fault in [
        Dropbox::endpoint_error(&["other"]),
        Fault::status(451),
        Fault::status(422),
        Fault::status(404),
        Fault::status(400),
        Fault::TruncatedBody,
    ] {
        let sandbox = Sandbox::start().await.unwrap();
        let service = Service::start(&sandbox).await;
        let alice = &sandbox.tenants()[0];
        let first = alice.images.iter().min().unwrap().clone();
        // The rest of the name is escaped on the way. Without the slash, it could be a part of a token in hex.
        let start: String = first.chars().take_while(char::is_ascii).collect();
        let needle = format!("/{start}");
        let dropbox = sandbox.dropbox.switches();
        dropbox.always_matching("download", &needle, fault.clone());
        for _ in 0..2 {
            let answer = publish_next(&service, &sandbox, alice).await;
            assert_eq!(answer.status, 200, "{fault:?}: {}", answer.text);
            let answer = answer.json();
            assert_ne!(answer["filename"], json!(first), "{answer}");
            let published = &answer["results"]["telegram"]["outcome"];
            assert_eq!(published, "published", "{fault:?}: {answer}");
        }
        let of_first = service.publications(&sandbox, alice).await;
        let of_first = of_first.iter().filter(|it| it["filename"] == json!(first));
        let of_first: Vec<_> = of_first.collect();
        let [skipped] = &of_first[..] else {
            panic!("{fault:?}: {of_first:?}")
        };
        assert_eq!(skipped["outcome"], "skipped", "{skipped}");
        assert!(skipped["error"].is_string(), "{skipped}");
        let counted = service.metrics().await.text;
        assert!(
            counted.contains("publisher_images_passed_over_total"),
            "{counted}"
        );
    }
}
