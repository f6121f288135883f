//! `platform_captions`: how captions for each platform are to read. Read without ever naming a text: with anything wrong in
//! it, the whole block is dropped, with one warning that names the paths.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::voice::named;
use crate::domain::{
    caption,
    caption_style::{StyleOverride, StyleOverrides},
    config_block::{Block, FieldProblem},
    platform::Platform,
};

const KEY: &str = "platform_captions";
const GENERIC: &str = "generic";
const FIELDS: [&str; 4] = ["style", "guidance", "examples", "max_length"];
/// The longest guidance, in characters.
const MAX_GUIDANCE: usize = 1_000;
/// The most examples.
const MAX_EXAMPLES: usize = 10;
/// How many paths the warning names.
const NAMED: usize = 10;

/// The entries; none where something is wrong.
pub(super) fn read(document: &Block<'_>, warnings: &mut Vec<FieldProblem>) -> StyleOverrides {
    let block = document.child(KEY);
    let mut problems = Vec::new();
    let mut entry = |key: &str| {
        let mut block = block.child(key);
        let style = entry(&mut block);
        problems.extend(block.into_problems());
        style
    };
    let by_platform: BTreeMap<_, _> = Platform::ALL
        .into_iter()
        .filter(|platform| block.field(platform.as_str()).is_some())
        .map(|platform| (platform, entry(platform.as_str())))
        .collect();
    let generic = entry(GENERIC);
    let unknown = unknown_names(&block);
    problems.extend(block.into_problems());
    if problems.is_empty() {
        if !unknown.is_empty() {
            let rule = format!(
                "has names that are not known, and ignored: {}",
                unknown.join(", ")
            );
            warnings.push(FieldProblem::advice(KEY, rule));
        }
        return StyleOverrides {
            by_platform,
            generic,
        };
    }
    let mut paths: Vec<_> = problems.iter().map(FieldProblem::path).collect();
    paths.dedup();
    let more = paths.len().saturating_sub(NAMED);
    paths.truncate(NAMED);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let rule = format!("is ignored as a whole: see {}{more}", paths.join(", "));
    warnings.push(FieldProblem::new(KEY, rule));
    StyleOverrides::default()
}

/// The keys that are of no platform, and those of entries that no entry has, as a warning names them.
fn unknown_names(block: &Block<'_>) -> Vec<String> {
    let mut unknown = Vec::new();
    for (key, entry) in block.fields() {
        if key != GENERIC && Platform::from_name(key).is_none() {
            unknown.push(named(key));
        } else if let Value::Object(fields) = entry {
            let of_entry = fields
                .keys()
                .filter(|field| !FIELDS.contains(&field.as_str()));
            unknown.extend(of_entry.map(|field| named(&format!("{key}.{field}"))));
        }
    }
    unknown.truncate(NAMED);
    unknown
}

fn entry(block: &mut Block<'_>) -> StyleOverride {
    let owned = |text: &str| text.trim().to_owned();
    // An empty one is wanted instead of the built-in one.
    let style = block.string("style").map(owned);
    let guidance = block.string("guidance").map(owned);
    if guidance
        .as_ref()
        .is_some_and(|text| text.chars().count() > MAX_GUIDANCE)
    {
        block.reject("guidance", "must have at most 1000 characters");
    }
    StyleOverride {
        style,
        guidance,
        examples: examples(block),
        max_length: max_length(block),
    }
}

fn examples(block: &mut Block<'_>) -> Option<Vec<String>> {
    let value = block.field("examples")?;
    let texts = value.as_array().map(|texts| texts.iter());
    let texts: Option<Vec<&str>> = texts.and_then(|texts| texts.map(Value::as_str).collect());
    let texts = texts.filter(|texts| texts.len() <= MAX_EXAMPLES);
    if texts.is_none() {
        block.reject("examples", "must be at most 10 strings");
    }
    let said = texts?.into_iter().filter(|text| !caption::is_blank(text));
    Some(said.map(|text| text.trim().to_owned()).collect())
}

fn max_length(block: &mut Block<'_>) -> Option<usize> {
    block.field("max_length")?;
    let length = block.integer("max_length", 1);
    if length < 1 {
        block.reject("max_length", "must be at least 1");
    }
    usize::try_from(length).ok()
}

/// The block that says the same; `None` where there is nothing to say.
pub(super) fn document(styles: &StyleOverrides) -> Option<Value> {
    let StyleOverrides {
        by_platform,
        generic,
    } = styles;
    let entries = by_platform
        .iter()
        .map(|(platform, it)| (platform.as_str(), it));
    let generic = (*generic != StyleOverride::default()).then_some((GENERIC, generic));
    let entry = |(key, style): (&str, &StyleOverride)| {
        let StyleOverride {
            style,
            guidance,
            examples,
            max_length,
        } = style;
        let entry = json!({
            "style": style, "guidance": guidance, "examples": examples, "max_length": max_length,
        });
        (key.to_owned(), entry)
    };
    let block: Map<_, _> = entries.chain(generic).map(entry).collect();
    (!block.is_empty()).then(|| block.into())
}
