//! Every setting with a value that it must not have.

use std::collections::BTreeSet;

use publisher::{adapters::platforms, domain::platform::Platform};

use super::*;
use crate::{logging::LogSettings, settings::names};

/// What a bad value holds, so that it would be seen wherever it is shown.
const CANARY: &str = "sesame";

/// Bad values of settings that another command reads.
const OF_OTHER_COMMANDS: [(&str, &str); 1] = [("PUBLISHER_URL", "http://sesame@127.0.0.1:8080")];

/// Settings that are no secrets: which source they are read for (`any`: both), and a bad value. Empty
/// where any text will do, but none will not.
const BAD_VALUES: [(&str, &str, &str); 88] = [
    ("any", "LISTEN_ADDRESS", "sesame:8080"),
    ("any", "PORT", "sesame"),
    ("any", "METRICS_LISTEN_ADDRESS", "sesame"),
    ("any", "MAX_CONCURRENT_REQUESTS", "sesame"),
    ("any", "MAX_CONCURRENT_PUBLISHES_PER_TENANT", "sesame"),
    ("any", "JOBS_ENABLED", "sesame"),
    ("any", "JOBS_MAX_LATE_MINUTES", "sesame"),
    ("any", "JOBS_KEEP_DAYS", "sesame"),
    ("any", "THUMBNAIL_CACHE_MB", "sesame"),
    ("any", "LIBRARY_MAX_UPLOAD_MB", "sesame"),
    ("any", "MEMORY_BUDGET_MB", "sesame"),
    ("any", "LEDGER_POOL_SIZE", "sesame"),
    ("any", "LEDGER_KEEP_DAYS", "sesame"),
    ("any", "CAPTION_HISTORY_DAYS", "sesame"),
    ("any", "CAPTION_CANDIDATES", "sesame"),
    ("any", "TRUSTED_PROXIES", "10.0.0.0/8, sesame"),
    ("any", "SHUTDOWN_GRACE_SECONDS", "sesame"),
    ("any", "SHUTDOWN_NOTICE_SECONDS", "sesame"),
    ("any", "LOG_FORMAT", "sesame"),
    ("any", "RUST_LOG", "publisher=sesame"),
    ("any", "OTEL_EXPORTER_OTLP_ENDPOINT", "sesame:4318"),
    ("any", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "sesame:4318"),
    ("any", "OTEL_EXPORTER_OTLP_PROTOCOL", "sesame"),
    ("any", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "sesame"),
    ("any", "OTEL_EXPORTER_OTLP_COMPRESSION", "sesame"),
    ("any", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "sesame"),
    ("any", "OTEL_SDK_DISABLED", "sesame"),
    ("any", "OTEL_TRACES_EXPORTER", "sesame"),
    ("any", "OTEL_RESOURCE_ATTRIBUTES", "sesame"),
    ("any", "OTEL_SERVICE_NAME", "se\u{7}same"),
    ("any", "OTEL_TRACES_SAMPLER", "sesame"),
    ("any", "OTEL_TRACES_SAMPLER_ARG", "sesame"),
    ("any", "CONFIG_SOURCE", "sesame"),
    (
        "orchestrator",
        "ORCHESTRATOR_BASE_URL",
        "https://sesame@example.org",
    ),
    ("orchestrator", "ORCHESTRATOR_BASE_DOMAIN", "open sesame"),
    ("orchestrator", "ORCHESTRATOR_PREFER_POST", "sesame"),
    ("orchestrator", "READINESS_REQUIRES_ORCHESTRATOR", "sesame"),
    ("orchestrator", "USAGE_REPORTING", "sesame"),
    ("orchestrator", "USAGE_OUTBOX_MAX", "sesame"),
    ("any", "RUNTIME_CONFIG_CACHE_MAX_SIZE", "sesame"),
    ("any", "RUNTIME_CONFIG_MAX_STALE_SECONDS", "sesame"),
    ("any", "RUNTIME_CONFIG_NEGATIVE_TTL_SECONDS", "sesame"),
    ("any", "TENANT_SERVICE_CACHE_MAX_SIZE", "sesame"),
    ("any", "TENANT_SERVICE_TTL_SECONDS", "sesame"),
    ("any", "CREDENTIAL_CACHE_ENABLED", "sesame"),
    ("any", "CREDENTIAL_CACHE_TTL_SECONDS", "sesame"),
    ("any", "CREDENTIAL_CACHE_MAX_SIZE", "sesame"),
    ("any", "DROPBOX_APP_KEY", ""),
    ("any", "DROPBOX_API_URL", "sesame"),
    ("any", "DROPBOX_CONTENT_URL", "https://example.org/?sesame"),
    ("any", "OPENAI_BASE_URL", "ftp://sesame"),
    ("any", "TELEGRAM_API_URL", "sesame"),
    ("any", "SMTP_EHLO_NAME", "open_sesame"),
    ("any", "EXTRA_CA_CERTS_FILE", "/nowhere/sesame"),
    ("any", "AI_RATE_PER_MINUTE", "sesame"),
    ("any", "WEB_ADMIN_COOKIE_TTL_SECONDS", "sesame"),
    ("any", "WEB_SECURE_COOKIES", "sesame"),
    ("any", "WEB_AUTH_DISABLED", "sesame"),
    ("any", "OIDC_ISSUER_URL", "http://sesame.example.org"),
    ("any", "AUTH0_DOMAIN", "open sesame"),
    ("any", "OIDC_REQUIRE_VERIFIED_EMAIL", "sesame"),
    ("any", "OIDC_CLIENT_ID", "sesam\u{e9}"),
    ("any", "AUTH0_CLIENT_ID", "sesam\u{e9}"),
    (
        "any",
        "WEB_ADMIN_COOKIE_EPOCH",
        "sesame sesame sesame sesame sesame sesame sesame sesame sesame sesame",
    ),
    ("env", "STANDALONE_HOST", "open sesame"),
    ("env", "STORAGE_PATHS", r#"{"root": "sesame"}"#),
    ("env", "PUBLISHERS", r#"{"type": "sesame"}"#),
    ("env", "EMAIL_SERVER", r#"{"sender": "sesame"}"#),
    ("env", "OPENAI_SETTINGS", r#"{"vision_detail": "sesame"}"#),
    (
        "env",
        "CAPTIONFILE_SETTINGS",
        r#"{"artist_alias": ["sesame"]}"#,
    ),
    (
        "env",
        "CONFIRMATION_SETTINGS",
        r#"{"confirmation_to_sender": "sesame"}"#,
    ),
    ("env", "ADMIN_LOGIN_EMAILS", "jane@example.org, sesame"),
    ("env", "CONTENT_SETTINGS", r#"{"archive": "sesame"}"#),
    ("env", "CONTENT_SETTINGS", r#"{"strip_metadata": "sesame"}"#),
    (
        "env",
        "PLATFORM_CAPTIONS",
        r#"{"telegram": {"max_length": "sesame"}}"#,
    ),
    ("env", "STORAGE_PROVIDER", "sesame"),
    ("env", "FEATURE_VOICE_MATCHING", "sesame"),
    ("env", "FEATURE_PUBLISH", "sesame"),
    ("env", "FEATURE_ANALYZE_CAPTION", "sesame"),
    ("env", "FEATURE_ALT_TEXT", "sesame"),
    ("env", "FEATURE_KEEP_CURATE", "sesame"),
    ("env", "FEATURE_REMOVE_CURATE", "sesame"),
    ("env", "FEATURE_DELETE", "sesame"),
    ("env", "FEATURE_SMART_HASHTAGS", "sesame"),
    ("env", "FEATURE_LIBRARY", "sesame"),
    ("env", "AUTO_VIEW", "sesame"),
    // Secrets, beside what the file of each one can have.
    (
        "any",
        "PUBLISH_LEDGER_URL",
        "mysql://sesame@example.org/ledger",
    ),
    ("any", "WEB_AUTH_TOKEN", "sesamé"),
];

/// The secrets: each can have a bad file, and must not be given twice.
fn secrets() -> Vec<String> {
    let known = names::known();
    let files = known.keys().filter_map(|name| name.strip_suffix("_FILE"));
    let secrets = files.filter(|name| known.contains_key(*name));
    secrets.map(str::to_owned).collect()
}

/// What a setting has an effect beside, where it has none alone.
fn company(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => &[],
        _ if name.starts_with("OTEL_") => {
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")]
        }
        "OIDC_ISSUER_URL" | "AUTH0_DOMAIN" => &[
            ("OIDC_CLIENT_ID", "client"),
            ("OIDC_CLIENT_SECRET", "s3cret"),
        ],
        "OIDC_CLIENT_ID" | "AUTH0_CLIENT_ID" => &[
            ("OIDC_ISSUER_URL", "https://id.example.org"),
            ("OIDC_CLIENT_SECRET", "s3cret"),
        ],
        "OIDC_CLIENT_SECRET" | "AUTH0_CLIENT_SECRET" => &[
            ("OIDC_ISSUER_URL", "https://id.example.org"),
            ("OIDC_CLIENT_ID", "client"),
        ],
        "WEB_ADMIN_COOKIE_EPOCH"
        | "WEB_ADMIN_COOKIE_TTL_SECONDS"
        | "WEB_SECURE_COOKIES"
        | "WEB_SESSION_SECRET" => &[("WEB_ADMIN_PASSWORD", "pass-phrase")],
        "TELEGRAM_BOT_TOKEN" => &[("PUBLISHERS", r#"[{"type": "telegram", "channel_id": 1}]"#)],
        "EMAIL_SERVER" | "EMAIL_PASSWORD" | "CONFIRMATION_SETTINGS" | "ADMIN_LOGIN_EMAILS" => &[
            ("PUBLISHERS", r#"[{"type": "email", "recipient": "a@b"}]"#),
            ("EMAIL_SERVER", r#"{"sender": "a@b"}"#),
            ("EMAIL_PASSWORD", "password"),
        ],
        name if name.starts_with("MASTODON_") => &[
            ("PUBLISHERS", r#"[{"type": "mastodon"}]"#),
            ("MASTODON_INSTANCE_URL", "https://mastodon.example"),
            ("MASTODON_ACCESS_TOKEN", "token"),
        ],
        name if name.starts_with("BLUESKY_") => &[
            ("PUBLISHERS", r#"[{"type": "bluesky"}]"#),
            ("BLUESKY_HANDLE", "alice.bsky.social"),
            ("BLUESKY_APP_PASSWORD", "password"),
        ],
        "OPENAI_SETTINGS" => &[("OPENAI_API_KEY", "key")],
        name if name.starts_with("R2_") => &[
            ("STORAGE_PROVIDER", "managed"),
            ("STORAGE_PATHS", r#"{"root": "images"}"#),
            ("R2_ACCESS_KEY_ID", "id"),
            ("R2_SECRET_ACCESS_KEY", "key"),
            ("R2_ENDPOINT_URL", "https://bucket.example.org"),
            ("R2_BUCKET_NAME", "images"),
            ("R2_REGION", "auto"),
        ],
        _ => &[],
    }
}

/// Reads what is right for a source, with some of it set otherwise, and says what is wrong with it.
fn told(source: &str, changes: &[(&str, &str)]) -> String {
    told_without("", source, changes)
}

/// The same without one of the settings.
fn told_without(left_out: &str, source: &str, changes: &[(&str, &str)]) -> String {
    let good: &[(&str, &str)] = match source {
        "env" => &[
            ("CONFIG_SOURCE", "env"),
            ("STORAGE_PATHS", r#"{"root": "/images"}"#),
            ("DROPBOX_REFRESH_TOKEN", "refresh"),
        ],
        _ => &[
            ("ORCHESTRATOR_BASE_URL", "https://orchestrator.example.org"),
            ("ORCHESTRATOR_SERVICE_TOKEN", "service-token"),
        ],
    };
    let app = [("DROPBOX_APP_KEY", "key"), ("DROPBOX_APP_SECRET", "secret")];
    let company = changes.first().map_or(&[][..], |(name, _)| {
        company(name.strip_suffix("_FILE").unwrap_or(name))
    });
    let good = good
        .iter()
        .chain(&app)
        .chain(company)
        .filter(|(name, _)| *name != left_out);
    let pairs = good.chain(changes).copied();
    let mut environment = Environment::from_pairs(pairs);
    LogSettings::read(&mut environment, "info");
    let problems = Settings::read(environment).err();
    problems
        .map(|problems| problems.to_string())
        .unwrap_or_default()
}

/// Is there nothing wrong but with this one setting, and is its value not shown?
fn assert_only(name: &str, told: &str) {
    assert!(!told.contains(CANARY), "{told}");
    assert!(!told.is_empty(), "{name} may be as bad as it likes");
    for line in told.lines() {
        let named = line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([':', '.', '[']));
        assert!(named, "{name} should be the only one: {told}");
    }
}

#[test]
fn what_is_right_is_taken() {
    assert_eq!(told("env", &[]), "");
    assert_eq!(told("orchestrator", &[]), "");
}

#[test]
fn a_bad_value_stops_the_start_and_is_named_but_not_shown() {
    for (source, name, value) in BAD_VALUES {
        let sources = match source {
            "any" => &["env", "orchestrator"][..],
            _ => &[source][..],
        };
        for source in sources {
            assert_only(name, &told(source, &[(name, value)]));
        }
    }
}

#[test]
fn a_bad_value_of_another_command_has_no_effect() {
    for (name, value) in OF_OTHER_COMMANDS {
        for source in ["env", "orchestrator"] {
            assert_eq!(told(source, &[(name, value)]), "");
        }
    }
}

#[test]
fn a_secret_must_not_be_given_twice_nor_come_from_a_file_that_is_of_no_use() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = empty.path().to_str().unwrap();
    let secrets = secrets();
    assert!(secrets.len() >= 12, "{secrets:?}");
    for name in &secrets {
        let file = format!("{name}_FILE");
        let of_platforms = Platform::ALL.map(|it| platforms::spec(it).provider.fields());
        let source = match name.as_str() {
            "DROPBOX_REFRESH_TOKEN" | "OPENAI_API_KEY" => "env",
            name if name.starts_with("R2_") => "env",
            name if of_platforms
                .iter()
                .copied()
                .flatten()
                .any(|it| it.variable == name) =>
            {
                "env"
            }
            _ => "orchestrator",
        };
        for path in ["/nowhere/sesame", empty] {
            assert_only(&file, &told_without(name, source, &[(&file, path)]));
        }
        assert_only(
            name,
            &told(source, &[(name, CANARY), (&file, "/nowhere/sesame")]),
        );
    }
}

#[test]
fn no_setting_is_left_out() {
    let bad_values = BAD_VALUES.iter().map(|(_, name, _)| *name);
    let of_others = OF_OTHER_COMMANDS.iter().map(|(name, _)| *name);
    let mut tried: BTreeSet<String> = bad_values.chain(of_others).map(str::to_owned).collect();
    for secret in secrets() {
        tried.insert(format!("{secret}_FILE"));
        tried.insert(secret);
    }
    let known: BTreeSet<String> = names::known().into_keys().collect();
    assert_eq!(tried, known);
}
