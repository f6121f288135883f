//! Usage events: what is sent, and what the statuses mean.

use std::{num::NonZeroU64, time::SystemTime};

use super::*;
use crate::{
    domain::usage::{UsageEvent, UsageKey, UsageMetric},
    ports::{UsageReportError, UsageReporter as _},
};

const USAGE: &str = "usage";

fn event(metric: UsageMetric) -> UsageEvent {
    UsageEvent {
        tenant: TenantName::new("alice").unwrap(),
        metric,
        key: UsageKey::new("chatcmpl-1").unwrap(),
        quantity: NonZeroU64::new(321).unwrap(),
        occurred_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250),
    }
}

impl Stage {
    async fn report(&self) -> Result<(), UsageReportError> {
        let id = RequestId::from_caller("usage-1").unwrap();
        let event = event(UsageMetric::AiTokens);
        self.client.report(&event, &id).await
    }
}

fn meaning(result: &Result<(), UsageReportError>) -> &'static str {
    match result {
        Ok(()) => "taken",
        Err(UsageReportError::Refused) => "refused",
        Err(UsageReportError::NotAccepted) => "not accepted",
        Err(UsageReportError::UnknownTenant) => "unknown tenant",
        Err(UsageReportError::Unauthorized(_)) => "unauthorized",
        Err(UsageReportError::Unavailable {
            retry_after: Some(_),
            ..
        }) => "later, as it says",
        Err(UsageReportError::Unavailable { .. }) => "later",
    }
}

#[tokio::test]
async fn an_event_is_sent_with_everything_that_billing_needs() {
    let stage = Stage::new().await;
    stage.report().await.unwrap();
    let storage = event(UsageMetric::StorageRequests);
    let id = RequestId::from_caller("usage-2").unwrap();
    stage.client.report(&storage, &id).await.unwrap();
    let [tokens, requests] = &stage.switches().requests(USAGE)[..] else {
        panic!("two requests");
    };
    let expected = json!({
        "tenant_id": "alice", "source": "publisher", "idempotency_key": "chatcmpl-1",
        "metric": "ai_tokens", "quantity": 321, "unit": "tokens",
        "occurred_at": "2023-11-14T22:13:20.25Z",
    });
    assert_eq!(tokens.json(), Some(expected));
    assert_eq!(tokens.path_and_query, "/v1/billing/usage");
    assert_eq!(tokens.header("x-request-id"), Some("usage-1"));
    assert_eq!(tokens.header("x-tenant"), None);
    let token = stage.orchestrator().service_token();
    assert_eq!(tokens.bearer(), Some(&*token));
    let requests = requests.json().unwrap();
    assert_eq!(requests["metric"], "storage_ops_requests");
    assert_eq!(requests["source"], "publisher_storage_ops");
    assert_eq!(requests["unit"], "requests");
}

#[tokio::test]
async fn each_status_has_its_meaning_after_one_attempt() {
    let stage = Stage::new().await;
    let busy = Fault::json(429, &json!({})).with_header("retry-after", "7");
    for (fault, expected) in [
        (Fault::json(200, &json!({"balance_after": -5})), "taken"),
        (Fault::text(200, "no JSON"), "taken"),
        (
            Fault::json(403, &json!({"error": "forbidden"})),
            "unauthorized",
        ),
        (Fault::json(404, &json!({})), "unknown tenant"),
        (Fault::json(422, &json!({})), "refused"),
        (busy, "later, as it says"),
        (Fault::json(500, &json!({})), "later"),
        (Fault::json(503, &json!({})), "later"),
        (Fault::json(401, &json!({})), "later"),
        (Fault::json(400, &json!({})), "not accepted"),
        (Fault::json(413, &json!({})), "not accepted"),
        (Fault::json(302, &json!({})), "later"),
        (Fault::ResetBeforeRequest, "later"),
        (Fault::ResetAfterRequest, "later"),
    ] {
        let before = stage.switches().calls(USAGE);
        stage.switches().inject(USAGE, fault.clone());
        assert_eq!(meaning(&stage.report().await), expected, "{fault:?}");
        assert_eq!(stage.switches().calls(USAGE), before + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_no_failed_call() {
    let stage = Stage::new().await;
    let log = Log::start();
    for status in [422, 400] {
        stage
            .switches()
            .inject(USAGE, Fault::json(status, &json!({})));
        assert!(stage.report().await.is_err(), "{status}");
    }
    let calls = log.calls();
    let levels: Vec<_> = calls.iter().map(|it| it["level"] == "WARN").collect();
    assert_eq!(levels, [false, true], "{calls:?}");
    let error = &calls[1]["fields"]["error"];
    assert_eq!(error, "the orchestrator does not accept this usage event");
}

#[tokio::test]
async fn an_event_is_sent_again_with_the_token_that_has_taken_the_place_of_the_old_one() {
    let mut stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let old = Secret::new(stage.orchestrator().service_token());
    let new = stage.orchestrator().rotate_service_token();
    stage.orchestrator().set_service_tokens(&new, None);
    let path = folder.path().join("token");
    std::fs::write(&path, old.expose()).unwrap();
    stage.client.service_token = ServiceToken::in_file(old, path.clone());
    assert_eq!(meaning(&stage.report().await), "unauthorized");
    std::fs::write(&path, &new).unwrap();
    assert_eq!(meaning(&stage.report().await), "taken");
    assert_eq!(stage.orchestrator().debits().len(), 1);
}

#[tokio::test]
async fn billing_that_is_slow_is_waited_for_longer_than_other_calls() {
    let stage = Stage::new().await;
    let slow = stage.client.limits.attempt + Duration::from_millis(200);
    stage.switches().set_latency(USAGE, slow);
    let started = SystemClock.now();
    assert_eq!(meaning(&stage.report().await), "taken");
    assert!(SystemClock.now() - started >= slow);
}
