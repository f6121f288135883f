//! By-host, credentials and the rotation of service tokens.

use reqwest::Response;
use serde_json::{Value, json};

use super::client;
use crate::{Credential, Orchestrator, TenantRecord};

const HOST: &str = "alice.sandbox.localhost";

async fn with_alice() -> (Orchestrator, String) {
    let orchestrator = Orchestrator::start().await.unwrap();
    let config = json!({ "features": { "publish_enabled": true } });
    orchestrator.put_tenant(HOST, TenantRecord::new("alice", config));
    let credential = Credential::OpenAi {
        api_key: "sk-sandbox-1".to_owned(),
    };
    let reference = orchestrator.add_credential("alice", credential);
    (orchestrator, reference)
}

async fn by_host(orchestrator: &Orchestrator, token: &str, host: &str) -> Response {
    let url = format!("{}/v1/runtime/by-host", orchestrator.server().url());
    let request = client().post(url).bearer_auth(token);
    request.json(&json!({ "host": host })).send().await.unwrap()
}

async fn resolve(orchestrator: &Orchestrator, tenant: Option<&str>, reference: &str) -> Response {
    let url = format!("{}/v1/credentials/resolve", orchestrator.server().url());
    let mut request = client().post(url).bearer_auth(orchestrator.service_token());
    if let Some(tenant) = tenant {
        request = request.header("x-tenant", tenant);
    }
    let body = json!({ "credentials_ref": reference });
    request.json(&body).send().await.unwrap()
}

#[tokio::test]
async fn a_known_host_gets_its_envelope_by_post_and_by_get() {
    let (orchestrator, _) = with_alice().await;
    let token = orchestrator.service_token();
    let expected = json!({
        "schema_version": 2, "tenant": "alice", "app_type": "publisher_v2",
        "config_version": "v1", "ttl_seconds": 600,
        "config": { "features": { "publish_enabled": true } },
    });
    let answer = by_host(&orchestrator, &token, HOST).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.json::<Value>().await.unwrap(), expected);

    let url = format!("{}/v1/runtime/by-host", orchestrator.server().url());
    let request = client().get(url).query(&[("host", HOST)]);
    let answer = request.bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap(), expected);
    assert_eq!(orchestrator.switches().calls("by_host"), 2);
}

#[tokio::test]
async fn a_post_that_is_refused_says_to_use_get() {
    let (orchestrator, _) = with_alice().await;
    orchestrator.refuse_post(true);
    let answer = by_host(&orchestrator, &orchestrator.service_token(), HOST).await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "GET");
}

#[tokio::test]
async fn the_old_service_token_works_until_it_is_withdrawn() {
    let (orchestrator, _) = with_alice().await;
    let old = orchestrator.service_token();
    let new = orchestrator.rotate_service_token();
    assert_eq!(by_host(&orchestrator, &old, HOST).await.status(), 200);
    assert_eq!(by_host(&orchestrator, &new, HOST).await.status(), 200);
    orchestrator.set_service_tokens(&new, None);
    assert_eq!(by_host(&orchestrator, &old, HOST).await.status(), 403);
    let secrets = orchestrator.secrets();
    assert!(secrets.contains(&old) && secrets.contains(&new));
}

#[tokio::test]
async fn a_config_changes_and_a_tenant_goes() {
    let (orchestrator, _) = with_alice().await;
    let token = orchestrator.service_token();
    orchestrator.set_ttl(HOST, None);
    assert!(orchestrator.edit_config(HOST, |config| config["content"] = json!({})));
    let answer = by_host(&orchestrator, &token, HOST).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["config_version"], "v2");
    assert_eq!(answer["config"]["content"], json!({}));
    assert_eq!(answer.get("ttl_seconds"), None);

    orchestrator.suspend(HOST, true);
    assert_eq!(by_host(&orchestrator, &token, HOST).await.status(), 404);
    orchestrator.suspend(HOST, false);
    assert_eq!(by_host(&orchestrator, &token, HOST).await.status(), 200);
    orchestrator.remove_tenant(HOST);
    assert_eq!(by_host(&orchestrator, &token, HOST).await.status(), 404);
    assert!(!orchestrator.bump_config_version(HOST));
}

