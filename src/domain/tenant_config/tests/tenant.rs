//! Rows whose breach means that the tenant cannot be served.

use super::*;

/// The document has one violation, in either version of the schema: the blocks of version 1 have the
/// same rules in both.
fn assert_violation(document: &Value, path: &str) {
    for schema in [SchemaVersion::V2, SchemaVersion::V1] {
        let outcome = validate(schema, document.clone());
        assert_eq!(outcome, Err(vec![path.to_owned()]), "{document}");
    }
}

#[test]
fn a_bad_flag_is_a_violation_that_names_it() {
    for (document, path) in [
        (without("/features"), "features"),
        (with("/features", json!(null)), "features"),
        (with("/features", json!([])), "features"),
        (
            with("/features/publish_enabled", json!("true")),
            "features.publish_enabled",
        ),
        (
            with("/features/analyze_caption_enabled", json!(1)),
            "features.analyze_caption_enabled",
        ),
        (
            with("/features/keep_enabled", json!({})),
            "features.keep_enabled",
        ),
        (
            with("/features/remove_enabled", json!([])),
            "features.remove_enabled",
        ),
        (
            with("/features/auto_view_enabled", json!("no")),
            "features.auto_view_enabled",
        ),
        (
            with("/features/delete_enabled", json!(0)),
            "features.delete_enabled",
        ),
        (
            with("/features/library_enabled", json!("auto")),
            "features.library_enabled",
        ),
        (
            with("/features/voice_matching_enabled", json!("auto")),
            "features.voice_matching_enabled",
        ),
        (
            with("/features/smart_hashtags_enabled", json!(1)),
            "features.smart_hashtags_enabled",
        ),
        (
            with("/features/alt_text_enabled", json!("")),
            "features.alt_text_enabled",
        ),
    ] {
        assert_violation(&document, path);
    }
}

#[test]
fn a_storage_that_cannot_be_used_is_a_violation_that_names_the_field() {
    for (document, path) in [
        (without("/storage"), "storage"),
        (with("/storage", json!(null)), "storage"),
        (with("/storage", json!("dropbox")), "storage"),
        (without("/storage/provider"), "storage.provider"),
        (with("/storage/provider", json!("s3")), "storage.provider"),
        (with("/storage/provider", json!(1)), "storage.provider"),
        (
            without("/storage/credentials_ref"),
            "storage.credentials_ref",
        ),
        (
            with("/storage/credentials_ref", json!("")),
            "storage.credentials_ref",
        ),
        (
            with("/storage/credentials_ref", json!("  ")),
            "storage.credentials_ref",
        ),
        (
            with("/storage/credentials_ref", json!(7)),
            "storage.credentials_ref",
        ),
        (without("/storage/paths"), "storage.paths"),
        (with("/storage/paths", json!("/images")), "storage.paths"),
        (without("/storage/paths/root"), "storage.paths.root"),
        (with("/storage/paths/root", json!(1)), "storage.paths.root"),
        (with("/storage/paths/root", json!("")), "storage.paths.root"),
        (
            with("/storage/paths/root", json!("images")),
            "storage.paths.root",
        ),
        (
            with("/storage/paths/root", json!("/a/../b")),
            "storage.paths.root",
        ),
        (
            with("/storage/paths/root", json!("/..")),
            "storage.paths.root",
        ),
        (
            with("/storage/paths/root", json!("//images")),
            "storage.paths.root",
        ),
        (
            with("/storage/paths/root", json!("/a//b")),
            "storage.paths.root",
        ),
        (
            with("/storage/paths/root", json!("//")),
            "storage.paths.root",
        ),
        (
            with("/storage/paths/archive", json!("../old")),
            "storage.paths.archive",
        ),
        (
            with("/storage/paths/archive", json!(true)),
            "storage.paths.archive",
        ),
        (
            with("/storage/paths/keep", json!("/a/..")),
            "storage.paths.keep",
        ),
        (
            with("/storage/paths/remove", json!("a/../b")),
            "storage.paths.remove",
        ),
    ] {
        assert_violation(&document, path);
    }
}

#[test]
fn a_document_that_is_no_object_lacks_both_required_blocks() {
    for document in [json!(null), json!([]), json!("config"), json!(1), json!({})] {
        let violations = validate(SchemaVersion::V2, document.clone()).unwrap_err();
        assert_eq!(violations, ["features", "storage"], "{document}");
    }
}

#[test]
fn all_violations_are_told_at_once() {
    let mut document = with("/features/publish_enabled", json!("yes"));
    set(&mut document, "/features/keep_enabled", json!(1));
    set(&mut document, "/storage/provider", json!("s3"));
    set(&mut document, "/storage/credentials_ref", json!(""));
    set(&mut document, "/storage/paths/root", json!("images"));
    set(&mut document, "/storage/paths/archive", json!("../a"));
    set(&mut document, "/storage/paths/remove", json!(3));
    assert_eq!(
        validate(SchemaVersion::V2, document).unwrap_err(),
        [
            "features.publish_enabled",
            "features.keep_enabled",
            "storage.provider",
            "storage.credentials_ref",
            "storage.paths.root",
            "storage.paths.archive",
            "storage.paths.remove",
        ]
    );
}

#[test]
fn violations_name_fields_and_rules_but_never_values() {
    let config = TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        with("/storage/paths/root", json!("value-in-question")),
    );
    assert!(!format!("{config:?}").contains("value-in-question"));
    let violations = config.validate(platforms::spec).unwrap_err();
    let shown = format!("{violations} {violations:?}");
    assert!(
        shown.contains("storage.paths.root: must start with `/`"),
        "{shown}"
    );
    assert!(!shown.contains("value-in-question"), "{shown}");
}

#[test]
fn two_dots_inside_a_name_are_no_way_up() {
    let document = with("/storage/paths/root", json!("/a..b/...c"));
    assert_eq!(settings(document).storage.paths.root.as_str(), "/a..b/...c");
}
