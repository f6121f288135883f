//! What real orchestrators send beside what the table of the contract has first: today's names, fields that have not
//! been chosen, folders that are full paths or blank.

use proptest::prelude::*;

use super::*;

fn email(kind: &str, recipient: &Value) -> Value {
    json!({"type": kind, "credentials_ref": null, "config": {"recipient": recipient}})
}

fn recipient(publishers: Value) -> (Option<String>, Vec<String>) {
    let document = with("/publishers", publishers);
    let (settings, warnings) = validate(SchemaVersion::V2, document).unwrap();
    let on = settings.has(Platform::Email);
    let recipient = || {
        target(&settings, Platform::Email)["recipient"]
            .as_str()
            .map(str::to_owned)
    };
    (on.then(recipient).flatten(), warnings)
}

#[test]
fn email_and_fetlife_are_two_names_of_one_type() {
    for kind in ["email", "fetlife"] {
        let (recipient, warnings) = recipient(json!([email(kind, &json!("up@example.org"))]));
        assert_eq!(recipient.as_deref(), Some("up@example.org"), "{kind}");
        assert_eq!(warnings, [""; 0], "{kind}");
    }
}

#[test]
fn of_entries_under_both_names_the_first_complete_and_enabled_one_counts() {
    let off =
        json!({"type": "email", "enabled": false, "config": {"recipient": "off@example.org"}});
    let good = |kind, name: &str| email(kind, &json!(format!("{name}@example.org")));
    for (entries, expected, warned) in [
        (
            json!([good("email", "a"), good("fetlife", "b")]),
            Some("a@example.org"),
            &[][..],
        ),
        (
            json!([good("fetlife", "a"), good("email", "b")]),
            Some("a@example.org"),
            &[],
        ),
        (
            json!([off, good("fetlife", "b")]),
            Some("b@example.org"),
            &[],
        ),
        (
            json!([email("email", &json!(null)), good("fetlife", "b")]),
            Some("b@example.org"),
            &["publishers[0].config.recipient"],
        ),
        (
            json!([email("fetlife", &json!("nobody")), good("email", "b")]),
            Some("b@example.org"),
            &["publishers[0].config.recipient"],
        ),
        (
            json!([email("email", &json!("")), off, email("fetlife", &json!(1))]),
            None,
            &[
                "publishers[0].config.recipient",
                "publishers[2].config.recipient",
            ],
        ),
    ] {
        let (recipient, warnings) = recipient(entries.clone());
        assert_eq!(recipient.as_deref(), expected, "{entries}");
        assert_eq!(warnings, warned, "{entries}");
    }
}

#[test]
fn an_address_with_a_name_is_taken_wherever_there_is_one() {
    let mut document = with(
        "/publishers/1/config/recipient",
        json!("\"Doe, Jane\" <up@example.org>"),
    );
    set(
        &mut document,
        "/email_server/from_email",
        json!("Jane Doe <me@example.org>\n"),
    );
    assert_eq!(settings(document), settings(full()));
}

#[test]
fn voice_matching_that_nobody_has_chosen_is_on_where_there_is_a_profile() {
    let voice = json!(["example"]);
    for (flag, profile, on) in [
        (json!(null), json!(null), false),
        (json!(null), json!([]), false),
        (json!(null), voice.clone(), true),
        (json!(true), voice.clone(), true),
        (json!(false), voice.clone(), false),
        (json!(true), json!(null), true),
    ] {
        let mut document = with("/features/voice_matching_enabled", flag.clone());
        set(&mut document, "/content/voice_profile", profile.clone());
        let settings = settings(document);
        let profile = settings.voice_profile(None);
        assert_eq!(settings.matches_voice(profile), on, "{flag} {profile:?}");
        // A profile that was stored for the tenant takes the place of the config's.
        let stored = VoiceProfile::new(&["stored"]).unwrap();
        let in_effect = settings.voice_profile(Some(&stored));
        assert_eq!(in_effect.as_slice(), ["stored"]);
        assert_eq!(settings.matches_voice(in_effect), flag != json!(false));
        let cleared = VoiceProfile::default();
        let in_effect = settings.voice_profile(Some(&cleared));
        assert!(in_effect.as_slice().is_empty());
        assert_eq!(settings.matches_voice(in_effect), flag == json!(true));
    }
    let without_flag = settings(with("/content/voice_profile", voice));
    assert_eq!(without_flag.features.voice_matching_enabled, None);
    assert!(without_flag.matches_voice(without_flag.voice_profile(None)));
}

#[test]
fn blocks_and_fields_of_other_versions_are_tolerated() {
    let mut document = full();
    for (pointer, value) in [
        ("/platform_captions", json!(null)),
        ("/features/storage_ops_metering_enabled", json!(null)),
        ("/features/library_enabled", json!(true)),
    ] {
        set(&mut document, pointer, value);
    }
    assert_eq!(settings(document), settings(full()));
}

