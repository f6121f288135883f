//! Finding a text that a model has wrapped: `{"text": "A knot."}`, a list of candidates, or JSON within a string.

use serde_json::{Map, Value};

use super::{best_in, relaxed::relaxed_object};

/// The deepest nesting that is searched.
const MAX_DEPTH: usize = 6;
/// The most candidates of a list.
const MAX_CANDIDATES: usize = 20;
/// The longest text that is read as JSON, in bytes.
const MAX_JSON: usize = 64 * 1024;

/// The names under which objects have a text, after the requested ones.
const NAMES: [&str; 12] = [
    "caption",
    "text",
    "content",
    "value",
    "description",
    "body",
    "message",
    "captions",
    "candidates",
    "options",
    "variants",
    "alternatives",
];

/// The first text in a value that `read` can use; of an object, the text under one of these names, or else under a usual
/// one. A string that is JSON is read as JSON.
pub(crate) fn text_in<T>(
    value: &Value,
    names: &[&str],
    read: &impl Fn(&str) -> Option<T>,
) -> Option<T> {
    texts_in(value, names, read).into_iter().next()
}

/// All texts in a value that `read` can use: those of a list, which are candidates for one text.
pub(crate) fn texts_in<T>(
    value: &Value,
    names: &[&str],
    read: &impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let mut found = Vec::new();
    find(value, names, read, MAX_DEPTH, &mut found);
    found
}

fn find<T>(
    value: &Value,
    names: &[&str],
    read: &impl Fn(&str) -> Option<T>,
    depth: usize,
    found: &mut Vec<T>,
) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match value {
        Value::String(text) => match inner(text) {
            Inner::Text => found.extend(read(text)),
            Inner::Json(value) => find(&value, names, read, depth, found),
            Inner::Broken => {}
        },
        Value::Array(candidates) => {
            for candidate in candidates.iter().take(MAX_CANDIDATES) {
                find(candidate, names, read, depth, found);
                if found.len() >= MAX_CANDIDATES {
                    break;
                }
            }
        }
        Value::Object(fields) => {
            let before = found.len();
            for name in names.iter().chain(&NAMES) {
                if let Some(value) = field(fields, name) {
                    find(value, names, read, depth, found);
                }
                if found.len() > before {
                    return;
                }
            }
            // Several texts under numbers, or under names that end in one.
            for (name, value) in fields {
                if name.ends_with(|c: char| c.is_ascii_digit()) && found.len() < MAX_CANDIDATES {
                    find(value, names, read, depth, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let other_case = || {
        let mut fields = fields.iter();
        fields.find(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let exact = fields.get(name);
    exact.or_else(|| other_case().map(|(_, value)| value))
}

/// What a string is.
enum Inner {
    Text,
    Json(Value),
    /// JSON that cannot be read.
    Broken,
}

fn inner(text: &str) -> Inner {
    let trimmed = without_fence(text);
    if !trimmed.starts_with(['{', '[']) || !trimmed.ends_with(['}', ']']) {
        return if begins_object(trimmed) {
            Inner::Broken
        } else {
            Inner::Text
        };
    }
    if trimmed.len() > MAX_JSON {
        return Inner::Broken;
    }
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(trimmed) {
        return match &value {
            // "[1]" at the end of a note, or "[]": words would be read as a placeholder.
            Value::Array(items) if items.is_empty() => Inner::Broken,
            _ => Inner::Json(value),
        };
    }
    if !begins_object(trimmed) {
        return Inner::Text;
    }
    let whole = best_in(trimmed, |object| Some((0, object.clone())));
    let relaxed = || Some(relaxed_object(trimmed)?.0);
    match whole.or_else(relaxed) {
        Some(object) => Inner::Json(Value::Object(object)),
        None => Inner::Broken,
    }
}

/// A text without the code fence around it.
fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let Some(fenced) = text.strip_prefix("```") else {
        return text;
    };
    let fenced = fenced.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    fenced.trim_end_matches('`').trim()
}

/// Whether a text begins with a brace and a name, as no sentence does.
fn begins_object(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('{') else {
        return false;
    };
    let rest = rest.trim_start().trim_start_matches('\\');
    let Some(quoted) = rest.strip_prefix(['"', '\'', '“', '‘']) else {
        return false;
    };
    let name = quoted.trim_start_matches(|c: char| c.is_alphanumeric() || "_- ".contains(c));
    let name = name.trim_start_matches('\\');
    let behind = name.strip_prefix(['"', '\'', '”', '’']);
    name.len() < quoted.len() && behind.is_some_and(|it| it.trim_start().starts_with(':'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(value: &Value) -> Option<String> {
        text_in(value, &["telegram"], &|text| {
            Some(text.to_owned()).filter(|text| !text.trim().is_empty())
        })
    }

    #[test]
    fn a_text_is_found_in_what_is_around_it() {
        for value in [
            json!("A knot."),
            json!({ "text": "A knot." }),
            json!({ "Caption": "A knot.", "length": 7 }),
            json!({ "text": "no", "telegram": "A knot." }),
            json!({ "caption": { "text": "A knot." } }),
            json!(["A knot.", "A rope."]),
            json!([{ "text": "" }, { "caption": "A knot." }]),
            json!({ "candidates": ["A knot.", "A rope."] }),
            json!(r#"{"telegram":"A knot."}"#),
            json!("```json\n{\"telegram\": \"A knot.\"}\n```"),
            json!(r#"{"captions":{"telegram":"A knot.","email":"E"}}"#),
            json!(r#"["A knot.", "A rope."]"#),
            json!(r"{'telegram': 'A knot.'}"),
            json!(r#"{"telegram":"{\"telegram\":\"A knot.\"}"}"#),
        ] {
            assert_eq!(found(&value).as_deref(), Some("A knot."), "{value}");
        }
    }

    #[test]
    fn json_without_a_text_is_none() {
        for value in [
            json!(r#"{"name":"publish","arguments":[]}"#),
            json!(r#"{"telegram":"A kn"#),
            json!(r#"{"telegram":7}"#),
            json!("{}"),
            json!("[]"),
            json!("[1, 2]"),
            json!(7),
            json!(null),
            json!({}),
            json!([[[[[[["deep"]]]]]]]),
        ] {
            assert_eq!(found(&value), None, "{value}");
        }
    }

    #[test]
    fn braces_and_brackets_of_a_text_stay() {
        for text in [
            "{A knot}",
            "[Silence.]",
            "[a] and [b]",
            "{soft} light {hard} rope}",
            "\"Hold still,\" she said.",
        ] {
            assert_eq!(found(&json!(text)).as_deref(), Some(text));
        }
    }
}
