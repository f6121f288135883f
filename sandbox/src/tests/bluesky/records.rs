//! Posts: what arrives, what is refused, and what is left of a lost answer.

use serde_json::{Value, json};

use super::{Alice, HANDLE, RKEY, call, log_in, photo, post, post_with_image, refused, tag};
use crate::{Bluesky, Fault};

#[tokio::test]
async fn a_post_with_an_image_arrives_as_it_was_sent() {
    let alice = Alice::new().await;
    let blob = alice.blob(photo()).await;
    assert_eq!(
        (&blob["$type"], &blob["size"]),
        (&"blob".into(), &photo().len().into())
    );
    let mut post = post_with_image("Grüße #seil https://a.io", &blob);
    post["facets"] = json!([
        { "index": { "byteStart": 14, "byteEnd": 26 },
            "features": [{ "$type": "app.bsky.richtext.facet#link", "uri": "https://a.io" }] },
        tag(8, 13, "seil"),
    ]);
    let answer = alice.create(RKEY, &post).await;
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    let uri = format!("at://{}/app.bsky.feed.post/{RKEY}", alice.did);
    assert_eq!(
        (&answer["uri"], &answer["validationStatus"]),
        (&uri.as_str().into(), &"valid".into())
    );
    let posts = alice.bluesky.posts_of(&alice.did);
    assert_eq!(posts.len(), 1);
    assert_eq!(
        (posts[0].uri.as_str(), posts[0].rkey.as_str()),
        (uri.as_str(), RKEY)
    );
    assert_eq!(posts[0].text, "Grüße #seil https://a.io");
    assert_eq!(posts[0].record, post);
    let image = &posts[0].images[0];
    assert_eq!(
        (image.alt.as_str(), image.aspect_ratio),
        ("A boat", Some((40, 30)))
    );
    assert_eq!(image.image.bytes, photo());
    assert!(image.image.metadata().is_empty());
    // Found by handle and by DID, without a token.
    for repo in [HANDLE, &alice.did] {
        let found: Value = alice.get(repo, RKEY).await.json().await.unwrap();
        assert_eq!(
            (&found["uri"], &found["cid"], &found["value"]),
            (&answer["uri"], &answer["cid"], &post)
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let alice = Alice::new().await;
    let answer = alice.get(&alice.did, RKEY).await;
    refused(
        answer,
        400,
        "RecordNotFound",
        "Could not locate record: at://",
    )
    .await;
    let answer = alice.get("did:plc:nobody", RKEY).await;
    refused(answer, 400, "InvalidRequest", "Could not locate record").await;
    let answer = alice.get(&alice.did, "").await;
    refused(answer, 400, "InvalidRequest", "\"rkey\"").await;
    alice.create(RKEY, &post("Hi")).await;
    alice.bluesky.remove(&alice.bluesky.posts()[0].uri);
    refused(alice.get(&alice.did, RKEY).await, 400, "RecordNotFound", "").await;
}

#[tokio::test]
async fn a_key_is_a_tid_and_taken_once() {
    let alice = Alice::new().await;
    assert_eq!(alice.create(RKEY, &post("Hi")).await.status(), 200);
    // As the reference server does, which hides that the key is taken.
    let again = alice.create(RKEY, &post("Hi")).await;
    refused(again, 500, "InternalServerError", "Internal Server Error").await;
    refused(
        alice.create("post-1", &post("Hi")).await,
        400,
        "InvalidRequest",
        "Invalid TID",
    )
    .await;
    refused(
        alice.create("a b", &post("Hi")).await,
        400,
        "InvalidRequest",
        "Invalid record key",
    )
    .await;
    let body = json!({ "repo": HANDLE, "collection": "app.bsky.feed.post", "record": post("Hi") });
    let request = call(&alice.bluesky, "com.atproto.repo.createRecord");
    let answer = request
        .bearer_auth(&alice.access)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let posts = alice.bluesky.posts();
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[1].rkey.len(), 13);
}

#[tokio::test]
async fn a_record_is_made_in_ones_own_repository_and_as_json() {
    let alice = Alice::new().await;
    let bob = alice.bluesky.add_account("bob.bsky.test", "bobs-password");
    let answer = alice.try_create(&bob, RKEY, &post("Hi")).await.unwrap();
    refused(answer, 401, "AuthenticationRequired", "").await;
    let mut other = post("Hi");
    other["$type"] = "app.bsky.feed.like".into();
    refused(
        alice.create(RKEY, &other).await,
        400,
        "InvalidRequest",
        "Invalid $type",
    )
    .await;
    refused(
        alice.create(RKEY, &json!("Hi")).await,
        400,
        "InvalidRequest",
        "object",
    )
    .await;
    let request = call(&alice.bluesky, "com.atproto.repo.createRecord").bearer_auth(&alice.access);
    let answer = request
        .header("content-type", "text/plain")
        .body("{}")
        .send()
        .await
        .unwrap();
    refused(answer, 400, "InvalidRequest", "Wrong request encoding").await;
    let body = json!({ "repo": alice.did, "collection": "app.bsky.feed.like", "record": {} });
    let request = call(&alice.bluesky, "com.atproto.repo.createRecord").bearer_auth(&alice.access);
    let answer = request.json(&body).send().await.unwrap();
    refused(answer, 400, "InvalidRequest", "Unknown lexicon type").await;
    assert!(alice.bluesky.posts().is_empty());
}

#[tokio::test]
async fn a_lost_answer_leaves_the_post_and_a_refusal_leaves_none() {
    let alice = Alice::new().await;
    let switches = alice.bluesky.switches();
    switches.inject("createRecord", Fault::ResetBeforeRequest);
    let answer = alice.try_create(&alice.did, RKEY, &post("Hi")).await;
    answer.unwrap_err();
    switches.inject("createRecord", Bluesky::rate_limited(1_796_000_400));
    let limited = alice.create(RKEY, &post("Hi")).await;
    assert_eq!(limited.headers()["ratelimit-reset"], "1796000400");
    refused(limited, 429, "RateLimitExceeded", "").await;
    refused(alice.get(&alice.did, RKEY).await, 400, "RecordNotFound", "").await;
    switches.inject("createRecord", Fault::ResetAfterRequest);
    let answer = alice.try_create(&alice.did, RKEY, &post("Hi")).await;
    answer.unwrap_err();
    assert_eq!(alice.get(&alice.did, RKEY).await.status(), 200);
    assert_eq!(alice.bluesky.posts().len(), 1);
}

#[tokio::test]
async fn every_operation_meets_its_faults() {
    let alice = Alice::new().await;
    let switches = alice.bluesky.switches();
    switches.forget_calls();
    let operations = [
        "createSession",
        "refreshSession",
        "uploadBlob",
        "createRecord",
        "getRecord",
    ];
    for operation in operations {
        switches.always(
            operation,
            Bluesky::refusal(502, "UpstreamFailure", "Upstream Failure"),
        );
    }
    let statuses = [
        log_in(&alice.bluesky, HANDLE, &alice.password)
            .await
            .status(),
        alice.renew(&alice.refresh).await.status(),
        alice.upload(photo(), "image/jpeg").await.status(),
        alice.create(RKEY, &post("Hi")).await.status(),
        alice.get(&alice.did, RKEY).await.status(),
    ];
    assert_eq!(statuses, [502; 5]);
    for operation in operations {
        assert_eq!(switches.calls(operation), 1, "{operation}");
    }
    let request = call(&alice.bluesky, "com.atproto.repo.deleteRecord");
    let answer = request.bearer_auth(&alice.access).send().await.unwrap();
    refused(answer, 501, "MethodNotImplemented", "").await;
}
