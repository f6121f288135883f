//! Rows whose breach turns a feature or a platform off, with a warning, and nothing else.

use super::*;

/// What of the full document is on.
fn on(settings: &TenantSettings) -> (bool, bool, bool) {
    (
        settings.has(Platform::Telegram),
        settings.has(Platform::Email),
        settings.ai.is_some(),
    )
}

const TELEGRAM: (bool, bool, bool) = (false, true, true);
const EMAIL: (bool, bool, bool) = (true, false, true);
const AI: (bool, bool, bool) = (true, true, false);

/// Each of the values turns off what its field belongs to, with a warning that names the field,
/// and nothing else.
fn assert_off<const N: usize>(off: (bool, bool, bool), block: &str, rows: [(&str, Value); N]) {
    let pointer = format!("/{}", block.replace(['[', '.'], "/").replace(']', ""));
    for (field, values) in rows {
        for value in values.as_array().unwrap() {
            let document = with(&format!("{pointer}/{field}"), value.clone());
            let row = format!("{block}.{field} {value}");
            let (settings, warnings) = validate(SchemaVersion::V2, document).unwrap();
            assert_eq!(on(&settings), off, "{row}");
            assert!(
                warnings.contains(&format!("{block}.{field}")),
                "{row}: {warnings:?}"
            );
            assert_eq!(
                settings.features.analyze_caption_enabled,
                off != AI,
                "{row}"
            );
            assert!(settings.features.publish_enabled, "{row}");
        }
    }
}

#[test]
fn a_bad_field_of_telegram_turns_telegram_off() {
    let rows = [
        ("credentials_ref", json!([null, "", " ", 1])),
        ("enabled", json!(["yes", 1])),
        ("id", json!([1])),
        ("config", json!(["@channel"])),
    ];
    assert_off(TELEGRAM, "publishers[0]", rows);
    let rows = [(
        "channel_id",
        json!([null, "", " ", 1.5, true, ["@channel"]]),
    )];
    assert_off(TELEGRAM, "publishers[0].config", rows);
}

#[test]
fn a_bad_field_of_fetlife_or_its_mail_server_turns_the_mail_off() {
    let rows = [
        ("enabled", json!(["yes"])),
        ("id", json!([1])),
        ("credentials_ref", json!([1])),
        ("config", json!([1])),
    ];
    assert_off(EMAIL, "publishers[1]", rows);
    let recipients = json!([
        null,
        1,
        "nobody",
        "@example.org",
        "a@b\r\nBcc: c@d",
        "a@b,c@d",
        "A <a@b>, C <c@d>",
        "A <a b>",
    ]);
    let rows = [
        ("recipient", recipients),
        ("caption_target", json!(["footer", "", 1])),
        ("subject_mode", json!(["public", []])),
    ];
    assert_off(EMAIL, "publishers[1].config", rows);
    let rows = [
        ("host", json!([null, "", 1])),
        ("from_email", json!([null, "me", 1])),
        ("port", json!([0, 65_536, -1, "587", 587.5])),
        ("use_tls", json!([false, "yes"])),
        ("username", json!([1])),
        ("password_ref", json!([null, "", 1])),
    ];
    assert_off(EMAIL, "email_server", rows);
}

#[test]
fn a_bad_field_of_ai_turns_analysis_off() {
    let rows = [
        ("credentials_ref", json!([1])),
        ("vision_model", json!([4])),
        ("caption_model", json!([{}])),
        ("system_prompt", json!([1])),
        ("role_prompt", json!([1])),
        ("sd_caption_enabled", json!(["no"])),
        ("sd_caption_single_call_enabled", json!([0])),
        ("sd_caption_model", json!([0])),
        ("sd_caption_system_prompt", json!([0])),
        ("sd_caption_role_prompt", json!([0])),
        (
            "vision_max_dimension",
            json!([-1, "1024", 1_u64 << 40, u64::MAX]),
        ),
        ("vision_detail", json!(["medium", 1])),
        ("vision_fallback_enabled", json!(["x"])),
        ("vision_fallback_max_dimension", json!([2.5])),
        ("vision_fallback_detail", json!(["best"])),
    ];
    assert_off(AI, "ai", rows);
}

