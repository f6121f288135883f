//! Reading objects that are almost JSON: single or typographic quotes, comments, extra commas, names without quotes, the
//! words of Python and JavaScript, line ends and quotes within a string.
//!
//! Readers of JSON5 accept neither typographic quotes nor Python's words, and fail at a quote within a string.

use serde_json::{Map, Number, Value};

/// The deepest nesting: more than any requested answer has.
const MAX_DEPTH: usize = 32;

/// The object that a text begins with, and how many bytes of the text it takes.
pub(super) fn relaxed_object(text: &str) -> Option<(Map<String, Value>, usize)> {
    let (strict, length) = as_strict(text)?;
    Some((serde_json::from_str(&strict).ok()?, length))
}

/// The object as JSON, and its length in the text.
fn as_strict(text: &str) -> Option<(String, usize)> {
    let (mut strict, mut depth, mut rest) = (String::new(), 0_usize, text);
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '{' | '[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
                strict.push(c);
            }
            '}' | ']' => {
                if strict.ends_with(',') {
                    strict.pop();
                }
                strict.push(c);
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some((strict, text.len() - rest.len() + taken));
                }
            }
            ',' if strict.ends_with([',', '[', '{']) => {}
            ',' | ':' => strict.push(c),
            c if c.is_whitespace() || c.is_control() => {}
            '/' | '#' => taken = comment(rest)?,
            '"' | '\'' | '“' | '”' | '„' | '‘' | '’' => {
                taken = string(rest, c, &mut strict)?;
            }
            _ => taken = word(rest, &mut strict)?,
        }
        rest = &rest[taken..];
    }
    None
}

/// The length of a comment.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("/*") {
        return Some(text.find("*/")? + 2);
    }
    if text.starts_with("//") || text.starts_with('#') {
        return Some(text.find(['\n', '\r']).unwrap_or(text.len()));
    }
    None
}

/// Writes a string as JSON, and returns its length. The string ends at a quote that the rest of an object follows.
fn string(text: &str, open: char, strict: &mut String) -> Option<usize> {
    let ends: &[char] = match open {
        '"' => &['"'],
        '\'' => &['\''],
        '‘' | '’' => &['‘', '’', '\''],
        _ => &['“', '”', '"'],
    };
    strict.push('"');
    let mut rest = &text[open.len_utf8()..];
    loop {
        let c = rest.chars().next()?;
        let behind = &rest[c.len_utf8()..];
        if ends.contains(&c) && goes_on_behind(behind) {
            strict.push('"');
            return Some(text.len() - behind.len());
        }
        rest = behind;
        match c {
            '\\' => {
                let escaped = behind.chars().next()?;
                rest = &behind[escaped.len_utf8()..];
                match escaped {
                    '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u' => {
                        strict.extend(['\\', escaped]);
                    }
                    escaped if escaped.is_control() => strict.push(' '),
                    escaped => strict.push(escaped),
                }
            }
            '"' => strict.push_str("\\\""),
            '\n' => strict.push_str("\\n"),
            c if c.is_control() => strict.push(' '),
            c => strict.push(c),
        }
    }
}

/// Whether the text behind a quote is the rest of an object, so that the quote ends its string.
fn goes_on_behind(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty()
        || text.starts_with([',', ':', '}', ']'])
        || text.starts_with("//")
        || text.starts_with("/*")
}

/// Writes a name, a number or a word as JSON, and returns its length.
fn word(text: &str, strict: &mut String) -> Option<usize> {
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '+' | '-');
    let length = text.find(|c| !is_of_word(c)).unwrap_or(text.len());
    let word = &text[..length];
    let is_name = text[length..].trim_start().starts_with(':');
    let value = match word {
        "" => return None,
        name if is_name => Value::from(name),
        "true" | "True" | "TRUE" => Value::from(true),
        "false" | "False" | "FALSE" => Value::from(false),
        "null" | "None" | "nil" | "undefined" | "NaN" | "Infinity" | "-Infinity" | "+Infinity" => {
            Value::Null
        }
        other => number(other).map_or_else(|| Value::from(other), Value::Number),
    };
    strict.push_str(&value.to_string());
    Some(length)
}

fn number(word: &str) -> Option<Number> {
    if !word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-')) {
        return None;
    }
    let exact = serde_json::from_str(word).ok();
    exact.or_else(|| Number::from_f64(word.parse().ok()?))
}
