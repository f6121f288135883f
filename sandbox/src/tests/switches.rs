//! Every fault, latency, holds and counts, over the stand-in with the shortest requests.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;

use super::client;
use crate::{Dropbox, Fault, Telegram};

const TOKEN: &str = "123456789:AAsandbox";

async fn telegram() -> Telegram {
    let telegram = Telegram::start().await.unwrap();
    telegram.add_bot(TOKEN);
    telegram
}

async fn get_me(telegram: &Telegram) -> reqwest::Result<Response> {
    let url = format!("{}/bot{TOKEN}/getMe", telegram.server().url());
    client().get(url).send().await
}

/// A file system with a folder, to see whether a request had its effect.
async fn dropbox() -> (Dropbox, String) {
    let dropbox = Dropbox::start().await.unwrap();
    dropbox.add_account("alice", "refresh");
    dropbox.put("alice", "/a.txt", Bytes::from_static(b"a"));
    let token = super::dropbox::access_token(&dropbox, "refresh").await;
    (dropbox, token)
}

async fn delete(dropbox: &Dropbox, token: &str) -> reqwest::Result<Response> {
    let url = format!("{}/2/files/delete_v2", dropbox.server().url());
    let request = client().post(url).bearer_auth(token);
    let body = serde_json::json!({ "path": "/a.txt" });
    request.json(&body).send().await
}

/// Sees the n-th deletion come in and no answer go out.
async fn unanswered(dropbox: &Dropbox, token: &str, n: usize) {
    let mut request = std::pin::pin!(delete(dropbox, token));
    tokio::select! {
        answer = &mut request => panic!("answered: {answer:?}"),
        () = dropbox.switches().wait_for_calls("delete_v2", n) => {}
    }
    let answer = tokio::time::timeout(Duration::from_millis(5), request).await;
    assert!(answer.is_err(), "answered: {answer:?}");
}

fn was_reset(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.kind() == std::io::ErrorKind::ConnectionReset;
        }
        cause = error.source();
    }
    false
}

#[tokio::test]
async fn queued_faults_come_first_then_the_sticky_one_until_cleared() {
    let telegram = telegram().await;
    let switches = telegram.switches();
    switches.always("getMe", Fault::status(500));
    switches.inject_times("getMe", 2, Telegram::rate_limited(3));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(get_me(&telegram).await.unwrap().status().as_u16());
    }
    switches.clear("getMe");
    statuses.push(get_me(&telegram).await.unwrap().status().as_u16());
    assert_eq!(statuses, [429, 429, 500, 500, 200]);
    assert_eq!(switches.calls("getMe"), 5);
    assert_eq!(switches.total_calls(), 5);
}

#[tokio::test]
async fn a_fault_for_one_caller_spares_the_others() {
    let telegram = telegram().await;
    telegram.add_bot("987654321:AAother");
    let switches = telegram.switches();
    switches.always_matching("getMe", "AAother", Fault::status(503));
    switches.inject_matching("getMe", 1, "AAother", Fault::status(502));
    assert_eq!(get_me(&telegram).await.unwrap().status(), 200);
    let url = format!("{}/bot987654321:AAother/getMe", telegram.server().url());
    assert_eq!(client().get(&url).send().await.unwrap().status(), 502);
    assert_eq!(client().get(&url).send().await.unwrap().status(), 503);
    assert_eq!(get_me(&telegram).await.unwrap().status(), 200);
    assert_eq!(switches.calls_matching("getMe", "AAother"), 2);
}

#[tokio::test]
async fn a_fault_brings_its_headers_and_body() {
    let telegram = telegram().await;
    let fault = Fault::text(503, "later").with_header("retry-after", "7");
    telegram.switches().inject("getMe", fault);
    let answer = get_me(&telegram).await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.text().await.unwrap(), "later");
}

#[tokio::test]
async fn a_reset_before_the_request_has_no_effect() {
    let (dropbox, token) = dropbox().await;
    dropbox
        .switches()
        .inject("delete_v2", Fault::ResetBeforeRequest);
    assert!(was_reset(&delete(&dropbox, &token).await.unwrap_err()));
    assert_eq!(dropbox.paths("alice"), ["/a.txt"]);
    assert_eq!(dropbox.switches().calls("delete_v2"), 1);
}

#[tokio::test]
async fn a_reset_leaves_the_next_fault_for_the_next_request() {
    let telegram = telegram().await;
    let switches = telegram.switches();
    switches.inject("getMe", Fault::ResetBeforeRequest);
    switches.inject("getMe", Fault::status(500));
    assert!(was_reset(&get_me(&telegram).await.unwrap_err()));
    assert_eq!(get_me(&telegram).await.unwrap().status(), 500);
    assert_eq!(get_me(&telegram).await.unwrap().status(), 200);
    assert_eq!(switches.calls("getMe"), 3);
}

