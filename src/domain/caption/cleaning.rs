//! What a caption is before it is made to fit: its lines or its one line, without control
//! characters. White space is taken off by graphemes, so that a space that carries a combining
//! mark stays, and the mark with it.

use unicode_segmentation::UnicodeSegmentation;

/// Nothing but white space.
pub(super) fn is_space(grapheme: &str) -> bool {
    grapheme.chars().all(char::is_whitespace)
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

/// Removes control characters and trims lines; keeps at most one empty line in a row.
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

/// One line, typographic signs as ASCII: a dash between digits as `-`, and between words as ` - `, whatever
/// blanks stand around it.
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

/// Puts a dash behind what is there, in front of what comes next.
fn push_dash(before: &mut String, next: Option<char>, blank_behind: bool) {
    let last = before.trim_end().chars().next_back();
    let (Some(last), Some(next)) = (last, next) else {
        // It begins the text, or ends it.
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

/// A dash, which parts what a hyphen joins.
pub(super) fn is_dash(c: char) -> bool {
    matches!(c, '‒' | '–' | '—' | '―' | '⸺' | '⸻' | '﹘')
}

pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// A single space between words, and none around them.
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

/// What stands for a typographic sign, as it is by itself, where only plain ones are taken.
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

/// There is something to see in it.
pub(super) fn is_visible(text: &str) -> bool {
    text.chars().any(|c| {
        let ignorable = matches!(
            c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}'
        );
        !(c.is_whitespace() || c.is_control() || ignorable)
    })
}
