//! The rows of `platform_captions`.

use super::*;

fn warnings(captions: Value) -> (TenantSettings, Vec<String>) {
    let document = with("/platform_captions", captions);
    let config = TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    );
    let config = config.validate(platforms::spec).unwrap();
    let told = config.warnings().iter().map(ToString::to_string).collect();
    (config.settings().clone(), told)
}

fn limit(settings: &TenantSettings, platform: Platform) -> usize {
    settings.platforms.caption_rules(platform).limit
}

#[test]
fn an_entry_goes_field_by_field_over_the_built_in_one_and_generic_serves_those_without() {
    let built_in = settings(full()).platforms;
    let captions = json!({
        "telegram": { "style": " a postcard ", "examples": ["One.", " "], "max_length": 5_000 },
        "email": { "max_length": 100 },
        "bluesky": { "guidance": "own" },
        "generic": { "guidance": "for all others", "examples": ["G"], "max_length": 90 },
        "instagram": 7,
        "fetlife": { "style": 7 },
        "mastodon": null,
    });
    let (settings, told) = warnings(captions);
    let unknown =
        "platform_captions: has names that are not known, and ignored: `fetlife`, `instagram`";
    assert_eq!(told, [unknown]);
    let platforms = &settings.platforms;
    let telegram = platforms.caption_style(Platform::Telegram);
    let before = built_in.caption_style(Platform::Telegram);
    assert_eq!(telegram.style, "a postcard");
    assert_eq!(telegram.examples, ["One."]);
    assert!(!before.guidance.is_empty() && telegram.guidance == before.guidance);
    // It never cascades into a platform that has an entry, built in or its own.
    let (email, bluesky) = (Platform::Email, Platform::Bluesky);
    assert_eq!(
        platforms.caption_style(email),
        built_in.caption_style(email)
    );
    let bluesky = platforms.caption_style(bluesky);
    assert_eq!((&*bluesky.guidance, bluesky.examples.len()), ("own", 0));
    let mastodon = platforms.caption_style(Platform::Mastodon);
    assert_eq!(mastodon.guidance, "for all others");
    assert_eq!(
        mastodon.style,
        built_in.caption_style(Platform::Mastodon).style
    );
    // The lower limit holds.
    assert_eq!(limit(&settings, Platform::Telegram), 1_024);
    assert_eq!(limit(&settings, email), 100);
    assert_eq!(limit(&settings, Platform::Bluesky), 300);
    assert_eq!(limit(&settings, Platform::Mastodon), 90);
    let limits = settings.captioned_platforms();
    assert_eq!(limits[&email].limit, 100);
}

#[test]
fn with_anything_wrong_the_whole_block_is_dropped_with_one_warning_of_paths() {
    let long = "sesame ".repeat(200);
    let many = vec!["sesame"; 11];
    for (captions, paths) in [
        (json!("sesame"), "platform_captions"),
        (
            json!({ "telegram": "sesame" }),
            "platform_captions.telegram",
        ),
        (
            json!({ "telegram": { "style": 7 }, "email": { "guidance": "sesame" } }),
            "platform_captions.telegram.style",
        ),
        (
            json!({ "generic": { "guidance": long } }),
            "platform_captions.generic.guidance",
        ),
        (
            json!({ "email": { "examples": many } }),
            "platform_captions.email.examples",
        ),
        (
            json!({ "email": { "examples": ["sesame", 7] } }),
            "platform_captions.email.examples",
        ),
        (
            json!({ "email": { "max_length": 0 }, "telegram": { "max_length": "sesame" } }),
            "platform_captions.telegram.max_length, platform_captions.email.max_length",
        ),
    ] {
        let (settings, told) = warnings(captions);
        let expected = format!("platform_captions: is ignored as a whole: see {paths}");
        assert_eq!(told, [expected]);
        assert_eq!(settings, super::settings(full()));
    }
}

#[test]
fn a_name_that_is_misspelt_is_told_and_an_empty_text_is_no_text() {
    let (settings, told) = warnings(json!({
        "telegram": { "styles": "sesame", "style": "a haiku", "guidance": "" },
    }));
    let rule = "has names that are not known, and ignored: `telegram.styles`";
    assert_eq!(told, [format!("platform_captions: {rule}")]);
    let style = settings.platforms.caption_style(Platform::Telegram);
    assert_eq!((&*style.style, &*style.guidance), ("a haiku", ""));
}

#[test]
fn no_text_of_an_entry_is_in_a_log() {
    let entry = json!({ "style": "sesame", "guidance": "sesame", "examples": ["sesame"] });
    let (settings, _) = warnings(json!({ "telegram": entry, "generic": entry }));
    assert!(!format!("{settings:?}").contains("sesame"));
    let style = settings.platforms.caption_style(Platform::Telegram);
    assert!(!format!("{style:?}").contains("sesame"));
}
