//! Who is served, and who may do what.

use poem::{Endpoint as _, Request, http::StatusCode};
use serde_json::json;

use super::{
    Service,
    harness::{Answer, HOST, TOKEN, at, get, publish},
};
use crate::{
    app::{
        http::auth::{AdminCredentials, AuthSettings},
        usecases::readiness::Mode,
    },
    domain::{host::Host, platform::Platform},
    ports::{ConfigSourceError, MockTenantConfigSource},
};

const FEATURES: &str = "/api/config/features";

fn without_tenants() -> Service {
    let mut source = MockTenantConfigSource::new();
    source.expect_fetch().never();
    Service {
        source: Some(source),
        ..Service::new()
    }
}

fn with_id(mut request: Request) -> Request {
    let id = "the-same".parse().unwrap();
    request.headers_mut().insert("x-request-id", id);
    request
}

#[tokio::test]
async fn unknown_and_malformed_hosts_get_the_same_answer_byte_for_byte() {
    let unknown = at("bob.example.org", FEATURES);
    let unknown = Service::new().answer(with_id(unknown)).await;
    unknown.problem(404, "tenant-not-found");
    for host in [
        "127.0.0.1",
        "localhost",
        "www.example.org",
        "a b",
        "",
        "bob.example.org:99999",
    ] {
        let answer = without_tenants().answer(with_id(at(host, FEATURES))).await;
        assert_eq!(answer.body, unknown.body, "{host:?}");
        assert_eq!(answer.headers, unknown.headers, "{host:?}");
        assert_eq!(answer.status, unknown.status, "{host:?}");
    }
}

#[tokio::test]
async fn a_request_with_no_host_or_with_two_is_no_tenants() {
    let none = Request::builder().uri_str(FEATURES).finish();
    without_tenants()
        .answer(none)
        .await
        .problem(404, "tenant-not-found");
    let mut two = get(FEATURES);
    two.headers_mut().append("host", HOST.parse().unwrap());
    without_tenants()
        .answer(two)
        .await
        .problem(404, "tenant-not-found");
}

#[tokio::test]
async fn nothing_but_the_host_header_names_the_tenant() {
    let mut request = at("bob.example.org", FEATURES);
    for header in ["x-forwarded-host", "forwarded", "x-original-host", "x-host"] {
        request.headers_mut().insert(header, HOST.parse().unwrap());
    }
    let answer = Service::new().answer(request).await;
    answer.problem(404, "tenant-not-found");
}

#[tokio::test]
async fn a_target_that_names_another_host_is_refused_before_a_tenant_is_looked_up() {
    for path in [FEATURES, "/api/images/list", "/health", "/made/up"] {
        for (target, host) in [
            ("http://bob.example.org", HOST),
            (&*format!("http://{HOST}"), "bob.example.org"),
            (&format!("http://user@{HOST}"), HOST),
        ] {
            let request = at(host, &format!("{target}{path}"));
            let answer = without_tenants().answer(request).await;
            let problem = answer.problem(400, "invalid-request");
            assert_eq!(problem.get("errors"), None);
        }
    }
    let same = format!("http://{}.:80{FEATURES}", HOST.to_uppercase());
    assert_eq!(Service::new().answer(get(&same)).await.status, 200);
}

#[tokio::test]
async fn a_target_of_another_host_is_refused_for_a_tenant_in_memory_too() {
    let routes = Service::new().routes();
    for path in [FEATURES, "/api/config/publishers"] {
        for _ in 0..2 {
            assert_eq!(routes.get_response(get(path)).await.status(), 200);
        }
        for target in ["http://bob.example.org", &format!("http://user@{HOST}")] {
            let request = get(&format!("{target}{path}"));
            let answer = Answer::of(routes.get_response(request).await).await;
            answer.problem(400, "invalid-request");
        }
        let same = get(&format!("http://{HOST}:80{path}"));
        assert_eq!(routes.get_response(same).await.status(), 200);
    }
}

