//! A value on its line: as it is, or as a JSON string behind a mark where it could not be read back otherwise.

use std::borrow::Cow;

use serde_json::Value;

/// The mark in front of a value that is written as JSON.
const JSON_MARK: &str = "!json ";

/// A value as it is written on its line.
pub(super) fn encoded(value: &str) -> Cow<'_, str> {
    if !value.contains(ends_line) && decoded(value) == value && value.trim() == value {
        return Cow::from(value);
    }
    let mut line = JSON_MARK.to_owned();
    for c in Value::from(value).to_string().chars() {
        if ends_line(c) {
            let escape = format!("\\u{:04x}", u32::from(c));
            line.push_str(&escape);
        } else {
            line.push(c);
        }
    }
    Cow::from(line)
}

/// Whether any reader of lines ends a line here, as Python's `splitlines` does.
fn ends_line(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A value as it is read from its line; invalid JSON is read as text.
pub(super) fn decoded(value: &str) -> Cow<'_, str> {
    let json = value.strip_prefix(JSON_MARK);
    let text = json.and_then(|json| serde_json::from_str::<String>(json).ok());
    text.map_or(Cow::from(value), Cow::from)
}
