//! Characters that do not show, but change what a line of the log looks like: they end it, color it,
//! or turn its text around. Texts come from outside, and what is written by `Display` is not escaped
//! by anything else. Used by the log and by what the commands print.

use std::fmt::{self, Display, Write};

/// Whether a character steers a terminal or the direction of text instead of being one: C0, DEL and
/// C1, the separators of lines and paragraphs, and the controls of bidirectional text.
pub(crate) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Escapes controls in what is written through it, as Rust does: `\n`, `\u{1b}`.
pub(crate) struct Escaping<W>(pub(crate) W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_control) {
            let (plain, after) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut characters = after.chars();
            if let Some(control) = characters.next() {
                write!(self.0, "{}", control.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Escapes what is written through it as the content of a JSON string, controls included.
pub(super) struct JsonEscaping<W>(pub(super) W);

impl<W: Write> Write for JsonEscaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|it| matches!(it, '"' | '\\') || is_control(it)) {
            let (plain, after) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut characters = after.chars();
            match characters.next() {
                Some(quoted @ ('"' | '\\')) => write!(self.0, "\\{quoted}")?,
                Some('\n') => self.0.write_str("\\n")?,
                Some('\r') => self.0.write_str("\\r")?,
                Some('\t') => self.0.write_str("\\t")?,
                // None of them has more than four digits.
                Some(control) => write!(self.0, "\\u{:04x}", u32::from(control))?,
                None => {}
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Displays what it holds in one line.
pub(crate) struct OneLine<T>(pub(crate) T);

impl<T: Display> Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_of_every_kind_are_escaped_and_nothing_else_is() {
        for (text, escaped) in [
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\0\u{1b}[31m", r"\u{0}\u{1b}[31m"),
            (
                "\u{7f}\u{80}\u{85}\u{9b}\u{9f}",
                r"\u{7f}\u{80}\u{85}\u{9b}\u{9f}",
            ),
            ("\u{2028}\u{2029}", r"\u{2028}\u{2029}"),
            (
                "\u{202a}\u{202e}\u{2066}\u{2069}",
                r"\u{202a}\u{202e}\u{2066}\u{2069}",
            ),
            ("\u{61c}\u{200e}\u{200f}", r"\u{61c}\u{200e}\u{200f}"),
            ("", ""),
            (
                "plain \u{a0}é 夜 \u{1f5bc} \\n \"",
                "plain \u{a0}é 夜 \u{1f5bc} \\n \"",
            ),
        ] {
            assert_eq!(OneLine(text).to_string(), escaped);
        }
        let every = (0..=u32::from(char::MAX)).filter_map(char::from_u32);
        let escaped = every.filter(|it| OneLine(it).to_string() != it.to_string());
        assert_eq!(escaped.count(), 65 + 3 + 7 + 4);
    }
}
