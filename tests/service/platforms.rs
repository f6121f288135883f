//! What happens when a platform, the models or storage do not do as they should.

use publisher_sandbox::{Credential, Fault, Sandbox};
use serde_json::json;

use crate::harness::Service;

const IMAGE: &str = "harbour-dawn.jpg";

#[tokio::test]
async fn one_platform_failing_never_stops_another() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    sandbox
        .smtp
        .switches()
        .always("RCPT", Fault::text(550, "5.1.1 no such mailbox"));
    let answer = service
        .publish(&sandbox, alice, IMAGE, json!({}))
        .await
        .json();
    assert_eq!(answer["results"]["telegram"]["outcome"], "published");
    assert_eq!(answer["results"]["email"]["outcome"], "failed");
    assert!(
        answer["results"]["email"]["error"]
            .as_str()
            .unwrap()
            .contains("550"),
        "{answer}"
    );
    assert_eq!(answer["archived"], true);
    // What the server says is for the tenant: it may hold anything.
    let log = service.whole_log().await;
    assert!(log.contains("the platform refused the post") && !log.contains("no such mailbox"));
}

#[tokio::test]
async fn a_connection_lost_after_sending_is_unknown_and_not_repeated() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    sandbox
        .telegram
        .switches()
        .always("sendPhoto", Fault::ResetAfterRequest);
    let body = json!({"platforms": ["telegram"]});
    let answer = service.publish(&sandbox, alice, IMAGE, body).await.json();
    assert_eq!(
        answer["results"]["telegram"]["outcome"], "unknown",
        "{answer}"
    );
    assert_eq!(
        (&answer["any_success"], &answer["archived"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(sandbox.telegram.switches().calls("sendPhoto"), 1);
    let paths = sandbox.dropbox.paths(&alice.name);
    assert!(
        paths.contains(&format!("{}/{IMAGE}", alice.root)),
        "it stays where it was"
    );
}

#[tokio::test]
async fn a_platform_whose_credential_cannot_be_had_fails_alone() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    sandbox.orchestrator.remove_credential(&alice.telegram_ref);
    let answer = service
        .publish(&sandbox, alice, IMAGE, json!({}))
        .await
        .json();
    assert_eq!(
        answer["results"]["telegram"]["outcome"], "skipped",
        "{answer}"
    );
    assert_eq!(answer["results"]["telegram"]["reason"], "unavailable");
    assert_eq!(
        answer["results"]["email"]["outcome"], "published",
        "{answer}"
    );
}

#[tokio::test]
async fn optional_credentials_are_resolved_on_first_use_and_kept() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let resolved = || sandbox.orchestrator.switches().calls("resolve");
    service.get(&alice.host, "/api/config/features").await;
    assert_eq!(resolved(), 1, "storage only");
    for image in [IMAGE, "paper-lantern.png"] {
        service.publish(&sandbox, alice, image, json!({})).await;
        assert_eq!(resolved(), 4, "storage, AI, Telegram, mail: once each");
    }
}

#[tokio::test]
async fn without_a_caption_nothing_is_sent_unless_that_is_allowed() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    sandbox
        .openai
        .refuse_with("vision", Some("I would rather not."));
    let answer = service.publish(&sandbox, alice, IMAGE, json!({})).await;
    answer.assert_problem(422, "caption-required");
    assert!(sandbox.telegram.photos().is_empty() && sandbox.smtp.mails().is_empty());
    assert_eq!(
        sandbox.openai.switches().calls("vision"),
        2,
        "one look, one closer look"
    );
    let body = json!({"allow_empty_caption": true});
    let answer = service.publish(&sandbox, alice, IMAGE, body).await.json();
    assert_eq!(answer["any_success"], true, "{answer}");
}

#[tokio::test]
async fn an_archive_that_fails_is_told_and_the_image_counts_as_published() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let full = publisher_sandbox::Dropbox::endpoint_error(&["to", "insufficient_space"]);
    sandbox.dropbox.switches().always("move_v2", full);
    let answer = service
        .publish(&sandbox, alice, IMAGE, json!({}))
        .await
        .json();
    assert_eq!(
        (&answer["any_success"], &answer["archived"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        answer["warnings"].as_array().map(Vec::len),
        Some(1),
        "{answer}"
    );
}

#[tokio::test]
async fn an_image_that_is_not_there_is_not_found() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let answer = service
        .publish(&sandbox, alice, "nothing.jpg", json!({}))
        .await;
    answer.assert_problem(404, "image-not-found");
    assert_eq!(sandbox.openai.switches().total_calls(), 0);
}

#[tokio::test]
async fn credentials_that_were_rotated_are_resolved_again_in_the_same_request() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let first = service
        .publish(&sandbox, alice, IMAGE, json!({}))
        .await
        .json();
    assert_eq!(first["any_success"], true);

    let (bot_token, api_key) = ("123456789:AA-rotated-bot-token", "sk-rotated-api-key");
    sandbox.telegram.revoke_bot(&alice.bot_token);
    sandbox.telegram.add_bot(bot_token);
    sandbox.openai.revoke_key(&alice.api_key);
    sandbox.openai.add_key(api_key);
    sandbox.smtp.set_user(&alice.sender, "rotated-password");
    for (reference, credential) in [
        (
            &alice.telegram_ref,
            Credential::Telegram {
                bot_token: bot_token.to_owned(),
            },
        ),
        (
            &alice.ai_ref,
            Credential::OpenAi {
                api_key: api_key.to_owned(),
            },
        ),
        (
            &alice.password_ref,
            Credential::Smtp {
                password: "rotated-password".to_owned(),
            },
        ),
    ] {
        sandbox
            .orchestrator
            .rotate_credential(reference, credential);
    }
    let second = service
        .publish(&sandbox, alice, "paper-lantern.png", json!({}))
        .await
        .json();
    for platform in ["telegram", "email"] {
        assert_eq!(
            second["results"][platform]["outcome"], "published",
            "{second}"
        );
    }
    assert_eq!(
        sandbox.orchestrator.switches().calls("resolve"),
        4 + 3,
        "once more each"
    );
}

#[tokio::test]
async fn a_credential_that_stays_dead_is_refused_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    sandbox.telegram.revoke_bot(&alice.bot_token);
    let answer = service
        .publish(&sandbox, alice, IMAGE, json!({}))
        .await
        .json();
    assert_eq!(
        answer["results"]["telegram"]["outcome"], "failed",
        "{answer}"
    );
    assert_eq!(answer["results"]["telegram"]["reason"], "unauthorized");
    assert_eq!(
        answer["results"]["email"]["outcome"], "published",
        "{answer}"
    );
    assert_eq!(sandbox.telegram.switches().calls("sendPhoto"), 1);
}