#[tokio::test]
async fn a_reset_after_the_request_has_its_effect() {
    let (dropbox, token) = dropbox().await;
    dropbox
        .switches()
        .inject("delete_v2", Fault::ResetAfterRequest);
    assert!(was_reset(&delete(&dropbox, &token).await.unwrap_err()));
    assert!(dropbox.paths("alice").is_empty());
}

#[tokio::test]
async fn a_timeout_is_silent_with_or_without_the_effect() {
    let (dropbox, token) = dropbox().await;
    dropbox.switches().inject("delete_v2", Fault::Timeout);
    unanswered(&dropbox, &token, 1).await;
    assert_eq!(dropbox.paths("alice"), ["/a.txt"]);
    dropbox
        .switches()
        .inject("delete_v2", Fault::TimeoutAfterProcessing);
    unanswered(&dropbox, &token, 2).await;
    assert!(dropbox.paths("alice").is_empty());
}

#[tokio::test]
async fn a_malformed_body_is_no_json() {
    let telegram = telegram().await;
    telegram.switches().inject("getMe", Fault::MalformedBody);
    let answer = get_me(&telegram).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.json::<serde_json::Value>().await.is_err());
}

#[tokio::test]
async fn a_slow_body_comes_whole() {
    let telegram = telegram().await;
    let fault = Fault::SlowBody {
        chunk_bytes: 40,
        delay: Duration::from_millis(1),
    };
    telegram.switches().inject("getMe", fault);
    let answer = get_me(&telegram).await.unwrap();
    assert_eq!(
        answer.json::<serde_json::Value>().await.unwrap()["ok"],
        true
    );
}

#[tokio::test]
async fn a_truncated_body_has_its_head_but_not_its_end() {
    let telegram = telegram().await;
    telegram.switches().inject("getMe", Fault::TruncatedBody);
    let answer = get_me(&telegram).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn latency_delays_the_answer_not_the_effect() {
    let (dropbox, token) = dropbox().await;
    let switches = dropbox.switches();
    switches.set_latency("delete_v2", Duration::from_mins(1));
    unanswered(&dropbox, &token, 1).await;
    assert!(dropbox.paths("alice").is_empty());
    switches.set_latency("delete_v2", Duration::from_millis(5));
    assert_eq!(delete(&dropbox, &token).await.unwrap().status(), 409);
}

#[tokio::test]
async fn held_requests_wait_together_and_are_answered_on_release() {
    let telegram = telegram().await;
    let switches = telegram.switches();
    let hold = switches.hold("getMe");
    let both = async { tokio::join!(get_me(&telegram), get_me(&telegram)) };
    let release = async {
        hold.arrived(2).await;
        assert_eq!(hold.waiting(), 2);
        hold.release();
    };
    let ((first, second), ()) = tokio::join!(both, release);
    assert_eq!(first.unwrap().status(), 200);
    assert_eq!(second.unwrap().status(), 200);
    assert_eq!(switches.peak_concurrency("getMe"), 2);
    get_me(&telegram).await.unwrap();
    switches.wait_for_calls("getMe", 3).await;
}

#[tokio::test]
async fn a_hold_for_one_caller_lets_the_others_pass() {
    let telegram = telegram().await;
    let hold = telegram.switches().hold_matching("getMe", "AAother");
    assert_eq!(get_me(&telegram).await.unwrap().status(), 200);
    assert_eq!(hold.waiting(), 0);
}

#[tokio::test]
async fn a_caller_who_gives_up_no_longer_waits() {
    let telegram = telegram().await;
    let hold = telegram.switches().hold("getMe");
    tokio::select! {
        answer = get_me(&telegram) => panic!("answered: {answer:?}"),
        () = hold.arrived(1) => {}
    }
    while hold.waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_stopped_server_refuses_and_comes_back_on_its_port() {
    let telegram = telegram().await;
    let url = telegram.server().url();
    assert_eq!(get_me(&telegram).await.unwrap().status(), 200);
    telegram.server().stop_listening().await;
    assert!(get_me(&telegram).await.unwrap_err().is_connect());
    telegram.server().listen_again().await.unwrap();
    assert_eq!(telegram.server().url(), url);
    assert_eq!(get_me(&telegram).await.unwrap().status(), 200);
}

#[tokio::test]
async fn requests_are_recorded_unless_they_are_only_counted() {
    let telegram = telegram().await;
    let switches = telegram.switches();
    get_me(&telegram).await.unwrap();
    switches.keep_requests(false);
    get_me(&telegram).await.unwrap();
    let requests = switches.requests("getMe");
    assert_eq!(switches.calls("getMe"), 2);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, "GET");
    assert_eq!(requests[0].path(), format!("/bot{TOKEN}/getMe"));
    assert!(requests[0].header("host").is_some());
    switches.forget_calls();
    assert_eq!(switches.calls("getMe"), 0);
}
