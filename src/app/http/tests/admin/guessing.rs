//! Guessing what `Authorization` holds: it is counted, apart from logins, and keeps no program out
//! whose secret cannot be guessed.

use super::*;

const STRONG: &str = "0123456789abcdef";
const WRONG: [(&str, &str); 1] = [("authorization", "Bearer guess")];

fn of(token: &str, password: &str) -> BoxEndpoint<'static, Response> {
    service(AdminCredentials {
        token: Some(secret(token)),
        basic: Some(BasicCredential {
            user: secret("editor"),
            password: secret(password),
        }),
        password: Some(secret(PASSWORD)),
        sessions: sessions(),
    })
    .routes()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn basic_of(password: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("editor:{password}")))
}

async fn list(routes: &BoxEndpoint<'static, Response>, authorization: &str) -> u16 {
    let request = with(get(LIST), &[("authorization", authorization)]);
    ask(routes, request).await.status.as_u16()
}

/// Uses the tries of a minute up.
async fn guess(routes: &BoxEndpoint<'static, Response>) {
    for _ in 0..5 {
        assert_eq!(list(routes, "Bearer guess").await, 401);
    }
}

#[tokio::test]
async fn the_sixth_wrong_header_within_a_minute_is_told_to_wait_whatever_its_scheme() {
    let wrong_basic = basic_of("guess");
    for wrong in [
        "Bearer guess",
        &wrong_basic,
        "Bearer",
        "Basic !",
        "bearer \u{e9}",
    ] {
        let routes = of(STRONG, STRONG);
        guess(&routes).await;
        let mut request = get(LIST);
        let value = poem::http::HeaderValue::from_bytes(wrong.as_bytes()).unwrap();
        request.headers_mut().insert("authorization", value);
        let answer = ask(&routes, request).await;
        answer.problem(429, "rate-limited");
        assert_eq!(answer.header("retry-after"), Some("60"));
    }
}

#[tokio::test]
async fn every_answer_that_tells_right_from_wrong_is_counted() {
    for (path, is_write) in [
        (LIST, false),
        ("/api/publications", false),
        ("/api/admin/status", false),
        ("/api/admin/logout", true),
        ("/api/publish", true),
        ("/api/images/a.jpg/keep", true),
    ] {
        let routes = of(STRONG, STRONG);
        for _ in 0..5 {
            let request = if is_write { post(path, "") } else { get(path) };
            let answer = ask(&routes, with(request, &WRONG)).await;
            assert!(matches!(answer.status.as_u16(), 200 | 401), "{path}");
        }
        let request = if is_write { post(path, "") } else { get(path) };
        ask(&routes, with(request, &WRONG))
            .await
            .problem(429, "rate-limited");
        assert_eq!(list(&routes, "Bearer guess").await, 429, "{path}");
    }
}

#[tokio::test]
async fn a_right_secret_of_sixteen_characters_is_always_taken_and_clears_nothing() {
    let routes = of(STRONG, STRONG);
    for is_throttled in [false, true] {
        for right in [bearer(STRONG), basic_of(STRONG)] {
            assert_eq!(list(&routes, &right).await, 200, "{is_throttled}");
            let status = with(get("/api/admin/status"), &[("authorization", &right)]);
            assert_eq!(ask(&routes, status).await.json()["admin"], true);
        }
        if is_throttled {
            assert_eq!(list(&routes, "Bearer guess").await, 429);
        } else {
            guess(&routes).await;
        }
    }
}

#[tokio::test]
async fn a_right_secret_of_fewer_characters_is_not_taken_while_too_many_were_wrong() {
    let short = &STRONG[1..];
    for right in [bearer(short), basic_of(short)] {
        let routes = of(short, short);
        assert_eq!(list(&routes, &right).await, 200);
        guess(&routes).await;
        assert_eq!(list(&routes, &right).await, 429);
        for (request, kind) in [
            (get("/api/admin/status"), "status"),
            (post("/api/admin/logout", ""), "logout"),
        ] {
            let request = with(request, &[("authorization", &right)]);
            let answer = ask(&routes, request).await;
            assert_eq!(answer.status, 429, "{kind} would tell that it is right");
        }
    }
    // Each has its own length.
    let routes = of(short, STRONG);
    guess(&routes).await;
    assert_eq!(list(&routes, &bearer(short)).await, 429);
    assert_eq!(list(&routes, &basic_of(STRONG)).await, 200);
}

#[tokio::test]
async fn neither_logins_nor_headers_use_up_the_tries_of_the_other() {
    let routes = of(STRONG, STRONG);
    guess(&routes).await;
    assert_eq!(ask(&routes, login(PASSWORD)).await.status, 200);
    for _ in 0..5 {
        ask(&routes, login("guess"))
            .await
            .problem(401, "unauthorized");
    }
    ask(&routes, login(PASSWORD))
        .await
        .problem(429, "rate-limited");

    let routes = of(STRONG, STRONG);
    for _ in 0..6 {
        ask(&routes, login("guess")).await;
    }
    guess(&routes).await;
    assert_eq!(list(&routes, "Bearer guess").await, 429);
}

#[tokio::test]
async fn what_is_no_guess_is_not_counted() {
    let session = session(PASSWORD, HOST, in_an_hour());
    let routes = of(STRONG, STRONG);
    for _ in 0..10 {
        assert_eq!(ask(&routes, get(LIST)).await.status, 401);
        assert_eq!(list(&routes, "Digest of a proxy").await, 401);
        let forged = with(get(LIST), &[("cookie", "__Host-pv2_admin=forged")]);
        assert_eq!(ask(&routes, forged).await.status, 401);
        // A proxy may have added the header.
        let known = with(with(get(LIST), &WRONG), &[("cookie", &session)]);
        assert_eq!(ask(&routes, known).await.status, 200);
        let known = with(post("/api/admin/logout", ""), &WRONG);
        let known = with(known, &[("cookie", &session)]);
        assert_eq!(ask(&routes, known).await.status, 200);
    }
    guess(&routes).await;
    let known = with(with(get(LIST), &WRONG), &[("cookie", &session)]);
    assert_eq!(
        ask(&routes, known).await.status,
        200,
        "while throttled, too"
    );
    assert_eq!(ask(&routes, get(LIST)).await.status, 401);

    // Where no header opens anything, there is nothing to guess.
    let routes = with_login().routes();
    for _ in 0..10 {
        assert_eq!(list(&routes, "Bearer of a proxy").await, 401);
    }
}

#[tokio::test]
async fn a_browser_that_has_been_logged_in_has_a_count_of_its_own() {
    let routes = of(&STRONG[1..], STRONG);
    let [_, device] = &*cookies(&ask(&routes, login(PASSWORD)).await) else {
        panic!("two cookies")
    };
    guess(&routes).await;
    let right = bearer(&STRONG[1..]);
    let headers = [("authorization", &*right), ("cookie", device)];
    assert_eq!(ask(&routes, with(get(LIST), &headers)).await.status, 200);
    assert_eq!(list(&routes, &right).await, 429);
}
