//! Pages of other sites, which have a browser send what its user may.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use publisher_sandbox::Sandbox;
use reqwest::{Method, header::SET_COOKIE};
use serde_json::json;

use crate::harness::{Answer, Service};

const PASSWORD: &str = "0pen sesame, please";
const BASIC: &str = "basic-p4ssword-of-24-chars";

/// What writes: an operation of each kind.
const WRITES: [&str; 3] = [
    "/api/images/harbour-dawn.jpg/publish",
    "/api/publish",
    "/api/images/harbour-dawn.jpg/keep",
];

/// How a browser tells that a page of another site sends a request.
fn foreign(host: &str) -> [Vec<(&'static str, String)>; 4] {
    let own = format!("http://{host}");
    [
        vec![("origin", "https://evil.example".to_owned())],
        vec![
            ("origin", "null".to_owned()),
            ("referer", format!("{own}/page")),
        ],
        vec![("referer", "https://evil.example/page".to_owned())],
        vec![("origin", own), ("sec-fetch-site", "same-site".to_owned())],
    ]
}

async fn write(
    service: &Service,
    host: &str,
    path: &str,
    credential: Option<&(&'static str, String)>,
    headers: &[(&'static str, String)],
) -> Answer {
    let mut request = service.request(Method::POST, host, path);
    if let Some((name, value)) = credential {
        request = request.header(*name, value);
    }
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    Answer::to(request.json(&json!({}))).await
}

#[tokio::test]
async fn in_none_of_36_ways_does_a_page_of_another_site_write() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let with_login = [
        ("WEB_AUTH_USER", "editor"),
        ("WEB_AUTH_PASS", BASIC),
        ("WEB_ADMIN_PASSWORD", PASSWORD),
    ];
    let service = Service::start_with(sandbox.environment(), &with_login).await;
    let login = service.request(Method::POST, host, "/api/admin/login");
    let login = Answer::to(login.json(&json!({"password": PASSWORD}))).await;
    let cookie = login.headers.get_all(SET_COOKIE).iter().next().unwrap();
    let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
    let basic = STANDARD.encode(format!("editor:{BASIC}"));
    let cookie = ("cookie", cookie.to_owned());
    let basic = ("authorization", format!("Basic {basic}"));
    let bearer = ("authorization", format!("Bearer {}", sandbox.web_token()));
    let mut tried = 0;
    for credential in [&cookie, &basic] {
        for headers in foreign(host) {
            for path in WRITES {
                let answer = write(&service, host, path, Some(credential), &headers).await;
                answer.assert_problem(403, "forbidden");
                tried += 1;
            }
        }
    }
    let untouched = async || sandbox.telegram.photos().is_empty();
    assert!(untouched().await && sandbox.dropbox.switches().total_calls() == 0);
    // No page has the token.
    let headers = &foreign(host)[0];
    let missing = "/api/images/no-such-image.jpg/keep";
    write(&service, host, missing, Some(&bearer), headers)
        .await
        .assert_problem(404, "image-not-found");
    service.kill().await;

    let mut environment = sandbox.environment();
    environment.retain(|(name, _)| *name != "WEB_AUTH_TOKEN");
    let service = Service::start_with(environment, &[("WEB_AUTH_DISABLED", "true")]).await;
    let before = sandbox.dropbox.switches().total_calls();
    for headers in foreign(host) {
        for path in WRITES {
            let answer = write(&service, host, path, None, &headers).await;
            answer.assert_problem(403, "forbidden");
            tried += 1;
        }
    }
    assert_eq!(tried, 36);
    assert!(untouched().await);
    assert_eq!(sandbox.dropbox.switches().total_calls(), before);
    let own = vec![("origin", format!("http://{host}"))];
    for headers in [vec![], own] {
        let answer = write(&service, host, missing, None, &headers).await;
        answer.assert_problem(404, "image-not-found");
    }
}

#[tokio::test]
async fn a_login_and_a_logout_of_another_sites_page_change_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let more = [("WEB_ADMIN_PASSWORD", PASSWORD)];
    let service = Service::start_with(sandbox.environment(), &more).await;
    for headers in foreign(host) {
        for path in ["/api/admin/login", "/api/admin/logout"] {
            let mut request = service.request(Method::POST, host, path);
            for (name, value) in &headers {
                request = request.header(*name, value);
            }
            let answer = Answer::to(request.json(&json!({"password": PASSWORD}))).await;
            answer.assert_problem(403, "forbidden");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
}
