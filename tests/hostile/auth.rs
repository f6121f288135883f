//! Guessing, and getting in the way of the real credential.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use publisher_sandbox::Sandbox;
use reqwest::{Method, header::SET_COOKIE};
use serde_json::json;

use crate::{
    harness::{Answer, Service},
    raw,
};

const LIST: &str = "/api/images/list";
const USER: &str = "editor-in-chief";
const STRONG: &str = "0123456789abcdef";
const PASSWORD: &str = "0pen sesame, please";
const GUESS: &str = "gu3ss-gu3ss-gu3ss";

fn settings(basic: &'static str) -> [(&'static str, &'static str); 4] {
    [
        ("WEB_AUTH_USER", USER),
        ("WEB_AUTH_PASS", basic),
        ("WEB_ADMIN_PASSWORD", PASSWORD),
        (
            "WEB_SESSION_SECRET",
            "session-secret-of-forty-bytes-0123456789",
        ),
    ]
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{USER}:{password}")))
}

async fn list(service: &Service, host: &str, authorization: &str) -> Answer {
    let list = service.request(Method::GET, host, LIST);
    Answer::to(list.header("authorization", authorization)).await
}

async fn log_in(service: &Service, host: &str, password: &str) -> Answer {
    let login = service.request(Method::POST, host, "/api/admin/login");
    Answer::to(login.json(&json!({"password": password}))).await
}

#[tokio::test]
async fn two_thousand_guesses_are_five_and_keep_no_program_and_no_login_out() {
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let service = Service::start_with(sandbox.environment(), &settings(STRONG)).await;
    let mut refused = 0;
    for round in 0..20 {
        let guesses = (0..100).map(|number| {
            let guess = format!("{GUESS}-{round}-{number}");
            let guess = if number % 2 == 0 {
                bearer(&guess)
            } else {
                basic(&guess)
            };
            let service = &service;
            async move { list(service, &alice.host, &guess).await }
        });
        for answer in join_all(guesses).await {
            if answer.status == 401 {
                refused += 1;
            } else {
                answer.assert_problem(429, "rate-limited");
                let wait: u64 = answer.header("retry-after").parse().unwrap();
                assert!((1..=60).contains(&wait), "{wait}");
            }
        }
    }
    // A slow machine may take longer than the minute after which five more are looked at.
    assert!(refused % 5 == 0 && refused <= 10, "{refused}");
    for right in [bearer(sandbox.web_token()), basic(STRONG)] {
        assert_eq!(list(&service, &alice.host, &right).await.status, 200);
    }
    assert_eq!(log_in(&service, &alice.host, PASSWORD).await.status, 200);
    let wrong = list(&service, &bob.host, &bearer(GUESS)).await;
    wrong.assert_problem(401, "unauthorized");
    let log = service.whole_log().await;
    let warnings = log
        .lines()
        .filter(|line| line.contains("too many wrong tokens"));
    let warnings: Vec<_> = warnings.collect();
    assert_eq!(warnings.len(), refused / 5, "{warnings:?}");
    assert!(warnings[0].contains("\"WARN\""), "{warnings:?}");
    assert!(warnings[0].contains("\"alice\""), "{warnings:?}");
    for secret in [GUESS, STRONG, PASSWORD, sandbox.web_token()] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}

/// Tries a password, as a client that says which hops it came over.
async fn log_in_from(service: &Service, host: &str, password: &str, hops: &[&str]) -> Answer {
    let login = service.request(Method::POST, host, "/api/admin/login");
    let login = login.json(&json!({"password": password}));
    let login = hops
        .iter()
        .fold(login, |login, line| login.header("x-forwarded-for", *line));
    Answer::to(login).await
}

#[tokio::test]
async fn a_made_up_address_gives_no_more_tries() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    // Nobody is trusted; or the proxy that the tests are, which adds the last entry.
    for (proxies, proxys_own) in [("", None), ("127.0.0.0/8", Some("198.51.100.7"))] {
        let more = [&settings(STRONG)[..], &[("TRUSTED_PROXIES", proxies)]].concat();
        let service = Service::start_with(sandbox.environment(), &more).await;
        let attack = |number: usize| {
            let made_up = format!("203.0.113.{number}");
            let service = &service;
            async move {
                let hops: Vec<_> = [&*made_up].into_iter().chain(proxys_own).collect();
                log_in_from(service, host, GUESS, &hops).await.status
            }
        };
        for number in 0..5 {
            assert_eq!(attack(number).await, 401, "{proxies}");
        }
        assert_eq!(attack(5).await, 429, "{proxies}");
        // Another client of the trusted proxy has tries of its own; without one, all are the same.
        let other = log_in_from(&service, host, PASSWORD, &["198.51.100.8"]).await;
        assert_eq!(other.status, if proxys_own.is_some() { 200 } else { 429 });
        let lines = service.lines("admin login refused: wrong password").await;
        let expected = proxys_own.unwrap_or("127.0.0.1");
        assert_eq!(lines.len(), 5);
        assert!(lines.iter().all(|it| it["client_address"] == expected));
        // The next one takes its ledger.
        service.kill().await;
    }
}

