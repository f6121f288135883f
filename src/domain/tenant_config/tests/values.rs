//! Good values, defaults, schema versions and what is tolerated.

use super::*;

#[test]
fn everything_absent_has_the_defaults_of_the_table() {
    let TenantSettings {
        features,
        storage,
        platforms,
        ai,
        sidecar,
        confirmation,
        content,
        people: _, // people.rs
    } = settings(full());
    let expected = Features {
        publish_enabled: true,
        analyze_caption_enabled: true,
        keep_enabled: true,
        remove_enabled: true,
        auto_view_enabled: false,
        delete_enabled: false,
        alt_text_enabled: true,
        voice_matching_enabled: None,
        smart_hashtags_enabled: true,
        library_enabled: true,
        storage_ops_metering_enabled: false,
    };
    assert_eq!(features, expected);
    assert_eq!(
        storage.credentials_ref.as_ref().unwrap().expose(),
        "ref-storage"
    );
    let paths = storage.paths;
    assert_eq!(
        [&paths.root, &paths.archive, &paths.keep, &paths.remove].map(StoragePath::as_str),
        [
            "/images",
            "/images/archive",
            "/images/keep",
            "/images/reject"
        ]
    );
    let telegram = platforms.target(Platform::Telegram).unwrap();
    assert_eq!(telegram.credentials_ref().expose(), "ref-telegram");
    assert_eq!(telegram.config(), json!({"channel_id": "@channel"}));
    let email = platforms.target(Platform::Email).unwrap();
    assert_eq!(
        email.config(),
        json!({
            "recipient": "up@example.org",
            "caption_target": "subject",
            "subject_mode": "normal",
        })
    );
    assert_eq!(
        email.block().unwrap(),
        json!({
            "host": "mail.example.org",
            "port": 587,
            "use_tls": true,
            "username": "me@example.org",
            "from_email": "me@example.org",
            "password_ref": "ref-smtp",
        })
    );
    let ai = ai.unwrap();
    assert_eq!(ai.credentials_ref.expose(), "ref-ai");
    assert_eq!(
        (ai.vision_model.as_str(), ai.caption_model.as_str()),
        ("gpt-4o", "gpt-4o-mini")
    );
    assert_eq!((&ai.system_prompt, &ai.role_prompt), (&None, &None));
    assert_eq!(
        (ai.vision_max_dimension, ai.vision_detail),
        (Some(1024), VisionDetail::Low)
    );
    let fallback = ai.vision_fallback.unwrap();
    assert_eq!(
        (fallback.max_dimension, fallback.detail),
        (Some(2048), VisionDetail::High)
    );
    let sd_caption = ai.sd_caption.clone().unwrap();
    assert!(sd_caption.single_call);
    assert_eq!(sd_caption.model, "gpt-4o-mini");
    assert_eq!(
        (sd_caption.system_prompt, sd_caption.role_prompt),
        (None, None)
    );
    assert_eq!(sidecar, SidecarSettings::default());
    assert_eq!(confirmation, ConfirmationSettings::default());
    assert_eq!(content, ContentSettings::default());
    assert!(confirmation.to_sender && content.archive && !content.debug);
    assert!(content.strip_metadata);
    assert_eq!(confirmation.tags_count, 5);
}

#[test]
fn without_flags_nothing_is_published_or_analysed() {
    let features = settings(with("/features", json!({}))).features;
    assert!(!features.publish_enabled && !features.analyze_caption_enabled);
    assert!(features.keep_enabled && features.remove_enabled && features.alt_text_enabled);
}

#[test]
fn null_is_the_same_as_absent() {
    let mut document = full();
    for pointer in [
        "/features/keep_enabled",
        "/storage/paths/archive",
        "/publishers/0/enabled",
        "/publishers/0/id",
        "/publishers/1/config/caption_target",
        "/publishers/1/config/subject_mode",
        "/email_server/port",
        "/email_server/use_tls",
        "/email_server/username",
        "/ai/vision_model",
        "/ai/system_prompt",
        "/ai/vision_max_dimension",
        "/ai/vision_detail",
        "/ai/vision_fallback_enabled",
        "/captionfile/artist_alias",
        "/confirmation/confirmation_tags_count",
        "/content/voice_profile",
        "/content/strip_metadata",
    ] {
        set(&mut document, pointer, json!(null));
    }
    assert_eq!(settings(document.clone()), settings(full()));
    for block in ["/captionfile", "/confirmation", "/content"] {
        set(&mut document, block, json!(null));
    }
    assert_eq!(settings(document), settings(full()));
    let without = settings(with("/publishers", json!(null)));
    assert_eq!(on_platforms(&without), [false, false]);
}

