//! Whether the account could be posted to, without a post.

use super::*;

#[tokio::test]
async fn a_check_tells_what_the_token_may_do_and_sends_nothing() {
    let desk = Desk::new().await;
    for (scopes, words) in [
        (
            &["read", "write"][..],
            "may upload images and read statuses",
        ),
        (
            &[
                "read:accounts",
                "read:statuses",
                "write:media",
                "write:statuses",
            ],
            "may upload images and read statuses",
        ),
        (&["write"], "will stay unknown"),
        (&["write", "read:accounts"], "will stay unknown"),
    ] {
        desk.mastodon.set_scopes(&desk.token, scopes);
        let seen = desk.publisher.check().await.unwrap();
        assert!(seen.contains(words), "{scopes:?}: {seen}");
    }
    desk.mastodon.set_scopes(&desk.token, &["read"]);
    let outcome = desk.publisher.check().await;
    let Err(error @ PublishError::Rejected(_)) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(error.to_string().contains("`write:media`"), "{error}");
    desk.assert_discreet(&error);
    assert!(desk.mastodon.uploads().is_empty() && desk.statuses().is_empty());
}

#[tokio::test]
async fn what_answers_may_not_be_mastodon() {
    let desk = Desk::new().await;
    let elsewhere = Fault::status(301).with_header("location", "https://elsewhere.example/");
    for fault in [elsewhere, Fault::text(200, "<html>"), Fault::status(502)] {
        desk.switches().always("verify_credentials", fault.clone());
        let outcome = desk.publisher.check().await;
        assert!(
            matches!(outcome, Err(PublishError::Unavailable { .. })),
            "{fault:?}: {outcome:?}"
        );
        desk.switches().clear("verify_credentials");
    }
}
