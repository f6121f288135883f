//! Hashtags of the tags that a model has given an image.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    facets::{MAX_TAG_BYTES, MAX_TAG_GRAPHEMES},
    hashtags::hashtags,
};

/// The most hashtags of a model in a caption.
pub(super) const MAX_HASHTAGS: usize = 5;

/// The hashtags of these tags, with their `#`, in lower case, in their order. Tags of several words become one word; what
/// is no hashtag on every platform is left out.
pub(super) fn model_hashtags(tags: &[String]) -> impl Iterator<Item = String> {
    tags.iter().filter_map(|tag| hashtag(tag))
}

fn hashtag(tag: &str) -> Option<String> {
    let joins =
        |c: &char| !(c.is_whitespace() || matches!(c, '#' | '-' | '‐' | '‑' | '–' | '\'' | '’'));
    let name: String = tag
        .nfkc()
        .filter(joins)
        .flat_map(char::to_lowercase)
        .nfc()
        .collect();
    let fits = name.len() <= MAX_TAG_BYTES && name.graphemes(true).count() <= MAX_TAG_GRAPHEMES;
    let hashtag = format!("#{name}");
    let is_one = hashtags(&hashtag)
        .first()
        .is_some_and(|it| it.text == hashtag);
    (fits && name.chars().all(is_plain) && is_one).then_some(hashtag)
}

/// Whether a character may stand in a hashtag on every platform.
fn is_plain(c: char) -> bool {
    // Marks for emoji and frames around signs are marks as well.
    let is_mark =
        is_combining_mark(c) && !matches!(c, '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}');
    c.is_alphabetic() || c.is_ascii_digit() || c == '_' || is_mark
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tag: &str) -> Option<String> {
        model_hashtags(&[tag.to_owned()]).next()
    }

    #[test]
    fn a_tag_becomes_one_word_in_lower_case() {
        for (tag, hashtag) in [
            ("Rope", "#rope"),
            ("black and white", "#blackandwhite"),
            ("fine-art nude", "#fineartnude"),
            ("#rope's end", "#ropesend"),
            ("rope_art 35mm", "#rope_art35mm"),
            ("ＲＯＰＥ", "#rope"),
            ("e\u{301}te\u{301}", "#été"),
            ("縄", "#縄"),
            ("रस्सी", "#रस्सी"),
        ] {
            assert_eq!(of(tag).as_deref(), Some(hashtag));
        }
    }

    #[test]
    fn what_is_no_hashtag_everywhere_is_left_out() {
        for tag in [
            "",
            " ",
            "#",
            "1",
            "35",
            "_",
            "a&b",
            "rope.",
            "https://a.test",
            "🪢",
            "a\u{200d}b",
            "a️",
            "1\u{fe0f}\u{20e3}a",
            "½",
            &"a".repeat(65),
            &"縄".repeat(65),
        ] {
            assert_eq!(of(tag), None, "{tag}");
        }
    }
}
