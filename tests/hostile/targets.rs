//! Targets that name another host than `Host` does.

use publisher::app::http::spec::openapi_document;
use publisher_sandbox::Sandbox;

use crate::{harness::Service, raw};

#[tokio::test]
async fn whatever_is_asked_for_a_target_of_another_host_is_refused_before_a_tenant_is_looked_up() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let mut asked = vec![
        ("GET".to_owned(), "/docs".to_owned()),
        ("GET".to_owned(), "/openapi.json".to_owned()),
        ("GET".to_owned(), "/made/up".to_owned()),
        ("GET".to_owned(), String::new()),
    ];
    let document = openapi_document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{filename}", "harbour-dawn.jpg");
        let path = path.replace("{kind}", "not-found");
        for method in methods.as_object().unwrap().keys() {
            asked.push((method.to_uppercase(), path.clone()));
        }
        for method in [
            "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "MADEUP",
        ] {
            asked.push((method.to_owned(), path.clone()));
        }
    }
    let token = format!("Authorization: Bearer {}", sandbox.web_token());
    let header = format!("Host: {host}");
    let headers = [&*header, &*token];
    let requests = asked.iter().map(|(method, path)| {
        let line = format!("{method} http://other.example{path} HTTP/1.1");
        let (service, headers) = (&service, &headers);
        async move { (raw::status(service.address(), &line, headers).await, line) }
    });
    let mut refused = 0;
    for (status, line) in futures_util::future::join_all(requests).await {
        assert_eq!(status, 400, "{line}");
        refused += 1;
    }
    assert!(refused > 100, "{refused}");
    assert_eq!(sandbox.orchestrator.switches().total_calls(), 0);
    assert_eq!(sandbox.dropbox.switches().total_calls(), 0);
}

#[tokio::test]
async fn a_target_of_the_same_host_is_served_in_whatever_form_it_names_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let (alice, bob) = (&sandbox.tenants()[0].host, &sandbox.tenants()[1].host);
    let path = "/api/config/features";
    let upper = alice.to_uppercase();
    // Twice: an answer in memory is given, or not, by the same rule.
    for _ in 0..2 {
        for (target, host, status) in [
            (format!("http://{alice}{path}"), alice, 200),
            (format!("http://{alice}:80{path}"), alice, 200),
            (format!("http://{upper}.:8080{path}"), alice, 200),
            (format!("HTTP://{alice}{path}"), &upper, 200),
            (format!("https://{alice}{path}"), alice, 200),
            (format!("http://{bob}{path}"), alice, 400),
            (format!("http://{alice}{path}"), bob, 400),
            (format!("http://{alice}@{bob}{path}"), alice, 400),
            (format!("http://{alice}@{alice}{path}"), alice, 400),
            (format!("http://{alice}:80@{bob}{path}"), alice, 400),
            (format!("http://{alice}:99999{path}"), alice, 400),
            (format!("http://{alice}..{path}"), alice, 400),
            (format!("http://{alice}.evil.example{path}"), alice, 400),
            (format!("http://127.0.0.1{path}"), alice, 400),
            (format!("//{bob}{path}"), alice, 404),
            (format!("/http://{bob}{path}"), alice, 404),
        ] {
            let line = format!("GET {target} HTTP/1.1");
            let header = format!("Host: {host}");
            let answered = raw::status(service.address(), &line, &[&header]).await;
            assert_eq!(answered, status, "{line} to {host}");
        }
    }
    let header = format!("Host: {alice}");
    for (line, expected) in [
        (format!("CONNECT {bob}:443 HTTP/1.1"), 400),
        (format!("CONNECT {alice}:443 HTTP/1.1"), 404),
        (format!("GET {bob} HTTP/1.1"), 400),
        ("OPTIONS * HTTP/1.1".to_owned(), 404),
    ] {
        let status = raw::status(service.address(), &line, &[&header]).await;
        assert_eq!(status, expected, "{line}");
    }
    // Two hosts, or none, are not the one of the target.
    let target = format!("GET http://{alice}{path} HTTP/1.1");
    for headers in [&[&*header, &*header][..], &[]] {
        assert_eq!(raw::status(service.address(), &target, headers).await, 400);
    }
}
