//! Rows that the other tables show only in passing: each flag by itself, each field as `null`,
//! and the ends of ranges.

use super::*;

/// Every field that may be absent, and with it mean its default, in the full document.
const OPTIONAL: [&str; 51] = [
    "/features/keep_enabled",
    "/features/remove_enabled",
    "/features/auto_view_enabled",
    "/features/delete_enabled",
    "/features/alt_text_enabled",
    "/features/voice_matching_enabled",
    "/features/library_enabled",
    "/features/smart_hashtags_enabled",
    "/features/storage_ops_metering_enabled",
    "/storage/paths/archive",
    "/storage/paths/keep",
    "/storage/paths/remove",
    "/publishers/0/id",
    "/publishers/0/enabled",
    "/publishers/1/id",
    "/publishers/1/enabled",
    "/publishers/1/credentials_ref",
    "/publishers/1/config/caption_target",
    "/publishers/1/config/subject_mode",
    "/email_server/port",
    "/email_server/use_tls",
    "/email_server/username",
    "/ai/vision_model",
    "/ai/caption_model",
    "/ai/system_prompt",
    "/ai/role_prompt",
    "/ai/sd_caption_enabled",
    "/ai/sd_caption_single_call_enabled",
    "/ai/sd_caption_model",
    "/ai/sd_caption_system_prompt",
    "/ai/sd_caption_role_prompt",
    "/ai/vision_max_dimension",
    "/ai/vision_detail",
    "/ai/vision_fallback_enabled",
    "/ai/vision_fallback_max_dimension",
    "/ai/vision_fallback_detail",
    "/ai/vision_model_lifecycle",
    "/ai/caption_model_lifecycle",
    "/captionfile",
    "/captionfile/extended_metadata_enabled",
    "/captionfile/artist_alias",
    "/confirmation",
    "/confirmation/confirmation_to_sender",
    "/confirmation/confirmation_tags_count",
    "/confirmation/confirmation_tags_nature",
    "/content",
    "/content/hashtag_string",
    "/content/archive",
    "/content/debug",
    "/content/voice_profile",
    "/content/voice_profile_tags",
];

#[test]
fn each_optional_field_may_be_null() {
    let expected = settings(full());
    for pointer in OPTIONAL {
        assert_eq!(settings(with(pointer, json!(null))), expected, "{pointer}");
    }
}

#[test]
fn each_flag_switches_its_own_feature_and_no_other() {
    let flags = |features: Features| {
        let Features {
            publish_enabled,
            analyze_caption_enabled,
            keep_enabled,
            remove_enabled,
            auto_view_enabled,
            delete_enabled,
            alt_text_enabled,
            voice_matching_enabled,
            smart_hashtags_enabled,
            library_enabled,
            storage_ops_metering_enabled,
        } = features;
        [
            ("publish_enabled", publish_enabled),
            ("analyze_caption_enabled", analyze_caption_enabled),
            ("keep_enabled", keep_enabled),
            ("remove_enabled", remove_enabled),
            ("auto_view_enabled", auto_view_enabled),
            ("delete_enabled", delete_enabled),
            ("alt_text_enabled", alt_text_enabled),
            (
                "voice_matching_enabled",
                voice_matching_enabled == Some(true),
            ),
            ("smart_hashtags_enabled", smart_hashtags_enabled),
            ("library_enabled", library_enabled),
            ("storage_ops_metering_enabled", storage_ops_metering_enabled),
        ]
    };
    let defaults = flags(settings(full()).features);
    for (name, default) in defaults {
        let document = with(&format!("/features/{name}"), json!(!default));
        for (other, on) in flags(settings(document).features) {
            let before = defaults.iter().find(|(flag, _)| *flag == other).unwrap().1;
            assert_eq!(on, before != (other == name), "{name} {other}");
        }
    }
}

#[test]
fn a_folder_is_neither_the_root_itself_nor_a_name_that_storage_would_misread() {
    for folder in [
        ".", "./", "/images", "/images/", "/IMAGES", "a\\b", "a\0b", "a//b", "/a//b", "//a", "a//",
    ] {
        for key in ["archive", "keep", "remove"] {
            let document = with(&format!("/storage/paths/{key}"), json!(folder));
            let violations = validate(SchemaVersion::V2, document).unwrap_err();
            assert_eq!(violations, [format!("storage.paths.{key}")], "{folder:?}");
        }
    }
}

