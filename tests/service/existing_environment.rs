//! The environment of the existing service works as it is: `publisher check` takes all of it, with warnings only.

use publisher_sandbox::Sandbox;

use crate::harness::command;

const GUIDE: &str = include_str!("../../docs/migrating.md");

/// Every variable of the existing service, with values as its operators have them: one tenant from the environment.
const STANDALONE: [(&str, &str); 65] = [
    (
        "STORAGE_PATHS",
        r#"{"root": "/Pictures/queue", "archive": "sent", "keep": "good", "remove": "bad"}"#,
    ),
    (
        "PUBLISHERS",
        r#"[{"type": "telegram", "channel_id": "@harbour"},
            {"type": "fetlife", "recipient": "up@fetlife.example", "caption_target": "both", "subject_mode": "private"},
            {"type": "instagram", "username": "harbour"}]"#,
    ),
    (
        "EMAIL_SERVER",
        r#"{"sender": "me@mail.example", "smtp_server": "mail.example", "smtp_port": 465,
            "smtp_username": "me", "use_tls": true}"#,
    ),
    (
        "OPENAI_SETTINGS",
        r#"{"vision_model": "gpt-4o", "model": "gpt-4o-mini", "sd_caption_enabled": true}"#,
    ),
    (
        "CAPTIONFILE_SETTINGS",
        r#"{"extended_metadata_enabled": true, "artist_alias": "A. Harbour"}"#,
    ),
    (
        "CONFIRMATION_SETTINGS",
        r#"{"confirmation_to_sender": true, "confirmation_tags_count": 5, "confirmation_tags_nature": "plain nouns"}"#,
    ),
    (
        "CONTENT_SETTINGS",
        r##"{"hashtag_string": "#harbour #dawn", "archive": true, "debug": false}"##,
    ),
    ("OPENAI_API_KEY", "sk-proj-0123456789abcdef0123456789abcdef"),
    ("DROPBOX_APP_KEY", "0123456789abcde"),
    ("DROPBOX_APP_SECRET", "fedcba987654321"),
    (
        "DROPBOX_REFRESH_TOKEN",
        "0123456789-abcdef-0123456789-abcdef",
    ),
    (
        "TELEGRAM_BOT_TOKEN",
        "123456789:AA0123456789abcdef0123456789abcdefg",
    ),
    ("EMAIL_PASSWORD", "abcd efgh ijkl mnop"),
    ("INSTA_PASSWORD", "op3n-sesame"),
    ("FEATURE_ANALYZE_CAPTION", "true"),
    ("FEATURE_PUBLISH", "1"),
    ("FEATURE_KEEP_CURATE", "yes"),
    ("FEATURE_REMOVE_CURATE", "on"),
    ("FEATURE_DELETE", "false"),
    ("FEATURE_AUTO_VIEW", "true"),
    ("AUTO_VIEW", "false"),
    ("FEATURE_ALT_TEXT", "true"),
    ("FEATURE_SMART_HASHTAGS", "true"),
    ("FEATURE_VOICE_MATCHING", "false"),
    ("FEATURE_LIBRARY", "off"),
    ("FEATURE_STORAGE_OPS_METERING", "false"),
    (
        "DATABASE_URL",
        "postgresql+asyncpg://publisher:pa55word@db.example:5432/publisher",
    ),
    ("WEB_AUTH_TOKEN", "0123456789abcdef0123456789abcdef"),
    ("WEB_AUTH_USER", "editor"),
    ("WEB_AUTH_PASS", "0123456789abcdef"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ("WEB_SECURE_COOKIES", "true"),
    ("WEB_ADMIN_COOKIE_TTL_SECONDS", "3600"),
    ("WEB_ADMIN_COOKIE_EPOCH", "2"),
    ("WEB_TRUST_FORWARDED_FOR", "true"),
    ("WEB_DEBUG", "false"),
    ("WEB_DEV_INSECURE_SECRET", "false"),
    ("WEB_ALLOW_UNAUTHENTICATED", "false"),
    ("WEB_REQUIRE_HEADER_AUTH_WITH_COOKIE", "false"),
    ("WEB_LOGIN_BACKOFF_CAP_SECONDS", "60"),
    ("WEB_IMAGE_CACHE_TTL_SECONDS", "30"),
    ("WEB_THUMBNAIL_CACHE_TTL_SECONDS", "900"),
    ("web_admin_pw", "op3n-sesame"),
    ("ADMIN_USERNAME", "admin"),
    ("ADMIN_PASSWORD", "op3n-sesame"),
    ("AUTH0_DOMAIN", "harbour.eu.auth0.example"),
    ("AUTH0_CLIENT_ID", "0123456789abcdef"),
    ("AUTH0_CLIENT_SECRET", "0123456789abcdef"),
    ("AUTH0_AUDIENCE", "https://publisher.example"),
    (
        "AUTH0_CALLBACK_URL",
        "https://harbour.example/auth/callback",
    ),
    (
        "AUTH0_ADMIN_EMAIL_ALLOWLIST",
        "jane@mail.example, joe@mail.example",
    ),
    ("AI_RATE_PER_MINUTE", "20"),
    ("AI_STAGE_TIMEOUT_SECONDS", "150"),
    ("PUBLISH_TIMEOUT_SECONDS", "120"),
    ("PUBLISH_TIMEOUT_TELEGRAM_SECONDS", "60"),
    ("PUBLISH_LEASE_TTL_SECONDS", "600"),
    ("LIBRARY_MAX_UPLOAD_MB", "20"),
    ("LIBRARY_SCAN_BUDGET", "5000"),
    ("PV2_STATIC_CONFIG_DIR", "/app/static"),
    ("PV2_CAPTION_HISTORY_RETENTION_DAYS", "90"),
    ("CONFIG_PATH", "configfiles/fetlife.ini"),
    ("ENV_PATH", ".env"),
    ("folder_keep", "good"),
    ("folder_remove", "bad"),
    ("PORT", "8000"),
];

