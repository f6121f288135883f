//! Attempts, waits and limits.

use super::*;

fn seconds(started: std::time::Instant) -> f64 {
    (SystemClock.now() - started).as_secs_f64()
}

fn busy(retry_after: &str) -> Fault {
    Fault::status(503).with_header("retry-after", retry_after)
}

#[test]
fn the_limits_are_those_that_the_orchestrator_was_promised() {
    assert_eq!(LIMITS.attempt, Duration::from_secs(5));
    assert_eq!(LIMITS.whole, Duration::from_secs(10));
    assert_eq!(LIMITS.retries.attempts, 3);
    assert_eq!(LIMITS.retries.first_delay, Duration::from_millis(250));
    assert_eq!(LIMITS.retries.max_delay, Duration::from_secs(5));
}

#[tokio::test]
async fn what_passes_is_tried_again_until_it_has_passed() {
    let stage = Stage::new().await;
    for fault in [
        Fault::status(429),
        Fault::status(503),
        Fault::ResetBeforeRequest,
        Fault::ResetAfterRequest,
        Fault::TruncatedBody,
    ] {
        stage.switches().forget_calls();
        stage.switches().inject_times(BY_HOST, 2, fault.clone());
        assert!(stage.fetch().await.is_ok(), "{fault:?}");
        assert_eq!(stage.switches().calls(BY_HOST), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn all_attempts_of_a_call_bear_the_same_request_id() {
    let stage = Stage::new().await;
    stage
        .switches()
        .inject_times(BY_HOST, 2, Fault::status(500));
    stage.fetch().await.unwrap();
    let requests = stage.switches().requests(BY_HOST);
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|it| it.header("x-request-id") == Some("request-1"))
    );
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept() {
    let stage = Stage::new().await;
    stage.switches().inject(BY_HOST, busy("1"));
    let started = SystemClock.now();
    assert!(stage.fetch().await.is_ok());
    assert!(seconds(started) >= 1.0);
    assert_eq!(stage.switches().calls(BY_HOST), 2);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_handed_on_instead() {
    let stage = Stage::new().await;
    stage.switches().always(BY_HOST, busy("7"));
    let error = stage.fetch().await.unwrap_err();
    let ConfigSourceError::Unavailable { retry_after, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    assert_eq!(stage.switches().calls(BY_HOST), 1);
    let reference = stage.api_key();
    stage.switches().always(RESOLVE, busy("8"));
    let error = stage
        .resolve(&reference, Provider::OPENAI)
        .await
        .unwrap_err();
    let CredentialError::Unavailable { retry_after, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(8)));
}

#[tokio::test]
async fn an_orchestrator_that_does_not_listen_is_unavailable() {
    let stage = Stage::new().await;
    stage.orchestrator().server().stop_listening().await;
    let log = Log::start();
    let error = stage.fetch().await.unwrap_err();
    assert!(
        matches!(error, ConfigSourceError::Unavailable { .. }),
        "{error}"
    );
    let calls = log.calls();
    assert_eq!(calls[0]["fields"]["attempts"], 3);
    assert_eq!(
        calls[0]["fields"]["error"],
        "the orchestrator could not be connected to"
    );
    assert!(!calls[0].to_string().contains("127.0.0.1"), "{}", calls[0]);
}

/// Fetches while the first calls hang: for each of them, once it has arrived, so much time passes.
async fn fetch_while_time_passes(
    stage: &Stage,
    hanging: usize,
    each: Duration,
) -> Result<TenantConfig<Unvalidated>, ConfigSourceError> {
    let before = stage.switches().calls(BY_HOST);
    let fetch = stage.fetch();
    tokio::pin!(fetch);
    for call in 1..=hanging {
        tokio::select! {
            ended = &mut fetch => return ended,
            () = stage.switches().wait_for_calls(BY_HOST, before + call) => {}
        }
        tokio::time::pause();
        tokio::time::advance(each).await;
        tokio::time::resume();
    }
    fetch.await
}

#[tokio::test]
async fn each_attempt_has_its_limit() {
    let mut stage = Stage::new().await;
    stage.client.limits.attempt = Duration::from_secs(20);
    stage.client.limits.whole = Duration::from_mins(5);
    let slow = Fault::SlowBody {
        chunk_bytes: 1,
        delay: Duration::from_mins(1),
    };
    // The body counts too.
    for fault in [Fault::Timeout, slow] {
        stage.switches().inject(BY_HOST, fault);
        let before = stage.switches().calls(BY_HOST);
        let fetched = fetch_while_time_passes(&stage, 1, Duration::from_secs(21)).await;
        assert!(fetched.is_ok());
        assert_eq!(stage.switches().calls(BY_HOST), before + 2);
    }
}

#[tokio::test]
async fn a_call_as_a_whole_has_its_limit_and_its_log_line_all_the_same() {
    let mut stage = Stage::new().await;
    stage.client.limits.attempt = Duration::from_secs(20);
    stage.client.limits.whole = Duration::from_secs(40);
    stage.switches().always(BY_HOST, Fault::Timeout);
    let log = Log::start();
    // Two attempts take it all, though there could be a third.
    let fetched = fetch_while_time_passes(&stage, 3, Duration::from_secs(21)).await;
    let error = fetched.unwrap_err();
    assert!(
        matches!(error, ConfigSourceError::Unavailable { .. }),
        "{error}"
    );
    assert_eq!(stage.switches().calls(BY_HOST), 2);
    let calls = log.calls();
    assert_eq!(
        (calls.len(), &calls[0]["fields"]["attempts"]),
        (1, &json!(2))
    );
    assert_eq!(calls[0]["span"]["request_id"], "request-1");
}

#[tokio::test]
async fn an_outage_is_not_multiplied_by_the_hosts_that_meet_it() {
    let stage = Stage::new().await;
    stage.switches().always(BY_HOST, Fault::status(503));
    let hosts = (0..200).map(|n| Host::normalize(&format!("cold-{n}.sandbox.localhost")).unwrap());
    let ids: Vec<_> = hosts.map(|host| (host, request_id())).collect();
    let fetches = ids.iter().map(|(host, id)| stage.client.fetch(host, id));
    let results = futures_util::future::join_all(fetches).await;
    let unavailable = |it: &Result<_, _>| matches!(it, Err(ConfigSourceError::Unavailable { .. }));
    assert!(results.iter().all(unavailable));
    let calls = stage.switches().calls(BY_HOST);
    assert!((201..=250).contains(&calls), "{calls} calls");

    // Credentials share the budget, and five of their first attempts earn a retry.
    let reference = stage.api_key();
    stage.switches().always(RESOLVE, Fault::status(503));
    for _ in 0..50 {
        let resolved = stage.resolve(&reference, Provider::OPENAI).await;
        assert!(resolved.is_err());
    }
    let more = stage.switches().calls(RESOLVE);
    assert!((50..=70).contains(&more), "{more} calls");

    // And when the outage is over, no request has to wait for the budget.
    stage.switches().clear(BY_HOST);
    assert!(stage.fetch().await.is_ok());
}
