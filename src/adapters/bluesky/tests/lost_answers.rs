//! A post whose answer is lost is looked for, and is there once.

use super::*;

async fn staged(client: &Arc<dyn Publisher>, earlier: Option<&LookupKey>) -> LookupKey {
    client.stage(&post(), earlier).await.unwrap().unwrap()
}

fn not_found() -> Fault {
    Bluesky::refusal(400, "RecordNotFound", "Could not locate record")
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_found_and_not_sent_again() {
    for fault in [
        Fault::ResetAfterRequest,
        Fault::TruncatedBody,
        Fault::MalformedBody,
        Fault::status(502).after_processing(),
        Fault::json(200, &json!({ "uri": "at://did:plc:x/y/z" })).after_processing(),
    ] {
        let desk = Desk::new().await;
        desk.switches().inject("createRecord", fault);
        let published = desk.publish().await.unwrap();
        assert_eq!(published.id.as_str(), desk.posted().uri);
        assert_eq!(desk.calls()[3..], [1, 1]);
    }
}

#[tokio::test]
async fn a_post_that_is_not_there_is_looked_for_four_times_and_sent_again_once() {
    let desk = Desk::new().await;
    desk.switches().inject("createRecord", Fault::status(500));
    desk.publish().await.unwrap();
    desk.posted();
    assert_eq!(desk.calls()[3..], [2, 4]);
    let sent = desk.switches().requests("createRecord");
    let key = |at: usize| sent[at].json().unwrap()["rkey"].clone();
    assert_eq!(key(0), key(1), "under the same key");

    desk.switches().forget_calls();
    desk.switches()
        .inject_times("createRecord", 2, Fault::status(500));
    let error = desk.publish().await.unwrap_err();
    assert!(
        matches!(error, PublishError::Unavailable { .. }),
        "{error:?}"
    );
    assert_eq!(desk.calls()[3..], [2, 8]);
    desk.posted();
}

#[tokio::test]
async fn two_requests_under_one_key_make_one_post() {
    let desk = Desk::new().await;
    let (first, second) = (desk.open(), desk.open());
    let key = staged(&first, None).await;
    let post = post();
    // The one that comes second is refused as taken.
    let (first, second) = tokio::join!(
        first.publish(&post, Some(&key)),
        second.publish(&post, Some(&key))
    );
    assert_eq!(first.unwrap().post, second.unwrap().post);
    assert_eq!(desk.posted().uri, key.as_str());
}

#[tokio::test]
async fn a_taken_key_that_is_refused_is_the_post() {
    let desk = Desk::new().await;
    let client = desk.open();
    let key = staged(&client, None).await;
    client.publish(&post(), Some(&key)).await.unwrap();
    let refusal = Bluesky::refusal(400, "InvalidRequest", "Record already exists");
    desk.switches().inject("createRecord", refusal.clone());
    client.publish(&post(), Some(&key)).await.unwrap();
    desk.posted();
    desk.switches().inject("createRecord", refusal);
    let error = desk.publish().await.unwrap_err();
    assert!(
        matches!(&error, PublishError::Rejected(words) if words == "Record already exists"),
        "{error:?}"
    );
}

#[tokio::test]
async fn it_is_unknown_only_where_the_server_cannot_be_asked() {
    let desk = Desk::new().await;
    desk.switches()
        .inject("createRecord", Fault::ResetAfterRequest);
    desk.switches().always("getRecord", Fault::status(503));
    let error = desk.publish().await.unwrap_err();
    assert!(matches!(error, PublishError::Unknown(_)), "{error:?}");
    assert_eq!(desk.calls()[3..], [1, 4]);
    // Sent again after it could be asked, refused, and then it could not.
    desk.switches().clear("getRecord");
    let refusal = Bluesky::refusal(400, "InvalidRequest", "No.");
    desk.switches().inject("createRecord", Fault::status(500));
    desk.switches().inject("createRecord", refusal.clone());
    desk.switches().inject_times("getRecord", 4, not_found());
    desk.switches().inject("getRecord", Fault::status(503));
    let error = desk.publish().await.unwrap_err();
    assert!(matches!(error, PublishError::Unknown(_)), "{error:?}");
    // A refusal alone is one.
    desk.switches().inject("createRecord", refusal);
    desk.switches().inject("getRecord", Fault::status(503));
    let error = desk.publish().await.unwrap_err();
    assert!(matches!(error, PublishError::Rejected(_)), "{error:?}");
}

#[tokio::test]
async fn a_post_is_looked_up_by_its_key_and_nothing_is_sent() {
    let desk = Desk::new().await;
    let client = desk.open();
    let key = staged(&client, None).await;
    assert_eq!(desk.calls(), [1, 0, 0, 0, 0]);
    assert_eq!(client.look_up(&key).await.unwrap(), LookUp::NotPosted);
    assert_eq!(desk.calls()[4], 4);
    let posted = client.publish(&post(), Some(&key)).await.unwrap().post;
    desk.switches().forget_calls();
    let found = desk.open().look_up(&key).await.unwrap();
    assert_eq!(found, LookUp::Posted(posted));
    assert_eq!(desk.calls(), [0, 0, 0, 0, 1]);
    for malformed in [
        "",
        "at://did:plc:a/app.bsky.feed.post/x",
        "{\"media\":\"1\"}",
    ] {
        let found = client.look_up(&LookupKey::new(malformed)).await.unwrap();
        assert_eq!(found, LookUp::Undetermined, "{malformed}");
    }
    // A post that appears while it is looked for.
    let late = staged(&client, None).await;
    client.publish(&post(), Some(&late)).await.unwrap();
    desk.switches().inject_times("getRecord", 2, not_found());
    let found = client.look_up(&late).await.unwrap();
    assert!(matches!(found, LookUp::Posted(_)), "{found:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_the_question_is_an_error_and_never_unknown() {
    let desk = Desk::new().await;
    let client = desk.open();
    let key = staged(&client, None).await;
    desk.switches().always("getRecord", Fault::status(503));
    let error = client.look_up(&key).await.unwrap_err();
    assert!(
        matches!(error, PublishError::Unavailable { .. }),
        "{error:?}"
    );
    desk.switches()
        .inject_times("getRecord", 4, Fault::json(200, &json!({})));
    let error = client.look_up(&key).await.unwrap_err();
    assert!(
        matches!(error, PublishError::Unavailable { .. }),
        "{error:?}"
    );
    let refusal = Bluesky::refusal(400, "InvalidRequest", "Could not locate record");
    desk.switches().always("getRecord", refusal);
    assert_eq!(client.look_up(&key).await.unwrap(), LookUp::Undetermined);
}

#[tokio::test]
async fn a_key_is_used_again_and_needs_no_call_where_there_is_a_session() {
    let desk = Desk::new().await;
    let client = desk.open();
    let first = staged(&client, None).await;
    let again = staged(&client, Some(&first)).await;
    let other = staged(&client, None).await;
    assert_eq!(first, again);
    assert!(other.as_str() > first.as_str());
    let foreign = LookupKey::new("at://did:plc:other/app.bsky.feed.post/3jzfcijpj2z2a");
    let own = staged(&client, Some(&foreign)).await;
    assert!(own.as_str().contains(&desk.did));
    assert_eq!(desk.calls(), [1, 0, 0, 0, 0]);
}
