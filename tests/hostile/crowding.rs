//! Crowds that hold what others need: places, lookups, connections, memory for images. Those others
//! are served all the same.

use std::io::ErrorKind;

use futures_util::future::join_all;
use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use serde_json::json;
use tokio::net::TcpStream;

use crate::{
    crowd::{allow_sockets, connections},
    harness::Service,
};

/// Whether a connection of a crowd still stands: what was served meanwhile has not waited for its end.
fn stands(crowd: &[TcpStream]) -> bool {
    let waits = |client: &TcpStream| {
        let read = client.try_read(&mut [0; 64]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    crowd.iter().any(waits)
}

/// A tenant's list, several times.
async fn is_served(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant) {
    for _ in 0..10 {
        let list = service.get_as_admin(sandbox, &tenant.host, "/api/images/list");
        let answer = list.await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_without_a_body_keep_nobody_out() {
    allow_sockets();
    let sandbox = Sandbox::start().await.unwrap();
    let password = [("WEB_ADMIN_PASSWORD", "a-long-pass-phrase")];
    let service = Service::start_with(sandbox.environment(), &password).await;
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    for host in [&alice.host, &bob.host] {
        let head = format!(
            "POST /api/admin/login HTTP/1.1\r\nHost: {host}\r\n\
             Content-Type: application/json\r\nContent-Length: 20\r\n\r\n"
        );
        let crowd = connections(service.address(), 1_040, head.as_bytes()).await;
        is_served(&service, &sandbox, bob).await;
        is_served(&service, &sandbox, alice).await;
        let password = json!({"password": password[0].1});
        let login = service.request(reqwest::Method::POST, &bob.host, "/api/admin/login");
        let login = crate::harness::Answer::to(login.json(&password)).await;
        assert_eq!(login.status, 200, "one that sends its body is let in");
        assert!(stands(&crowd));
        drop(crowd);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_hosts_keep_no_known_tenant_out_while_the_orchestrator_is_slow() {
    allow_sockets();
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    for tenant in [alice, bob] {
        is_served(&service, &sandbox, tenant).await;
    }
    let switches = sandbox.orchestrator.switches();
    let held = switches.hold_matching("by_host", "made-up");
    let asked = join_all((0..1_025).map(|number| {
        let request = format!(
            "GET /api/config/features HTTP/1.1\r\nHost: made-up-{number}.sandbox.localhost\r\n\r\n"
        );
        let address = service.address();
        async move { connections(address, 1, request.as_bytes()).await }
    }));
    let crowd = asked.await;
    held.arrived(200).await;
    for tenant in [alice, bob] {
        is_served(&service, &sandbox, tenant).await;
    }
    assert!(held.waiting() <= 256, "{} are asked for", held.waiting());
    drop(crowd);
    held.release();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_and_metrics_are_answered_beside_thousands_of_half_open_connections() {
    allow_sockets();
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let metrics = service.metrics_address();
    let half = "GET /health/live HTTP/1.1\r\nHost: any\r\nX-";
    let crowd = connections(service.address(), 3_000, half.as_bytes()).await;
    let silent = connections(service.address(), 3_000, b"").await;
    let scrapers = connections(&metrics, 200, half.as_bytes()).await;
    for path in ["/health/live", "/health/ready", "/health"] {
        assert_eq!(service.get("any", path).await.status, 200, "{path}");
    }
    assert_eq!(service.metrics().await.status, 200);
    is_served(&service, &sandbox, &sandbox.tenants()[1]).await;
    assert!(stands(&silent) && stands(&scrapers));
    drop((crowd, silent, scrapers));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_with_large_files_and_a_slow_model_keeps_no_other_waiting() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let photo = Sample::jpeg("photo.jpg", 64, 48, 1).unwrap();
    let large = (0..4).map(|number| {
        let mut bytes = photo.bytes.to_vec();
        bytes.resize(45_000_000, number);
        Sample::new(&format!("large-{number}.jpg"), bytes)
    });
    let slow = sandbox.add_tenant(TenantSpec::new("carol").images(large.collect::<Vec<_>>()));
    let quick = sandbox.add_tenant(TenantSpec::new("dave").images([photo.clone()]));
    let service = Service::start(&sandbox).await;
    let held = sandbox.openai.switches().hold("vision");
    let analyses = join_all((0..4).map(|number| {
        let name = format!("large-{number}.jpg");
        let (service, sandbox, slow) = (&service, &sandbox, &slow);
        async move { service.post(sandbox, slow, &name, "analyze").await }
    }));
    let other = async {
        held.arrived(1).await;
        let publish = service.publish(&sandbox, &quick, "photo.jpg", json!({"caption": "Hi"}));
        let answer = publish.await;
        assert_eq!(answer.json()["any_success"], true, "{answer:?}");
        held.release();
    };
    let (analyses, ()) = tokio::join!(analyses, other);
    assert!(analyses.iter().all(|answer| answer.status == 200));
    for looked_at in sandbox.openai.switches().requests("vision") {
        let length = looked_at.body.len();
        assert!(
            length < 1_000_000,
            "{length} bytes of a picture of 64 by 48"
        );
    }
}