#[test]
fn a_block_that_is_missing_or_no_object_turns_only_its_own_off() {
    let (settings, warnings) = validate(SchemaVersion::V2, without("/email_server")).unwrap();
    assert_eq!(on(&settings), EMAIL);
    assert!(warnings.iter().all(|path| path.starts_with("email_server")));
    assert!(!warnings.is_empty());
    for (block, off) in [("/email_server", EMAIL), ("/ai", AI)] {
        let (settings, warnings) = validate(SchemaVersion::V2, with(block, json!([]))).unwrap();
        assert_eq!(on(&settings), off);
        assert!(
            warnings.iter().any(|path| *path == block[1..]),
            "{warnings:?}"
        );
    }
}

#[test]
fn no_reference_for_ai_is_no_mistake_but_turns_analysis_off_in_spite_of_its_flag() {
    for document in [
        without("/ai"),
        with("/ai", json!(null)),
        without("/ai/credentials_ref"),
        with("/ai/credentials_ref", json!(null)),
        with("/ai/credentials_ref", json!("")),
    ] {
        let settings = settings(document.clone());
        assert!(settings.ai.is_none(), "{document}");
        assert!(!settings.features.analyze_caption_enabled, "{document}");
    }
}

#[test]
fn analysis_and_publishing_are_off_without_their_flags() {
    let analysis = settings(without("/features/analyze_caption_enabled"));
    assert_eq!(on(&analysis), AI);
    let publishing = settings(without("/features/publish_enabled"));
    assert_eq!(on(&publishing), (false, false, true));
}

#[test]
fn publishers_that_are_no_array_turn_all_platforms_off() {
    let document = with("/publishers", json!({"type": "telegram"}));
    let (settings, warnings) = validate(SchemaVersion::V2, document).unwrap();
    assert_eq!(on(&settings), (false, false, true));
    assert_eq!(warnings, ["publishers"]);
}

#[test]
fn an_entry_of_another_type_and_one_that_is_no_entry_are_ignored_with_a_warning() {
    let mut document = full();
    for entry in [
        json!({"type": "instagram", "enabled": true}),
        json!({"type": "friendster", "config": {}}),
        json!({"type": "Telegram"}),
        json!("telegram"),
        json!({"type": 5}),
        json!(null),
    ] {
        set(&mut document, "/publishers/0", entry);
        let (settings, warnings) = validate(SchemaVersion::V2, document.clone()).unwrap();
        assert_eq!(on(&settings), TELEGRAM);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("publishers[0]"), "{warnings:?}");
    }
}

#[test]
fn a_bad_small_block_falls_back_to_its_defaults() {
    for (pointer, path) in [
        ("/captionfile", "captionfile"),
        (
            "/captionfile/extended_metadata_enabled",
            "captionfile.extended_metadata_enabled",
        ),
        ("/captionfile/artist_alias", "captionfile.artist_alias"),
        ("/confirmation", "confirmation"),
        (
            "/confirmation/confirmation_to_sender",
            "confirmation.confirmation_to_sender",
        ),
        (
            "/confirmation/confirmation_tags_count",
            "confirmation.confirmation_tags_count",
        ),
        (
            "/confirmation/confirmation_tags_nature",
            "confirmation.confirmation_tags_nature",
        ),
        ("/content", "content"),
        ("/content/hashtag_string", "content.hashtag_string"),
        ("/content/archive", "content.archive"),
    ] {
        let (settings, warnings) = validate(SchemaVersion::V2, with(pointer, json!([1]))).unwrap();
        assert_eq!(warnings, [path]);
        assert_eq!(settings.sidecar, SidecarSettings::default());
        assert_eq!(settings.confirmation, ConfirmationSettings::default());
        assert_eq!(settings.content, ContentSettings::default());
        assert_eq!(on(&settings), (true, true, true));
    }
}

