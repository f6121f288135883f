//! Logging in, and what becomes of sessions and of those who guess.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use publisher_sandbox::Sandbox;
use reqwest::{Method, header::SET_COOKIE};
use serde_json::json;

use crate::harness::{Answer, Service};

pub(crate) const USER: &str = "editor-in-chief";
pub(crate) const USER_PASSWORD: &str = "basic:p4ssword-of-24-chars";
pub(crate) const PASSWORD: &str = "0pen sesame, please";
pub(crate) const SESSION_SECRET: &str = "session-secret-of-forty-bytes-0123456789";

/// The settings of an admin who can do everything.
pub(crate) fn settings() -> [(&'static str, &'static str); 4] {
    [
        ("WEB_AUTH_USER", USER),
        ("WEB_AUTH_PASS", USER_PASSWORD),
        ("WEB_ADMIN_PASSWORD", PASSWORD),
        ("WEB_SESSION_SECRET", SESSION_SECRET),
    ]
}

/// The cookies of a login, as `name=value`.
pub(crate) struct Cookies {
    pub(crate) session: String,
    pub(crate) device: String,
}

/// Logs in at a tenant.
pub(crate) async fn log_in(service: &Service, host: &str) -> Cookies {
    let answer = try_password(service, host, PASSWORD).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = |header: &str| header.split(';').next().unwrap().to_owned();
    let cookies = answer.headers.get_all(SET_COOKIE).iter();
    let cookies: Vec<_> = cookies.map(|it| cookie(it.to_str().unwrap())).collect();
    let [session, device] = cookies.try_into().unwrap();
    Cookies { session, device }
}

async fn try_password(service: &Service, host: &str, password: &str) -> Answer {
    let login = service.request(Method::POST, host, "/api/admin/login");
    let login = login.json(&json!({"password": password}));
    Answer::of(login.send().await.unwrap()).await
}

async fn is_admin(service: &Service, host: &str, cookie: &str) -> bool {
    let status = service.request(Method::GET, host, "/api/admin/status");
    let answer = Answer::of(status.header("cookie", cookie).send().await.unwrap()).await;
    answer.json()["admin"].as_bool().unwrap()
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_ends_with_the_password() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let service = Service::start_with(sandbox.environment(), &settings()).await;
    let session = log_in(&service, host).await.session;
    assert!(is_admin(&service, host, &session).await);
    let port = format!("{host}:8080");
    assert!(
        is_admin(&service, &port.to_uppercase(), &session).await,
        "the same host"
    );
    service.kill().await;

    let service = Service::start_with(sandbox.environment(), &settings()).await;
    assert!(
        is_admin(&service, host, &session).await,
        "the secret is the same"
    );
    service.kill().await;

    let mut others = settings();
    others[2].1 = "another password";
    let service = Service::start_with(sandbox.environment(), &others).await;
    assert!(!is_admin(&service, host, &session).await);
}

#[tokio::test]
async fn people_log_in_look_around_and_log_out() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let more = [
        ("WEB_SECURE_COOKIES", "false"),
        ("WEB_ADMIN_COOKIE_TTL_SECONDS", "3600"),
    ];
    let more = [&settings()[..], &more].concat();
    let service = Service::start_with(sandbox.environment(), &more).await;
    let features = service.get(host, "/api/config/features").await.json();
    assert_eq!(features["auth_mode"], "password");
    assert_eq!(
        features["auth_methods"],
        json!(["password", "bearer", "basic"])
    );
    let set = try_password(&service, host, PASSWORD).await;
    let attributes = "; HttpOnly; SameSite=Lax; Path=/; Max-Age=3600";
    assert!(set.header("set-cookie").ends_with(attributes), "{set:?}");

    let session = log_in(&service, host).await.session;
    let list = service.request(Method::GET, host, "/api/images/list");
    let list = Answer::of(list.header("cookie", &session).send().await.unwrap()).await;
    assert_eq!(list.json()["count"], sandbox.tenants()[0].images.len());
    let publish = service
        .request(Method::POST, host, "/api/images/harbour-dawn.jpg/publish")
        .header("cookie", &session)
        .header("origin", format!("http://{host}"))
        .json(&json!({"dry_run": true, "caption": "Ahoy"}));
    let publish = Answer::of(publish.send().await.unwrap()).await;
    assert_eq!(publish.status, 200, "{publish:?}");

    let logout = service.request(Method::POST, host, "/api/admin/logout");
    let logout = Answer::of(logout.header("cookie", &session).send().await.unwrap()).await;
    let nobody = json!({"admin": false, "email": null, "method": null});
    assert_eq!(logout.json(), nobody);
    let cleared = "pv2_admin=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";
    assert_eq!(logout.header("set-cookie"), cleared);
}

