//! What models put around an answer: a label in front, quotes around the whole.

use std::sync::LazyLock;

use regex::Regex;

#[expect(
    clippy::expect_used,
    reason = "a constant, compiled by every test of this file"
)]
fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is sound")
}

/// A label of one of the texts that models are asked for, with what they say of it in front.
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)\A\s*(?:(?:sure|certainly|of course|okay|ok)[,!.:]?\s+)?",
        r"(?:here(?:'|’)?s?\s+(?:is\s+)?)?(?:(?:the|your|my|a|an|one)\s+)?",
        r"(?:",
        r"(?:(?:telegram|e-?mail|mastodon|bluesky|fetlife|instagram|social(?:[ -]media)?|photo|image|picture",
        r"|final|short|suggested|possible|new|sd|stable[ -]diffusion)\s+)*",
        r"(?:captions?|subject(?:[ -]line)?|alt[ -]?text|description|title)",
        r"(?:\s+(?:for|of)\s+[^:\n]{1,60})?",
        r"|telegram|e-?mail|mastodon|bluesky|fetlife|instagram)",
        r"(?:\s*\([^()\n]{1,40}\))?\s*[:：]\s*",
    ))
});

/// Pairs of quotes.
const QUOTES: [(char, char); 12] = [
    ('"', '"'),
    ('\'', '\''),
    ('“', '”'),
    ('„', '“'),
    ('„', '”'),
    ('”', '”'),
    ('‘', '’'),
    ('‚', '‘'),
    ('«', '»'),
    ('»', '«'),
    ('「', '」'),
    ('『', '』'),
];

/// A text without labels in front, quotes around it, and white space around those.
pub(super) fn without_labels(text: &str) -> &str {
    let mut text = text.trim();
    loop {
        let label = LABEL.find(text).map_or(0, |label| label.end());
        let inner = without_quotes(&text[label..]).trim();
        if inner.len() == text.len() {
            return text;
        }
        text = inner;
    }
}

/// A text without quotes, if they are around the whole of it.
fn without_quotes(text: &str) -> &str {
    let pair = |(open, close): (char, char)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        (!inner.contains([open, close])).then_some(inner.trim())
    };
    QUOTES.into_iter().find_map(pair).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_quotes_around_the_whole_go() {
        for text in [
            "Caption: A knot.",
            "SUBJECT:A knot.",
            "Subject line: A knot.",
            "Telegram caption: A knot.",
            "E-mail: A knot.",
            "Here's the caption: \"A knot.\"",
            "Here is a short caption for Telegram:\n\nA knot.",
            "Sure! Here's your caption: A knot.",
            "Alt text: A knot.",
            "Caption (email): A knot.",
            "“A knot.”",
            "«A knot.»",
            "\"A knot.\"",
            "'A knot.'",
            "„A knot.“",
        ] {
            assert_eq!(without_labels(text), "A knot.", "{text}");
        }
    }

    #[test]
    fn words_and_quotes_of_the_text_itself_stay() {
        for text in [
            "\"A\" and \"B\"",
            "\"Hold still,\" she said.",
            "The subject is rope: a knot.",
            "Body: a landscape.",
            "Caption this",
            "Light: soft",
            "\"",
            "'Twas the knot",
            "Here: a knot.",
        ] {
            assert_eq!(without_labels(text), text, "{text}");
        }
    }
}