#[test]
fn unknown_fields_are_tolerated_everywhere() {
    let mut document = full();
    for block in [
        "",
        "/features",
        "/storage",
        "/storage/paths",
        "/publishers/0",
        "/publishers/0/config",
        "/publishers/1/config",
        "/email_server",
        "/ai",
        "/captionfile",
        "/confirmation",
        "/content",
    ] {
        set(
            &mut document,
            &format!("{block}/from_the_future"),
            json!([{"a": 1}]),
        );
    }
    assert_eq!(settings(document), settings(full()));
}

#[test]
fn version_one_has_features_and_storage_only() {
    let mut document = with("/content/debug", json!(true));
    set(
        &mut document,
        "/captionfile/extended_metadata_enabled",
        json!(true),
    );
    set(
        &mut document,
        "/confirmation/confirmation_tags_count",
        json!(9),
    );
    let (settings, warnings) = validate(SchemaVersion::V1, document).unwrap();
    assert_eq!(warnings, [""; 0]);
    assert!(settings.features.publish_enabled);
    assert!(!settings.features.analyze_caption_enabled);
    assert_eq!(on_platforms(&settings), [false, false]);
    assert!(settings.ai.is_none());
    assert_eq!(settings.sidecar, SidecarSettings::default());
    assert_eq!(settings.confirmation, ConfirmationSettings::default());
    assert_eq!(settings.content, ContentSettings::default());
}

#[test]
fn version_one_warns_about_nothing_that_it_does_not_have() {
    let mut document = with("/ai", json!(1));
    set(&mut document, "/publishers", json!(1));
    set(&mut document, "/content", json!(1));
    assert_eq!(validate(SchemaVersion::V1, document).unwrap().1, [""; 0]);
}

#[test]
fn a_version_is_read_as_the_nearest_that_we_know() {
    for (number, expected) in [
        (None, SchemaVersion::V1),
        (Some(i64::MIN), SchemaVersion::V1),
        (Some(0), SchemaVersion::V1),
        (Some(1), SchemaVersion::V1),
        (Some(2), SchemaVersion::V2),
        (Some(3), SchemaVersion::V2),
        (Some(i64::MAX), SchemaVersion::V2),
    ] {
        assert_eq!(SchemaVersion::from_number(number), expected, "{number:?}");
    }
}

#[test]
fn folders_are_under_the_root_unless_they_are_absolute() {
    for (root, folder, expected) in [
        ("/images", "old", "/images/old"),
        ("/images/", "old/", "/images/old"),
        ("/images", "a/b", "/images/a/b"),
        ("/images", "/elsewhere", "/elsewhere"),
        ("/", "old", "/old"),
        ("/a/b", "./c", "/a/b/c"),
    ] {
        for key in ["archive", "keep", "remove"] {
            let mut document = with("/storage/paths/root", json!(root));
            set(
                &mut document,
                &format!("/storage/paths/{key}"),
                json!(folder),
            );
            let paths = settings(document).storage.paths;
            let path = match key {
                "archive" => paths.archive,
                "keep" => paths.keep,
                _ => paths.remove,
            };
            assert_eq!(path.as_str(), expected, "{root} {folder} {key}");
        }
    }
}

#[test]
fn a_channel_is_a_name_or_a_number() {
    for (channel, expected) in [
        (json!("@channel"), "@channel"),
        (json!(" @channel "), "@channel"),
        (json!("-1001234567890"), "-1001234567890"),
        (json!(-1_001_234_567_890_i64), "-1001234567890"),
        (json!(42), "42"),
    ] {
        let document = with("/publishers/0/config/channel_id", channel);
        assert_eq!(
            target(&settings(document), Platform::Telegram)["channel_id"],
            expected
        );
    }
}

#[test]
fn of_each_type_the_first_enabled_entry_counts() {
    let entry = |enabled: Value, channel: &str| {
        json!({"type": "telegram", "enabled": enabled, "credentials_ref": "r",
               "config": {"channel_id": channel}})
    };
    let document = with(
        "/publishers",
        json!([
            entry(json!(false), "@first"),
            {"type": "telegraph", "enabled": false},
            entry(json!(true), "@second"),
            entry(json!(null), "@third"),
        ]),
    );
    assert_eq!(
        target(&settings(document), Platform::Telegram)["channel_id"],
        "@second"
    );
}

#[test]
fn a_disabled_entry_may_be_as_incomplete_as_it_likes() {
    let document = with(
        "/publishers/0",
        json!({"type": "telegram", "enabled": false}),
    );
    assert_eq!(on_platforms(&settings(document)), [false, true]);
}