#[test]
fn anything_but_false_for_debug_is_a_dry_run_though_its_block_is_off() {
    for bad in [json!("yes"), json!("false"), json!(1), json!(0), json!([])] {
        let mut document = with("/content/debug", bad.clone());
        set(&mut document, "/content/hashtag_string", json!("#a"));
        set(&mut document, "/content/archive", json!(false));
        let (settings, warnings) = validate(SchemaVersion::V2, document).unwrap();
        assert_eq!(warnings, ["content.debug"], "{bad}");
        let expected = ContentSettings {
            debug: true,
            ..ContentSettings::default()
        };
        assert_eq!(settings.content, expected, "{bad}");
    }
}

#[test]
fn a_dry_run_survives_a_mistake_elsewhere_in_its_block() {
    for (debug, expected) in [
        (json!(true), true),
        (json!(false), false),
        (json!(null), false),
    ] {
        let mut document = with("/content/debug", debug.clone());
        set(&mut document, "/content/archive", json!("no"));
        let (settings, warnings) = validate(SchemaVersion::V2, document).unwrap();
        assert_eq!(warnings, ["content.archive"]);
        assert_eq!(settings.content.debug, expected, "{debug}");
    }
}

#[test]
fn a_bad_voice_profile_is_ignored_without_its_block() {
    let too_many: Vec<_> = (0..21).map(|number| format!("example {number}")).collect();
    for bad in [
        json!("one"),
        json!([""]),
        json!([" "]),
        json!(["a", 1]),
        json!(too_many),
    ] {
        let mut document = with("/content/voice_profile", bad.clone());
        set(&mut document, "/content/hashtag_string", json!("#a"));
        let (settings, warnings) = validate(SchemaVersion::V2, document).unwrap();
        assert_eq!(warnings, ["content.voice_profile"], "{bad}");
        assert!(settings.content.voice_profile.as_slice().is_empty());
        assert_eq!(settings.content.hashtag_string, "#a");
    }
}

#[test]
fn a_model_of_another_family_is_used_with_advice() {
    let config = TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        with("/ai/vision_model", json!("llava")),
    );
    let config = config.validate(platforms::spec).unwrap();
    assert_eq!(config.warnings()[0].path(), "ai.vision_model");
    assert!(config.warnings()[0].is_advice());
    assert_eq!(config.settings().ai.as_ref().unwrap().vision_model, "llava");
}

#[test]
fn several_bad_blocks_are_all_warned_about() {
    let mut document = with("/ai/vision_detail", json!("medium"));
    set(&mut document, "/publishers/0/config/channel_id", json!(""));
    set(&mut document, "/email_server/port", json!(0));
    set(&mut document, "/content/debug", json!("no"));
    let (settings, mut warnings) = validate(SchemaVersion::V2, document).unwrap();
    assert_eq!(on(&settings), (false, false, false));
    warnings.sort();
    assert_eq!(
        warnings,
        [
            "ai.vision_detail",
            "content.debug",
            "email_server.port",
            "publishers[0].config.channel_id",
        ]
    );
}

#[test]
fn fields_that_look_like_secrets_are_dropped_unread_wherever_they_stand() {
    let mut document = with("/ai/api_key", json!("sk-1"));
    set(&mut document, "/access_token", json!({"deep": 1}));
    set(&mut document, "/email_server/Password", json!("p"));
    set(&mut document, "/publishers/0/config/bot_token", json!("t"));
    set(&mut document, "/features/client_secret", json!(true));
    set(
        &mut document,
        "/publishers/0/config/bot_token_ref",
        json!("fine"),
    );
    let (settings, mut warnings) = validate(SchemaVersion::V2, document).unwrap();
    assert_eq!(on(&settings), (true, true, true));
    warnings.sort();
    assert_eq!(
        warnings,
        [
            "access_token",
            "ai.api_key",
            "email_server.Password",
            "features.client_secret",
            "publishers[0].config.bot_token",
        ]
    );
}