#[tokio::test]
async fn guessing_stops_the_guesser_and_neither_known_browsers_nor_other_tenants() {
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let service = Service::start_with(sandbox.environment(), &settings()).await;
    let device = log_in(&service, &alice.host).await.device;
    let guesses = (0..50).map(|_| try_password(&service, &alice.host, "guess"));
    let answers = futures_util::future::join_all(guesses).await;
    let refused = answers.iter().filter(|answer| answer.status == 401);
    assert_eq!(refused.count(), 5, "of many at once, too");
    let right = try_password(&service, &alice.host, PASSWORD).await;
    right.assert_problem(429, "rate-limited");
    let wait: u64 = right.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");

    log_in(&service, &bob.host).await;
    let known = service
        .request(Method::POST, &alice.host, "/api/admin/login")
        .header("cookie", device)
        .json(&json!({"password": PASSWORD}));
    assert_eq!(Answer::to(known).await.status, 200);
    let log = service.whole_log().await;
    let warnings = log
        .matches("too many wrong passwords: no more tries")
        .count();
    assert_eq!(warnings, 1, "the operator is told, and told once");
}

/// Only Linux has more than one loopback address without being asked.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn those_who_guess_keep_nobody_out_who_is_elsewhere() {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpSocket,
    };

    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let service = Service::start_with(sandbox.environment(), &settings()).await;
    for _ in 0..6 {
        try_password(&service, host, "guess").await;
    }
    let right = try_password(&service, host, PASSWORD).await;
    right.assert_problem(429, "rate-limited");

    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let address = service.address().parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let body = json!({"password": PASSWORD}).to_string();
    let length = body.len();
    let request = format!(
        "POST /api/admin/login HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn neither_log_nor_answers_tell_of_passwords_and_cookies() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let service = Service::start_with(sandbox.environment(), &settings()).await;
    let Cookies { session, device } = log_in(&service, host).await;
    let basic = STANDARD.encode(format!("{USER}:{USER_PASSWORD}"));
    let mut told = String::new();
    for (name, value) in [
        ("authorization", format!("Basic {basic}")),
        ("authorization", "Basic canary-basic".to_owned()),
        ("authorization", "Bearer canary-bearer".to_owned()),
        ("cookie", format!("{session}; {device}")),
        ("cookie", "pv2_admin=canary-cookie".to_owned()),
        ("origin", "https://canary-origin.example".to_owned()),
    ] {
        for (method, path) in [
            (Method::GET, "/api/publications"),
            (Method::POST, "/api/images/a.jpg/publish"),
            (Method::POST, "/api/admin/logout"),
        ] {
            let request = service.request(method, host, path).header(name, &value);
            told += &Answer::of(request.send().await.unwrap()).await.text;
        }
    }
    for _ in 0..6 {
        told += &try_password(&service, host, "canary-password").await.text;
    }
    let log = service.whole_log().await;
    assert!(log.matches("request ended").count() > 20, "{log}");
    let value = |cookie: &str| cookie.split_once('=').unwrap().1.to_owned();
    let mut canaries = sandbox.secrets();
    canaries.extend(settings().map(|(_, value)| value.to_owned()));
    canaries.extend([value(&session), value(&device), basic, "canary".to_owned()]);
    canaries.push(host.clone());
    for canary in canaries {
        let encoded: String = form_urlencoded::byte_serialize(canary.as_bytes()).collect();
        for form in [&canary, &encoded, &STANDARD.encode(&canary)] {
            let line = log.lines().find(|line| line.contains(form.as_str()));
            assert_eq!(line, None, "the log holds {form}");
            assert!(!told.contains(form.as_str()), "an answer holds {form}");
        }
    }
}

#[tokio::test]
async fn the_start_warns_of_open_doors_and_of_sessions_that_will_not_last() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut environment = sandbox.environment();
    environment.retain(|(name, _)| *name != "WEB_AUTH_TOKEN");
    for (setting, warning) in [
        (("WEB_AUTH_DISABLED", "true"), "WEB_AUTH_DISABLED: anyone"),
        (
            ("WEB_ADMIN_PASSWORD", PASSWORD),
            "WEB_SESSION_SECRET: there is none in use",
        ),
    ] {
        let service = Service::start_with(environment.clone(), &[setting]).await;
        let log = service.whole_log().await;
        let line = log.lines().find(|line| line.contains(warning)).unwrap();
        assert!(line.contains("WARN"), "{line}");
        service.kill().await;
    }
}
