//! Who is served under which host, and who may do what there.

use publisher::domain::platform::Platform;
use publisher_sandbox::{Fault, Sandbox, TenantSpec};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{Answer, Service};

#[tokio::test]
async fn a_tenant_sees_only_its_own_images() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    for tenant in sandbox.tenants() {
        let list = service
            .get_as_admin(&sandbox, &tenant.host, "/api/images/list")
            .await
            .json();
        let mut images = tenant.images.clone();
        images.sort();
        assert_eq!(list["filenames"], json!(images));
    }
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let foreign = service
        .publish(&sandbox, bob, &alice.images[0], json!({}))
        .await;
    foreign.assert_problem(404, "image-not-found");
}

#[tokio::test]
async fn an_unknown_host_cannot_be_told_from_a_bad_one() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let mut texts = Vec::new();
    for host in [
        "nobody.sandbox.localhost",
        "127.0.0.1",
        "www.sandbox.localhost",
        "a_b.sandbox.localhost",
    ] {
        let request = service.request(Method::GET, host, "/api/config/features");
        let answer = Answer::of(request.header("x-request-id", "same").send().await.unwrap()).await;
        answer.assert_problem(404, "tenant-not-found");
        texts.push(answer.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(
        sandbox.orchestrator.switches().calls("by_host"),
        1,
        "bad hosts cost no call"
    );
}

#[tokio::test]
async fn two_hosts_or_none_name_no_tenant_and_forwarded_ones_do_not_count() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let (alice, bob) = (&sandbox.tenants()[0].host, &sandbox.tenants()[1].host);
    let path = "/api/config/features";
    for (head, status) in [
        (
            format!("GET {path} HTTP/1.1\r\nHost: {alice}\r\nHost: {bob}\r\n"),
            "404",
        ),
        (
            format!("GET {path} HTTP/1.1\r\nHost: {alice}\r\nHost: {alice}\r\n"),
            "404",
        ),
        (format!("GET {path} HTTP/1.0\r\n"), "404"),
        (
            format!(
                "GET {path} HTTP/1.1\r\nHost: nobody.sandbox.localhost\r\nX-Forwarded-Host: {alice}\r\nForwarded: host={alice}\r\n"
            ),
            "404",
        ),
        (
            format!("GET http://{alice}{path} HTTP/1.1\r\nHost: nobody.sandbox.localhost\r\n"),
            "400",
        ),
        (format!("GET {path} HTTP/1.1\r\nHost: {alice}\r\n"), "200"),
    ] {
        let answer = raw(&service, &format!("{head}Connection: close\r\n\r\n")).await;
        let line = answer.lines().next().unwrap_or_default();
        assert!(line.contains(status), "{head}\n{answer}");
    }
}

async fn raw(service: &Service, request: &str) -> String {
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn what_writes_or_shows_images_needs_the_token() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let list = (Method::GET, "/api/images/list");
    let publish = (Method::POST, "/api/images/harbour-dawn.jpg/publish");
    for (token, (method, path)) in [
        (None, list.clone()),
        (None, publish.clone()),
        (Some("wrong"), list),
        (Some("wrong"), publish.clone()),
        (Some(""), publish),
    ] {
        let mut request = service.request(method, host, path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = Answer::of(request.send().await.unwrap()).await;
        answer.assert_problem(401, "unauthorized");
        assert!(
            answer.header("www-authenticate").starts_with("Bearer"),
            "{answer:?}"
        );
    }
    assert_eq!(sandbox.dropbox.switches().total_calls(), 0);
}

#[tokio::test]
async fn a_tenant_may_let_anyone_look_but_not_publish() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let open = json!({"features": {"auto_view_enabled": true}});
    let carol = sandbox.add_tenant(TenantSpec::new("carol").patch(&open));
    let service = Service::start(&sandbox).await;
    assert_eq!(
        service.get(&carol.host, "/api/images/list").await.status,
        200
    );
    let publish = service.request(Method::POST, &carol.host, "/api/images/a.jpg/publish");
    Answer::of(publish.send().await.unwrap())
        .await
        .assert_problem(401, "unauthorized");
}

#[tokio::test]
async fn without_a_token_to_check_admin_routes_are_shut() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut environment = sandbox.environment();
    environment.retain(|(name, _)| *name != "WEB_AUTH_TOKEN");
    let service = Service::start_with(environment, &[]).await;
    let answer = service
        .publish(
            &sandbox,
            &sandbox.tenants()[0],
            "harbour-dawn.jpg",
            json!({}),
        )
        .await;
    answer.assert_problem(503, "admin-not-configured");
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn an_outage_of_the_orchestrator_is_a_503_and_ends_with_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let down = Fault::status(503).with_header("retry-after", "0");
    sandbox.orchestrator.switches().always("by_host", down);
    let answer = service.get(host, "/api/config/features").await;
    answer.assert_problem(503, "tenant-unavailable");
    assert!(!answer.header("retry-after").is_empty());
    sandbox.orchestrator.switches().clear("by_host");
    assert_eq!(service.get(host, "/api/config/features").await.status, 200);
}

#[tokio::test]
async fn a_hundred_first_requests_cost_one_lookup() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let held = sandbox.orchestrator.switches().hold("by_host");
    let requests = (0..100).map(|_| service.get(host, "/api/config/publishers"));
    let all = futures_util::future::join_all(requests);
    let (answers, ()) = tokio::join!(all, async {
        held.arrived(1).await;
        held.release();
    });
    assert!(answers.iter().all(|answer| answer.status == 200));
    let publishers = answers[0].json();
    let on = |name: &&str| publishers[*name] == true;
    let names: Vec<_> = Platform::ALL.into_iter().map(Platform::as_str).collect();
    let on: Vec<_> = names.iter().copied().filter(on).collect();
    assert_eq!(on, ["telegram", "email"]);
    assert_eq!(publishers["instagram"], false);
    assert_eq!(publishers.as_object().unwrap().len(), names.len() + 1);
    assert_eq!(sandbox.orchestrator.switches().calls("by_host"), 1);
    assert_eq!(sandbox.orchestrator.switches().calls("resolve"), 1);
}

#[tokio::test]
async fn the_id_of_a_request_goes_along_to_the_orchestrator() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let request = service.request(Method::GET, host, "/api/config/features");
    Answer::to(request.header("x-request-id", "caller-17")).await;
    for operation in ["by_host", "resolve"] {
        let calls = sandbox.orchestrator.switches().requests(operation);
        assert_eq!(
            calls[0].header("x-request-id"),
            Some("caller-17"),
            "{operation}"
        );
    }
}
