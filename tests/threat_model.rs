//! `docs/threat-model.md`, held against the code: a bound or a test that is not there would protect nothing.
#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::{fs, path::Path};

const MODEL: &str = include_str!("../docs/threat-model.md");

/// All Rust below a folder, as one text.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    text
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What stands between backticks.
fn named() -> impl Iterator<Item = &'static str> {
    MODEL.split('`').skip(1).step_by(2)
}

#[test]
fn every_bound_that_is_named_is_in_the_code() {
    let code = sources(&root().join("src"));
    let is_constant = |name: &&str| {
        name.len() > 2
            && name
                .chars()
                .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_')
            && name.contains('_')
    };
    let constants: Vec<_> = named().filter(is_constant).collect();
    assert!(constants.len() > 20, "{constants:?}");
    for constant in constants {
        assert!(code.contains(constant), "{constant} is not in the code");
    }
}

#[test]
fn every_test_on_the_whole_service_that_is_named_is_there() {
    let mut found = 0;
    for cell in MODEL.split("hostile `").skip(1) {
        let name = cell.split('`').next().unwrap();
        let (module, test) = name.split_once("::").unwrap_or((name, ""));
        let file = root().join("tests/hostile").join(format!("{module}.rs"));
        let source = fs::read_to_string(&file).unwrap_or_default();
        let begins = format!("fn {}", test.trim_end_matches('…'));
        assert!(source.contains(&begins), "hostile {name} is not there");
        found += 1;
    }
    assert!(found > 15, "{found}");
}

#[test]
fn every_fuzz_target_that_is_named_is_there() {
    let targets = named().filter_map(|name| name.strip_prefix("fuzz/"));
    for target in targets {
        let file = root().join(format!("fuzz/fuzz_targets/{target}.rs"));
        assert!(file.exists(), "there is no fuzz target {target}");
    }
}
