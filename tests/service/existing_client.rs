//! Every call that the existing client makes is there, with every field that it reads.
//!
//! `/media/…` is a link that an answer gives, and `/api/library/…` needs a storage that takes uploads: `local.rs` and `library.rs`
//! call these; `people.rs` calls `/auth/login` and `/auth/callback`, where an identity provider is configured.

use publisher_sandbox::{DemoTenant, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Service};

const IMAGE: &str = "/api/images/harbour-dawn.jpg";

/// The calls that say something of the service, or change nothing.
const LOOKING: [(&str, &str); 20] = [
    ("/", ""),
    ("/health/live", "status"),
    ("/health", "status"),
    ("/health/ready", "status mode"),
    ("/openapi.json", "openapi"),
    ("/openapi.yaml", ""),
    ("/docs", ""),
    ("/problems/conflict", "title"),
    (
        "/api/config/features",
        "publish_enabled analyze_caption_enabled keep_enabled remove_enabled delete_enabled auto_view_enabled \
         alt_text_enabled voice_matching_enabled smart_hashtags_enabled storage_ops_metering_enabled library_enabled \
         storage_provider auth_mode auth_methods",
    ),
    (
        "/api/config/publishers",
        "telegram email mastodon bluesky instagram",
    ),
    ("/api/config/voice-profile", VOICE),
    ("/api/admin/status", "admin email method"),
    ("/auth/logout", ""),
    ("/api/images/list", "filenames count"),
    ("/api/images/list?limit=1&after=a.jpg", "filenames count"),
    ("/api/images/random", SHOWN),
    (IMAGE, SHOWN),
    ("/api/images/harbour-dawn.jpg/thumbnail", ""),
    ("/api/images/harbour-dawn.jpg/thumbnail?size=w256h256", ""),
    ("/api/publications?limit=1", "publications next_cursor"),
];
const SHOWN: &str = "filename temp_url thumbnail_url sha256 caption sd_caption metadata has_sidecar caption_generated \
                     caption_submitted platform_limits";
const VOICE: &str = "voice_profile enabled";
const ANALYZED: &str = "filename description mood tags nsfw caption sd_caption alt_text sidecar_written \
                        platform_captions platform_limits cached";
const PUBLISHED: &str = "filename results archived any_success";
const RESULT: &str = "success post_id post_url error reason outcome";
const MOVED: &str = "filename action destination_folder preview_only";
const ENTRY: &str = "id filename platform content_hash content_hash_kind outcome reason error post_id post_url \
                     started_at ended_at";

fn assert_fields(value: &Value, fields: &str, call: &str) {
    for field in fields.split_whitespace() {
        assert!(value.get(field).is_some(), "{call} has no {field}: {value}");
    }
}

struct Client<'a> {
    service: Service,
    sandbox: &'a Sandbox,
    tenant: &'a DemoTenant,
}

impl Client<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self
            .service
            .request(method.clone(), &self.tenant.host, path);
        let mut request = request.bearer_auth(self.sandbox.web_token());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = Answer::to(request).await;
        let is_there = ![404, 405].contains(&answer.status);
        assert!(is_there, "{method} {path}: {answer:?}");
        answer
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, Some(body)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }
}

#[tokio::test]
async fn every_call_is_there_with_every_field() {
    let sandbox = Sandbox::start().await.unwrap();
    let tenant = &sandbox.tenants()[0];
    assert!(sandbox.orchestrator.edit_config(&tenant.host, |config| {
        config["features"]["delete_enabled"] = true.into();
    }));
    let password = [("WEB_ADMIN_PASSWORD", "0pen sesame, please")];
    let client = Client {
        service: Service::start_with(sandbox.environment(), &password).await,
        sandbox: &sandbox,
        tenant,
    };
    for (path, fields) in LOOKING {
        let answer = client.call(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        if !fields.is_empty() {
            assert_fields(&answer.json(), fields, path);
        }
    }

    for method in [Method::PUT, Method::POST] {
        let profile = json!({"voice_profile": ["Salt, rope, a bell."], "enabled": true});
        let path = "/api/config/voice-profile";
        let stored = client.call(method, path, Some(profile.clone())).await;
        let stored = stored.json();
        assert_fields(&stored, VOICE, path);
        assert_eq!(stored["voice_profile"], profile["voice_profile"]);
    }

    let analyzed = client.post(&format!("{IMAGE}/analyze"), json!({})).await;
    assert_fields(&analyzed, ANALYZED, "analyze");
    assert_eq!(analyzed["cached"], false);
    for platform in analyzed["platform_captions"].as_object().unwrap().keys() {
        assert!(
            analyzed["platform_limits"][platform].is_u64(),
            "{platform}: {analyzed}"
        );
    }
    let again = client
        .post(&format!("{IMAGE}/analyze?force_refresh=false"), json!({}))
        .await;
    assert_eq!(again["cached"], true);
    let shown = client.call(Method::GET, IMAGE, None).await.json();
    assert!(
        shown["caption_generated"]["telegram"].is_string(),
        "{shown}"
    );
    assert_eq!(shown["platform_limits"], analyzed["platform_limits"]);

    for action in ["keep", "remove", "delete"] {
        let moved = client
            .post(&format!("{IMAGE}/{action}"), json!({"preview_only": true}))
            .await;
        assert_fields(&moved, MOVED, action);
    }
    for path in [&*format!("{IMAGE}/publish"), "/api/publish"] {
        let published = client
            .post(path, json!({"dry_run": true, "caption": "Ahoy"}))
            .await;
        assert_fields(&published, PUBLISHED, path);
    }
    let published = client.post(&format!("{IMAGE}/publish"), json!({})).await;
    assert_fields(&published["results"]["telegram"], RESULT, "publish");
    let entries = client.service.publications(&sandbox, tenant).await;
    for entry in &entries {
        assert_fields(entry, ENTRY, "publications");
        let id = entry["id"].as_str().unwrap();
        let checked = client
            .post(&format!("/api/publications/{id}/check"), json!({}))
            .await;
        assert_fields(&checked, ENTRY, "check");
    }
    assert!(!entries.is_empty());

    let login = json!({"password": password[0].1});
    let login = client.post("/api/admin/login", login).await;
    assert_eq!(
        (&login["admin"], &login["method"]),
        (&json!(true), &json!("password"))
    );
    for path in ["/api/admin/logout", "/api/auth/logout", "/auth/logout"] {
        let answer = client.call(Method::POST, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(
            answer.header("set-cookie").contains("Max-Age=0"),
            "{path}: {answer:?}"
        );
    }
}
