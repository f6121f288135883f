//! Uploads: processed at once or later, refused, repeated, and used again.

use super::*;
use publisher_sandbox::Processing;

/// The result of an upload that meets these faults, and how often it was sent.
async fn stage(desk: &Desk, faults: &[Fault]) -> (Result<LookupKey, PublishError>, usize) {
    desk.switches().forget_calls();
    for fault in faults {
        desk.switches().inject("upload_media", fault.clone());
    }
    let outcome = desk.publisher.stage(&post(), None).await;
    desk.switches().clear("upload_media");
    if let Err(error) = &outcome {
        desk.assert_discreet(error);
    }
    let calls = desk.switches().calls("upload_media");
    (outcome.map(Option::unwrap), calls)
}

#[tokio::test]
async fn an_image_is_posted_once_it_is_processed() {
    let desk = Desk::new().await;
    desk.mastodon.set_processing(Processing::After(3));
    let key = desk.stage().await;
    assert_eq!(desk.switches().calls("get_media"), 4);
    desk.publisher.publish(&post(), Some(&key)).await.unwrap();
    assert_eq!(desk.only_status().images.len(), 1);
}

#[tokio::test]
async fn an_image_that_stays_in_processing_is_given_up() {
    let desk = Desk::with(&json!({}), |pace| {
        pace.processing = Duration::from_millis(200);
    })
    .await;
    desk.mastodon.set_processing(Processing::After(1_000_000));
    let (outcome, calls) = stage(&desk, &[]).await;
    let Err(error @ PublishError::Unavailable { .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(error.to_string().contains("still processing"), "{error}");
    assert_eq!(calls, 1);
    assert!(desk.statuses().is_empty());
}

#[tokio::test]
async fn an_image_that_an_instance_cannot_take_is_unsuitable() {
    let desk = Desk::new().await;
    desk.mastodon.set_processing(Processing::Fails);
    let (outcome, calls) = stage(&desk, &[]).await;
    assert!(
        matches!(&outcome, Err(PublishError::ImageUnsuitable(reason)) if reason.contains("thumbnail")),
        "{outcome:?}"
    );
    assert_eq!(calls, 1);
    desk.mastodon.set_processing(Processing::Immediate);
    let too_large = Fault::text(413, "<html>");
    let (outcome, calls) = stage(&desk, &[too_large]).await;
    assert!(
        matches!(&outcome, Err(PublishError::ImageUnsuitable(reason)) if reason == "answered 413"),
        "{outcome:?}"
    );
    assert_eq!(calls, 1);
    desk.mastodon.edit_instance(|instance| {
        instance["configuration"]["media_attachments"]["image_matrix_limit"] = 100.into();
    });
    let (outcome, calls) = stage(&desk, &[]).await;
    assert!(
        matches!(&outcome, Err(PublishError::ImageUnsuitable(reason)) if reason.contains("20x10")),
        "{outcome:?}"
    );
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn a_lost_upload_is_sent_again() {
    let desk = Desk::with(&json!({}), |pace| pace.upload = Duration::from_secs(1)).await;
    for fault in [
        Fault::status(500),
        Fault::text(502, "<html>"),
        Fault::status(503).after_processing(),
        Fault::status(408),
        Fault::ResetBeforeRequest,
        Fault::ResetAfterRequest,
        Fault::MalformedBody,
        Fault::TruncatedBody,
        Fault::TimeoutAfterProcessing,
    ] {
        let (outcome, calls) = stage(&desk, std::slice::from_ref(&fault)).await;
        assert!(outcome.is_ok(), "{fault:?}: {outcome:?}");
        assert_eq!(calls, 2, "{fault:?}");
    }
    let (outcome, calls) = stage(&desk, &vec![Fault::status(500); 3]).await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
    assert_eq!(calls, 3);
    assert!(desk.statuses().is_empty());
}

#[tokio::test]
async fn an_upload_without_its_scope_is_refused() {
    let desk = Desk::new().await;
    desk.mastodon
        .set_scopes(&desk.token, &["read", "write:statuses"]);
    let (outcome, calls) = stage(&desk, &[]).await;
    assert!(
        matches!(&outcome, Err(PublishError::Rejected(reason)) if reason.contains("`write:media`")),
        "{outcome:?}"
    );
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn an_earlier_upload_is_used_again_if_it_is_the_same_and_still_there() {
    let desk = Desk::new().await;
    let restage = async |post: Post, earlier: &LookupKey| {
        let key = desk.publisher.stage(&post, Some(earlier)).await;
        key.unwrap().unwrap()
    };
    let key = desk.stage().await;
    assert_eq!(restage(post(), &key).await, key);
    assert_eq!(desk.mastodon.uploads().len(), 1);
    // The caption is no part of the upload.
    let caption = "Another.".to_owned();
    assert_eq!(restage(Post { caption, ..post() }, &key).await, key);
    let alt_text = None;
    assert_ne!(restage(Post { alt_text, ..post() }, &key).await, key);
    let sample = Sample::png("a.png", 20, 10, 2).unwrap();
    let image = EncodedImage::new(sample.bytes).unwrap();
    assert_ne!(restage(Post { image, ..post() }, &key).await, key);
    assert_eq!(desk.mastodon.uploads().len(), 3);
    // Posted, or swept.
    desk.publisher.publish(&post(), Some(&key)).await.unwrap();
    let next = restage(post(), &key).await;
    assert_ne!(next, key);
    let media = &desk.mastodon.uploads()[3].id;
    desk.mastodon.remove(media);
    assert_ne!(restage(post(), &next).await, next);
    assert_ne!(restage(post(), &LookupKey::new("not mine")).await, next);
}

#[tokio::test]
async fn nothing_is_uploaded_while_the_earlier_one_cannot_be_looked_at() {
    let desk = Desk::new().await;
    let key = desk.stage().await;
    desk.switches().always("get_media", Fault::status(503));
    let outcome = desk.publisher.stage(&post(), Some(&key)).await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
    assert_eq!(desk.mastodon.uploads().len(), 1);
}