#[tokio::test]
async fn a_credential_is_for_its_tenant_alone() {
    let (orchestrator, reference) = with_alice().await;
    let answer = resolve(&orchestrator, Some("alice"), &reference).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let expected = json!({ "provider": "openai", "version": "c1", "api_key": "sk-sandbox-1" });
    assert_eq!(answer.json::<Value>().await.unwrap(), expected);

    let status = async |tenant, reference| resolve(&orchestrator, tenant, reference).await.status();
    assert_eq!(status(Some("bob"), &reference).await, 404);
    assert_eq!(status(Some("alice"), "cred-made-up").await, 404);
    assert_eq!(status(None, &reference).await, 400);
    assert_eq!(status(Some("alice"), "").await, 400);
}

#[tokio::test]
async fn a_rotated_credential_has_a_new_version() {
    let (orchestrator, reference) = with_alice().await;
    let credential = Credential::OpenAi {
        api_key: "sk-sandbox-2".to_owned(),
    };
    assert!(orchestrator.rotate_credential(&reference, credential));
    let answer = resolve(&orchestrator, Some("alice"), &reference).await;
    let expected = json!({ "provider": "openai", "version": "c2", "api_key": "sk-sandbox-2" });
    assert_eq!(answer.json::<Value>().await.unwrap(), expected);
    let secrets = orchestrator.secrets();
    assert!(secrets.iter().any(|it| it == "sk-sandbox-1"));
    assert!(secrets.iter().any(|it| it == "sk-sandbox-2"));
}

#[tokio::test]
async fn a_dropbox_credential_says_when_it_ends_even_if_it_does_not() {
    let (orchestrator, reference) = with_alice().await;
    let credential = Credential::Dropbox {
        refresh_token: "refresh-sandbox-1".to_owned(),
        expires_at: None,
    };
    orchestrator.put_credential("alice", &reference, credential);
    let answer = resolve(&orchestrator, Some("alice"), &reference).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer.get("expires_at"), Some(&Value::Null));
    assert_eq!(answer["refresh_token"], "refresh-sandbox-1");
}

async fn debit(orchestrator: &Orchestrator, body: &Value) -> u16 {
    let url = format!("{}/v1/billing/usage", orchestrator.server().url());
    let request = client().post(url).bearer_auth(orchestrator.service_token());
    let answer = request.json(body).send().await.unwrap();
    answer.status().as_u16()
}

fn event(key: &str, tokens: u64) -> Value {
    json!({
        "tenant_id": "alice", "source": "publisher", "idempotency_key": key, "metric": "ai_tokens",
        "quantity": tokens, "unit": "tokens", "occurred_at": "2026-01-01T00:00:00Z",
    })
}

#[tokio::test]
async fn a_wallet_runs_out_and_an_event_is_debited_once() {
    let (orchestrator, reference) = with_alice().await;
    orchestrator.set_balance("alice", 100);
    for _ in 0..2 {
        assert_eq!(debit(&orchestrator, &event("a", 60)).await, 200);
    }
    assert_eq!(orchestrator.balance("alice"), Some(40));
    let served = resolve(&orchestrator, Some("alice"), &reference).await;
    assert_eq!(served.status(), 200);
    assert_eq!(debit(&orchestrator, &event("b", 50)).await, 200);
    assert_eq!(orchestrator.balance("alice"), Some(0));
    let refused = resolve(&orchestrator, Some("alice"), &reference).await;
    assert_eq!(refused.status(), 403);
    let body = refused.json::<Value>().await.unwrap();
    assert_eq!(body, json!({ "error": "insufficient_balance" }));
    let quantities: Vec<_> = orchestrator.debits().iter().map(|it| it.quantity).collect();
    assert_eq!(quantities, [60, 50]);
}

#[tokio::test]
async fn a_debit_needs_every_field_and_a_known_tenant() {
    let (orchestrator, _) = with_alice().await;
    let mut unknown = event("a", 1);
    unknown["tenant_id"] = json!("nobody");
    assert_eq!(debit(&orchestrator, &unknown).await, 404);
    for (field, bad) in [
        ("source", json!(null)),
        ("idempotency_key", json!("")),
        ("metric", json!("tokens")),
        ("unit", json!("requests")),
        ("quantity", json!(0)),
        ("quantity", json!("1")),
        ("occurred_at", json!("yesterday")),
    ] {
        let mut event = event("a", 1);
        event[field] = bad;
        assert_eq!(debit(&orchestrator, &event).await, 422, "{field}");
    }
    assert!(orchestrator.debits().is_empty());
}
