//! What sessions and other credentials open, and what those without are told.

use super::*;

#[tokio::test]
async fn a_session_that_has_ended_or_is_anothers_is_none() {
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let good = session(PASSWORD, HOST, in_an_hour());
    for (cookie, is_good) in [
        (good.clone(), true),
        (good.trim_start_matches("__Host-").to_owned(), true),
        (
            format!("{}{good}", "__Host-pv2_admin=forged; ".repeat(8)),
            true,
        ),
        (format!("{}{good}", "pv2_admin=forged; ".repeat(800)), true),
        (
            format!("{}{good}", "__Host-pv2_admin=forged; ".repeat(600)),
            true,
        ),
        (good.to_lowercase(), false),
        (session(PASSWORD, HOST, past), false),
        (session("the old password", HOST, in_an_hour()), false),
        (session(PASSWORD, "bob.example.org", in_an_hour()), false),
        (good.replace("pv2_admin", "pv2_device"), false),
        ("__Host-pv2_admin=".to_owned(), false),
    ] {
        let answer = with_login()
            .answer(with(get(LIST), &[("cookie", &cookie)]))
            .await;
        if is_good {
            assert_eq!(answer.status, 200, "{cookie}");
        } else {
            let problem = answer.problem(401, "unauthorized");
            assert_eq!(problem["detail"], "This needs an admin.", "{cookie}");
        }
    }
}

fn without_tls() -> Service {
    service(AdminCredentials {
        password: Some(secret(PASSWORD)),
        sessions: SessionSettings {
            secure_cookies: false,
            ..sessions()
        },
        ..AdminCredentials::default()
    })
}

#[tokio::test]
async fn where_browsers_come_without_tls_the_plain_name_is_the_only_one() {
    let good = session(PASSWORD, HOST, in_an_hour());
    let plain = good.trim_start_matches("__Host-");
    for (cookie, status) in [
        (plain.to_owned(), 200),
        (format!("{}{plain}", "pv2_admin=forged; ".repeat(9)), 200),
        (good.clone(), 401),
    ] {
        let answer = without_tls()
            .answer(with(get(LIST), &[("cookie", &cookie)]))
            .await;
        assert_eq!(answer.status, status, "{cookie}");
    }
}

#[tokio::test]
async fn without_a_login_too_only_pages_of_the_same_host_write() {
    let open = || Service {
        auth: AuthSettings::Disabled {
            plain_cookies: false,
        },
        ..Service::new()
    };
    let here = "https://alice.example.org";
    for (headers, is_let_through) in [
        (&[][..], true),
        (&[("origin", here)], true),
        (&[("referer", "https://alice.example.org/page")], true),
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("sec-fetch-site", "none")], true),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", here), ("origin", here)], false),
        (&[("referer", "https://evil.example/page")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("origin", here), ("sec-fetch-site", "same-site")], false),
        // Nothing is checked, so that a token is none.
        (
            &[
                ("origin", "https://evil.example"),
                ("authorization", "Bearer x"),
            ],
            false,
        ),
    ] {
        for path in ["publish", "keep", "remove", "delete", "analyze"] {
            let request = super::super::harness::post(&format!("no-image/{path}"), "");
            let request = with(without_authorization(request), headers);
            let answer = open().answer(request).await;
            if is_let_through {
                answer.problem(400, "invalid-request");
            } else {
                answer.problem(403, "forbidden");
            }
        }
        let mut service = open();
        service.images.expect_list().returning(|| Ok(Vec::new()));
        let list = service.answer(with(get(LIST), headers)).await;
        assert_eq!(list.status, 200, "reading: {headers:?}");
    }
}

