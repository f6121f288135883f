//! The JSON in a model's answer, wherever it stands: in a code fence, behind prose that has braces
//! of its own, inside of another object, or with what no JSON may have.

use std::{borrow::Cow, iter::from_fn};

use serde_json::{Deserializer, Map, Value};

use crate::domain::model_text::{Answer, without_reasoning};

/// How many places are tried. Each may cost a look at all that follows.
const MAX_TRIES: usize = 32;

/// The JSON objects in an answer, outer ones before those inside of them. What a model wrote down of its
/// reasoning is passed over, unless nobody can tell where that ends.
pub(crate) fn json_objects_in(answer: &str) -> impl Iterator<Item = Map<String, Value>> {
    let Answer { text, is_torn } = without_reasoning(answer);
    let all = is_torn.then(|| objects_of(answer)).into_iter().flatten();
    objects_of(&text).chain(all)
}

fn objects_of(answer: &str) -> impl Iterator<Item = Map<String, Value>> + use<> {
    let answer = mended(answer).into_owned();
    let mut next = 0;
    let mut tries = MAX_TRIES;
    from_fn(move || {
        while tries > 0 {
            let start = next + answer.get(next..)?.find('{')?;
            next = start + 1;
            if !may_begin_object(&answer[next..]) {
                continue;
            }
            tries -= 1;
            let mut values = Deserializer::from_str(&answer[start..]).into_iter();
            if let Some(Ok(Value::Object(object))) = values.next() {
                return Some(object);
            }
        }
        None
    })
}

/// What follows a `{` can be the rest of an object. Most braces of prose fail here, for nothing.
fn may_begin_object(rest: &str) -> bool {
    rest.trim_start().starts_with(['"', '}'])
}

/// The answer without what models write though JSON forbids it: line ends and other control
/// characters as they are, which would have to be escaped inside of a string, and halves of
/// surrogate pairs.
fn mended(answer: &str) -> Cow<'_, str> {
    let spaced = if answer.contains(char::is_control) {
        Cow::from(answer.replace(char::is_control, " "))
    } else {
        Cow::from(answer)
    };
    if spaced.contains("\\u") {
        Cow::from(with_whole_pairs(&spaced))
    } else {
        spaced
    }
}

/// Replaces the escape of each half surrogate pair by that of the replacement character.
fn with_whole_pairs(answer: &str) -> String {
    let mut mended = String::with_capacity(answer.len());
    let mut rest = answer;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let taken = match (unit(escape), unit(escape.get(6..).unwrap_or_default())) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => &escape[..12],
            (Some(0xD800..=0xDFFF), _) => {
                mended.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            (Some(_), _) => &escape[..6],
            // A backslash and what it escapes, which may be another.
            (None, _) => {
                let escaped = escape.chars().nth(1).map_or(0, char::len_utf8);
                &escape[..=escaped]
            }
        };
        mended.push_str(taken);
        rest = &escape[taken.len()..];
    }
    mended.push_str(rest);
    mended
}

/// The UTF-16 unit of the escape that the text begins with.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let all_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| all_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(answer: &str) -> Vec<Value> {
        json_objects_in(answer).map(Value::Object).collect()
    }

    #[test]
    fn outer_objects_come_before_inner_ones_and_prose_is_passed_over() {
        let found = objects(r#"{a} {"b":{"c":1}} } {"d":"{"} {"e":"#);
        let expected = [r#"{"b":{"c":1}}"#, r#"{"c":1}"#, r#"{"d":"{"}"#];
        let expected = expected.map(|it| serde_json::from_str::<Value>(it).unwrap());
        assert_eq!(found, expected);
    }

    #[test]
    fn reasoning_is_passed_over_and_a_torn_one_is_looked_into_last() {
        for answer in [
            r#"<think>{"a":1}</think>{"a":2}"#,
            r#"{"a":1}</think>{"a":2}"#,
            r#"<|channel|>analysis<|message|>{"a":1}<|end|><|channel|>final<|message|>{"a":2}"#,
        ] {
            let first = objects(answer).into_iter().next();
            assert_eq!(first, Some(serde_json::json!({"a": 2})), "{answer}");
        }
        let unended = objects(r#"<think>so it is {"a":1}"#);
        assert_eq!(unended, [serde_json::json!({"a": 1})]);
        assert_eq!(objects(r#"<think>{"a":1}</think>"#), [] as [Value; 0]);
    }

    #[test]
    fn half_pairs_and_bare_control_characters_do_no_harm() {
        for (answer, text) in [
            (r#"{"a":"\ud83e\udea2"}"#, "🪢"),
            (r#"{"a":"x\ud83ey"}"#, "x\u{fffd}y"),
            (r#"{"a":"\udea2\ud83e"}"#, "\u{fffd}\u{fffd}"),
            (r#"{"a":"\ud83e\ud83e\udea2"}"#, "\u{fffd}🪢"),
            (r#"{"a":"\\ud83e \\\ud83e"}"#, "\\ud83e \\\u{fffd}"),
            ("{\"a\":\"x\ny\0z\"}", "x y z"),
            (r#"{"a":"\u0000\n"}"#, "\0\n"),
        ] {
            assert_eq!(
                objects(answer),
                [serde_json::json!({ "a": text })],
                "{answer}"
            );
        }
        for broken in [
            r#"{"a":"\u"#,
            r#"{"a":"\ud8"#,
            r#"{"a":"\ud83e\"#,
            "{\"a\":\"\\é\"}",
            "\\",
        ] {
            assert!(objects(broken).is_empty(), "{broken}");
        }
    }

    #[test]
    fn an_answer_of_a_megabyte_costs_only_so_many_looks() {
        // Quadratic work on these would take hours.
        for unit in [
            "{",
            "{\"",
            "{\"\":[",
            "{\"a\":",
            "{}",
            "{\"a\":1,",
            "\\",
            "\\u",
            "\\ud83e",
        ] {
            let answer = unit.repeat(1_000_000 / unit.len());
            assert!(objects(&answer).len() <= MAX_TRIES, "{unit}");
        }
        let deep = format!("{}{}", "{\"a\":".repeat(200), "}".repeat(200));
        assert!(objects(&deep).is_empty());
    }
}