/// What it has more where an orchestrator has the tenants.
const ORCHESTRATED: [(&str, &str); 4] = [
    ("ORCHESTRATOR_BASE_URL", "https://orchestrator.example"),
    (
        "ORCHESTRATOR_SERVICE_TOKEN",
        "0123456789abcdef0123456789abcdef",
    ),
    ("TENANT_SERVICE_CACHE_MAX_SIZE", "1000"),
    ("TENANT_SERVICE_TTL_SECONDS", "600"),
];

async fn check(environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut check = command("check");
    check.args(arguments).envs(environment.iter().copied());
    let output = check.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("WRONG"), "{said}");
    for secret in [
        "pa55word",
        "0123456789",
        "op3n-sesame",
        "mail.example",
        "abcd efgh",
    ] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    said
}

/// The names that are warned of.
fn warned_of(said: &str) -> Vec<&str> {
    let notes = said
        .lines()
        .filter_map(|line| line.strip_prefix("note   settings"));
    let names = notes.filter_map(|note| note.trim().split(": ").next());
    names.collect()
}

#[tokio::test]
async fn all_of_it_is_good_with_one_tenant_and_with_an_orchestrator() {
    let said = check(&STANDALONE, &["--settings-only"]).await;
    let warned = warned_of(&said);
    for name in [
        "SECRET_KEY",
        "DATABASE_URL",
        "AUTH0_ADMIN_EMAIL_ALLOWLIST",
        "FEATURE_AUTO_VIEW",
        "WEB_TRUST_FORWARDED_FOR",
        "web_admin_pw",
        "AUTH0_AUDIENCE",
        "PUBLISH_TIMEOUT_TELEGRAM_SECONDS",
        "EMAIL_SERVER.smtp_username",
        "OPENAI_SETTINGS.model",
        "PUBLISHERS[2].type",
    ] {
        assert!(warned.contains(&name), "{name}: {said}");
    }
    // Nothing is taken for a misspelt name of another setting.
    assert!(!said.contains("is no setting of this service"), "{said}");
    let both = [&STANDALONE[..], &ORCHESTRATED].concat();
    let said = check(&both, &["--settings-only"]).await;
    assert!(
        said.contains("an orchestrator, because ORCHESTRATOR_BASE_URL is set"),
        "{said}"
    );
    assert!(
        warned_of(&said).contains(&"AUTH0_ADMIN_EMAIL_ALLOWLIST"),
        "{said}"
    );
    assert!(!said.contains("is no setting of this service"), "{said}");
}

#[tokio::test]
async fn beside_what_a_tenant_needs_its_other_names_are_in_no_ones_way() {
    let sandbox = Sandbox::start().await.unwrap();
    let own = sandbox.standalone_environment(&sandbox.tenants()[0]);
    let is_own = |name: &str| own.iter().any(|(it, _)| *it == name);
    let others = STANDALONE.iter().filter(|(name, _)| {
        let has_own = is_own(name)
            || ["DATABASE_URL", "PORT", "WEB_AUTH_USER", "WEB_AUTH_PASS"].contains(name);
        !has_own
    });
    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
    let addresses = [
        ("LISTEN_ADDRESS", "127.0.0.1:0"),
        ("METRICS_LISTEN_ADDRESS", "127.0.0.1:0"),
    ];
    let environment: Vec<_> = own.chain(others.copied()).chain(addresses).collect();
    let mut check = command("check");
    let output = check.envs(environment).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.ends_with("All is well.\n"), "{said}");
}

#[test]
fn the_guide_has_a_row_for_each_of_its_names() {
    let rows = GUIDE.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let named: Vec<_> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let both = [&STANDALONE[..], &ORCHESTRATED].concat();
    for (name, _) in both {
        let name = name.replace("TIMEOUT_TELEGRAM_", "TIMEOUT_<PLATFORM>_");
        assert!(named.contains(&&*name), "{name} is not in the guide");
    }
}
