//! Problems with the variables, and how they are reported.

use super::*;

/// Variable, value, and what the problem is named.
const BAD_FIELDS: [(&str, &str, &str); 34] = [
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
    ("STORAGE_PATHS", r#""/images""#, "STORAGE_PATHS"),
    ("STORAGE_PATHS", "{", "STORAGE_PATHS"),
    ("STORAGE_PATHS", "null", "STORAGE_PATHS"),
    ("PUBLISHERS", "{}", "PUBLISHERS"),
    ("PUBLISHERS", "[", "PUBLISHERS"),
    ("PUBLISHERS", "[1]", "PUBLISHERS[0]"),
    ("PUBLISHERS", "[{}]", "PUBLISHERS[0].type"),
    (
        "PUBLISHERS",
        r#"[{"type": "telegram"}]"#,
        "PUBLISHERS[0].channel_id",
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
    ("STORAGE_PROVIDER", "floppy", "STORAGE_PROVIDER"),
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
    ("EMAIL_SERVER", "[]", "EMAIL_SERVER"),
    (
        "EMAIL_SERVER",
        r#"{"sender": "a@b", "use_tls": "no"}"#,
        "EMAIL_SERVER.use_tls",
    ),
    (
        "EMAIL_SERVER",
        r#"{"sender": "a@b", "use_tls": false}"#,
        "EMAIL_SERVER.use_tls",
    ),
    (
        "PUBLISHERS",
        r#"[{"type": "telegram", "channel_id": 1, "enabled": "no"}]"#,
        "PUBLISHERS[0].enabled",
    ),
    ("PUBLISHERS", r#"[{"type": 1}]"#, "PUBLISHERS[0].type"),
    (
        "OPENAI_SETTINGS",
        r#"{"vision_detail": "x"}"#,
        "OPENAI_SETTINGS.vision_detail",
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

/// What is warned of beside these settings, which stop nothing.
fn warned(pairs: &[(&str, &str)], changes: &[(&str, &str)]) -> Vec<String> {
    let pairs = pairs.iter().chain(changes).copied();
    let mut environment = Environment::from_pairs(pairs);
    let tenant = StandaloneTenant::from_environment(&mut environment, spec);
    let warnings: Vec<_> = environment
        .warnings()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(environment.finish(), Ok(()), "{changes:?}");
    assert!(tenant.is_some());
    warnings
}

#[test]
fn settings_without_effect_are_checked_too_and_only_warned_of() {
    let bad_server = r#"{"sender": "", "smtp_port": 0}"#;
    for (changes, names) in [
        (
            &[("EMAIL_SERVER", bad_server)][..],
            &[
                "EMAIL_SERVER",
                "EMAIL_SERVER.sender",
                "EMAIL_SERVER.smtp_port",
            ][..],
        ),
        (&[("EMAIL_SERVER", "{")], &["EMAIL_SERVER", "EMAIL_SERVER"]),
        (
            &[("OPENAI_SETTINGS", r#"{"vision_detail": "x"}"#)],
            &["OPENAI_SETTINGS", "OPENAI_SETTINGS.vision_detail"],
        ),
        (
            &[
                ("TELEGRAM_BOT_TOKEN_FILE", "/nowhere"),
                ("EMAIL_PASSWORD", "a"),
                ("EMAIL_PASSWORD_FILE", "b"),
            ],
            &[
                "TELEGRAM_BOT_TOKEN_FILE",
                "EMAIL_PASSWORD",
                "EMAIL_PASSWORD_FILE",
                "TELEGRAM_BOT_TOKEN_FILE",
                "EMAIL_PASSWORD",
            ],
        ),
        (
            &[(
                "CONFIRMATION_SETTINGS",
                r#"{"confirmation_tags_count": "x"}"#,
            )],
            &["CONFIRMATION_SETTINGS.confirmation_tags_count"],
        ),
        (
            &[
                ("FEATURE_PUBLISH", "no"),
                ("PUBLISHERS", r#"[{"type": "email"}]"#),
            ],
            &["EMAIL_PASSWORD", "EMAIL_SERVER", "PUBLISHERS[0].recipient"],
        ),
        (
            &[
                ("FEATURE_ANALYZE_CAPTION", "no"),
                ("OPENAI_API_KEY_FILE", "/nowhere"),
            ],
            &["OPENAI_API_KEY_FILE"],
        ),
    ] {
        let told = warned(&MINIMAL, changes);
        let told: Vec<_> = told
            .iter()
            .map(|told| told.split(": ").next().unwrap_or_default())
            .collect();
        let (mut told, mut names) = (told, names.to_vec());
        told.sort_unstable();
        names.sort_unstable();
        assert_eq!(told, names, "{changes:?}");
    }
}

#[test]
fn what_would_have_an_effect_beside_a_bad_variable_stays_a_problem() {
    let changes = [
        ("PUBLISHERS", "["),
        ("EMAIL_SERVER", r#"{"smtp_port": 0, "sender": "a@b"}"#),
    ];
    assert_eq!(
        problems(&MINIMAL, &changes),
        ["PUBLISHERS", "EMAIL_SERVER.smtp_port"]
    );
    let changes = [("OPENAI_API_KEY_FILE", "/nowhere"), ("OPENAI_API_KEY", "")];
    assert_eq!(problems(&FULL, &changes), ["OPENAI_API_KEY_FILE"]);
}

#[test]
fn nothing_is_said_to_have_no_effect_because_of_a_value_that_cannot_be_read() {
    let warnings = |publishers: &str| {
        let pairs = FULL.into_iter().filter(|(name, _)| *name != "PUBLISHERS");
        let pairs = pairs.chain([("PUBLISHERS", publishers)]);
        let mut environment = Environment::from_pairs(pairs);
        let _ = StandaloneTenant::from_environment(&mut environment, spec);
        let told = environment.warnings().iter().map(ToString::to_string);
        told.filter(|it| it.contains("has no effect")).count()
    };
    for unreadable in ["[", "{}", "[1]", r#"[{"typ": "telegram"}]"#] {
        assert_eq!(warnings(unreadable), 0, "{unreadable}");
    }
    assert_eq!(warnings("[]"), 3);
}

#[test]
fn fields_and_types_that_nobody_knows_are_ignored_with_a_warning_that_names_what_was_meant() {
    for (variable, value, told) in [
        (
            "PUBLISHERS",
            r#"[{"type": "telegram", "channel_id": 1, "id": "sesame", "enabled": true}]"#,
            "PUBLISHERS[0].id: is no field that is known, and ignored",
        ),
        (
            "PUBLISHERS",
            r#"[{"type": "telegram", "channel_id": 1, "chanel": 2}]"#,
            "PUBLISHERS[0].chanel: is no field that is known, and ignored: did you mean `channel_id`?",
        ),
        (
            "PUBLISHERS",
            r#"[{"type": "friendster"}]"#,
            "PUBLISHERS[0].type: is of no platform that is served, and the entry is ignored",
        ),
        (
            "PUBLISHERS",
            r#"[{"type": "Telegramm", "channel_id": 1}]"#,
            "PUBLISHERS[0].type: is of no platform that is served, and the entry is ignored: did you \
             mean `telegram`?",
        ),
        (
            "PUBLISHERS",
            r#"[{"type": "telegram", "enabled": false}]"#,
            "PUBLISHERS[0].enabled: is false: the entry is ignored",
        ),
        (
            "STORAGE_PATHS",
            r#"{"root": "/a", "keeps": "b"}"#,
            "STORAGE_PATHS.keeps: is no field that is known, and ignored: did you mean `keep`?",
        ),
        (
            "EMAIL_SERVER",
            r#"{"sender": "a@b", "password": "sesame"}"#,
            "EMAIL_SERVER.password: is no field that is known, and ignored",
        ),
        (
            "OPENAI_SETTINGS",
            r#"{"credentials_ref": "sesame"}"#,
            "OPENAI_SETTINGS.credentials_ref: is no field that is known, and ignored",
        ),
        (
            "OPENAI_SETTINGS",
            r#"{"api_key": "sesame"}"#,
            "OPENAI_SETTINGS.api_key: is no field that is known, and ignored",
        ),
        (
            "CAPTIONFILE_SETTINGS",
            r#"{"artist": "sesame"}"#,
            "CAPTIONFILE_SETTINGS.artist: is no field that is known, and ignored",
        ),
        (
            "CONFIRMATION_SETTINGS",
            r#"{"confirmation_tag_count": 1}"#,
            "CONFIRMATION_SETTINGS.confirmation_tag_count: is no field that is known, and ignored: did \
             you mean `confirmation_tags_count`?",
        ),
        (
            "CONTENT_SETTINGS",
            r#"{"archived": true}"#,
            "CONTENT_SETTINGS.archived: is no field that is known, and ignored: did you mean `archive`?",
        ),
    ] {
        let warnings = warned(&FULL, &[(variable, value)]);
        assert!(warnings.iter().any(|it| it == told), "{told}: {warnings:?}");
        assert!(!warnings.join("").contains("sesame"), "{warnings:?}");
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
            r#"[{"type": "telegram", "channel_id": ["sesame"]}, {"type": "email", "recipient": "sesame"}]"#,
        ),
        ("EMAIL_SERVER", r#"{"sender": "sesame"}"#),
        ("EMAIL_PASSWORD", "sesame"),
        ("OPENAI_SETTINGS", r#"{"vision_detail": "sesame"}"#),
        ("CONTENT_SETTINGS", r#"{"debug": "sesame""#),
        ("FEATURE_DELETE", "sesame"),
        ("STANDALONE_HOST", "open sesame"),
        ("OPENAI_API_KEY_FILE", "/sesame"),
    ];
    let mut environment = Environment::from_pairs(pairs);
    assert!(StandaloneTenant::from_environment(&mut environment, spec).is_none());
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
            "PUBLISHERS[1].recipient",
            "STANDALONE_HOST",
            "STORAGE_PATHS.keep",
            "STORAGE_PATHS.root",
            "TELEGRAM_BOT_TOKEN",
        ]
    );
}
