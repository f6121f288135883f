//! Values between quotes, which a shell would have taken away.

pub(super) const QUOTED: &str = "begins and ends with quotes, which count as part of the value: leave them out, \
                      unless they are meant";
pub(super) const QUOTED_FILE: &str = "names a file whose content begins and ends with quotes, which count as part \
                           of the value: leave them out, unless they are meant";

/// Between two of a kind, or between those of a word processor.
pub(super) fn is_quoted(value: &str) -> bool {
    let mut characters = value.chars();
    let ends = (characters.next(), characters.next_back());
    matches!(
        ends,
        (Some('"'), Some('"'))
            | (Some('\''), Some('\''))
            | (Some('`'), Some('`'))
            | (
                Some('\u{201c}' | '\u{201d}' | '\u{201e}'),
                Some('\u{201c}' | '\u{201d}')
            )
            | (
                Some('\u{2018}' | '\u{2019}' | '\u{201a}'),
                Some('\u{2018}' | '\u{2019}')
            )
            | (Some('\u{ab}'), Some('\u{bb}'))
    )
}
