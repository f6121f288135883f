//! How a value stands on its line: as it is, or as a JSON string behind a mark where readers of lines would
//! read another.

use std::borrow::Cow;

use serde_json::Value;

/// In front of a value that is written as JSON, because it has more than one line.
const JSON_MARK: &str = "!json ";

/// A value as it stands in its line: as JSON where readers of lines would read another.
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

/// Whether some reader of lines ends one here, as Python's `splitlines` does.
fn ends_line(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A value out of its line; one that only looks like JSON is what it looks like.
pub(super) fn decoded(value: &str) -> Cow<'_, str> {
    let json = value.strip_prefix(JSON_MARK);
    let text = json.and_then(|json| serde_json::from_str::<String>(json).ok());
    text.map_or(Cow::from(value), Cow::from)
}
