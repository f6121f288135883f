//! An orchestrator that answers about one tenant's host with another tenant.

use std::time::Duration;

use publisher_sandbox::{Sandbox, TenantSpec};
use reqwest::Method;

use crate::harness::{Answer, Service};

const FEATURES: &str = "/api/config/features";

async fn with_id(service: &Service, host: &str) -> Answer {
    let request = service.request(Method::GET, host, FEATURES);
    Answer::to(request.header("x-request-id", "the-same")).await
}

#[tokio::test]
async fn a_host_below_the_base_domain_is_served_as_no_other_tenant() {
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let service = Service::start(&sandbox).await;
    sandbox
        .orchestrator
        .edit_tenant(&bob.host, |tenant| tenant.tenant = "alice".to_owned());
    let unknown = with_id(&service, "nobody.sandbox.localhost").await;
    unknown.assert_problem(404, "tenant-not-found");
    for host in [&bob.host, &bob.host.to_uppercase()] {
        let answer = with_id(&service, host).await;
        assert_eq!(answer.bytes, unknown.bytes);
        let (mut said, mut expected) = (answer.headers, unknown.headers.clone());
        for headers in [&mut said, &mut expected] {
            headers.remove("date");
        }
        assert_eq!(said, expected);
    }
    assert_eq!(sandbox.orchestrator.switches().calls("resolve"), 0);
    let list = service
        .get_as_admin(&sandbox, &bob.host, "/api/images/list")
        .await;
    list.assert_problem(404, "tenant-not-found");
    assert_eq!(service.get(&alice.host, FEATURES).await.status, 200);

    let log = service.whole_log().await;
    let lines = log.lines().filter(|line| line.contains("another tenant"));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 1, "asked for once, and then known: {lines:?}");
    for told in ["\"ERROR\"", "\"bob\"", "\"alice\"", "\"the-same\""] {
        assert!(lines[0].contains(told), "{told}: {lines:?}");
    }
}

#[tokio::test]
async fn a_tenant_that_was_served_ends_with_the_first_answer_that_names_another() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = sandbox.add_tenant(TenantSpec::new("carol").ttl_seconds(Some(1)));
    let service = Service::start(&sandbox).await;
    assert_eq!(service.get(&carol.host, FEATURES).await.status, 200);
    sandbox
        .orchestrator
        .edit_tenant(&carol.host, |tenant| tenant.tenant = "dave".to_owned());
    let mut statuses = Vec::new();
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let status = service.get(&carol.host, FEATURES).await.status;
        statuses.push(status);
        if statuses.iter().filter(|it| **it == 404).count() == 20 {
            break;
        }
    }
    // Once it has ended, it stays so: there is no stale config to go on with.
    let ended = statuses.iter().position(|it| *it == 404).unwrap();
    assert!(
        statuses[..ended].iter().all(|it| *it == 200),
        "{statuses:?}"
    );
    assert!(
        statuses[ended..].iter().all(|it| *it == 404),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_host_of_a_tenants_own_and_a_name_in_other_letters_are_served() {
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let record = sandbox.orchestrator.tenant(&alice.host).unwrap();
    sandbox.orchestrator.put_tenant("bob.example.org", record);
    sandbox
        .orchestrator
        .edit_tenant(&bob.host, |tenant| tenant.tenant = "Bob".to_owned());
    let service = Service::start(&sandbox).await;
    for host in ["bob.example.org", &alice.host] {
        assert_eq!(service.get(host, FEATURES).await.status, 200, "{host}");
    }
    // The credential is still for `bob`, so that the storage cannot be had; but the host is known.
    let answer = service.get(&bob.host, FEATURES).await;
    assert_ne!(answer.status, 404, "{answer:?}");
}