fn folders(root: &str, archive: Value) -> Result<String, Vec<String>> {
    let mut document = with("/storage/paths/root", json!(root));
    set(&mut document, "/storage/paths/archive", archive);
    let (settings, warnings) = validate(SchemaVersion::V2, document)?;
    assert_eq!(warnings, [""; 0]);
    Ok(settings.storage.paths.archive.as_str().to_owned())
}

#[test]
fn a_folder_that_is_blank_is_the_default_and_one_that_is_full_is_taken_as_it_is() {
    for (root, archive, expected) in [
        ("/acme/summer", json!(null), "/acme/summer/archive"),
        ("/acme/summer", json!(""), "/acme/summer/archive"),
        ("/acme/summer", json!(" \n"), "/acme/summer/archive"),
        ("/acme/summer", json!("old"), "/acme/summer/old"),
        ("/acme/summer", json!(" old\n"), "/acme/summer/old"),
        (
            "/acme/summer",
            json!("/acme/summer/old"),
            "/acme/summer/old",
        ),
        (
            "/acme/summer/",
            json!("/acme/summer/old/"),
            "/acme/summer/old",
        ),
        ("/acme/summer", json!("/elsewhere"), "/elsewhere"),
        ("/acme/summer", json!("/acme/summer2"), "/acme/summer2"),
        ("/acme/summer", json!("/acme"), "/acme"),
        (
            "/acme/summer",
            json!("acme/summer/old"),
            "/acme/summer/acme/summer/old",
        ),
        (" /acme/summer\n", json!("old"), "/acme/summer/old"),
        ("/", json!("/old"), "/old"),
        ("/acme", json!("old /."), "/acme/old"),
        ("/acme", json!("/old /./"), "/old"),
    ] {
        assert_eq!(
            folders(root, archive.clone()).as_deref(),
            Ok(expected),
            "{root:?} {archive}"
        );
    }
}

#[test]
fn folders_that_are_one_or_the_root_are_the_tenants_mistake() {
    for (paths, wrong) in [
        (json!({"archive": "a", "keep": "a"}), &["keep"][..]),
        (json!({"archive": "a", "keep": "/images/a"}), &["keep"]),
        (json!({"archive": "a", "remove": "A/"}), &["remove"]),
        (json!({"keep": "Ärger", "remove": "ärger"}), &["remove"]),
        (json!({"keep": "archive"}), &["keep"]),
        (json!({"archive": "reject"}), &["remove"]),
        (json!({"archive": "keep", "keep": null}), &["keep"]),
        (json!({"archive": "/Images"}), &["archive"]),
        (json!({"archive": "."}), &["archive"]),
        (
            json!({"archive": "x", "keep": "x", "remove": "./x"}),
            &["keep", "remove"],
        ),
    ] {
        let mut paths = paths;
        paths["root"] = json!("/images");
        let violations = validate(SchemaVersion::V2, with("/storage/paths", paths.clone()));
        let wrong: Vec<_> = wrong
            .iter()
            .map(|it| format!("storage.paths.{it}"))
            .collect();
        assert_eq!(violations, Err(wrong), "{paths}");
    }
}

proptest! {
    #[test]
    fn a_folder_of_any_text_is_clean_and_another_than_the_root(
        root in "[/a-cA ]{0,10}", archive in "[/.a-cA\\\\ ]{0,10}"
    ) {
        if let Ok(folder) = folders(&root, json!(archive)) {
            let components: Vec<_> = folder.split('/').skip(1).collect();
            prop_assert!(folder.starts_with('/') && folder == folder.trim());
            prop_assert!(folder == "/" || components.iter().all(|it| !["", ".", ".."].contains(it)), "{}", folder);
            let root = root.trim().trim_end_matches('/').to_lowercase();
            prop_assert_ne!(folder.to_lowercase(), root.clone());
            // What was read is read as it is again.
            prop_assert_eq!(folders(&format!("{root}/"), json!(folder.clone())), Ok(folder));
        }
    }
}

#[test]
fn what_is_wrong_tells_whether_storage_is_still_the_same() {
    let config = |document| {
        let config = TenantConfig::new(
            TenantName::new("alice").unwrap(),
            ConfigVersion::new("1"),
            ConfigTtl::from_seconds(None),
            SchemaVersion::V2,
            document,
        );
        config.validate(platforms::spec)
    };
    let served = config(full()).unwrap();
    for (pointer, value, same) in [
        ("/storage/paths/archive", json!("other"), true),
        ("/storage/paths/root", json!("/Images/"), true),
        ("/storage/provider", json!("dropbox"), true),
        ("/storage/paths/root", json!("/other"), false),
        ("/storage/paths/root", json!("other"), false),
        ("/storage/credentials_ref", json!("ref-other"), false),
        ("/storage/credentials_ref", json!(""), false),
        ("/storage/provider", json!("managed"), false),
        ("/storage", json!(null), false),
        ("/storage/paths/keep", json!(".."), false),
    ] {
        let mut document = with("/features/publish_enabled", json!("yes"));
        set(&mut document, pointer, value.clone());
        let violations = config(document).unwrap_err();
        assert_eq!(
            violations.leave_storage_as_in(served.settings()),
            same,
            "{pointer} {value}"
        );
    }
}