#[tokio::test]
async fn a_tenant_that_cannot_be_served_is_unavailable_for_as_long_as_its_source_says() {
    for (retry_after, header) in [(Some(42), "42"), (None, "5")] {
        let mut source = MockTenantConfigSource::new();
        source.expect_fetch().returning(move |_, _| {
            Err(ConfigSourceError::Unavailable {
                retry_after: retry_after.map(std::time::Duration::from_secs),
                cause: "db.internal".into(),
            })
        });
        let service = Service {
            source: Some(source),
            ..Service::new()
        };
        let answer = service.answer(get(FEATURES)).await;
        answer.problem(503, "tenant-unavailable");
        assert_eq!(answer.header("retry-after"), Some(header));
        assert!(!answer.body.contains("db.internal"));
    }
}

#[tokio::test]
async fn health_and_docs_answer_under_any_host_and_resolve_no_tenant() {
    for path in [
        "/health",
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/openapi.yaml",
        "/docs",
    ] {
        let answer = without_tenants().answer(at("127.0.0.1", path)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn ready_says_where_tenants_come_from_or_why_there_are_none() {
    let answer = without_tenants().answer(get("/health/ready")).await;
    assert_eq!(answer.json(), json!({"status": "ok", "mode": "standalone"}));

    let mut source = MockTenantConfigSource::new();
    source
        .expect_probe()
        .returning(|_, _| Err(ConfigSourceError::Unauthorized("403".into())));
    let service = Service {
        mode: Mode::Orchestrated {
            probe_host: Host::normalize("healthcheck.example.org").ok(),
        },
        source: Some(source),
        ..Service::new()
    };
    let answer = service.answer(get("/health/ready")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("5"));
    let expected = json!({"status": "not_ready", "reason": "orchestrator_unauthorized"});
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn answers_about_the_config_are_the_same_every_time() {
    let routes = Service::new().routes();
    for path in [FEATURES, "/api/config/publishers"] {
        let mut said = Vec::new();
        for _ in 0..3 {
            let answer = routes.get_response(with_id(get(path))).await;
            let answer = Answer::of(answer).await;
            said.push((answer.status, answer.headers, answer.body));
        }
        assert_eq!(said[0].0, StatusCode::OK);
        assert_eq!((&said[1], &said[2]), (&said[0], &said[0]));
        // Large headers are refused every time.
        let mut request = get(path);
        let header = "x".repeat(20_000).parse().unwrap();
        request.headers_mut().insert("x-large", header);
        let status = routes.get_response(request).await.status();
        assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        let status = routes
            .get_response(at("bob.example.org", path))
            .await
            .status();
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn features_are_told_as_they_are_in_effect() {
    let mut service = Service::new();
    service.document["features"]["analyze_caption_enabled"] = true.into();
    let expected = json!({
        "publish_enabled": true,
        "analyze_caption_enabled": false, // there is no `ai` block
        "keep_enabled": true,
        "remove_enabled": true,
        "auto_view_enabled": false,
        "delete_enabled": false,
        "alt_text_enabled": true,
        "voice_matching_enabled": false,
        "smart_hashtags_enabled": true,
        "storage_ops_metering_enabled": false,
        "library_enabled": true,
        "storage_provider": "dropbox",
        "auth_mode": "none",
        "auth_methods": ["bearer"],
    });
    assert_eq!(service.answer(get(FEATURES)).await.json(), expected);
    let mut open = Service {
        auth: AuthSettings::Disabled {
            plain_cookies: false,
        },
        ..Service::new()
    };
    open.document["features"]["library_enabled"] = false.into();
    let told = open.answer(get(FEATURES)).await.json();
    assert_eq!(told["auth_mode"], "none");
    assert_eq!(told["library_enabled"], false);
}

#[tokio::test]
async fn each_flag_of_the_config_is_told_as_it_is_in_effect() {
    let voice = json!(["example"]);
    for (flag, sent, profile, told) in [
        ("alt_text_enabled", json!(null), json!(null), true),
        ("alt_text_enabled", json!(false), json!(null), false),
        ("smart_hashtags_enabled", json!(null), json!(null), true),
        ("smart_hashtags_enabled", json!(false), json!(null), false),
        ("voice_matching_enabled", json!(null), json!([]), false),
        ("voice_matching_enabled", json!(null), voice.clone(), true),
        ("voice_matching_enabled", json!(true), voice.clone(), true),
        ("voice_matching_enabled", json!(false), voice.clone(), false),
        // The storage is the tenant's own.
        (
            "storage_ops_metering_enabled",
            json!(true),
            json!(null),
            false,
        ),
    ] {
        let mut service = Service::new();
        service.document["features"][flag] = sent.clone();
        service.document["content"]["voice_profile"] = profile;
        let answer = service.answer(get(FEATURES)).await.json();
        assert_eq!(answer[flag], told, "{flag} {sent}");
    }
    for is_on in [true, false] {
        let mut service = Service::new();
        service.document["storage"]["provider"] = "managed".into();
        service.document["features"]["storage_ops_metering_enabled"] = is_on.into();
        let answer = service.answer(get(FEATURES)).await.json();
        assert_eq!(answer["storage_ops_metering_enabled"], is_on);
    }
}

#[tokio::test]
async fn publishers_are_the_platforms_that_are_on() {
    let answer = Service::new().answer(get("/api/config/publishers")).await;
    let mut expected = json!({"instagram": false});
    for platform in Platform::ALL {
        expected[platform.as_str()] = (platform == Platform::Telegram).into();
    }
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

fn unconfigured() -> AuthSettings {
    AuthSettings::Enforced(AdminCredentials::default())
}

/// The credential that is sent, and the answer's status.
async fn status_of(auth: AuthSettings, sent: Option<&str>, auto_view: bool) -> u16 {
    let mut service = Service {
        auth,
        ..Service::new()
    };
    service.images.expect_list().returning(|| Ok(Vec::new()));
    if auto_view {
        service = service.open_to_viewers();
    }
    let mut request = get("/api/images/list");
    if let Some(token) = sent {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    service.answer(request).await.status.as_u16()
}

#[tokio::test]
async fn viewers_are_everyone_where_the_tenant_says_so_and_admins_elsewhere() {
    let token = || Service::new().auth;
    assert_eq!(status_of(token(), None, true).await, 200);
    assert_eq!(status_of(token(), None, false).await, 401);
    assert_eq!(status_of(token(), Some("wrong"), false).await, 401);
    assert_eq!(status_of(token(), Some(TOKEN), false).await, 200);
    assert_eq!(
        status_of(
            AuthSettings::Disabled {
                plain_cookies: false
            },
            None,
            false
        )
        .await,
        200
    );
    assert_eq!(status_of(unconfigured(), None, false).await, 503);
    assert_eq!(status_of(unconfigured(), None, true).await, 200);
}

#[tokio::test]
async fn a_stranger_learns_nothing_but_that_a_token_is_needed() {
    for (filename, body) in [("a.jpg", ""), ("no-image", "{"), ("a.jpg", "[]")] {
        let mut request = publish(filename, body);
        request.headers_mut().remove("authorization");
        let answer = Service::new().answer(request).await;
        answer.problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let closed = Service {
        auth: unconfigured(),
        ..Service::new()
    };
    let answer = closed.answer(publish("no-image", "{")).await;
    answer.problem(503, "admin-not-configured");
}

#[tokio::test]
async fn the_tenant_is_looked_at_before_the_credential() {
    let mut request = publish("a.jpg", "{");
    request
        .headers_mut()
        .insert("host", "bob.example.org".parse().unwrap());
    request.headers_mut().remove("authorization");
    let answer = Service::new().answer(request).await;
    answer.problem(404, "tenant-not-found");
}
