//! The house rules that the compiler does not keep, read off the source files.
//!
//! One crate does not stop a module from importing any other, so this test does: it takes every
//! path out of the sources, inside macros and nested groups too, works out which room of the
//! house it leads to, and compares that with the directions in `docs/decisions/0001-layers.md`.
//!
//! | file | holds |
//! | --- | --- |
//! | `source.rs` | the files, and which of them are test code |
//! | `tokens.rs` | what a file says: its paths, its panicking calls |
//! | `rules.rs` | what it may say, by room |
//! | `retired.rs` | names that must not come back |
//! | `circles.rs` | files that import each other |
//! | `own_tests.rs` | that each rule finds what breaks it, and nothing else |

#[path = "architecture/circles.rs"]
mod circles;
#[cfg(test)]
#[path = "architecture/own_tests.rs"]
mod own_tests;
#[path = "architecture/retired.rs"]
mod retired;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/tokens.rs"]
mod tokens;

use std::path::Path;

#[test]
fn the_sources_keep_the_rules_of_the_house() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let house = source::House::read(root).unwrap();
    assert!(
        house.files.len() > 50,
        "the sources were not found: {} files",
        house.files.len()
    );
    let violations = rules::violations(&house);
    assert!(
        violations.is_empty(),
        "broken rules: {}\n{}",
        violations.len(),
        violations.join("\n")
    );
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let house = source::House::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let circles = circles::circles(&house);
    let shown: Vec<_> = circles
        .iter()
        .map(|circle| circle.imports.join("\n"))
        .collect();
    assert!(shown.is_empty(), "circles:\n{}", shown.join("\n\n"));
}
