//! The first words of past captions. Whole captions are not given: they teach the register that one wants to leave.

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::caption_history::PastCaption;

/// How many openings a model is told to avoid: more would be taken for a pattern.
const MOST: usize = 2;
/// The words of an opening.
const WORDS: usize = 6;
/// The longest word, in characters: a text without blanks is one.
const MAX_WORD: usize = 30;

/// The openings of the newest captions, each once, without emoji and hashtags.
#[must_use]
pub fn openings(past: &[PastCaption]) -> Vec<String> {
    let mut openings: Vec<String> = Vec::new();
    for caption in past {
        let opening = opening(&caption.text);
        if !opening.is_empty() && !openings.contains(&opening) {
            openings.push(opening);
        }
        if openings.len() == MOST {
            break;
        }
    }
    openings
}

fn opening(text: &str) -> String {
    let words = text.split_whitespace();
    let is_word = |word: &&str| !word.starts_with(['#', '@']) && !word.contains("://");
    let words = words.filter(is_word).map(bare);
    let words: Vec<String> = words.filter(|word| !word.is_empty()).take(WORDS).collect();
    words.join(" ")
}

/// A word without its emoji and without the signs around it.
fn bare(word: &str) -> String {
    let graphemes = word
        .graphemes(true)
        .filter(|it| !is_emoji(it))
        .take(MAX_WORD);
    let word: String = graphemes.collect();
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// Whether a grapheme is a picture: it has neither letter, digit nor ASCII.
fn is_emoji(grapheme: &str) -> bool {
    let is_keycap = grapheme.contains('\u{20e3}');
    let has_letter = grapheme.chars().any(char::is_alphanumeric);
    is_keycap || (!has_letter && !grapheme.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(text: &str) -> PastCaption {
        PastCaption {
            text: text.to_owned(),
            angle: None,
        }
    }

    #[test]
    fn the_two_newest_openings_are_six_words_each_without_emoji_and_hashtags() {
        let history = [
            "🔥 Rope, still warm from the last tie. Then quiet. #rope",
            "#rope “Rope” still 👩‍👩‍👧 warm… from the last tie again",
            "",
            "Evening light.",
            "A third.",
        ]
        .map(past);
        assert_eq!(
            openings(&history),
            ["Rope still warm from the last", "Evening light"]
        );
        assert_eq!(openings(&[]), [""; 0]);
    }

    #[test]
    fn a_text_without_blanks_is_cut() {
        let long = past(&"縄".repeat(4_000));
        assert_eq!(openings(&[long])[0].chars().count(), MAX_WORD);
    }
}
