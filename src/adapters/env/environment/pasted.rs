//! Values as they come out of examples and word processors: placeholders, and quotes that a shell would have
//! taken away.

use crate::domain::secret::trim_pasted;

pub(super) const QUOTED: &str = "begins and ends with quotes, which count as part of the value: leave them out, \
                      unless they are meant";
pub(super) const QUOTED_FILE: &str = "names a file whose content begins and ends with quotes, which count as part \
                           of the value: leave them out, unless they are meant";

pub(super) const PLACEHOLDER: &str =
    "still is `change-me`, which stands for a value in the examples: set your own";
pub(super) const PLACEHOLDER_FILE: &str = "names a file that still says `change-me`, which stands for a value in the examples: write your own";

/// Whether a value still is that of an example.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = trim_pasted(value);
    let value = value.trim_matches(['"', '\'']);
    value.eq_ignore_ascii_case("change-me")
}

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
