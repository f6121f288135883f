//! Errors are problems, whoever raises them; health and documents belong to no tenant.

use publisher_sandbox::Sandbox;
use reqwest::Method;

use crate::harness::{Answer, Service};

#[tokio::test]
async fn whatever_goes_wrong_is_a_problem() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    service
        .get(host, "/nowhere")
        .await
        .assert_problem(404, "not-found");
    service
        .get(host, "/api/nowhere")
        .await
        .assert_problem(404, "not-found");
    let wrong = service
        .request(Method::DELETE, host, "/api/images/list")
        .send()
        .await
        .unwrap();
    let wrong = Answer::of(wrong).await;
    wrong.assert_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "GET, HEAD");
    for (name, body, status, kind) in [
        ("a.jpg", "{", 400, "invalid-request"),
        (
            "a.jpg",
            r#"{"platforms": ["myspace"]}"#,
            400,
            "invalid-request",
        ),
        ("a.gif", "{}", 400, "invalid-request"),
        (
            "a.jpg",
            &format!(r#"{{"caption": "{}"}}"#, "a".repeat(70_000)),
            413,
            "payload-too-large",
        ),
    ] {
        let path = format!("/api/images/{name}/publish");
        let request = service
            .request(Method::POST, host, &path)
            .bearer_auth(sandbox.web_token());
        let request = request
            .header("content-type", "application/json")
            .body(body.to_owned());
        Answer::of(request.send().await.unwrap())
            .await
            .assert_problem(status, kind);
    }
    assert_eq!(sandbox.dropbox.switches().total_calls(), 0);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_is_not_sniffed() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    for path in ["/health", "/nowhere", "/docs"] {
        let answer = service.get("anything", path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
    for (sent, is_kept) in [("my-id.1", true), ("not sane", false)] {
        let request = service
            .request(Method::GET, "any", "/health")
            .header("x-request-id", sent);
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.header("x-request-id") == sent, is_kept, "{sent}");
    }
}

#[tokio::test]
async fn health_and_documents_belong_to_no_tenant() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    for path in [
        "/health",
        "/health/live",
        "/openapi.json",
        "/openapi.yaml",
        "/docs",
    ] {
        assert_eq!(service.get("localhost", path).await.status, 200, "{path}");
    }
    assert_eq!(sandbox.orchestrator.switches().total_calls(), 0);
    let ready = service.get("localhost", "/health/ready").await;
    assert_eq!(
        (ready.status, &ready.json()["mode"]),
        (200, &"orchestrated".into())
    );
    sandbox.orchestrator.rotate_service_token();
    sandbox.orchestrator.set_service_tokens("another", None);
    let other = Service::start_with(
        sandbox.environment(),
        &[
            ("ORCHESTRATOR_SERVICE_TOKEN", "old"),
            // A file is one process's at a time.
            ("PUBLISH_LEDGER_URL", &format!("{}-2", sandbox.ledger_url())),
        ],
    )
    .await;
    let ready = other.get("localhost", "/health/ready").await;
    assert_eq!(
        (ready.status, &ready.json()["reason"]),
        (503, &"orchestrator_unauthorized".into())
    );
}
