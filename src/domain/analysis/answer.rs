//! Finding the JSON in a model's answer: in a code fence, behind reasoning, behind prose with braces, inside of another
//! object or of a string, or with syntax errors.

use std::borrow::Cow;

use serde_json::{Deserializer, Map, Value};

use super::relaxed::relaxed_object;
use crate::domain::model_text::{first_mark, without_reasoning};

/// The most places that are tried: each may read the rest of the text.
const MAX_TRIES: usize = 32;

/// The result of `read` for the best object in an answer: the one with the highest rank among those that it can use,
/// and the last of several, because models draft before they answer. Objects inside of a used one are not read.
pub(crate) fn best_in<T>(
    answer: &str,
    read: impl Fn(&Map<String, Value>) -> Option<(usize, T)>,
) -> Option<T> {
    let found = best_in_text(&without_reasoning(answer), &read);
    let found = found.or_else(|| read(&around_first_mark(answer)?));
    Some(found?.1)
}

/// The object that encloses the first mark of reasoning: without the mark, it may be no object. An object that begins
/// behind the mark is not read: it may be a draft in reasoning without an end.
fn around_first_mark(answer: &str) -> Option<Map<String, Value>> {
    let mark = first_mark(answer)?;
    let start = answer[..mark].find('{')?;
    let (object, length) = strict_object(&mended(&answer[start..]))?;
    (start + length > mark).then_some(object)
}

type Ranked<T> = Option<(usize, T)>;

fn best_in_text<T>(text: &str, read: &impl Fn(&Map<String, Value>) -> Ranked<T>) -> Ranked<T> {
    let strict = best_by(&mended(text), may_begin_object, strict_object, read);
    let in_string = || {
        let inner = inside_of_string(text)?;
        best_by(&mended(&inner), may_begin_object, strict_object, read)
    };
    let relaxed = || {
        let text = with_whole_pairs(text);
        best_by(&text, may_begin_relaxed, relaxed_object, read)
    };
    strict.or_else(in_string).or_else(relaxed)
}

fn best_by<T>(
    answer: &str,
    may_begin: impl Fn(&str) -> bool,
    parse: impl Fn(&str) -> Option<(Map<String, Value>, usize)>,
    read: &impl Fn(&Map<String, Value>) -> Ranked<T>,
) -> Ranked<T> {
    let (mut next, mut tries) = (0, MAX_TRIES);
    let mut best: Ranked<T> = None;
    while tries > 0
        && let Some(at) = answer[next..].find('{')
    {
        let start = next + at;
        next = start + 1;
        if !may_begin(&answer[next..]) {
            continue;
        }
        tries -= 1;
        let Some((object, length)) = parse(&answer[start..]) else {
            continue;
        };
        let Some((rank, value)) = read(&object).or_else(|| read_inside(&object, read)) else {
            continue;
        };
        next = start + length;
        if best.as_ref().is_none_or(|(highest, _)| rank >= *highest) {
            best = Some((rank, value));
        }
    }
    best
}

/// The result of `read` for an object that is a text in another.
fn read_inside<T>(
    object: &Map<String, Value>,
    read: &impl Fn(&Map<String, Value>) -> Ranked<T>,
) -> Ranked<T> {
    let texts = object.values().filter_map(Value::as_str);
    let mut inner = texts.filter(|text| text.trim_start().starts_with('{'));
    inner.find_map(|text| {
        let (mut inner, _) = strict_object(&mended(text.trim_start()))?;
        // The other fields belong to it.
        for (key, value) in object {
            if !inner.contains_key(key) {
                inner.insert(key.clone(), value.clone());
            }
        }
        read(&inner)
    })
}

fn strict_object(text: &str) -> Option<(Map<String, Value>, usize)> {
    let mut values = Deserializer::from_str(text).into_iter();
    match values.next() {
        Some(Ok(Value::Object(object))) => Some((object, values.byte_offset())),
        _ => None,
    }
}

/// The text of a JSON string that holds an object.
fn inside_of_string(text: &str) -> Option<String> {
    let object = text.find("{\\")?;
    let start = text[..object].rfind('"')?;
    let end = text.rfind('"')?;
    serde_json::from_str(mended(text.get(start..=end)?).as_ref()).ok()
}

/// Whether the text behind a `{` can be the rest of an object. Most braces of prose are refused here, at no cost.
fn may_begin_object(rest: &str) -> bool {
    rest.trim_start().starts_with(['"', '}'])
}

/// Whether the text behind a `{` can be the rest of an object with syntax errors.
fn may_begin_relaxed(rest: &str) -> bool {
    let rest = rest.trim_start();
    let behind_name = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    rest.starts_with(['"', '\'', '“', '”', '„', '‘', '’', '/', '#', '}'])
        || (behind_name.len() < rest.len() && behind_name.trim_start().starts_with(':'))
}

