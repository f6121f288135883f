//! What models put around a caption though they were asked for the caption alone: a label in front, and
//! quotes around the whole.

use std::sync::LazyLock;

use regex::Regex;

/// A label at the beginning of a text, with what it may be of.
#[expect(
    clippy::expect_used,
    reason = "a constant, compiled by every test of this file"
)]
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)\A\s*",
        r"(?:(?:here(?:['’]s| is)\s+(?:(?:the|your|an?|my)\s+)?)?(?:(?:your|my|final|suggested|proposed|short|image|photo|sd|",
        r"telegram|e-?mail|fetlife|stable diffusion)\s+)*",
        r"(?:captions?|subject(?:\s+line)?|alt(?:ernative)?[ -]text|title|post|description)",
        r"(?:\s+for\s+(?:the\s+)?(?:image|photo|picture|telegram|e-?mail|fetlife))?",
        r"|telegram|e-?mail|fetlife)\s*[:：]\s*",
    ))
    .expect("the pattern is sound")
});

/// The quotes that can stand around a text, by how they open and close.
const QUOTES: [(char, char); 9] = [
    ('"', '"'),
    ('\'', '\''),
    ('“', '”'),
    ('„', '“'),
    ('„', '”'),
    ('‘', '’'),
    ('«', '»'),
    ('»', '«'),
    ('「', '」'),
];

/// The text without a label in front of it, and without the quotes around it.
pub(super) fn without_labels(text: &str) -> &str {
    let text = match LABEL.find(text) {
        Some(label) => &text[label.end()..],
        None => text,
    };
    let text = text.trim();
    QUOTES
        .into_iter()
        .find_map(|quotes| between(text, quotes))
        .unwrap_or(text)
}

/// What stands between a pair of quotes, if they belong together: there are no others within.
fn between(text: &str, (open, close): (char, char)) -> Option<&str> {
    let inside = text.strip_prefix(open)?.strip_suffix(close)?;
    let is_quote =
        |(at, c): (usize, char)| (c == open || c == close) && !is_apostrophe(inside, at, c);
    (!inside.char_indices().any(is_quote)).then(|| inside.trim())
}

/// A sign within a word, as in "it's".
fn is_apostrophe(text: &str, at: usize, c: char) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    matches!(c, '\'' | '’')
        && letter(text[..at].chars().next_back())
        && letter(text[at + c.len_utf8()..].chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_quotes_around_the_whole_are_taken_off() {
        for text in [
            "Caption: A knot.",
            "SUBJECT LINE: A knot.",
            "Here's the caption: \"A knot.\"",
            "Here is a short Telegram caption for the photo: A knot.",
            "Email: A knot.",
            "Alt text: A knot.",
            "“A knot.”",
            "„A knot.“",
            "« A knot. »",
            "'A knot.'",
            "caption : “A knot.”",
        ] {
            assert_eq!(without_labels(text), "A knot.", "{text}");
        }
        assert_eq!(without_labels("'It's a knot'"), "It's a knot");
    }

    #[test]
    fn what_is_part_of_the_text_stays() {
        for text in [
            "\"Tight\", she said, \"very tight\"",
            "'90s rope, 'round the post'",
            "A caption: that is what it takes.",
            "Postcard: from the harbour",
            "The light: golden",
            "Rope: 8 mm",
            "12:30, by the window",
            "Subject to change",
            "\"",
            "It's hers'",
        ] {
            assert_eq!(without_labels(text), text, "{text}");
        }
    }
}
