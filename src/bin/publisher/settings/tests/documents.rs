//! What is written about the settings, held against what the code asks for.

use std::collections::{BTreeMap, BTreeSet};

use publisher::adapters::env::AskedNames;

use super::*;
use crate::{logging::LogSettings, settings::names};

const GUIDE: &str = include_str!("../../../../../docs/operations.md");
const README: &str = include_str!("../../../../../README.md");
const EXAMPLE: &str = include_str!("../../../../../deploy/publisher.env.example");

/// A row of the tables: what stands under *default* and *what it may be*.
struct Row {
    default: &'static str,
    may_be: &'static str,
}

/// The rows of the guide's tables of settings, by name.
fn rows() -> BTreeMap<&'static str, Row> {
    let (_, section) = GUIDE.split_once("\n## Settings\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", name, default, may_be, _, ""] = cells[..] else {
            panic!("not four cells: {line}")
        };
        let row = Row { default, may_be };
        let twice = rows.insert(name.trim_matches('`'), row);
        assert!(twice.is_none(), "{name} is there twice");
    }
    rows
}

/// What the code asks for, without the names of secrets' files, and which of them are secrets.
fn settings() -> (AskedNames, BTreeSet<String>) {
    let known = names::known();
    let secrets = known.keys().filter_map(|name| name.strip_suffix("_FILE"));
    let secrets = secrets.filter(|name| known.contains_key(*name));
    let secrets: BTreeSet<String> = secrets.map(str::to_owned).collect();
    let is_file = |name: &str| {
        let secret = name.strip_suffix("_FILE");
        secret.is_some_and(|secret| secrets.contains(secret))
    };
    let mut settings = known.clone();
    settings.retain(|name, _| !is_file(name));
    (settings, secrets)
}

/// The lines of the example, those that are commented out too, by name.
fn example() -> BTreeMap<&'static str, &'static str> {
    let lines = EXAMPLE.lines().map(|line| line.trim_start_matches('#'));
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        !name.is_empty()
            && bytes.all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_')
    };
    let pairs = lines.filter_map(|line| line.split_once('='));
    let pairs = pairs.filter(|(name, _)| is_name(name));
    pairs
        .map(|(name, value)| (name, value.trim_matches('\'')))
        .collect()
}

#[test]
fn the_guide_has_every_setting_and_no_other() {
    let (settings, _) = settings();
    let written: Vec<_> = rows().into_keys().collect();
    let asked: Vec<_> = settings.keys().map(String::as_str).collect();
    assert_eq!(written, asked);
}

#[test]
fn the_guide_has_the_defaults_of_the_code_and_says_what_is_secret() {
    let (settings, secrets) = settings();
    let rows = rows();
    for (name, default) in settings {
        let Row {
            default: told,
            may_be,
        } = &rows[name.as_str()];
        if let Some(default) = default {
            assert_eq!(*told, format!("`{default}`"), "{name}");
        }
        let is_secret = may_be.starts_with("secret");
        assert_eq!(is_secret, secrets.contains(&name), "{name}: {may_be}");
    }
}

/// What a value that is no number, no word and no JSON breaks says what the value must be.
#[test]
fn the_guide_says_what_a_value_may_be_as_the_code_says_it() {
    let rows = rows();
    let (mut numbers, mut switches, mut documents) = (0, 0, 0);
    for (name, Row { may_be, .. }) in rows {
        for source in ["env", "orchestrator"] {
            let pairs = [("CONFIG_SOURCE", source), (name, "[sesame")];
            let mut environment = Environment::from_pairs(pairs);
            LogSettings::read(&mut environment, "info");
            let problems = Settings::read(environment).err().unwrap();
            // What has no effect beside the others is only warned of, in the same words.
            let told = problems.as_slice().iter().chain(problems.warnings());
            let told = told.filter(|told| told.name() == name && !told.rule().starts_with("has "));
            let Some(problem) = told.into_iter().next() else {
                continue;
            };
            let rule = problem.rule().trim_end_matches(" (it has no effect now)");
            if let Some(range) = rule.strip_prefix("must be a number from ") {
                assert!(may_be.ends_with(range), "{name}: {may_be}, but {rule}");
                numbers += 1;
            } else if rule.starts_with("must be one of 1, true") {
                assert_eq!(may_be, "switch", "{name}");
                switches += 1;
            } else if rule.starts_with("is no JSON") {
                assert!(may_be.starts_with("JSON"), "{name}: {may_be}");
                documents += 1;
            }
        }
    }
    assert!(numbers > 20 && switches > 10 && documents == 8);
}

#[test]
fn the_example_has_every_setting_with_its_default() {
    let (settings, secrets) = settings();
    let example = example();
    let rows = rows();
    for name in settings.keys() {
        let value = example.get(name.as_str());
        let value = value.unwrap_or_else(|| panic!("{name} is not in the example"));
        if let Some(default) = rows[name.as_str()].default.strip_prefix('`') {
            let (default, _) = default.split_once('`').unwrap();
            let is_default = *value == default || secrets.contains(name);
            assert!(
                is_default,
                "{name} is {value:?} in the example, but {default:?} here"
            );
        }
    }
    let known = names::known();
    for name in example.keys() {
        assert!(
            known.contains_key(*name),
            "{name} of the example is no setting"
        );
    }
}

/// A line without its `#` works, except for values that must be filled in.
#[test]
fn every_line_of_the_example_is_good() {
    let (_, secrets) = settings();
    for source in ["env", "orchestrator"] {
        let example = example().into_iter().filter_map(|(name, value)| {
            let is_secret = secrets.contains(name) && value.is_empty();
            let value = if is_secret {
                // As a pair, it is good as a header, too.
                "0123456789abcdef=0123456789abcdef"
            } else {
                value
            };
            // The other names of settings that must not be given twice.
            let is_twin =
                ["AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"].contains(&name);
            let stays = !value.is_empty() && !name.ends_with("_FILE") && !is_twin;
            stays.then_some((name, value))
        });
        let pairs = example.chain([
            ("CONFIG_SOURCE", source),
            ("PUBLISH_LEDGER_URL", "sqlite://l"),
        ]);
        let settings = Settings::read(Environment::from_pairs(pairs));
        let problems = settings.err().map(|problems| problems.to_string());
        assert_eq!(problems, None, "{source}");
    }
}

#[test]
fn the_readme_names_settings_that_there_are() {
    let known = names::known();
    let (_, section) = README.split_once("\n## Configuration\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    let names: Vec<_> = names.collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(known.contains_key(name), "{name}");
    }
}

#[test]
fn the_help_names_settings_that_there_are() {
    let known = names::known();
    let is_name = |word: &str| word.contains('_') && word == word.to_ascii_uppercase();
    let words = crate::SETTINGS_HELP.split([' ', '\n', ',']);
    let names: Vec<_> = words.filter(|word| is_name(word)).collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "NAME_FILE") {
        assert!(known.contains_key(name), "{name}");
    }
}
