//! The API keeps what the last release promised: clients that were generated from the document in
//! `openapi/released` go on working. `openapi/README.md` has the promise.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

mod compare;
mod mutations;

use std::{fs, path::Path};

use publisher::app::http::spec;
use serde_json::Value;

use self::compare::breaking_changes;

/// A version's numbers.
type Version = [u32; 3];

fn version(text: &str) -> Version {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap());
    let version = [(); 3].map(|()| numbers.next().unwrap());
    assert!(numbers.next().is_none(), "{text}");
    version
}

/// The document of the last release, and its version.
fn last_release() -> (Version, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/released");
    let names = fs::read_dir(&folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let versions = names.map(|name| version(name.strip_suffix(".json").unwrap()));
    let last @ [major, minor, patch] = versions.max().unwrap();
    let file = folder.join(format!("{major}.{minor}.{patch}.json"));
    let text = fs::read_to_string(file).unwrap();
    (last, serde_json::from_str(&text).unwrap())
}

/// Semantic versioning: the first number that is not 0 says whether clients break.
fn may_break(released: Version, current: Version) -> bool {
    let first = released.iter().position(|number| *number != 0);
    let first = first.unwrap_or(released.len() - 1);
    current[..=first] > released[..=first]
}

#[test]
fn clients_of_the_last_release_go_on_working() {
    let (released, old) = last_release();
    let breaks = breaking_changes(&old, &spec::openapi_document());
    let current = version(env!("CARGO_PKG_VERSION"));
    assert!(
        breaks.is_empty() || may_break(released, current),
        "clients of {released:?} would break, and the version is {current:?}:\n{}",
        Vec::from_iter(breaks).join("\n")
    );
}

#[test]
fn only_the_first_number_that_is_not_zero_lets_clients_break() {
    for (released, current, expected) in [
        ("0.1.0", "0.1.0", false),
        ("0.1.0", "0.1.9", false),
        ("0.1.9", "0.2.0", true),
        ("0.9.0", "1.0.0", true),
        ("1.2.0", "1.3.0", false),
        ("1.9.0", "2.0.0", true),
    ] {
        assert_eq!(may_break(version(released), version(current)), expected);
    }
}