#[tokio::test]
async fn with_what_browsers_send_by_themselves_only_pages_of_the_same_host_write() {
    let cookie = session(PASSWORD, HOST, in_an_hour());
    let cookie = ("cookie", &*cookie);
    let here = ("origin", "https://alice.example.org");
    let there = ("origin", "https://evil.example");
    let bearer = format!("Bearer {TOKEN}");
    let bearer = ("authorization", &*bearer);
    let basic = ("authorization", "Basic ZWRpdG9yOnMzY3JldA==");
    for (headers, is_let_through) in [
        (vec![cookie], false),
        (vec![cookie, there], false),
        (vec![cookie, ("origin", "https://bob.example.org")], false),
        (
            vec![
                cookie,
                ("origin", "null"),
                ("referer", "https://alice.example.org/"),
            ],
            false,
        ),
        (vec![cookie, here, ("sec-fetch-site", "same-site")], false),
        (vec![cookie, ("sec-fetch-site", "same-origin")], false),
        (vec![cookie, here], true),
        (vec![cookie, here, ("sec-fetch-site", "same-origin")], true),
        (
            vec![cookie, ("referer", "https://alice.example.org/page")],
            true,
        ),
        (vec![cookie, there, bearer], true),
        (vec![cookie, bearer], true),
        (vec![basic], true),
        (vec![basic, here], true),
        (vec![basic, there], false),
        (vec![basic, cookie, there], false),
        (
            vec![cookie, here, ("authorization", "Bearer of a proxy")],
            true,
        ),
        (
            vec![cookie, there, ("authorization", "Bearer of a proxy")],
            false,
        ),
    ] {
        let request = with(without_authorization(publish("no-image", "")), &headers);
        let answer = with_everything().answer(request).await;
        if is_let_through {
            answer.problem(400, "invalid-request");
        } else {
            answer.problem(403, "forbidden");
        }
        let list = with_everything().answer(with(get(LIST), &headers)).await;
        assert_eq!(list.status, 200, "reading: {headers:?}");
    }
}