/// The answer without what JSON forbids and models write: control characters inside of strings, and halves of surrogate
/// pairs.
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
        let found = std::cell::RefCell::new(Vec::new());
        let look = |object: &Map<String, Value>| {
            found.borrow_mut().push(Value::Object(object.clone()));
            None::<(usize, ())>
        };
        best_by(&mended(answer), may_begin_object, strict_object, &look);
        found.into_inner()
    }

    fn best(answer: &str) -> Option<Value> {
        best_in(answer, |object| {
            let found = object.get("a")?.clone();
            Some((object.len(), found))
        })
    }

    #[test]
    fn of_several_objects_the_one_that_says_most_counts_and_then_the_last() {
        for (answer, found) in [
            (r#"{"a":1} {"a":2}"#, 2),
            (r#"{"a":1,"b":0} {"a":2}"#, 1),
            (r#"{"a":1,"b":{"a":2}}"#, 1),
            (r#"{"b":{"a":2}} {"c":3}"#, 2),
            (r#"[{"a":1}]"#, 1),
            (r#"<think>{"a":0,"b":0}</think>{"a":1}"#, 1),
            (r#"{"a":0,"b":0}</think>{"a":1}"#, 1),
            (r#"{"a":1,"b":"<think>hm"}"#, 1),
            (r#"{"a":1,"b":"hm</think>A knot."}"#, 1),
            (r#"{"a":1} <think>{"a":2,"b":0}"#, 1),
            ("\u{feff}```json\n{\"a\":1}", 1),
            ("~~~\n{\"a\":1}\n~~~", 1),
            (r#""{\"a\":1}""#, 1),
            ("```json\n\"{\\n \\\"a\\\": 1}\"\n```", 1),
            (r#"{"result":"{\"a\":1}"}"#, 1),
        ] {
            assert_eq!(best(answer), Some(found.into()), "{answer}");
        }
        for answer in [
            r#"<think>{"a":0}</think>I can't."#,
            r#"<think>{"a":0}</think>"#,
            r#"<think>hm {"a":0} so {"a":1}"#,
            r#"{} <think>hm {"a":0}"#,
            r#"<think>{"a":0,"b":"</think>"#,
            r#"<tool_call>{"a":0}</tool_call>"#,
            r#"<tool_call>{"a":0}"#,
            r#"[INST]{"a":0}[/INST]"#,
            r#"<|channel|>analysis<|message|>{"a":0}"#,
            r#"<|im_start|>user {"a":0}"#,
            "",
            "<think>",
        ] {
            assert_eq!(best(answer), None, "{answer}");
        }
    }

    #[test]
    fn what_is_almost_json_is_read_where_that_is_plain() {
        for answer in [
            r#"{"a":"A knot.",}"#,
            r"{'a':'A knot.'}",
            r#"{a:"A knot.", b: NaN, c: -Infinity, d: undefined, e: .5, f: +1}"#,
            r"{“a”: “A knot.”}",
            "{\"a\": \"A knot.\", // what it is\n /* more */ \"b\": [1,2,],}",
            "{\"a\": \"A knot.\", # python\n \"b\": True, \"c\": None, \"d\": False}",
            "{ // first\n \"a\": \"A knot.\"}",
            r#"Here {is} it: {'a': 'A knot.', "b": it}"#,
            r#"{"a":"A knot.",,"b":[,1]}"#,
        ] {
            assert_eq!(best(answer), Some("A knot.".into()), "{answer}");
        }
        for (answer, text) in [
            (r#"{"a":"A "good" knot.",}"#, "A \"good\" knot."),
            (r#"{'a':'it\'s a "knot"'}"#, "it's a \"knot\""),
            (r"{'a':'it's fine'}", "it's fine"),
            ("{\"a\":\"A\nknot\\_s\",}", "A\nknot_s"),
        ] {
            assert_eq!(best(answer), Some(text.into()), "{answer}");
        }
        for answer in [
            "{a}",
            "{'a':'b",
            "{a:}",
            "{'a' 'b'}",
            "{'a':{]}",
            "{\"a\":\"b\",, ,",
        ] {
            assert_eq!(best(answer), None, "{answer}");
        }
    }

    #[test]
    fn outer_objects_come_before_inner_ones_and_prose_is_passed_over() {
        let found = objects(r#"{a} {"b":{"c":1}} } {"d":"{"} {"e":"#);
        let expected = [r#"{"b":{"c":1}}"#, r#"{"c":1}"#, r#"{"d":"{"}"#];
        let expected = expected.map(|it| serde_json::from_str::<Value>(it).unwrap());
        assert_eq!(found, expected);
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
    fn a_long_answer_costs_only_so_many_looks() {
        // Quadratic work on these would take many minutes.
        for unit in [
            "{",
            "{\"",
            "{\"\":[",
            "{'",
            "{a:",
            "{a:'b',",
            "<think>",
            "\"{\\",
            "{\"a\":",
            "{}",
            "{\"a\":1,",
            "\\",
            "\\u",
            "\\ud83e",
        ] {
            let answer = unit.repeat(50_000 / unit.len());
            assert!(objects(&answer).len() <= MAX_TRIES, "{unit}");
            assert!(best(&answer).is_none() || unit.contains("\"a\""), "{unit}");
        }
        let deep = format!("{}{}", "{\"a\":".repeat(200), "}".repeat(200));
        assert!(objects(&deep).is_empty());
    }
}
