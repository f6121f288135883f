//! Logging in and out.

use super::*;

#[tokio::test]
async fn the_password_opens_a_session_and_the_session_opens_the_rest() {
    let routes = with_login().routes();
    let answer = ask(&routes, login(PASSWORD)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (
            200,
            json!({"admin": true, "email": null, "method": "password"})
        )
    );
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-pv2_admin="), "{set}");
    assert!(
        set.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"),
        "{set}"
    );
    let [session, device] = &*cookies(&answer) else {
        panic!("two cookies")
    };
    assert!(device.starts_with("__Host-pv2_device="), "{device}");

    let list = with(get(LIST), &[("cookie", session)]);
    assert_eq!(ask(&routes, list).await.status, 200);
    let own = [
        ("cookie", &**session),
        ("origin", "https://alice.example.org"),
    ];
    let write = with(without_authorization(publish("no-image", "")), &own);
    ask(&routes, write).await.problem(400, "invalid-request");
    let list = with(get(LIST), &[("cookie", device)]);
    ask(&routes, list).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_wrong_password_opens_nothing() {
    for password in ["", "0pen sesam", "0pen sesame ", "0PEN SESAME"] {
        let answer = with_login().answer(login(password)).await;
        answer.problem(401, "unauthorized");
        assert_eq!(cookies(&answer), [""; 0]);
    }
}

#[tokio::test]
async fn a_login_without_a_password_is_no_try() {
    let routes = with_login().routes();
    for (body, field) in [
        ("", "password"),
        ("{}", "password"),
        (r#"{"password": null}"#, "password"),
        (r#"{"password": 1}"#, "password"),
        (r#"{"password": "0pen sesame", "user": "x"}"#, "user"),
    ] {
        let answer = ask(&routes, post("/api/admin/login", body)).await;
        assert_eq!(answer.bad_fields(), [field], "{body}");
        assert!(!answer.body.contains("sesame"));
    }
    for _ in 0..5 {
        let answer = ask(&routes, post("/api/admin/login", "{")).await;
        answer.problem(400, "invalid-request");
    }
    assert_eq!(ask(&routes, login(PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn after_five_wrong_passwords_only_a_known_browser_gets_in() {
    let routes = with_login().routes();
    let [_, device] = &*cookies(&ask(&routes, login(PASSWORD)).await) else {
        panic!("two cookies")
    };
    for _ in 0..5 {
        ask(&routes, login("guess"))
            .await
            .problem(401, "unauthorized");
    }
    for password in ["guess", PASSWORD] {
        let answer = ask(&routes, login(password)).await;
        answer.problem(429, "rate-limited");
        assert_eq!(answer.header("retry-after"), Some("60"));
        assert_eq!(cookies(&answer), [""; 0]);
    }
    let forged = [("cookie", "__Host-pv2_device=0.99999999999.AAAA")];
    let answer = ask(&routes, with(login(PASSWORD), &forged)).await;
    answer.problem(429, "rate-limited");
    let known = || with(login(PASSWORD), &[("cookie", device)]);
    assert_eq!(ask(&routes, known()).await.status, 200);
    // As it was called before.
    let plain = device.trim_start_matches("__Host-");
    let plain = with(login(PASSWORD), &[("cookie", plain)]);
    assert_eq!(ask(&routes, plain).await.status, 200);

    // It has a count of its own, and nothing more than that.
    for _ in 0..5 {
        let guess = with(login("guess"), &[("cookie", device)]);
        ask(&routes, guess).await.problem(401, "unauthorized");
    }
    ask(&routes, known()).await.problem(429, "rate-limited");
}

#[tokio::test]
async fn other_sites_can_log_nobody_in_or_out() {
    for headers in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("referer", "https://evil.example/page")],
        [("sec-fetch-site", "cross-site")],
    ] {
        let answer = with_login().answer(with(login(PASSWORD), &headers)).await;
        answer.problem(403, "forbidden");
        assert_eq!(cookies(&answer), [""; 0]);
        let logout = with(post("/api/admin/logout", ""), &headers);
        let answer = with_login().answer(logout).await;
        answer.problem(403, "forbidden");
        assert_eq!(cookies(&answer), [""; 0]);
    }
    let own = [
        ("origin", "https://alice.example.org"),
        ("sec-fetch-site", "same-origin"),
    ];
    let answer = with_login().answer(with(login(PASSWORD), &own)).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn logging_out_takes_the_cookie_away_under_both_of_its_names() {
    const ENDED: &str = "pv2_admin=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";
    const ENDED_SECURE: &str = "pv2_admin=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
    let insecure = |password: Option<Secret>| {
        service(AdminCredentials {
            password,
            sessions: SessionSettings {
                secure_cookies: false,
                ..sessions()
            },
            ..AdminCredentials::default()
        })
    };
    let without_login = insecure(None);
    let insecure = insecure(Some(secret(PASSWORD)));
    let prefixed = format!("__Host-{ENDED_SECURE}");
    let secure = [prefixed.clone(), ENDED_SECURE.to_owned()];
    for (service, expected) in [
        (with_login(), secure.clone()),
        (insecure, [ENDED.to_owned(), prefixed.clone()]),
        (without_login, [ENDED.to_owned(), prefixed]),
        (Service::new(), secure),
    ] {
        let answer = service.answer(post("/api/admin/logout", "")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (200, json!({"admin": false, "email": null, "method": null}))
        );
        let set = answer.headers.get_all(header::SET_COOKIE);
        assert!(
            set.iter().eq(&expected),
            "both names: {answer:?}",
            answer = answer.headers
        );
    }
    let session = session(PASSWORD, HOST, in_an_hour());
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/api/admin/logout", "/api/auth/logout", "/auth/logout"] {
        for (headers, method) in [
            ([("cookie", &*session)], None),
            ([("authorization", &*bearer)], Some("bearer")),
        ] {
            let answer = with_everything()
                .answer(with(post(path, ""), &headers))
                .await;
            let expected = json!({"admin": method.is_some(), "email": null, "method": method});
            assert_eq!(answer.json(), expected, "{path}");
            assert_eq!(cookies(&answer), ["__Host-pv2_admin=", "pv2_admin="]);
        }
        let there = [("cookie", &*session), ("origin", "https://evil.example")];
        let answer = with_everything().answer(with(post(path, ""), &there)).await;
        answer.problem(403, "forbidden");
        assert_eq!(cookies(&answer), [""; 0], "{path}");
        let mut nobodys = post(path, "");
        let host = "bob.example.org".parse().unwrap();
        nobodys.headers_mut().insert("host", host);
        let answer = with_everything().answer(nobodys).await;
        answer.problem(404, "tenant-not-found");
    }
}

#[tokio::test]
async fn the_form_of_a_page_leads_to_a_page_that_says_it_and_a_program_gets_json() {
    const BROWSERS: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
    let session = session(PASSWORD, HOST, in_an_hour());
    for (headers, is_page) in [
        (&[("sec-fetch-mode", "navigate")][..], true),
        (&[("sec-fetch-mode", "navigate"), ("accept", "*/*")], true),
        // Browsers from before there was that header.
        (&[("accept", BROWSERS)], true),
        (&[("sec-fetch-mode", "cors"), ("accept", BROWSERS)], false),
        (&[("accept", "*/*")], false),
        (&[("accept", "application/json")], false),
        (&[], false),
    ] {
        let form = [
            ("cookie", &*session),
            ("origin", "https://alice.example.org"),
        ];
        let form = with(post("/auth/logout", ""), &form);
        let answer = with_login().answer(with(form, headers)).await;
        assert_eq!(cookies(&answer), ["__Host-pv2_admin=", "pv2_admin="]);
        if is_page {
            assert_logged_out(&answer);
        } else {
            assert_eq!(answer.status, 200, "{headers:?}");
            assert_eq!(answer.json()["admin"], false, "{headers:?}");
        }
    }
}

/// A page that says so, and leads nowhere.
fn assert_logged_out(answer: &Answer) {
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("location"), None);
    assert!(
        answer.body.contains("You are logged out"),
        "{}",
        answer.body
    );
    let content_type = answer.header("content-type").unwrap();
    assert!(content_type.starts_with("text/html"), "{content_type}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_link_ends_a_session_only_from_a_page_of_this_host() {
    let session = session(PASSWORD, HOST, in_an_hour());
    for (headers, ends) in [
        (&[("sec-fetch-site", "same-origin")][..], true),
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-dest", "document"),
            ],
            true,
        ),
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-dest", "image"),
            ],
            false,
        ),
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-dest", "document"),
                ("sec-purpose", "prefetch"),
            ],
            false,
        ),
        (&[], false),
        (&[("sec-fetch-site", "none")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
            false,
        ),
        (&[("referer", "https://alice.example.org/")], false),
    ] {
        let link = with(get("/auth/logout"), &[("cookie", &session)]);
        let answer = with_login().answer(with(link, headers)).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        if ends {
            assert_logged_out(&answer);
            assert_eq!(cookies(&answer), ["__Host-pv2_admin=", "pv2_admin="]);
        } else {
            assert_eq!(answer.status, 200, "{headers:?}");
            assert_eq!(cookies(&answer), [""; 0], "{headers:?}");
            let form = "<form method=\"post\" action=\"/auth/logout\">";
            assert!(answer.body.contains(form), "{}", answer.body);
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.contains("form-action 'self'"), "{policy}");
        }
    }
}

#[tokio::test]
async fn without_a_password_to_check_nobody_logs_in_whatever_is_sent() {
    let open = || Service {
        auth: AuthSettings::Disabled {
            plain_cookies: false,
        },
        ..Service::new()
    };
    for body in ["", "{", r#"{"password": "x"}"#] {
        for service in [Service::new(), open()] {
            let answer = service.answer(post("/api/admin/login", body)).await;
            answer.problem(503, "admin-not-configured");
        }
    }
}