#[test]
fn words_of_a_choice_are_trimmed_and_of_any_case() {
    for (word, expected) in [
        ("subject", "subject"),
        (" BODY ", "body"),
        ("Both\n", "both"),
    ] {
        let document = with("/publishers/1/config/caption_target", json!(word));
        assert_eq!(
            target(&settings(document), Platform::Email)["caption_target"],
            expected
        );
    }
    for (mode, expected) in [
        ("normal", "normal"),
        ("PRIVATE", "private"),
        (" avatar", "avatar"),
    ] {
        let document = with("/publishers/1/config/subject_mode", json!(mode));
        assert_eq!(
            target(&settings(document), Platform::Email)["subject_mode"],
            expected
        );
    }
    for (detail, expected) in [
        ("low", VisionDetail::Low),
        ("high", VisionDetail::High),
        ("Auto", VisionDetail::Auto),
    ] {
        let document = with("/ai/vision_detail", json!(detail));
        assert_eq!(settings(document).ai.unwrap().vision_detail, expected);
    }
}

#[test]
fn caption_prompts_and_models_serve_the_sd_caption_unless_it_has_its_own() {
    let mut document = with("/ai/caption_model", json!("o3-mini"));
    set(&mut document, "/ai/system_prompt", json!("system"));
    set(&mut document, "/ai/role_prompt", json!("role"));
    let sd_caption = |document| settings(document).ai.unwrap().sd_caption.clone();
    let inherited = sd_caption(document.clone()).unwrap();
    assert_eq!(inherited.model, "o3-mini");
    assert_eq!(inherited.system_prompt.as_deref(), Some("system"));
    assert_eq!(inherited.role_prompt.as_deref(), Some("role"));
    set(&mut document, "/ai/sd_caption_model", json!("o4-mini"));
    set(
        &mut document,
        "/ai/sd_caption_system_prompt",
        json!("sd system"),
    );
    set(
        &mut document,
        "/ai/sd_caption_role_prompt",
        json!("sd role"),
    );
    set(
        &mut document,
        "/ai/sd_caption_single_call_enabled",
        json!(false),
    );
    let own = sd_caption(document.clone()).unwrap();
    assert_eq!(own.model, "o4-mini");
    assert_eq!(own.system_prompt.as_deref(), Some("sd system"));
    assert_eq!(own.role_prompt.as_deref(), Some("sd role"));
    assert!(!own.single_call);
    set(&mut document, "/ai/sd_caption_enabled", json!(false));
    assert!(sd_caption(document).is_none());
}

#[test]
fn zero_sends_the_original_size_and_the_fallback_can_be_off() {
    let mut document = with("/ai/vision_max_dimension", json!(0));
    set(&mut document, "/ai/vision_fallback_max_dimension", json!(0));
    let ai = settings(document.clone()).ai.unwrap();
    assert_eq!(ai.vision_max_dimension, None);
    assert_eq!(ai.vision_fallback.unwrap().max_dimension, None);
    set(&mut document, "/ai/vision_fallback_enabled", json!(false));
    assert!(settings(document).ai.unwrap().vision_fallback.is_none());
}

#[test]
fn the_small_blocks_take_their_values() {
    let mut document = with(
        "/captionfile",
        json!({"extended_metadata_enabled": true, "artist_alias": "A. Artist"}),
    );
    set(
        &mut document,
        "/confirmation",
        json!({"confirmation_to_sender": false, "confirmation_tags_count": -3,
               "confirmation_tags_nature": "short words"}),
    );
    let examples: Vec<_> = (0..20).map(|number| format!("example {number}")).collect();
    set(
        &mut document,
        "/content",
        json!({"hashtag_string": " #a #b ", "archive": false, "debug": true,
               "voice_profile": examples, "strip_metadata": false}),
    );
    let settings = settings(document);
    assert!(settings.sidecar.extended_metadata_enabled);
    assert_eq!(settings.sidecar.artist_alias.as_deref(), Some("A. Artist"));
    assert!(!settings.confirmation.to_sender);
    assert_eq!(settings.confirmation.tags_count, 0);
    assert_eq!(
        settings.confirmation.tags_nature.as_deref(),
        Some("short words")
    );
    assert_eq!(settings.content.hashtag_string, "#a #b");
    assert!(!settings.content.archive && settings.content.debug);
    assert!(!settings.content.strip_metadata);
    assert_eq!(settings.content.voice_profile.as_slice().len(), 20);
}
