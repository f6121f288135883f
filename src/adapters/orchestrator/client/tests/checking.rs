//! Whether it is an orchestrator, as distinguished from everything else.

use super::*;
use crate::adapters::orchestrator::OrchestratorFault;

async fn check(stage: &Stage) -> Result<(), OrchestratorFault> {
    let host = Host::normalize("healthcheck.sandbox.localhost").unwrap();
    let id = RequestId::from_caller("request-1").unwrap();
    stage.client.check(&host, &id).await
}

#[tokio::test]
async fn a_host_of_nobody_and_a_credential_of_nobody_are_asked_for_once() {
    let stage = Stage::new().await;
    check(&stage).await.unwrap();
    assert_eq!(stage.switches().calls(BY_HOST), 1);
    let requests = stage.switches().requests(RESOLVE);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].json(), Some(json!({})));
    assert_eq!(requests[0].header("x-tenant"), None);
}

#[tokio::test]
async fn a_404_for_everything_is_no_orchestrator_whatever_its_body() {
    let stage = Stage::new().await;
    for body in [
        "<html>",
        r#"{"error":"not_found"}"#,
        r#"{"detail":"Not Found"}"#,
    ] {
        stage.switches().inject(BY_HOST, Fault::text(404, body));
        stage.switches().inject(RESOLVE, Fault::text(404, body));
        let fault = check(&stage).await.unwrap_err();
        assert!(
            matches!(fault, OrchestratorFault::NoSuchRoute { status: 404 }),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn what_refuses_a_credential_without_a_tenant_is_one() {
    let stage = Stage::new().await;
    for status in [400, 422] {
        stage
            .switches()
            .inject(BY_HOST, Fault::text(404, "no JSON"));
        stage
            .switches()
            .inject(RESOLVE, Fault::text(status, "whatever suits it"));
        check(&stage).await.unwrap();
    }
    let other_app = json!({ "tenant": "t", "app_type": "another" });
    stage
        .switches()
        .inject(BY_HOST, Fault::json(200, &other_app));
    check(&stage).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_refused_is_told_with_its_status() {
    let stage = Stage::new().await;
    stage.orchestrator().set_service_tokens("another", None);
    let fault = check(&stage).await.unwrap_err();
    assert!(
        matches!(fault, OrchestratorFault::TokenRefused { status: 403 }),
        "{fault}"
    );
    assert_eq!(stage.switches().calls(RESOLVE), 0);
}
