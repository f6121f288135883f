//! What clients that do not read, or do not end what they send, cost in memory.

use std::time::Duration;

use futures_util::future::join_all;
use publisher_sandbox::{Sample, Sandbox, TenantSpec};
use serde_json::json;
use tokio::{io::AsyncReadExt as _, time::sleep};

use crate::{
    crowd::{allow_sockets, connections, growth},
    harness::Service,
};

const MB: u64 = 1_000_000;
/// What 300 clients may cost, in bytes.
const MOST_OF_300: u64 = 40 * MB;
/// What all connections that are accepted may cost, in bytes.
const MOST_OF_ALL: u64 = 130 * MB;
const DOCUMENT: &str = "GET /docs HTTP/1.1\r\nHost: any\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_readers_of_the_document_that_do_not_read_cost_little() {
    allow_sockets();
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    for path in ["/docs", "/openapi.json"] {
        assert_eq!(service.get(&bob.host, path).await.status, 200);
    }
    let before = service.memory();
    let mut clients = connections(service.address(), 300, DOCUMENT.as_bytes()).await;
    let grown = growth(&service, before, 2).await;
    println!("300 that never read: {grown} bytes");
    assert!(grown < MOST_OF_300, "{grown}");
    let list = service.get_as_admin(&sandbox, &bob.host, "/api/images/list");
    assert_eq!(list.await.status, 200, "a tenant is served meanwhile");

    for _ in 0..3 {
        let mut part = [0; 3_000];
        let read = clients.iter_mut().map(|client| client.try_read(&mut part));
        assert!(read.flatten().count() > 0);
        sleep(Duration::from_secs(1)).await;
    }
    let grown = growth(&service, before, 1).await;
    println!("300 that read now and then: {grown} bytes");
    assert!(grown < MOST_OF_300, "{grown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_readers_of_a_long_list_that_do_not_read_cost_little() {
    allow_sockets();
    let sandbox = Sandbox::start_empty().await.unwrap();
    let view = json!({"features": {"auto_view_enabled": true}});
    let images = (0..20_000).map(|number| Sample::new(&format!("image-{number:05}.jpg"), "x"));
    let tenant = sandbox.add_tenant(TenantSpec::new("carol").patch(&view).images(images));
    let service = Service::start(&sandbox).await;
    let list = service.get(&tenant.host, "/api/images/list").await;
    assert_eq!(list.json()["count"], 20_000);
    let before = service.memory();
    let request = format!(
        "GET /api/images/list HTTP/1.1\r\nHost: {}\r\n\r\n",
        tenant.host
    );
    // One behind the other: a single list fits into what the system keeps.
    let many = request.repeat(100);
    let clients = connections(service.address(), 300, many.as_bytes()).await;
    let grown = growth(&service, before, 3).await;
    println!("300 that ask for 100 lists and never read: {grown} bytes");
    assert!(grown < MOST_OF_300, "{grown}");
    drop(clients);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_connections_together_have_a_bound_and_the_next_client_is_served() {
    allow_sockets();
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    for path in ["/docs", "/openapi.json"] {
        assert_eq!(service.get(&bob.host, path).await.status, 200);
    }
    let before = service.memory();
    let half = format!(
        "GET / HTTP/1.1\r\nHost: any\r\nX-Long: {}",
        "x".repeat(31_000)
    );
    let (readers, heads, bodies) = (
        connections(service.address(), 1_500, DOCUMENT.as_bytes()).await,
        connections(service.address(), 1_500, half.as_bytes()).await,
        {
            let body = "x".repeat(60_000);
            let begun = format!(
                "POST /api/publish HTTP/1.1\r\nHost: {}\r\nContent-Length: 65000\r\n\r\n{body}",
                bob.host
            );
            connections(service.address(), 500, begun.as_bytes()).await
        },
    );
    let grown = growth(&service, before, 3).await;
    println!("3500 connections: {grown} bytes");
    assert!(grown < MOST_OF_ALL, "{grown}");
    let list = service.get_as_admin(&sandbox, &bob.host, "/api/images/list");
    assert_eq!(list.await.status, 200, "a tenant is served meanwhile");
    let ends = join_all(heads.into_iter().map(async |mut client| {
        let mut told = Vec::new();
        let end = client.read_to_end(&mut told);
        tokio::time::timeout(Duration::from_mins(1), end)
            .await
            .is_ok()
    }));
    assert!(ends.await.into_iter().all(|has_ended| has_ended));
    drop((readers, bodies));
}
