//! Links in a text, as readers and platforms find them.
//!
//! A link begins with a scheme, such as `https://`, and goes on to a space, a quote, an angle bracket, or a closing
//! bracket that it has not opened. Punctuation at its end is not part of it. It begins and ends where a grapheme does.

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::cleaning::swallows_what_follows;

/// The sign between a scheme and the rest.
pub(super) const SCHEME_END: &str = "://";
/// The brackets that a link may have in pairs.
const BRACKETS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];
/// The punctuation that is no part of a link at its end, beside opening brackets.
const PUNCTUATION: [&str; 13] = [
    ".", ",", ";", ":", "!", "?", "'", "…", "’", "。", "、", "！", "？",
];

/// A link in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Its place in the text.
    pub(super) place: Range<usize>,
    /// Whether it is one of the web (`http` or `https`) that stands by itself, and not behind a letter or a `#`.
    pub(super) is_web: bool,
}

/// All links of a text.
pub(super) fn links(text: &str) -> Vec<Link> {
    let (mut found, mut seen) = (Vec::new(), 0);
    while let Some(sign) = text[seen..].find(SCHEME_END).map(|at| seen + at) {
        let (link, end) = link_around(text, seen, sign);
        found.extend(link);
        seen = end;
    }
    found
}

/// The link with its `://` at `sign`, behind `seen`, and the place from which to look for the next.
fn link_around(text: &str, seen: usize, sign: usize) -> (Option<Link>, usize) {
    let rest = sign + SCHEME_END.len();
    let before = text[seen..sign].trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let start = seen + before.len();
    if start == sign {
        return (None, rest);
    }
    let stop = rest + length_of_rest(&text[rest..]);
    let end = rest + without_punctuation(&text[rest..stop]).len();
    if end == rest {
        return (None, stop);
    }
    let scheme = text[start..sign].to_ascii_lowercase();
    let mut link = Link {
        place: start..end,
        is_web: matches!(&*scheme, "http" | "https") && !text[..start].ends_with(joins),
    };
    let mut cursor = GraphemeCursor::new(start, text.len(), true);
    if cursor.is_boundary(text, 0) != Ok(true) {
        let last = before.grapheme_indices(true).next_back();
        link.place.start = last.map_or(start, |(at, _)| seen + at);
        link.is_web = false;
    }
    (Some(link), stop)
}

/// Whether a scheme behind this character begins no link.
fn joins(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '@' | '＠' | '$' | '#' | '＃' | '\u{202a}'..='\u{202e}')
}

/// The length of a link's part behind the scheme, with the punctuation at its end.
fn length_of_rest(text: &str) -> usize {
    let mut open = [0_usize; BRACKETS.len()];
    let ends = |c: char| {
        if let Some(kind) = BRACKETS.iter().position(|it| it.0 == c) {
            open[kind] += 1;
        }
        if let Some(kind) = BRACKETS.iter().position(|it| it.1 == c) {
            let Some(left) = open[kind].checked_sub(1) else {
                return true;
            };
            open[kind] = left;
        }
        c.is_whitespace() || c.is_control() || is_quote(c)
    };
    text.find(ends).unwrap_or(text.len())
}

fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '<'
            | '>'
            | '`'
            | '“'
            | '”'
            | '„'
            | '‟'
            | '«'
            | '»'
            | '‹'
            | '›'
            | '「'
            | '」'
            | '『'
            | '』'
    )
}

fn without_punctuation(text: &str) -> &str {
    let is_loose = |grapheme: &str| {
        let opens = BRACKETS.iter().any(|it| grapheme.chars().eq([it.0]));
        opens || PUNCTUATION.contains(&grapheme) || swallows_what_follows(grapheme)
    };
    let mut from_the_end = text.grapheme_indices(true).rev();
    match from_the_end.find(|(_, grapheme)| !is_loose(grapheme)) {
        Some((at, grapheme)) => &text[..at + grapheme.len()],
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, bool)> {
        let links = links(text).into_iter();
        links.map(|link| (&text[link.place], link.is_web)).collect()
    }

    #[test]
    fn punctuation_and_what_encloses_a_link_are_no_part_of_it() {
        for (text, link) in [
            ("https://a.test", "https://a.test"),
            ("see HTTP://a.test/x?y=1#z.", "HTTP://a.test/x?y=1#z"),
            ("(https://a.test/x)", "https://a.test/x"),
            ("[https://a.test/x],", "https://a.test/x"),
            ("https://a.test/x_(y)!?", "https://a.test/x_(y)"),
            ("https://a.test/x_(y", "https://a.test/x_(y"),
            ("https://a.test/x(", "https://a.test/x"),
            ("“https://a.test/x”", "https://a.test/x"),
            ("<https://a.test/x>", "https://a.test/x"),
            ("見てhttps://a.test/縄。", "https://a.test/縄"),
            ("https://a.test/x…", "https://a.test/x"),
            ("https://a.test/x\u{600} y", "https://a.test/x"),
            ("https://a.test/e\u{301}", "https://a.test/e\u{301}"),
        ] {
            let found: Vec<&str> = found(text).into_iter().map(|it| it.0).collect();
            assert_eq!(found, [link], "{text}");
        }
        for text in ["", "a.test", "://a.test", "https://", "https://...", "a:/b"] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn a_link_of_the_web_stands_by_itself() {
        assert_eq!(
            found("https://a.test) gemini://b.test 1http://c.test #http://d.test"),
            [
                ("https://a.test", true),
                ("gemini://b.test", false),
                ("http://c.test", false),
                ("http://d.test", false),
            ]
        );
        // The sign that takes in the first letter belongs to the same grapheme.
        assert_eq!(found("a \u{600}http://b"), [("\u{600}http://b", false)]);
    }

    #[test]
    fn links_of_any_text_are_found_in_linear_time() {
        for unit in [
            "a://b ",
            "://",
            "a://",
            "(https://",
            ")a://[",
            "\u{600}a://b)",
            "🇩",
        ] {
            let text = format!("x://{}", unit.repeat(200_000 / unit.len()));
            for link in links(&text) {
                assert!(!text[link.place].is_empty());
            }
        }
    }
}
