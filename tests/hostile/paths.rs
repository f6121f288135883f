//! Tricks with methods and paths at what is for admins, without a credential.

use std::collections::BTreeSet;

use publisher::app::http::spec::openapi_document;
use publisher_sandbox::Sandbox;
use serde_json::json;

use crate::{harness::Service, raw};

/// How many there are at least.
const TRICKS: usize = 300;

/// A request without a credential, but for its host.
struct Trick {
    line: String,
    headers: Vec<String>,
}

fn trick(line: String) -> Trick {
    Trick {
        line,
        headers: Vec::new(),
    }
}

/// What needs an admin wherever nobody else may look: methods and paths.
fn protected() -> Vec<(String, String)> {
    let document = openapi_document();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let security = operation["security"].as_array().unwrap();
            if !security.is_empty() {
                assert!(security.contains(&json!({"bearerAuth": []})));
                let path = path.replace("{filename}", "harbour-dawn.jpg");
                let path = path.replace("{id}", "1");
                all.push((method.to_uppercase(), path));
            }
        }
    }
    all
}

/// Other ways to write a path.
fn disguises(path: &str) -> Vec<String> {
    let rest = path.strip_prefix('/').unwrap();
    let (first, after) = rest.split_once('/').unwrap();
    let (before, last) = path.rsplit_once('/').unwrap();
    let letter = |text: &str| format!("%{:02x}{}", text.as_bytes()[0], &text[1..]);
    vec![
        format!("/{path}"),
        format!("//{rest}"),
        format!("{path}/"),
        format!("{path}//"),
        format!("/./{rest}"),
        format!("/health/..{path}"),
        format!("/health/../..{path}"),
        format!("/health/%2e%2e{path}"),
        format!("/health/..%2f{rest}"),
        format!("/docs;/..{path}"),
        format!("{before}/./{last}"),
        format!("{before}//{last}"),
        format!("{before}/x/../{last}"),
        format!("{before}%2f{last}"),
        format!("{before}%252f{last}"),
        format!("{before}\\{last}"),
        format!("/{}/{after}", letter(first)),
        format!("{before}/{}", letter(last)),
        format!("{before}/%25{:02x}{}", last.as_bytes()[0], &last[1..]),
        path.to_uppercase(),
        format!("/{}/{after}", first.to_uppercase()),
        format!("{path};a=b"),
        format!("{path};.css"),
        format!("{path}.json"),
        format!("{path}%00"),
        format!("{path}%20"),
        format!("{path}%0a"),
        format!("{path}%3f"),
        format!("{path}?"),
        format!("{path}?admin=true&token=x&access_token=x"),
        format!("{path}#/health"),
        format!("{path}/..;/"),
        format!("{path}\t"),
        format!(
            "/api/config/features/..{}",
            path.trim_start_matches("/api/config")
        ),
    ]
}

/// Headers by which some servers take another method, path, host or address for the real one.
const HEADERS: [&str; 16] = [
    "X-HTTP-Method-Override: GET",
    "X-HTTP-Method: HEAD",
    "X-Method-Override: OPTIONS",
    "X-Original-URL: /health",
    "X-Rewrite-URL: /health",
    "X-Forwarded-Prefix: /health",
    "X-Forwarded-For: 127.0.0.1",
    "X-Real-IP: 127.0.0.1",
    "Forwarded: for=127.0.0.1;host=localhost",
    "X-Forwarded-Host: localhost",
    "X-Forwarded-User: admin",
    "Remote-User: admin",
    "X-Auth-Request-Email: admin@example.org",
    "Authorization: ",
    "Cookie: __Host-pv2_admin=; pv2_admin=; admin=true",
    "Proxy-Authorization: Bearer x",
];

fn tricks() -> Vec<Trick> {
    let mut all = Vec::new();
    for (method, path) in protected() {
        for disguise in disguises(&path) {
            all.push(trick(format!("{method} {disguise} HTTP/1.1")));
        }
        for other in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "post",
            "Get", "MADEUP", "GETT",
        ] {
            all.push(trick(format!("{other} {path} HTTP/1.1")));
        }
        all.push(trick(format!("{method} {path} HTTP/1.0")));
        for header in HEADERS {
            all.push(Trick {
                line: format!("{method} {path} HTTP/1.1"),
                headers: vec![header.to_owned()],
            });
        }
    }
    all
}

#[tokio::test]
async fn without_a_credential_no_trick_opens_what_is_for_admins() {
    let sandbox = Sandbox::start().await.unwrap();
    let more = [("WEB_ADMIN_PASSWORD", "0pen sesame, please")];
    let service = Service::start_with(sandbox.environment(), &more).await;
    let host = format!("Host: {}", sandbox.tenants()[0].host);
    let tricks = tricks();
    assert!(tricks.len() >= TRICKS, "{}", tricks.len());
    let lines: BTreeSet<_> = tricks.iter().map(|it| (&it.line, &it.headers)).collect();
    let mut opened = Vec::new();
    for some in tricks.chunks(64) {
        let statuses = some.iter().map(|Trick { line, headers }| {
            let mut all = vec![&*host];
            all.extend(headers.iter().map(String::as_str));
            let address = service.address();
            async move { raw::status(address, line, &all).await }
        });
        let statuses = futures_util::future::join_all(statuses).await;
        for (Trick { line, headers }, status) in some.iter().zip(statuses) {
            if (200..400).contains(&status) {
                opened.push(format!("{status}: {line} {headers:?}"));
            }
        }
    }
    assert!(opened.is_empty(), "{opened:#?}");
    assert_eq!(sandbox.dropbox.switches().total_calls(), 0);
    println!("{} tricks, {} of them different", tricks.len(), lines.len());

    // The same paths without a disguise do open with the credential: the tricks try the right ones.
    for (method, path) in protected() {
        // A stream has no end to wait for.
        if method == "GET" && !path.contains("harbour") && path != "/api/jobs/events" {
            // The one with a bucket has a library, the first has none.
            let tenants = sandbox.tenants();
            let managed = tenants.iter().find(|it| it.is_managed);
            let library = path.starts_with("/api/library/");
            let tenant = if library {
                managed.unwrap()
            } else {
                &tenants[0]
            };
            let answer = service.get_as_admin(&sandbox, &tenant.host, &path).await;
            // There is no job yet.
            let expected = if path == "/api/jobs/1" { 404 } else { 200 };
            assert_eq!(answer.status, expected, "{path}");
        }
    }
}
