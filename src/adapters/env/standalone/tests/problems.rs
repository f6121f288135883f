//! What is wrong with the variables, and how it is told.

use super::*;

/// Variable, value, and what the problem is named.
const BAD_FIELDS: [(&str, &str, &str); 37] = [
    (
        "STORAGE_PATHS",
        r#"{"root": "images"}"#,
        "STORAGE_PATHS.root",
    ),
    (
        "STORAGE_PATHS",
        r#"{"root": "/a", "keep": ".."}"#,
        "STORAGE_PATHS.keep",
    ),
    (
        "STORAGE_PATHS",
        r#"{"root": "/a", "kept": "b"}"#,
        "STORAGE_PATHS.kept",
    ),
    ("STORAGE_PATHS", r#""/images""#, "STORAGE_PATHS"),
    ("STORAGE_PATHS", "{", "STORAGE_PATHS"),
    ("STORAGE_PATHS", "null", "STORAGE_PATHS"),
    ("PUBLISHERS", "{}", "PUBLISHERS"),
    ("PUBLISHERS", "[", "PUBLISHERS"),
    ("PUBLISHERS", "[1]", "PUBLISHERS[0]"),
    ("PUBLISHERS", "[{}]", "PUBLISHERS[0].type"),
    (
        "PUBLISHERS",
        r#"[{"type": "mastodon"}]"#,
        "PUBLISHERS[0].type",
    ),
    (
        "PUBLISHERS",
        r#"[{"type": "telegram"}]"#,
        "PUBLISHERS[0].channel_id",
    ),
    (
        "PUBLISHERS",
        r#"[{"type": "telegram", "channel_id": 1, "chanel": 2}]"#,
        "PUBLISHERS[0].chanel",
    ),
    (
        "PUBLISHERS",
        r#"[{"type": "telegram", "channel_id": 1}, {"type": "telegram", "channel_id": 2}]"#,
        "PUBLISHERS[1].type",
    ),
    (
        "PUBLISHERS",
        r#"[{"type": "telegram", "channel_id": 1}, {"type": "fetlife", "recipient": "x"}]"#,
        "PUBLISHERS[1].recipient",
    ),
    (
        "PUBLISHERS",
        r#"[{"type": "email", "recipient": "a@b"}, {"type": "fetlife", "recipient": "c@d"}]"#,
        "PUBLISHERS[1].type",
    ),
    (
        "STORAGE_PATHS",
        r#"{"root": "/a", "keep": "/A/archive"}"#,
        "STORAGE_PATHS.keep",
    ),
    ("STORAGE_PROVIDER", "managed", "STORAGE_PROVIDER"),
    ("FEATURE_VOICE_MATCHING", "maybe", "FEATURE_VOICE_MATCHING"),
    (
        "EMAIL_SERVER",
        r#"{"sender": "a@b", "smtp_username": 1}"#,
        "EMAIL_SERVER.username",
    ),
    ("EMAIL_SERVER", "{}", "EMAIL_SERVER.sender"),
    (
        "EMAIL_SERVER",
        r#"{"sender": "a@b", "smtp_server": ""}"#,
        "EMAIL_SERVER.smtp_server",
    ),
    (
        "EMAIL_SERVER",
        r#"{"sender": "a@b", "smtp_port": 0}"#,
        "EMAIL_SERVER.smtp_port",
    ),
    (
        "EMAIL_SERVER",
        r#"{"sender": "a@b", "username": 1}"#,
        "EMAIL_SERVER.username",
    ),
    (
        "EMAIL_SERVER",
        r#"{"sender": "a@b", "password": "p"}"#,
        "EMAIL_SERVER.password",
    ),
    ("EMAIL_SERVER", "[]", "EMAIL_SERVER"),
    (
        "OPENAI_SETTINGS",
        r#"{"vision_detail": "x"}"#,
        "OPENAI_SETTINGS.vision_detail",
    ),
    (
        "OPENAI_SETTINGS",
        r#"{"credentials_ref": "x"}"#,
        "OPENAI_SETTINGS.credentials_ref",
    ),
    (
        "OPENAI_SETTINGS",
        r#"{"api_key": "x"}"#,
        "OPENAI_SETTINGS.api_key",
    ),
    ("OPENAI_SETTINGS", "1", "OPENAI_SETTINGS"),
    (
        "CAPTIONFILE_SETTINGS",
        r#"{"artist_alias": 1}"#,
        "CAPTIONFILE_SETTINGS.artist_alias",
    ),
    (
        "CONFIRMATION_SETTINGS",
        r#"{"confirmation_to_sender": "yes"}"#,
        "CONFIRMATION_SETTINGS.confirmation_to_sender",
    ),
    (
        "CONTENT_SETTINGS",
        r#"{"debug": "yes"}"#,
        "CONTENT_SETTINGS.debug",
    ),
    (
        "CONTENT_SETTINGS",
        r#"{"voice_profile": [""]}"#,
        "CONTENT_SETTINGS.voice_profile",
    ),
    (
        "CONTENT_SETTINGS",
        r#"{"archived": true}"#,
        "CONTENT_SETTINGS.archived",
    ),
    ("FEATURE_PUBLISH", "maybe", "FEATURE_PUBLISH"),
    ("AUTO_VIEW", "2", "AUTO_VIEW"),
];

fn problems(
    pairs: &[(&'static str, &'static str)],
    changes: &[(&'static str, &'static str)],
) -> Vec<String> {
    tenant(pairs, changes).expect_err("there are problems")
}

#[test]
fn a_bad_field_is_named_by_its_variable_and_its_name_there() {
    for (variable, value, name) in BAD_FIELDS {
        assert_eq!(
            problems(&FULL, &[(variable, value)]),
            [name],
            "{variable}={value}"
        );
    }
    assert_eq!(
        problems(&MINIMAL, &[("STANDALONE_HOST", "a b")]),
        ["STANDALONE_HOST"]
    );
}

#[test]
fn what_is_missing_is_named_by_its_variable() {
    let mut missing = problems(&[], &[]);
    missing.sort();
    assert_eq!(missing, ["DROPBOX_REFRESH_TOKEN", "STORAGE_PATHS"]);
    for variable in ["EMAIL_SERVER", "TELEGRAM_BOT_TOKEN", "EMAIL_PASSWORD"] {
        assert_eq!(problems(&FULL, &[(variable, "")]), [variable]);
    }
    let file = [
        ("TELEGRAM_BOT_TOKEN", ""),
        ("TELEGRAM_BOT_TOKEN_FILE", "/nonexistent"),
    ];
    assert_eq!(problems(&FULL, &file), ["TELEGRAM_BOT_TOKEN_FILE"]);
}

#[test]
fn settings_of_what_is_off_are_checked_too() {
    for (variable, value, name) in [
        (
            "EMAIL_SERVER",
            r#"{"sender": "a@b", "smtp_port": 0}"#,
            "EMAIL_SERVER.smtp_port",
        ),
        (
            "OPENAI_SETTINGS",
            r#"{"vision_detail": "x"}"#,
            "OPENAI_SETTINGS.vision_detail",
        ),
    ] {
        assert_eq!(problems(&MINIMAL, &[(variable, value)]), [name]);
    }
}

#[test]
fn all_problems_are_told_at_once_and_none_shows_a_value() {
    let pairs = [
        (
            "STORAGE_PATHS",
            r#"{"root": "sesame", "keep": "../sesame"}"#,
        ),
        (
            "PUBLISHERS",
            r#"[{"type": "telegram", "channel_id": ["sesame"]}, {"type": "sesame"}]"#,
        ),
        ("EMAIL_SERVER", r#"{"sender": "sesame"}"#),
        ("OPENAI_SETTINGS", r#"{"vision_detail": "sesame"}"#),
        ("CONTENT_SETTINGS", r#"{"debug": "sesame""#),
        ("FEATURE_DELETE", "sesame"),
        ("STANDALONE_HOST", "open sesame"),
        ("OPENAI_API_KEY_FILE", "/sesame"),
    ];
    let mut environment = Environment::from_pairs(pairs);
    assert!(StandaloneTenant::from_environment(&mut environment).is_none());
    let problems = environment.finish().unwrap_err();
    assert!(
        !format!("{problems}{problems:?}").contains("sesame"),
        "{problems}"
    );
    let mut names: Vec<_> = problems
        .as_slice()
        .iter()
        .map(|p| p.name().to_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "CONTENT_SETTINGS",
            "DROPBOX_REFRESH_TOKEN",
            "EMAIL_SERVER.sender",
            "FEATURE_DELETE",
            "OPENAI_API_KEY_FILE",
            "OPENAI_SETTINGS.vision_detail",
            "PUBLISHERS[0].channel_id",
            "PUBLISHERS[1].type",
            "STANDALONE_HOST",
            "STORAGE_PATHS.keep",
            "STORAGE_PATHS.root",
            "TELEGRAM_BOT_TOKEN",
        ]
    );
}