#[tokio::test]
async fn status_tells_who_is_an_admin_and_refuses_nobody() {
    let session = session(PASSWORD, HOST, in_an_hour());
    let bearer = format!("Bearer {TOKEN}");
    let status = |headers: &[(&'static str, &str)]| with(get("/api/admin/status"), headers);
    for (headers, method) in [
        (vec![], None),
        (vec![("authorization", &*bearer)], Some("bearer")),
        (vec![("authorization", "Bearer wrong")], None),
        (
            vec![("authorization", "Basic ZWRpdG9yOnMzY3JldA==")],
            Some("basic"),
        ),
        (vec![("authorization", "Basic ZWRpdG9yOndyb25n")], None),
        (vec![("cookie", &*session)], Some("password")),
        (
            vec![("cookie", &*session), ("origin", "https://evil.example")],
            Some("password"),
        ),
        (
            vec![("cookie", &*session), ("authorization", &*bearer)],
            Some("bearer"),
        ),
        (vec![("cookie", "pv2_admin=forged")], None),
    ] {
        let answer = with_everything().answer(status(&headers)).await;
        let expected = json!({"admin": method.is_some(), "email": null, "method": method});
        assert_eq!(answer.json(), expected, "{headers:?}");
    }
    let open = Service {
        auth: AuthSettings::Disabled {
            plain_cookies: false,
        },
        ..Service::new()
    };
    let expected = json!({"admin": true, "email": null, "method": "disabled"});
    assert_eq!(open.answer(status(&[])).await.json(), expected);
    let shut = service(AdminCredentials::default());
    assert_eq!(shut.answer(status(&[])).await.json()["admin"], false);
    let nobodys = at("bob.example.org", "/api/admin/status");
    with_login()
        .answer(nobodys)
        .await
        .problem(404, "tenant-not-found");
}

#[tokio::test]
async fn a_401_names_what_is_configured_and_opens_no_window_over_a_page() {
    const BASIC: &str = "Basic realm=\"publisher\"";
    const NO_WINDOW: &str = "xBasic realm=\"publisher\"";
    const COOKIE: &str = "Cookie cookie-name=\"__Host-pv2_admin\"";
    let token_and_basic = || {
        service(AdminCredentials {
            token: Some(secret(TOKEN)),
            basic: Some(basic()),
            ..AdminCredentials::default()
        })
    };
    let only_basic = || {
        service(AdminCredentials {
            token: None,
            basic: Some(basic()),
            ..AdminCredentials::default()
        })
    };
    let fetch = [("sec-fetch-mode", "cors")];
    let navigate = [("sec-fetch-mode", "navigate")];
    // The user `a` with the password `b`.
    let wrong = [("authorization", "Basic YTpi")];
    let wrong_fetch = [fetch[0], wrong[0]];
    let wrong_navigate = [navigate[0], wrong[0]];
    let cases = vec![
        (Service::new(), &[][..], vec!["Bearer"]),
        (with_login(), &[][..], vec![COOKIE]),
        (token_and_basic(), &[][..], vec!["Bearer", BASIC]),
        (token_and_basic(), &navigate[..], vec!["Bearer", BASIC]),
        (token_and_basic(), &fetch[..], vec!["Bearer"]),
        (token_and_basic(), &wrong_fetch[..], vec!["Bearer"]),
        (only_basic(), &[][..], vec![BASIC]),
        (only_basic(), &navigate[..], vec![BASIC]),
        (only_basic(), &wrong_navigate[..], vec![BASIC]),
        (only_basic(), &fetch[..], vec![NO_WINDOW]),
        (only_basic(), &wrong_fetch[..], vec![NO_WINDOW]),
        (only_basic(), &wrong[..], vec![BASIC]),
        (with_everything(), &[][..], vec!["Bearer", BASIC, COOKIE]),
        (
            with_everything(),
            &navigate[..],
            vec!["Bearer", BASIC, COOKIE],
        ),
        (with_everything(), &fetch[..], vec!["Bearer", COOKIE]),
        (with_everything(), &wrong_fetch[..], vec!["Bearer", COOKIE]),
    ];
    for (service, headers, expected) in cases {
        let answer = service.answer(with(get(LIST), headers)).await;
        answer.problem(401, "unauthorized");
        let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE);
        assert_eq!(challenges.iter().collect::<Vec<_>>(), expected);
    }
    let answer = with_everything().answer(login("wrong")).await;
    let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE);
    assert_eq!(challenges.iter().collect::<Vec<_>>(), [COOKIE]);
    for request in [get(LIST), login("wrong")] {
        let answer = without_tls().answer(request).await;
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, Some("Cookie cookie-name=\"pv2_admin\""));
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_credential_the_answer_is_the_same() {
    let mut bodies = Vec::new();
    for headers in [
        vec![],
        vec![("authorization", "Bearer wrong")],
        vec![("authorization", "Bearer")],
        vec![("authorization", "Basic ZWRpdG9yOndyb25n")], // the right user
        vec![("authorization", "Basic d3Jvbmc6d3Jvbmc=")], // a wrong one
        vec![("authorization", "Basic !")],
        vec![("cookie", "pv2_admin=forged")],
    ] {
        let request = with(get(LIST), &[("x-request-id", "the-same")]);
        let answer = with_everything().answer(with(request, &headers)).await;
        bodies.push((answer.status, answer.headers, answer.body));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test]
async fn clients_are_told_how_people_get_in_before_how_programs_do() {
    let only_basic = service(AdminCredentials {
        basic: Some(basic()),
        ..AdminCredentials::default()
    });
    let open = Service {
        auth: AuthSettings::Disabled {
            plain_cookies: false,
        },
        ..Service::new()
    };
    for (service, mode, methods) in [
        (
            with_everything(),
            "password",
            &["password", "bearer", "basic"][..],
        ),
        (with_login(), "password", &["password"]),
        (Service::new(), "none", &["bearer"]),
        (only_basic, "none", &["basic"]),
        (service(AdminCredentials::default()), "none", &[]),
        (open, "none", &[]),
    ] {
        let told = service.answer(get("/api/config/features")).await.json();
        assert_eq!(told["auth_mode"], mode);
        assert_eq!(told["auth_methods"], json!(methods));
    }
}

#[tokio::test]
async fn a_session_without_a_configured_secret_lasts_as_long_as_the_process() {
    let with_random_secret = || {
        service(AdminCredentials {
            password: Some(secret(PASSWORD)),
            sessions: SessionSettings {
                secret: None,
                ..sessions()
            },
            ..AdminCredentials::default()
        })
        .routes()
    };
    let (one, another) = (with_random_secret(), with_random_secret());
    let [session, _] = &*cookies(&ask(&one, login(PASSWORD)).await) else {
        panic!("two cookies")
    };
    let list = || with(get(LIST), &[("cookie", session)]);
    assert_eq!(ask(&one, list()).await.status, 200);
    ask(&another, list()).await.problem(401, "unauthorized");
}
