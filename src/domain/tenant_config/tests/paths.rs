//! The folders of storage of every kind, and which kinds a source may name.

use proptest::prelude::*;

use super::*;
use crate::domain::storage::{AllowedStorage, RootPath, StorageKind};

/// Root and archive of a tenant of this kind, or the fields that are wrong.
fn folders(kind: StorageKind, root: &str, archive: &Value) -> Result<[String; 2], Vec<String>> {
    let mut document = with("/storage/provider", json!(kind.as_str()));
    set(&mut document, "/storage/paths/root", json!(root));
    set(&mut document, "/storage/paths/archive", archive.clone());
    let paths = of(document, AllowedStorage::Any)?.storage.paths;
    Ok([paths.root, paths.archive].map(|path| path.as_str().to_owned()))
}

fn of(document: Value, allowed: AllowedStorage) -> Result<TenantSettings, Vec<String>> {
    let config = TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    );
    match config.allowing(allowed).validate(platforms::spec) {
        Ok(config) => Ok(config.settings().clone()),
        Err(violations) => {
            let fields = violations.fields().iter();
            Err(fields.map(|it| it.path().to_owned()).collect())
        }
    }
}

fn kinds(root_path: RootPath) -> impl Iterator<Item = StorageKind> {
    let all = StorageKind::ALL.iter().copied();
    all.filter(move |kind| kind.root_path() == root_path)
}

#[test]
fn a_prefix_has_no_slashes_around_it_and_folders_that_begin_with_it_are_taken_as_they_are() {
    for kind in kinds(RootPath::Prefix) {
        for (root, archive, expected) in [
            ("acme/summer", json!(null), "/acme/summer/archive"),
            ("/acme/summer/", json!(" "), "/acme/summer/archive"),
            ("acme/summer", json!("old"), "/acme/summer/old"),
            ("acme/summer", json!("acme/summer/old"), "/acme/summer/old"),
            (
                "acme/summer/",
                json!("acme/summer/old/"),
                "/acme/summer/old",
            ),
            ("acme/summer", json!("/elsewhere"), "/elsewhere"),
            (
                "acme/summer",
                json!("acme/summer2"),
                "/acme/summer/acme/summer2",
            ),
            ("acme/summer", json!("acme"), "/acme/summer/acme"),
        ] {
            let found = folders(kind, root, &archive);
            let expected = ["/acme/summer", expected].map(str::to_owned);
            assert_eq!(found, Ok(expected), "{kind} {root:?} {archive}");
        }
    }
}

#[test]
fn roots_and_folders_that_break_a_rule_are_the_tenants_mistake() {
    const ROOT: &str = "storage.paths.root";
    const ARCHIVE: &str = "storage.paths.archive";
    for kind in StorageKind::ALL.iter().copied() {
        let good = match kind.root_path() {
            RootPath::LeadingSlash => "/acme",
            RootPath::Prefix => "acme",
        };
        for (root, archive, wrong) in [
            ("/acme/../x", json!("a"), ROOT),
            ("/acme//x", json!("a"), ROOT),
            ("/..", json!("a"), ROOT),
            (" ", json!("a"), ROOT),
            (good, json!("../x"), ARCHIVE),
            (good, json!("a/../../x"), ARCHIVE),
            (good, json!("a//b"), ARCHIVE),
            (good, json!("/acme/.."), ARCHIVE),
            (good, json!("/acme"), ARCHIVE),
            (good, json!("."), ARCHIVE),
            (good, json!("/acme/."), ARCHIVE),
        ] {
            let found = folders(kind, root, &archive);
            assert_eq!(
                found,
                Err(vec![wrong.to_owned()]),
                "{kind} {root:?} {archive}"
            );
        }
    }
    for kind in kinds(RootPath::LeadingSlash) {
        let found = folders(kind, "acme", &json!(null));
        assert_eq!(found, Err(vec![ROOT.to_owned()]), "{kind}");
    }
}

#[test]
fn only_a_source_that_may_name_any_kind_names_one_without_a_credential() {
    for kind in StorageKind::ALL.iter().copied() {
        let document = with("/storage/provider", json!(kind.as_str()));
        let any = of(document.clone(), AllowedStorage::Any);
        assert_eq!(any.unwrap().storage.kind, kind);
        let found = of(document, AllowedStorage::WithCredential);
        if kind.provider().is_some() {
            assert_eq!(found.unwrap().storage.kind, kind);
        } else {
            let rule = StorageKind::rule(AllowedStorage::WithCredential);
            assert!(!rule.contains(kind.as_str()), "{rule}");
            assert_eq!(found, Err(vec!["storage.provider".to_owned()]));
        }
    }
}

#[test]
fn blanks_before_a_component_that_is_none_leave_no_component_that_is_none() {
    for (path, expected) in [
        ("/. /.", Some("/")),
        ("/a/. /. /", Some("/a")),
        ("/a/./. ", Some("/a")),
        ("/a. /.", Some("/a.")),
        ("/a /. /b", Some("/a /. /b")),
        ("/.. /.", None),
        ("/a/ /.", None),
    ] {
        let found = StoragePath::absolute(path);
        assert_eq!(found.as_ref().map(StoragePath::as_str), expected, "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_the_paths_a_folder_is_absolute_and_leaves_the_root_only_by_a_leading_slash(
        root in "[a. /\\\\]{0,12}",
        archive in "[a. /\\\\]{0,12}",
    ) {
        for kind in StorageKind::ALL.iter().copied() {
            for root in [root.clone(), format!("/{root}")] {
                let Ok([root, found]) = folders(kind, &root, &json!(archive)) else { continue };
                for path in [&root, &found] {
                    let is_plain = |it: &str| !matches!(it, "" | "." | "..") && !it.contains('\\');
                    let below = path.strip_prefix('/');
                    prop_assert!(below.is_some_and(|it| it.is_empty() || it.split('/').all(is_plain)));
                }
                prop_assert_ne!(&root, &found);
                let below = format!("{}/", root.trim_end_matches('/'));
                prop_assert!(archive.trim().starts_with('/') || found.starts_with(&below));
            }
        }
    }
}
