mod pasted;
mod people;
mod problems;

use super::*;
use crate::{
    adapters::platforms::spec,
    domain::{
        secret::CredentialsRef,
        tenant::ConfigVersion,
        tenant_config::{TenantSettings, VisionDetail},
    },
};

const MINIMAL: [(&str, &str); 2] = [
    ("STORAGE_PATHS", r#"{"root": "/images"}"#),
    ("DROPBOX_REFRESH_TOKEN", "storage-secret"),
];

const FULL: [(&str, &str); 11] = [
    (
        "STORAGE_PATHS",
        r#"{"root": "/images", "archive": "old", "keep": "/k", "remove": null}"#,
    ),
    (
        "PUBLISHERS",
        r#"[{"type": "telegram", "channel_id": -100},
            {"type": "fetlife", "recipient": "up@example.org", "caption_target": "both"}]"#,
    ),
    ("EMAIL_SERVER", r#"{"sender": "me@example.org"}"#),
    (
        "OPENAI_SETTINGS",
        r#"{"vision_detail": "high", "vision_model": "llava"}"#,
    ),
    ("CAPTIONFILE_SETTINGS", r#"{"artist_alias": "A"}"#),
    ("CONFIRMATION_SETTINGS", r#"{"confirmation_tags_count": 3}"#),
    (
        "CONTENT_SETTINGS",
        r##"{"hashtag_string": "#a", "voice_profile": ["b"]}"##,
    ),
    ("DROPBOX_REFRESH_TOKEN", "storage-secret"),
    ("OPENAI_API_KEY", "ai-secret"),
    ("TELEGRAM_BOT_TOKEN", "123:telegram-secret"),
    ("EMAIL_PASSWORD", "mail-secret"),
];

/// The pairs with some set to another value, or taken out where that is empty.
fn tenant(
    pairs: &[(&'static str, &'static str)],
    changes: &[(&'static str, &'static str)],
) -> Result<StandaloneTenant, Vec<String>> {
    let pairs = pairs.iter().chain(changes).copied();
    let mut environment = Environment::from_pairs(pairs);
    let tenant = StandaloneTenant::from_environment(&mut environment, spec);
    match environment.finish() {
        Ok(()) => Ok(tenant.expect("without problems there is a tenant")),
        Err(problems) => {
            assert!(tenant.is_none(), "{problems}");
            let names = problems.as_slice().iter().map(|p| p.name().to_owned());
            Err(names.collect())
        }
    }
}

async fn settings(tenant: &StandaloneTenant) -> TenantSettings {
    let host = Host::normalize_any("localhost").unwrap();
    let config = tenant.fetch(&host, &request_id()).await.unwrap();
    assert_eq!(config.tenant(), tenant.name());
    config.validate(spec).unwrap().settings().clone()
}

/// What is in effect of a platform that is on: the `config` of its entry.
fn target(settings: &TenantSettings, platform: Platform) -> Value {
    settings.platforms.target(platform).unwrap().config()
}

/// The mail server that is in effect.
fn mail_server(settings: &TenantSettings) -> Value {
    let email = settings.platforms.target(Platform::Email);
    email.unwrap().block().unwrap()
}

fn request_id() -> RequestId {
    RequestId::from_caller("request-1").unwrap()
}

async fn resolve(
    tenant: &StandaloneTenant,
    reference: &CredentialsRef,
    provider: Provider,
) -> Result<Credential, CredentialError> {
    let query = CredentialQuery {
        tenant: tenant.name().clone(),
        config_version: ConfigVersion::new("1"),
        reference: reference.clone(),
        provider,
        request_id: request_id(),
    };
    tenant.resolve(&query).await
}

#[tokio::test]
async fn storage_alone_makes_a_tenant_that_curates() {
    let tenant = tenant(&MINIMAL, &[]).unwrap();
    assert_eq!((tenant.name().as_str(), tenant.host()), ("default", None));
    let settings = settings(&tenant).await;
    assert_eq!(settings.storage.paths.archive.as_str(), "/images/archive");
    assert_eq!(settings.ai, None);
    assert!(Platform::ALL.iter().all(|it| !settings.has(*it)));
    let features = settings.features;
    assert!(features.publish_enabled && features.keep_enabled && features.remove_enabled);
    assert!(features.alt_text_enabled && !features.delete_enabled && !features.auto_view_enabled);
    assert!(!features.analyze_caption_enabled && features.library_enabled);
}

#[tokio::test]
async fn every_block_is_read_from_its_variable() {
    let settings = settings(&tenant(&FULL, &[]).unwrap()).await;
    let paths = &settings.storage.paths;
    assert_eq!(paths.archive.as_str(), "/images/old");
    assert_eq!(
        (paths.keep.as_str(), paths.remove.as_str()),
        ("/k", "/images/reject")
    );
    assert_eq!(target(&settings, Platform::Telegram)["channel_id"], "-100");
    let email = target(&settings, Platform::Email);
    assert_eq!(email["recipient"], "up@example.org");
    assert_eq!(email["caption_target"], "both");
    let server = mail_server(&settings);
    assert_eq!(server["host"], "smtp.gmail.com");
    assert_eq!(server["port"], 587);
    assert_eq!(server["username"], "me@example.org");
    let ai = settings.ai.unwrap();
    assert_eq!(
        (ai.vision_model.as_str(), ai.vision_detail),
        ("llava", VisionDetail::High)
    );
    assert!(settings.features.analyze_caption_enabled);
    assert_eq!(settings.sidecar.artist_alias.as_deref(), Some("A"));
    assert_eq!(settings.confirmation.tags_count, 3);
    assert_eq!(settings.content.hashtag_string, "#a");
    assert_eq!(settings.content.voice_profile.as_slice(), ["b"]);
}

#[tokio::test]
async fn the_mail_server_can_be_another() {
    let server = r#"{"sender": "me@example.org", "smtp_server": "mail.example.org",
                     "smtp_port": 465, "username": "login"}"#;
    let settings = settings(&tenant(&FULL, &[("EMAIL_SERVER", server)]).unwrap()).await;
    let server = mail_server(&settings);
    assert_eq!(server["host"], "mail.example.org");
    assert_eq!(server["port"], 465);
    assert_eq!(server["username"], "login");
}

#[tokio::test]
async fn a_mail_server_on_this_machine_can_do_without_tls() {
    let server = r#"{"sender": "me@example.org", "smtp_server": "localhost", "use_tls": false}"#;
    let settings = settings(&tenant(&FULL, &[("EMAIL_SERVER", server)]).unwrap()).await;
    assert_eq!(mail_server(&settings)["use_tls"], false);
}

#[tokio::test]
async fn an_entry_that_is_switched_off_makes_room_for_another() {
    let entries = r#"[{"type": "telegram", "channel_id": 1, "enabled": false},
                      {"type": "telegram", "channel_id": 2}]"#;
    let settings = settings(&tenant(&FULL, &[("PUBLISHERS", entries)]).unwrap()).await;
    assert_eq!(target(&settings, Platform::Telegram)["channel_id"], "2");
}

#[tokio::test]
async fn flags_switch_features() {
    let flags = [
        ("FEATURE_PUBLISH", "off"),
        ("FEATURE_ANALYZE_CAPTION", "0"),
        ("FEATURE_KEEP_CURATE", "no"),
        ("FEATURE_REMOVE_CURATE", "false"),
        ("FEATURE_DELETE", "on"),
        ("AUTO_VIEW", "1"),
        ("FEATURE_ALT_TEXT", "OFF"),
        ("FEATURE_SMART_HASHTAGS", "off"),
        ("FEATURE_LIBRARY", "off"),
    ];
    let features = settings(&tenant(&FULL, &flags).unwrap()).await.features;
    assert!(!features.publish_enabled && !features.analyze_caption_enabled);
    assert!(!features.keep_enabled && !features.remove_enabled && !features.alt_text_enabled);
    assert!(features.delete_enabled && features.auto_view_enabled && !features.library_enabled);
    assert!(!features.smart_hashtags_enabled);
}

/// What is warned of, the variable and the rule.
fn warnings(changes: &[(&'static str, &'static str)]) -> Vec<String> {
    let mut environment = Environment::from_pairs(FULL.iter().chain(changes).copied());
    let tenant = StandaloneTenant::from_environment(&mut environment, spec);
    assert!(tenant.is_some(), "{:?}", environment.finish());
    let told = environment.warnings().iter().map(ToString::to_string);
    told.filter(|told| !told.starts_with("OPENAI_SETTINGS.vision_model:"))
        .collect()
}

#[tokio::test]
async fn email_is_another_name_of_fetlife_and_an_address_may_have_a_name() {
    let publishers = r#"[{"type": "email", "recipient": "FetLife <up@example.org>"}]"#;
    let server = r#"{"sender": "\"Doe, Jane\" <me@example.org>", "smtp_username": "login"}"#;
    let changes = [("PUBLISHERS", publishers), ("EMAIL_SERVER", server)];
    let read = settings(&tenant(&FULL, &changes).unwrap()).await;
    assert_eq!(
        target(&read, Platform::Email)["recipient"],
        "up@example.org"
    );
    assert_eq!(mail_server(&read)["from_email"], "me@example.org");
    assert_eq!(mail_server(&read)["username"], "login");
    assert_eq!(
        warnings(&changes),
        [
            "EMAIL_SERVER.smtp_username: is taken for `username`: use that name",
            "TELEGRAM_BOT_TOKEN: has no effect: PUBLISHERS has no telegram entry",
        ]
    );
    let both = r#"{"sender": "me@example.org", "smtp_username": "a", "username": "b"}"#;
    let read = settings(&tenant(&FULL, &[("EMAIL_SERVER", both)]).unwrap()).await;
    assert_eq!(mail_server(&read)["username"], "b");
}

#[test]
fn a_field_of_the_credential_is_named_with_its_variable() {
    let publishers = r#"[{"type": "mastodon", "instance_url": "https://mastodon.example"}]"#;
    let changes = [
        ("PUBLISHERS", publishers),
        ("MASTODON_INSTANCE_URL", "https://mastodon.example"),
        ("MASTODON_ACCESS_TOKEN", "a-token-of-an-account"),
    ];
    let rule = "is of the credential, and ignored here: set MASTODON_INSTANCE_URL";
    let told = format!("PUBLISHERS[0].instance_url: {rule}");
    assert!(
        warnings(&changes).contains(&told),
        "{:?}",
        warnings(&changes)
    );
}

#[tokio::test]
async fn what_is_reserved_or_for_later_or_of_no_use_is_a_warning() {
    let reserved = r#"[{"type": "instagram", "user": "x"}, {"type": "telegram", "channel_id": 1}]"#;
    let settings = settings(&tenant(&FULL, &[("PUBLISHERS", reserved)]).unwrap()).await;
    assert_eq!(target(&settings, Platform::Telegram)["channel_id"], "1");
    for (changes, told) in [
        (
            &[("PUBLISHERS", reserved)][..],
            &[
                "PUBLISHERS[0].type: is reserved, and ignored until it is served",
                "EMAIL_PASSWORD: has no effect: PUBLISHERS has no email entry",
                "EMAIL_SERVER: has no effect: PUBLISHERS has no email entry",
            ][..],
        ),
        (
            &[("OPENAI_API_KEY", " ")],
            &["OPENAI_SETTINGS: has no effect without OPENAI_API_KEY"],
        ),
        (
            &[(
                "CONTENT_SETTINGS",
                r#"{"voice_profile": ["a"], "voice_profile_tags": {"email": ["a"], "fax": ["a"]}}"#,
            )],
            &[
                "CONTENT_SETTINGS.voice_profile_tags: has keys that are of no platform, and ignored: `fax`",
            ],
        ),
        (&[("STORAGE_PROVIDER", "dropbox")], &[]),
    ] {
        assert_eq!(warnings(changes), told);
    }
    let mut environment = Environment::from_pairs(FULL);
    assert!(StandaloneTenant::from_environment(&mut environment, spec).is_some());
    let family = "OPENAI_SETTINGS.vision_model: is of no model family";
    let told = environment.warnings().iter().map(ToString::to_string);
    assert!(told.into_iter().any(|told| told.starts_with(family)));
}

#[tokio::test]
async fn voice_matching_is_on_where_there_is_a_profile_unless_it_is_switched_off() {
    for (flag, on) in [("", true), ("on", true), ("off", false)] {
        let tenant = tenant(&FULL, &[("FEATURE_VOICE_MATCHING", flag)]).unwrap();
        let settings = settings(&tenant).await;
        let is_on = settings.matches_voice(settings.voice_profile(None));
        assert_eq!(is_on, on, "{flag:?}");
    }
}

#[test]
fn the_host_is_normalized_and_names_the_tenant() {
    for (host, normalized, name) in [
        ("Alice.Example.org:8080", "alice.example.org", "alice"),
        ("localhost", "localhost", "localhost"),
        ("127.0.0.1:8080", "127.0.0.1", "default"),
        ("[::1]:8080", "::1", "default"),
    ] {
        let tenant = tenant(&MINIMAL, &[("STANDALONE_HOST", host)]).unwrap();
        assert_eq!(tenant.host().unwrap().as_str(), normalized);
        assert_eq!(tenant.name().as_str(), name);
    }
}

#[tokio::test]
async fn each_reference_of_the_config_resolves_to_its_secret() {
    let tenant = tenant(&FULL, &[]).unwrap();
    let settings = settings(&tenant).await;
    let of = |platform| {
        let target = settings.platforms.target(platform).unwrap();
        target.credentials_ref().clone()
    };
    let (telegram, email) = (of(Platform::Telegram), of(Platform::Email));
    for (reference, provider, expected) in [
        (
            settings.storage.credentials_ref.unwrap(),
            Provider::DROPBOX,
            "storage-secret",
        ),
        (
            settings.ai.unwrap().credentials_ref.clone(),
            Provider::OPENAI,
            "ai-secret",
        ),
        (
            telegram,
            spec(Platform::Telegram).provider,
            "123:telegram-secret",
        ),
        (email, spec(Platform::Email).provider, "mail-secret"),
    ] {
        let credential = resolve(&tenant, &reference, provider).await.unwrap();
        assert_eq!(credential.provider(), provider);
        assert_eq!(credential.expires_at(), None);
        assert_eq!(exposed(&credential), expected);
    }
}

fn exposed(credential: &Credential) -> String {
    let secret = credential.secrets().next().unwrap();
    secret.expose().to_owned()
}

#[tokio::test]
async fn a_reference_that_is_unknown_unset_or_another_providers_gives_nothing() {
    let tenant = tenant(&MINIMAL, &[]).unwrap();
    let reference = |text| CredentialsRef::new(text).unwrap();
    let unknown = resolve(
        &tenant,
        &reference("env:other"),
        spec(Platform::Email).provider,
    )
    .await;
    assert!(matches!(unknown, Err(CredentialError::NotFound)));
    let unset = resolve(&tenant, &reference("env:openai"), Provider::OPENAI).await;
    assert!(matches!(unset, Err(CredentialError::NotFound)));
    let wrong = resolve(&tenant, &reference("env:dropbox"), Provider::OPENAI).await;
    assert!(matches!(wrong, Err(CredentialError::Malformed(_))));
}

#[test]
fn debug_output_shows_no_secret() {
    let shown = format!(
        "{:?}",
        tenant(&FULL, &[("STANDALONE_HOST", "alice.org")]).unwrap()
    );
    assert!(!shown.contains("-secret"), "{shown}");
}

#[tokio::test]
async fn the_settings_of_a_sandbox_tenant_make_the_same_tenant_as_its_config() {
    let sandbox = publisher_sandbox::Sandbox::start().await.unwrap();
    for demo in sandbox.tenants() {
        let pairs = sandbox.standalone_environment(demo);
        let mut environment = Environment::from_pairs(pairs);
        let tenant = StandaloneTenant::from_environment(&mut environment, spec);
        assert_eq!(environment.finish(), Ok(()));
        let tenant = tenant.unwrap();
        assert_eq!(tenant.host().unwrap().as_str(), demo.host);
        assert_eq!(tenant.name().as_str(), demo.name);
        let config = TenantConfig::new(
            tenant.name().clone(),
            ConfigVersion::new("1"),
            ConfigTtl::from_seconds(None),
            SchemaVersion::V2,
            sandbox.orchestrator.tenant(&demo.host).unwrap().config,
        );
        let config = config.validate(spec).unwrap();
        let (here, there) = (settings(&tenant).await, config.settings());
        assert_eq!(here.features, there.features);
        assert_eq!(here.storage.paths, there.storage.paths);
        assert_eq!(here.has(Platform::Telegram), there.has(Platform::Telegram));
        assert_eq!(here.has(Platform::Email), there.has(Platform::Email));
        assert_eq!(here.ai.is_some(), there.ai.is_some());
        assert_eq!(here.sidecar, there.sidecar);
        assert_eq!(here.confirmation, there.confirmation);
        assert_eq!(here.content, there.content);
    }
}
