//! One tenant from the environment, without an orchestrator.

use publisher::adapters::sandbox::Sandbox;
use serde_json::json;

use crate::harness::Service;

#[tokio::test]
async fn one_tenant_is_served_from_the_environment() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let environment = sandbox.standalone_environment(alice);
    let service = Service::start_with(environment, &[]).await;
    let answer = service
        .publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await
        .json();
    assert_eq!(
        answer["results"]["telegram"]["outcome"], "published",
        "{answer}"
    );
    assert_eq!(
        answer["results"]["email"]["outcome"], "published",
        "{answer}"
    );
    assert_eq!(sandbox.orchestrator.switches().total_calls(), 0);
    let ready = service.get("localhost", "/health/ready").await;
    assert_eq!(ready.json(), json!({"status": "ok", "mode": "standalone"}));
}

#[tokio::test]
async fn a_tenant_with_a_host_of_its_own_is_served_under_no_other() {
    let sandbox = Sandbox::start().await.unwrap();
    let environment = sandbox.standalone_environment(&sandbox.tenants()[0]);
    let own = [("STANDALONE_HOST", "photos.example.org")];
    let service = Service::start_with(environment, &own).await;
    let path = "/api/config/features";
    assert_eq!(service.get("photos.example.org:80", path).await.status, 200);
    service
        .get("localhost", path)
        .await
        .assert_problem(404, "tenant-not-found");
    assert_eq!(service.get("localhost", "/health").await.status, 200);
}
