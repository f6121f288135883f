//! Lost answers: what is looked up, what is sent again, and that nothing is there twice.

use super::*;
use publisher_sandbox::OnRepeat;

#[tokio::test]
async fn a_post_whose_answer_was_lost_is_found_and_not_sent_again() {
    let desk = Desk::with(&json!({ "visibility": "private" }), |pace| {
        pace.post = Duration::from_secs(1);
    })
    .await;
    for (number, fault) in [
        Fault::status(500).after_processing(),
        Fault::text(502, "<html>").after_processing(),
        Mastodon::refusal(503, "Busy").after_processing(),
        Fault::status(504).after_processing(),
        Fault::status(408).after_processing(),
        Fault::status(302)
            .with_header("location", "/elsewhere")
            .after_processing(),
        Fault::json(200, &json!({})).after_processing(),
        Fault::ResetAfterRequest,
        Fault::TimeoutAfterProcessing,
        Fault::MalformedBody,
        Fault::TruncatedBody,
    ]
    .into_iter()
    .enumerate()
    {
        let (outcome, calls) = desk.publish(std::slice::from_ref(&fault)).await;
        let statuses = desk.statuses();
        let outcome = outcome.unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        assert_eq!(
            outcome.id.as_str(),
            statuses.last().unwrap().id,
            "{fault:?}"
        );
        assert_eq!(outcome.url.unwrap().as_str(), statuses.last().unwrap().url);
        assert_eq!((calls, statuses.len()), (1, number + 1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_post_that_is_known_not_to_be_there_is_sent_again_under_its_key() {
    let desk = Desk::with(&json!({}), |pace| pace.post = Duration::from_secs(1)).await;
    for (number, fault) in [
        Fault::status(500),
        Fault::ResetBeforeRequest,
        Fault::Timeout,
    ]
    .into_iter()
    .enumerate()
    {
        let (outcome, calls) = desk.publish(std::slice::from_ref(&fault)).await;
        assert!(outcome.is_ok(), "{fault:?}: {outcome:?}");
        assert_eq!((calls, desk.statuses().len()), (2, number + 1), "{fault:?}");
        assert_eq!(desk.switches().calls("get_media"), 4, "{fault:?}");
        let requests = desk.switches().requests("post_status");
        let keys: Vec<_> = requests
            .iter()
            .map(|request| request.header("idempotency-key").unwrap())
            .collect();
        assert_eq!(keys.first(), keys.last());
    }
}

#[tokio::test]
async fn a_post_that_is_lost_twice_and_is_not_there_is_sent_no_third_time_and_has_failed() {
    let desk = Desk::new().await;
    let (outcome, calls) = desk.publish(&vec![Fault::status(500); 5]).await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
    assert_eq!((calls, desk.statuses().len()), (2, 0));
    let faults = [Fault::status(500), Fault::ResetAfterRequest];
    let (outcome, calls) = desk.publish(&faults).await;
    assert_eq!(outcome.unwrap().id.as_str(), desk.only_status().id);
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn a_request_that_is_still_at_work_is_waited_for() {
    let desk = Desk::with(&json!({}), |pace| {
        pace.look_ups = [0, 300, 300, 300].map(Duration::from_millis);
    })
    .await;
    let key = desk.stage().await;
    desk.mastodon.postpone_posts();
    desk.switches().forget_calls();
    let post = post();
    let publishing = desk.publisher.publish(&post, Some(&key));
    let working = async {
        while desk.switches().calls("get_media") == 0 {
            tokio::time::sleep(QUICK).await;
        }
        tokio::time::sleep(QUICK * 10).await;
        assert_eq!(desk.mastodon.finish_posts(), 1);
    };
    let (posted, ()) = tokio::join!(publishing, working);
    assert_eq!(posted.unwrap().post.id.as_str(), desk.only_status().id);
    assert_eq!(desk.switches().calls("post_status"), 1);
    assert_eq!(desk.switches().calls("get_media"), 2);
}

#[tokio::test]
async fn a_request_that_ends_after_the_last_look_does_not_lead_to_a_second_post() {
    for (on_repeat, knows_key) in [
        (OnRepeat::SameStatus, true),
        (OnRepeat::Fail, true),
        (OnRepeat::SameStatus, false),
    ] {
        let desk = Desk::new().await;
        desk.mastodon.set_on_repeat(on_repeat);
        let key = desk.stage().await;
        desk.mastodon.postpone_posts();
        desk.switches().forget_calls();
        let mut look = desk.switches().hold("get_media");
        let list = desk.switches().hold("list_statuses");
        let post = post();
        let publishing = desk.publisher.publish(&post, Some(&key));
        let working = async {
            for _ in 0..3 {
                look.arrived(1).await;
                look.release();
                look = desk.switches().hold("get_media");
            }
            look.arrived(1).await;
            look.release();
            // No status has the upload, and the answer that says so is on its way.
            list.arrived(1).await;
            assert_eq!(desk.mastodon.finish_posts(), 1);
            if !knows_key {
                desk.mastodon.forget_idempotency_keys();
            }
            list.release();
        };
        let (posted, ()) = tokio::join!(publishing, working);
        let posted = posted.unwrap_or_else(|error| panic!("{on_repeat:?}: {error:?}"));
        assert_eq!(posted.post.id.as_str(), desk.only_status().id);
        assert_eq!(desk.switches().calls("post_status"), 2);
    }
}

#[tokio::test]
async fn an_upload_that_is_attached_already_leads_to_its_status() {
    let desk = Desk::new().await;
    let key = desk.stage().await;
    let first = desk.publisher.publish(&post(), Some(&key)).await.unwrap();
    desk.mastodon.forget_idempotency_keys();
    let second = desk.publisher.publish(&post(), Some(&key)).await.unwrap();
    assert_eq!(second.post, first.post);
    assert_eq!(desk.only_status().id, first.post.id.as_str());
}

#[tokio::test]
async fn a_post_that_cannot_be_found_is_unknown() {
    let lost = || Fault::status(500).after_processing();
    // The token may not read statuses, or not know its account.
    for scopes in [&["write"][..], &["write", "read:accounts"]] {
        let desk = Desk::new().await;
        desk.mastodon.set_scopes(&desk.token, scopes);
        let (outcome, calls) = desk.publish(&[lost()]).await;
        assert!(
            matches!(outcome, Err(PublishError::Unknown(_))),
            "{outcome:?}"
        );
        assert_eq!((calls, desk.statuses().len()), (1, 1));
    }
    // The instance does not answer questions.
    for operation in ["get_media", "verify_credentials", "list_statuses"] {
        for fault in [Fault::status(500), Fault::text(200, "<html>")] {
            let desk = Desk::new().await;
            let key = desk.stage().await;
            desk.switches().inject("post_status", lost());
            desk.switches().always(operation, fault.clone());
            let outcome = desk.publisher.publish(&post(), Some(&key)).await;
            let calls = desk.switches().calls("post_status");
            assert!(
                matches!(outcome, Err(PublishError::Unknown(_))),
                "{operation} {fault:?}: {outcome:?}"
            );
            assert_eq!((calls, desk.statuses().len()), (1, 1));
        }
    }
    // The upload is swept, and nothing was posted.
    let desk = Desk::new().await;
    let key = desk.stage().await;
    desk.mastodon.remove(&desk.mastodon.uploads()[0].id);
    let outcome = desk.publisher.publish(&post(), Some(&key)).await;
    assert!(
        matches!(outcome, Err(PublishError::Unknown(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_key_is_looked_up_without_sending() {
    let desk = Desk::new().await;
    let key = desk.stage().await;
    let look_up = async |key: &LookupKey| desk.publisher.look_up(key).await.unwrap();
    assert_eq!(look_up(&key).await, LookUp::NotPosted);
    let posted = desk.publisher.publish(&post(), Some(&key)).await.unwrap();
    assert_eq!(look_up(&key).await, LookUp::Posted(posted.post));
    desk.mastodon.set_scopes(&desk.token, &["write"]);
    assert_eq!(look_up(&key).await, LookUp::Undetermined);
    desk.mastodon.set_scopes(&desk.token, &["read", "write"]);
    desk.mastodon.remove(&desk.only_status().id);
    assert_eq!(look_up(&key).await, LookUp::Undetermined);
    assert_eq!(look_up(&LookupKey::new("")).await, LookUp::Undetermined);
    assert_eq!(desk.switches().calls("post_status"), 1);
    desk.switches().always("get_media", Fault::status(500));
    let outcome = desk.publisher.look_up(&key).await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_post_is_found_behind_others() {
    let desk = Desk::new().await;
    let key = desk.stage().await;
    let first = desk.publisher.publish(&post(), Some(&key)).await.unwrap();
    for _ in 0..85 {
        let key = desk.stage().await;
        desk.publisher.publish(&post(), Some(&key)).await.unwrap();
    }
    desk.switches().forget_calls();
    let found = desk.publisher.look_up(&key).await.unwrap();
    assert_eq!(found, LookUp::Posted(first.post));
    assert_eq!(desk.switches().calls("list_statuses"), 3);
    for _ in 0..120 {
        let key = desk.stage().await;
        desk.publisher.publish(&post(), Some(&key)).await.unwrap();
    }
    let found = desk.publisher.look_up(&key).await.unwrap();
    assert_eq!(found, LookUp::Undetermined);
}

#[tokio::test]
async fn a_refusal_that_is_no_word_of_the_instance_is_a_lost_answer() {
    for status in [400, 401, 403, 404, 410, 413, 422, 429, 451] {
        let desk = Desk::new().await;
        let fault = Fault::text(status, "<html>Blocked</html>").after_processing();
        let (outcome, calls) = desk.publish(&[fault]).await;
        let id = outcome
            .unwrap_or_else(|error| panic!("{status}: {error:?}"))
            .id;
        assert_eq!(id.as_str(), desk.only_status().id, "{status}");
        assert_eq!(calls, 1, "{status}");
    }
}

/// As servers do that only speak Mastodon's API.
#[tokio::test]
async fn a_post_whose_upload_is_still_shown_is_found_among_the_statuses() {
    let desk = Desk::new().await;
    let key = desk.stage().await;
    let document: Value = serde_json::from_str(key.as_str()).unwrap();
    let shown = Fault::json(200, &json!({ "id": document["media"] }));
    desk.switches().always("get_media", shown);
    let lost = Fault::status(504).after_processing();
    desk.switches().inject("post_status", lost);
    let posted = desk.publisher.publish(&post(), Some(&key)).await.unwrap();
    assert_eq!(posted.post.id.as_str(), desk.only_status().id);
    assert_eq!(desk.switches().calls("post_status"), 1);
    let found = desk.publisher.look_up(&key).await.unwrap();
    assert_eq!(found, LookUp::Posted(posted.post));
}
