//! Logins are few, sessions are renewed, and refusals are told apart.

use PublishError::{Rejected, Unauthorized, Unavailable};
use futures_util::future::join_all;

use super::*;

#[tokio::test]
async fn a_hundred_posts_log_in_once_although_the_config_is_read_anew_between_them() {
    let desk = Desk::new().await;
    let all = join_all((0..100).map(|_| desk.publish())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(desk.calls()[..2], [1, 0]);
    let mut keys: Vec<_> = desk.bluesky.posts().into_iter().map(|it| it.rkey).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 100);
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once_for_all_and_no_post_is_made_twice() {
    for status in [400, 401] {
        let desk = Desk::new().await;
        desk.bluesky.set_expired_status(status);
        desk.publish().await.unwrap();
        desk.bluesky.expire_access_tokens();
        let all = join_all((0..10).map(|_| desk.publish())).await;
        assert!(all.iter().all(Result::is_ok), "{status}");
        assert_eq!(desk.calls()[..2], [1, 1]);
        assert_eq!(desk.bluesky.posts().len(), 11);
        // Between upload and post.
        let expired = Bluesky::refusal(status, "ExpiredToken", "Token has expired");
        desk.switches().inject("createRecord", expired);
        desk.publish().await.unwrap();
        assert_eq!((desk.calls()[1], desk.bluesky.posts().len()), (2, 12));
    }
}

#[tokio::test]
async fn where_the_refresh_token_has_ended_too_a_login_follows() {
    let desk = Desk::new().await;
    desk.publish().await.unwrap();
    desk.bluesky.expire_access_tokens();
    desk.bluesky.expire_refresh_tokens();
    desk.publish().await.unwrap();
    assert_eq!(desk.calls()[..2], [2, 1]);
}

#[tokio::test]
async fn a_server_that_refuses_each_session_ends_as_a_dead_credential() {
    let desk = Desk::new().await;
    let refusal = Bluesky::refusal(401, "AuthMissing", "Authentication Required");
    desk.switches().always("uploadBlob", refusal);
    let error = desk.publish().await.unwrap_err();
    assert!(matches!(error, Unauthorized { .. }), "{error:?}");
    assert_eq!(desk.calls()[..3], [1, 1, 2]);
}

#[tokio::test]
async fn a_dead_credential_says_what_to_do_and_a_new_one_works() {
    let desk = Desk::new().await;
    desk.bluesky.revoke(&desk.password);
    let error = desk.publish().await.unwrap_err();
    assert!(matches!(error, Unauthorized { .. }), "{error:?}");
    assert!(error.to_string().contains("App passwords"), "{error}");
    assert_eq!(desk.calls()[0], 1, "a refused login is not repeated");
    let renewed = app_password();
    desk.bluesky.add_account(HANDLE, &renewed);
    let client = desk.open_with(&json!({}), HANDLE, &renewed);
    client.publish(&post(), None).await.unwrap();
}

#[tokio::test]
async fn an_account_that_cannot_post_is_told_apart() {
    for (error, words) in [
        ("AccountTakedown", "taken the account down"),
        ("AccountDeactivated", "deactivated"),
        ("AuthFactorTokenRequired", "use an app password"),
    ] {
        let desk = Desk::new().await;
        let refusal = Bluesky::refusal(401, error, "No.");
        desk.switches().inject("createSession", refusal.clone());
        let refused = desk.publish().await.unwrap_err();
        assert!(matches!(refused, Unauthorized { .. }));
        assert!(refused.to_string().contains(words), "{refused}");
        // With a session, which is not renewed for that.
        desk.publish().await.unwrap();
        desk.switches()
            .inject("createRecord", refusal.with_status(400));
        assert!(matches!(desk.publish().await, Err(Unauthorized { .. })));
        assert_eq!(desk.calls()[..2], [2, 0]);
    }
}

#[tokio::test]
async fn after_too_many_logins_none_is_tried_until_the_window_ends() {
    let desk = Desk::new().await;
    desk.bluesky.limit_logins(Some(0));
    for _ in 0..3 {
        let error = desk.publish().await.unwrap_err();
        let PublishError::RateLimited { retry_after } = error else {
            panic!("{error:?}");
        };
        let wait = retry_after.unwrap();
        let window = Duration::from_mins(4)..=Duration::from_mins(5);
        assert!(window.contains(&wait), "{wait:?}");
    }
    assert_eq!(desk.calls()[0], 1);
}

#[tokio::test]
async fn a_limit_of_other_calls_is_waited_for_if_it_is_near_and_else_told() {
    let desk = Desk::new().await;
    for operation in ["uploadBlob", "createRecord"] {
        desk.switches().inject(operation, Bluesky::rate_limited(1));
        desk.publish().await.unwrap();
        desk.switches()
            .inject(operation, Bluesky::rate_limited(u64::MAX));
        let error = desk.publish().await.unwrap_err();
        let PublishError::RateLimited { retry_after } = error else {
            panic!("{error:?}");
        };
        assert_eq!(retry_after, Some(Duration::from_hours(1)));
    }
    assert_eq!(desk.bluesky.posts().len(), 2);
}

#[tokio::test]
async fn a_server_that_is_away_or_another_one_is_told() {
    let desk = Desk::new().await;
    desk.switches().inject("createSession", Fault::status(503));
    assert!(matches!(desk.publish().await, Err(Unavailable { .. })));
    assert_eq!(desk.calls()[0], 1);
    for fault in [
        Fault::MalformedBody,
        Fault::ResetAfterRequest,
        Fault::json(200, &json!({})),
        Fault::text(302, ""),
    ] {
        desk.switches().inject("createSession", fault);
        assert!(matches!(desk.publish().await, Err(Unavailable { .. })));
    }
    desk.switches()
        .inject("createSession", Fault::text(404, "<html>"));
    let error = desk.publish().await.unwrap_err();
    assert!(
        matches!(&error, Rejected(words) if words.contains("service_url")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refresh_that_fails_for_a_moment_costs_no_login() {
    let desk = Desk::new().await;
    desk.publish().await.unwrap();
    desk.bluesky.expire_access_tokens();
    desk.switches().inject("refreshSession", Fault::status(502));
    assert!(matches!(desk.publish().await, Err(Unavailable { .. })));
    desk.publish().await.unwrap();
    assert_eq!(desk.calls()[..2], [1, 2]);
    // Its answer is lost, and its token is spent.
    desk.bluesky.expire_access_tokens();
    desk.switches()
        .inject("refreshSession", Fault::ResetAfterRequest);
    assert!(matches!(desk.publish().await, Err(Unavailable { .. })));
    desk.publish().await.unwrap();
    assert_eq!(desk.calls()[0], 2);
}

#[tokio::test]
async fn all_but_the_login_goes_to_the_data_server() {
    let desk = Desk::new().await;
    let data = desk.bluesky.start_data_server().await.unwrap();
    desk.publish().await.unwrap();
    desk.bluesky.expire_access_tokens();
    desk.publish().await.unwrap();
    assert_eq!(desk.calls(), [1, 0, 0, 0, 0]);
    for (operation, calls) in [
        ("refreshSession", 1),
        ("uploadBlob", 3),
        ("createRecord", 2),
    ] {
        assert_eq!(data.switches().calls(operation), calls, "{operation}");
    }
}

#[tokio::test]
async fn a_data_server_that_is_not_safe_is_not_used() {
    let desk = Desk::new().await;
    for bad in [
        "http://pds.example.org",
        "https://a:b@pds.example.org",
        "nonsense",
    ] {
        desk.bluesky.set_data_server(Some(bad));
        let error = desk.publish().await.unwrap_err();
        let shown = error.to_string();
        assert!(matches!(error, Rejected(_)), "{bad}: {shown}");
        assert!(
            shown.contains("https") && !shown.contains("example"),
            "{shown}"
        );
    }
    desk.bluesky.set_data_server(None);
    desk.publish().await.unwrap();
}

#[test]
fn a_server_elsewhere_does_not_lead_to_this_machine() {
    let document = |url: &str| {
        json!({ "service": [
            { "type": "Other", "serviceEndpoint": "http://x" },
            { "type": "AtprotoPersonalDataServer", "serviceEndpoint": url },
        ] })
    };
    let url = |text: &str| ServiceUrl::parse(text).unwrap();
    let there = url("https://bsky.social");
    for own in [
        "http://127.0.0.1:80",
        "https://localhost",
        "https://[::1]:8443",
    ] {
        assert!(data_server(&document(own), &there).is_err(), "{own}");
        let here = url("http://localhost");
        assert!(data_server(&document(own), &here).is_ok(), "{own}");
    }
    let pds = data_server(&document("https://pds.example.org"), &there);
    assert_eq!(pds.unwrap(), url("https://pds.example.org"));
}
