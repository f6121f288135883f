//! The lines, or the one line, of a caption before it is cut, without control characters. White space is removed by
//! graphemes: a space with a combining mark stays.

use unicode_segmentation::UnicodeSegmentation;

/// Whether a grapheme is white space.
pub(super) fn is_space(grapheme: &str) -> bool {
    grapheme.chars().all(char::is_whitespace)
}

/// Whether a character that follows becomes part of this grapheme.
pub(super) fn swallows_what_follows(grapheme: &str) -> bool {
    if grapheme.is_ascii() {
        return false;
    }
    let mut followed = grapheme.to_owned();
    followed.push(' ');
    followed.graphemes(true).count() == 1
}

/// The text without the white space around it.
pub(super) fn trim(text: &str) -> &str {
    let visible = |(_, grapheme): &(usize, &str)| !is_space(grapheme);
    let Some((start, _)) = text.grapheme_indices(true).find(visible) else {
        return "";
    };
    trim_end(&text[start..])
}

/// The text without the white space at its end.
pub(super) fn trim_end(text: &str) -> &str {
    let mut from_the_end = text.grapheme_indices(true).rev();
    match from_the_end.find(|(_, grapheme)| !is_space(grapheme)) {
        Some((start, grapheme)) => &text[..start + grapheme.len()],
        None => "",
    }
}

/// The trimmed lines of a text without control characters, with at most one empty line in a row.
pub(super) fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut lines: Vec<String> = Vec::new();
    for line in text.split(ends_line) {
        let line: String = line
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        let line = trim(&line);
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line.to_owned());
        }
    }
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n")
}

fn ends_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// The text as one line, with typographic signs as ASCII: a dash between digits as `-`, and between words as ` - `.
pub(super) fn plain_ascii_line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if is_dash(c) {
            let mut blanks = false;
            while let Some(next) = rest.next_if(|next| is_dash(*next) || is_blank(*next)) {
                blanks = is_blank(next);
            }
            push_dash(&mut plain, rest.peek().copied(), blanks);
            continue;
        }
        match ascii_sign(c) {
            Some(sign) => plain.push_str(sign),
            None if is_blank(c) => plain.push(' '),
            None => plain.push(c),
        }
    }
    one_spaced(&plain)
}

/// Appends a dash, which stands before `next`.
fn push_dash(before: &mut String, next: Option<char>, blank_behind: bool) {
    let last = before.trim_end().chars().next_back();
    let (Some(last), Some(next)) = (last, next) else {
        // The dash begins or ends the text.
        before.push('-');
        if blank_behind {
            before.push(' ');
        }
        return;
    };
    if last.is_numeric() && next.is_numeric() {
        before.truncate(before.trim_end().len());
        before.push('-');
    } else {
        before.push_str(" - ");
    }
}

/// Whether a character is a dash, which separates; a hyphen joins.
pub(super) fn is_dash(c: char) -> bool {
    matches!(c, '‒' | '–' | '—' | '―' | '⸺' | '⸻' | '﹘')
}

pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// The text with single spaces between words, and none around them.
fn one_spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    let mut space = false;
    for grapheme in text.graphemes(true) {
        if is_space(grapheme) {
            space = !spaced.is_empty();
            continue;
        }
        if space {
            spaced.push(' ');
            space = false;
        }
        spaced.push_str(grapheme);
    }
    spaced
}

/// The ASCII form of a typographic sign.
pub(super) fn ascii_sign(c: char) -> Option<&'static str> {
    match c {
        c if c.is_ascii() => None,
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '⸺' | '⸻' | '⁃' | '−' | '﹘' | '﹣' | '－' => {
            Some("-")
        }
        '‘' | '’' | '‚' | '‛' | '′' | '‹' | '›' => Some("'"),
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' => Some("\""),
        '…' | '⋯' => Some("..."),
        '‥' => Some(".."),
        _ => None,
    }
}