#[test]
fn an_entry_without_a_type_is_ignored_like_one_of_another_type() {
    for entry in [
        json!({}),
        json!({"type": null}),
        json!({"type": "telegraph"}),
    ] {
        let document = with("/publishers/0", entry.clone());
        let (settings, warnings) = validate(SchemaVersion::V2, document).unwrap();
        assert_eq!(warnings, ["publishers[0].type"], "{entry}");
        assert_eq!(on_platforms(&settings), [false, true], "{entry}");
    }
}

#[test]
fn a_bad_first_entry_is_not_made_up_for_by_a_good_second_one() {
    let good = full()["publishers"][0].clone();
    let mut bad = good.clone();
    bad["config"]["channel_id"] = json!("");
    let document = with("/publishers", json!([bad, good]));
    let (settings, warnings) = validate(SchemaVersion::V2, document).unwrap();
    assert_eq!(on_platforms(&settings), [false, false]);
    assert_eq!(warnings, ["publishers[0].config.channel_id"]);
}

#[test]
fn a_reference_of_fetlife_is_of_no_use_and_no_mistake() {
    let document = with("/publishers/1/credentials_ref", json!("ref-unused"));
    assert_eq!(settings(document), settings(full()));
}

#[test]
fn a_mail_server_is_not_looked_at_without_a_platform_that_needs_it() {
    let mut document = with("/email_server", json!({"port": "none"}));
    set(&mut document, "/publishers/1/enabled", json!(false));
    let settings = settings(document);
    assert_eq!(on_platforms(&settings), [true, false]);
}

#[test]
fn a_port_is_any_from_1_to_65535() {
    for port in [1, 25, 65_535] {
        let server = server(&settings(with("/email_server/port", json!(port))));
        assert_eq!(server["port"], port);
    }
}

#[test]
fn a_blank_login_name_is_as_good_as_none() {
    for username in ["", "  "] {
        let document = with("/email_server/username", json!(username));
        let server = server(&settings(document));
        assert_eq!(server["username"], "me@example.org");
    }
}

#[test]
fn models_of_known_families_are_used_without_a_word() {
    for key in ["vision_model", "caption_model", "sd_caption_model"] {
        for model in ["gpt-5", "gpt-4.1-nano", "o1", "o1-pro", "o3", "o4-mini"] {
            let ai = settings(with(&format!("/ai/{key}"), json!(model)))
                .ai
                .unwrap();
            let used = match key {
                "vision_model" => ai.vision_model.clone(),
                "caption_model" => ai.caption_model.clone(),
                _ => ai.sd_caption.clone().unwrap().model,
            };
            assert_eq!(used, model, "{key}");
        }
        let (_, warnings) = validate(
            SchemaVersion::V2,
            with(&format!("/ai/{key}"), json!("llava")),
        )
        .unwrap();
        assert_eq!(warnings, [format!("ai.{key}")]);
    }
}

#[test]
fn dimensions_and_details_of_both_analyses_are_read_apart() {
    let mut document = with("/ai/vision_max_dimension", json!(512));
    set(&mut document, "/ai/vision_detail", json!("high"));
    set(
        &mut document,
        "/ai/vision_fallback_max_dimension",
        json!(4096),
    );
    set(&mut document, "/ai/vision_fallback_detail", json!("auto"));
    let ai = settings(document).ai.unwrap();
    assert_eq!(
        (ai.vision_max_dimension, ai.vision_detail),
        (Some(512), VisionDetail::High)
    );
    let fallback = VisionFallback {
        max_dimension: Some(4096),
        detail: VisionDetail::Auto,
    };
    assert_eq!(ai.vision_fallback, Some(fallback));
}

#[test]
fn a_count_of_tags_is_cut_off_at_both_ends() {
    for (sent, expected) in [
        (json!(i64::MIN), 0),
        (json!(-1), 0),
        (json!(0), 0),
        (json!(7), 7),
        (json!(u64::MAX), u32::MAX),
    ] {
        let document = with("/confirmation/confirmation_tags_count", sent);
        assert_eq!(settings(document).confirmation.tags_count, expected);
    }
}
