//! Repeats under one key, lost answers, refusals and faults.

use serde_json::{Value, json};

use super::{Alice, image_form, photo, refused};
use crate::{Fault, Mastodon, OnRepeat, tests::client};

#[tokio::test]
async fn a_repeat_under_one_key_gives_the_same_status() {
    let alice = Alice::new().await;
    let id = alice.image().await;
    let fields = [("status", "Hi"), ("media_ids[]", id.as_str())];
    let first: Value = alice.post_under("key", &fields).await.json().await.unwrap();
    let second: Value = alice.post_under("key", &fields).await.json().await.unwrap();
    assert_eq!(first, second);
    assert_eq!(alice.mastodon.statuses().len(), 1);
    let other = alice.post_under("other key", &[("status", "Hi")]).await;
    let other: Value = other.json().await.unwrap();
    assert_ne!(first["id"], other["id"]);
    alice.mastodon.forget_idempotency_keys();
    let late = alice.post_under("key", &fields).await;
    refused(late, 422, "already attached").await;
    // The key is the account's own.
    let url = format!("{}/api/v1/statuses", alice.mastodon.server().url());
    alice.mastodon.add_account("bob", "bobs-token");
    let request = client().post(url).bearer_auth("bobs-token");
    let request = request
        .header("Idempotency-Key", "other key")
        .form(&[("status", "Hi")]);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(alice.mastodon.statuses_of("bob").len(), 1);
}

#[tokio::test]
async fn a_repeat_may_post_twice_or_fail() {
    let alice = Alice::new().await;
    let id = alice.image().await;
    let fields = [("status", "Hi"), ("media_ids[]", id.as_str())];
    alice.post_under("key", &fields).await;
    alice.mastodon.set_on_repeat(OnRepeat::Fail);
    assert_eq!(alice.post_under("key", &fields).await.status(), 500);
    assert_eq!(alice.mastodon.statuses().len(), 1);
    alice.mastodon.set_on_repeat(OnRepeat::PostAgain);
    assert_eq!(alice.post_under("key", &fields).await.status(), 200);
    assert_eq!(alice.mastodon.statuses().len(), 2);
    // Only the later one shows the image.
    let path = format!("/api/v1/accounts/{}/statuses", alice.id);
    let page: Value = alice.get(&path).await.json().await.unwrap();
    assert_eq!(page[0]["media_attachments"][0]["id"], id.as_str());
    assert_eq!(page[1]["media_attachments"], json!([]));
}

#[tokio::test]
async fn tokens_are_checked_with_their_scopes() {
    let alice = Alice::new().await;
    let verify = "/api/v1/accounts/verify_credentials";
    let list = format!("/api/v1/accounts/{}/statuses", alice.id);
    let own: Value = alice.get(verify).await.json().await.unwrap();
    assert_eq!(
        (&own["id"], &own["acct"]),
        (&alice.id.as_str().into(), &"alice".into())
    );
    let unknown = alice.get_as("wrong", verify).await;
    let challenge = unknown.headers()["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(challenge.contains("invalid_token"), "{challenge}");
    refused(unknown, 401, "The access token is invalid").await;
    alice
        .mastodon
        .set_scopes(&alice.token, &["write", "profile"]);
    assert_eq!(alice.get(verify).await.status(), 200);
    refused(alice.get(&list).await, 403, "outside the authorized scopes").await;
    assert_eq!(alice.post(&[("status", "Hi")]).await.status(), 200);
    alice
        .mastodon
        .set_scopes(&alice.token, &["write:media", "read:statuses"]);
    alice.image().await;
    assert_eq!(alice.get(&list).await.status(), 200);
    refused(alice.post(&[("status", "Hi")]).await, 403, "scopes").await;
    refused(alice.get(verify).await, 403, "scopes").await;
    alice.mastodon.revoke(&alice.token);
    refused(alice.post(&[("status", "Hi")]).await, 401, "revoked").await;
    assert_eq!(alice.mastodon.statuses().len(), 1);
    assert!(alice.mastodon.secrets().contains(&alice.token));
}

#[tokio::test]
async fn a_first_request_may_still_be_at_work() {
    let alice = Alice::new().await;
    let id = alice.image().await;
    let fields = [("status", "Hi"), ("media_ids[]", id.as_str())];
    alice.mastodon.postpone_posts();
    assert_eq!(alice.post_under("key", &fields).await.status(), 504);
    assert_eq!(alice.status_of_media(&id).await, 200);
    assert!(alice.mastodon.statuses().is_empty());
    assert_eq!(alice.mastodon.finish_posts(), 1);
    assert_eq!(alice.status_of_media(&id).await, 404);
    let repeat: Value = alice.post_under("key", &fields).await.json().await.unwrap();
    assert_eq!(repeat["id"], alice.mastodon.statuses()[0].id.as_str());
    assert_eq!(alice.mastodon.finish_posts(), 0);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_status_and_a_refusal_leaves_none() {
    let alice = Alice::new().await;
    let switches = alice.mastodon.switches();
    let fields = [("status", "Hi")];
    switches.inject("post_status", Fault::ResetAfterRequest);
    alice.try_post("key", &fields).await.unwrap_err();
    assert_eq!(alice.mastodon.statuses().len(), 1);
    switches.inject("post_status", Fault::ResetBeforeRequest);
    alice.try_post("key", &fields).await.unwrap_err();
    switches.inject(
        "post_status",
        Mastodon::refusal(503, "Remote data could not be fetched"),
    );
    refused(alice.post(&fields).await, 503, "Remote data").await;
    switches.inject("post_status", Mastodon::rate_limited(1_796_000_400));
    let limited = alice.post(&fields).await;
    assert_eq!(
        limited.headers()["x-ratelimit-reset"],
        "2026-11-30T01:00:00.000000Z"
    );
    refused(limited, 429, "Too many requests").await;
    assert_eq!(alice.mastodon.statuses().len(), 1);
    assert_eq!(switches.calls("post_status"), 4);
}

#[tokio::test]
async fn every_operation_meets_its_faults() {
    let alice = Alice::new().await;
    let switches = alice.mastodon.switches();
    let operations = [
        "instance",
        "verify_credentials",
        "upload_media",
        "get_media",
        "post_status",
        "list_statuses",
    ];
    for operation in operations {
        switches.always(operation, Fault::status(502));
    }
    let statuses = [
        alice.get("/api/v2/instance").await.status(),
        alice
            .get("/api/v1/accounts/verify_credentials")
            .await
            .status(),
        alice.upload(image_form(photo(4, 3), "")).await.status(),
        alice.get("/api/v1/media/1").await.status(),
        alice.post(&[("status", "Hi")]).await.status(),
        alice
            .get(&format!("/api/v1/accounts/{}/statuses", alice.id))
            .await
            .status(),
    ];
    assert_eq!(statuses, [502; 6]);
    for operation in operations {
        assert_eq!(switches.calls(operation), 1, "{operation}");
    }
    assert_eq!(alice.get("/api/v1/timelines/home").await.status(), 404);
}
