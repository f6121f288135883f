//! Values as JSON. Used by the lines of the log.

use std::fmt::Write as _;

use serde::Serialize;

use super::controls::is_control;

/// Most texts have nothing in them that would be escaped, and are copied.
pub(super) fn write_text(json: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    // Over all of it, which is fast, and not up to the first one.
    if !text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        let start = json.len();
        write_json(json, text);
        return escape_in_json(json, start);
    }
    json.reserve(text.len() + 2);
    json.push(b'"');
    json.extend_from_slice(text.as_bytes());
    json.push(b'"');
}

pub(super) fn write_json(json: &mut Vec<u8>, value: impl Serialize) {
    let start = json.len();
    if serde_json::to_writer(&mut *json, &value).is_err() {
        // Numbers and texts can be written; whatever cannot is none of either.
        json.truncate(start);
        json.extend_from_slice(b"null");
    }
}

/// Escapes the controls that JSON allows in texts, from `start` on: what stands there is JSON.
fn escape_in_json(json: &mut Vec<u8>, start: usize) {
    let written = json.get(start..).and_then(|it| str::from_utf8(it).ok());
    let Some(written) = written.filter(|it| it.contains(is_control)) else {
        return;
    };
    let mut escaped = String::with_capacity(written.len() + 16);
    for character in written.chars() {
        if is_control(character) {
            // All of them have four digits at most. Strings take whatever is written to them.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    json.truncate(start);
    json.extend_from_slice(escaped.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut json = b"{".to_vec();
        write_text(&mut json, text);
        String::from_utf8(json.split_off(1)).unwrap()
    }

    #[test]
    fn no_control_stands_in_a_text_and_what_is_read_is_what_was_said() {
        let every = (0..=0x3000).filter_map(char::from_u32);
        let every: String = every.chain(['\u{feff}', '夜', '\u{1f5bc}']).collect();
        for text in [
            "",
            "plain",
            "é 夜 \u{1f5bc}",
            "\u{9b}31m",
            "a\u{2028}b",
            &every,
        ] {
            let json = written(text);
            assert!(!json.contains(is_control), "{json:?}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
        assert_eq!(written("\u{9b}\u{202e}\u{7f}"), r#""\u009b\u202e\u007f""#);
        assert_eq!(written("é \"夜\""), r#""é \"夜\"""#);
    }
}
