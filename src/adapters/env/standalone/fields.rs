//! The fields of a variable that holds JSON.

use serde_json::{Map, Value};

use crate::adapters::env::{Environment, names::nearest};

pub(super) const OPENAI_SETTINGS: &str = "OPENAI_SETTINGS";
pub(super) const CONTENT_SETTINGS: &str = "CONTENT_SETTINGS";

/// The similarity from which a field counts as the one that was meant; 1 means identical.
const ALIKE: f64 = 0.6;

/// The fields of a JSON object.
pub(super) type Fields = Map<String, Value>;

/// Keeps the fields that have an effect. A field that has none never stops the start: it causes a
/// warning, which names the field that may have been meant.
pub(super) fn known_fields(
    environment: &mut Environment,
    place: &str,
    mut fields: Fields,
    known: &[&str],
) -> Fields {
    fields.retain(|name, _| {
        let is_known = known.contains(&name.as_str());
        if !is_known {
            let rule = "is no field that is known, and ignored".to_owned();
            let rule = match meant(name, known) {
                Some(near) => format!("{rule}: did you mean `{near}`?"),
                None => rule,
            };
            environment.warn(format!("{place}.{name}"), rule);
        }
        is_known
    });
    fields
}

/// The known word that may have been meant by another one.
pub(super) fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    nearest(
        &word.trim().to_ascii_lowercase(),
        known.iter().copied(),
        ALIKE,
    )
}