#[tokio::test]
async fn wrong_logins_do_not_use_up_the_tries_of_headers() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let service = Service::start_with(sandbox.environment(), &settings("short")).await;
    for _ in 0..6 {
        log_in(&service, host, "wrong").await;
    }
    log_in(&service, host, PASSWORD)
        .await
        .assert_problem(429, "rate-limited");
    assert_eq!(list(&service, host, &basic("short")).await.status, 200);
    list(&service, host, &bearer(GUESS))
        .await
        .assert_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_short_secret_is_throttled_like_a_password_and_warned_of_without_its_value() {
    const SHORT: &str = "sesame-15-chars";
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let mut environment = sandbox.environment();
    environment.retain(|(name, _)| *name != "WEB_AUTH_TOKEN");
    let more = [&settings(SHORT)[..], &[("WEB_AUTH_TOKEN", SHORT)]].concat();
    let service = Service::start_with(environment, &more).await;
    for right in [bearer(SHORT), basic(SHORT)] {
        assert_eq!(list(&service, host, &right).await.status, 200);
    }
    for _ in 0..5 {
        list(&service, host, &bearer(GUESS)).await;
    }
    for right in [bearer(SHORT), basic(SHORT), bearer(GUESS)] {
        list(&service, host, &right)
            .await
            .assert_problem(429, "rate-limited");
    }
    // Whoever has a session is in, whatever header comes along.
    let login = log_in(&service, host, PASSWORD).await;
    let session = session(&login);
    let request = service.request(Method::GET, host, LIST);
    let request = request.header("authorization", bearer(GUESS));
    assert_eq!(
        Answer::to(request.header("cookie", session)).await.status,
        200
    );

    let log = service.whole_log().await;
    for name in ["WEB_AUTH_TOKEN", "WEB_AUTH_PASS"] {
        let told = format!("{name}: has fewer than 16 characters");
        assert!(log.contains(&told), "{told}: {log}");
    }
    assert!(!log.contains(SHORT), "{log}");
}

/// `name=value` of the session of a login.
fn session(login: &Answer) -> String {
    let cookie = login.headers.get_all(SET_COOKIE).iter().next().unwrap();
    let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
    cookie.to_owned()
}

#[tokio::test]
async fn no_number_of_cookies_of_a_sibling_host_hides_the_real_one() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    for (secure, name) in [("true", "__Host-pv2_admin"), ("false", "pv2_admin")] {
        let more = [&settings(STRONG)[..], &[("WEB_SECURE_COOKIES", secure)]].concat();
        let service = Service::start_with(sandbox.environment(), &more).await;
        let login = log_in(&service, host, PASSWORD).await;
        let real = session(&login);
        assert!(real.starts_with(&format!("{name}=")), "{real}");
        // A session of the same shape, that another host has signed.
        let other = log_in(&service, &sandbox.tenants()[1].host, PASSWORD).await;
        let other = session(&other);
        let plain = other.trim_start_matches("__Host-");
        for siblings in [
            "pv2_admin=x; ".repeat(8),
            "pv2_admin=x; ".repeat(1_000),
            format!("{plain}; ").repeat(120),
            format!("{other}; ").repeat(120),
            "x=\u{e9}; y; =; pv2_admin; ".to_owned(),
        ] {
            let mut request =
                format!("GET {LIST} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: ")
                    .into_bytes();
            request.extend(siblings.bytes());
            // No text at all: browsers keep such cookies.
            request.extend(b"z=\xff\xfe; ");
            request.extend(real.bytes());
            request.extend(b"\r\n\r\n");
            let answer = raw::exchange(service.address(), &request).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{siblings}\n{answer}");
        }
        service.kill().await;
    }
}

#[tokio::test]
async fn a_session_of_the_name_before_is_read_and_a_logout_takes_both_away() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let service = Service::start_with(sandbox.environment(), &settings(STRONG)).await;
    let login = log_in(&service, host, PASSWORD).await;
    let session = session(&login);
    let device = login.headers.get_all(SET_COOKIE).iter().nth(1).unwrap();
    let device = device.to_str().unwrap();
    assert!(device.starts_with("__Host-pv2_device="), "{device}");
    assert!(device.contains("; Path=/; "), "{device}");
    let before = session.trim_start_matches("__Host-");
    for cookie in [before, &format!("__Host-pv2_admin=x; {before}")] {
        let request = service.request(Method::GET, host, LIST);
        let answer = Answer::to(request.header("cookie", cookie)).await;
        assert_eq!(answer.status, 200, "{cookie}");
    }
    let logout = service.request(Method::POST, host, "/api/admin/logout");
    let logout = Answer::to(logout.header("cookie", &session)).await;
    let set = logout.headers.get_all(SET_COOKIE).iter();
    let set: Vec<_> = set.map(|it| it.to_str().unwrap()).collect();
    assert_eq!(
        set,
        [
            "__Host-pv2_admin=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0",
            "pv2_admin=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0",
        ]
    );
    let refused = service.get(host, LIST).await;
    refused.assert_problem(401, "unauthorized");
    let challenges = refused.headers.get_all("www-authenticate").iter();
    let names_the_cookie =
        |it: &reqwest::header::HeaderValue| it == "Cookie cookie-name=\"__Host-pv2_admin\"";
    assert!(challenges.into_iter().any(names_the_cookie), "{refused:?}");
}
