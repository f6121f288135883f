//! `content.voice_profile` and `content.voice_profile_tags`: read without ever naming a text.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::{
    config_block::{Block, FieldProblem},
    platform::Platform,
    voice::{MAX_TOKENS, VoiceProfile, VoiceTags},
};

/// How many keys a warning names, and how many characters of each: a config may have any number of them.
const NAMED: (usize, usize) = (10, 40);

/// The profile. One with anything wrong in it is ignored as a whole.
pub(super) fn profile(block: &Block<'_>, warnings: &mut Vec<FieldProblem>) -> VoiceProfile {
    const KEY: &str = "voice_profile";
    let Some(value) = block.field(KEY) else {
        return VoiceProfile::default();
    };
    let texts = value.as_array().map(|texts| texts.iter());
    let texts: Option<Vec<_>> = texts.and_then(|texts| texts.map(Value::as_str).collect());
    let Some(profile) = texts.and_then(|texts| VoiceProfile::new(&texts).ok()) else {
        warnings.push(block.problem(KEY, "must be at most 20 non-empty strings"));
        return VoiceProfile::default();
    };
    let (used, all) = (profile.used().len(), profile.as_slice().len());
    if used < all {
        let rule = format!(
            "{used} of {all} examples are used: more have over {MAX_TOKENS} estimated tokens"
        );
        warnings.push(FieldProblem::advice(block.path_of(KEY), rule));
    }
    profile
}

/// The tags. What is wrong with them is left out, with one warning.
pub(super) fn tags(block: &Block<'_>, warnings: &mut Vec<FieldProblem>) -> VoiceTags {
    const KEY: &str = "voice_profile_tags";
    let mut wrong = Vec::new();
    let mut tags = BTreeMap::new();
    match block.field(KEY) {
        None => {}
        Some(Value::Object(fields)) => {
            for (key, value) in fields {
                let texts = value.as_array().map(|texts| texts.iter());
                let texts = texts.and_then(|it| it.map(Value::as_str).collect());
                let texts: Option<Vec<&str>> = texts;
                match (Platform::from_name(key), texts) {
                    (_, None) if value.is_null() => {}
                    (None, _) => wrong.push(named(key)),
                    (Some(_), None) => wrong.push(format!("{} (no list of strings)", named(key))),
                    (Some(platform), Some(texts)) => {
                        let texts = texts.into_iter().map(|it| it.trim().to_owned());
                        tags.insert(platform, texts.collect());
                    }
                }
            }
        }
        Some(_) => {
            warnings.push(FieldProblem::advice(
                block.path_of(KEY),
                "must be an object of platforms and their examples; ignored",
            ));
        }
    }
    if !wrong.is_empty() {
        let more = wrong.len().saturating_sub(NAMED.0);
        wrong.truncate(NAMED.0);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let rule = format!(
            "has keys that are of no platform, and ignored: {}{more}",
            wrong.join(", ")
        );
        warnings.push(FieldProblem::advice(block.path_of(KEY), rule));
    }
    VoiceTags::new(tags)
}

/// A key as a warning names it.
pub(super) fn named(key: &str) -> String {
    let key: String = key.chars().take(NAMED.1).collect();
    format!("`{}`", key.escape_debug())
}
