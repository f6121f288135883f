//! A caption as its readers take it: sentences, words, and whether emoji end it.
//!
//! Hashtags and links are no part of what is measured: a tenant's hashtags end each of its captions. Words are those of
//! Unicode, in any language; stop words are English, so that in other languages every word is a content word.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    sync::LazyLock,
};

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};
use unicode_properties::UnicodeEmoji as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// The words that say nothing by themselves, in a file to be edited.
static STOP_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("stop_words.txt").lines();
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).collect()
});

/// How many words an opening has, and a closing.
const EDGE: usize = 3;

/// A combining mark that makes a keycap of the character before it.
const KEYCAP: char = '\u{20E3}';

/// The words of a caption, in lower case, by sentences.
pub(super) struct Text {
    sentences: Vec<Vec<String>>,
    ends_with_emoji: bool,
}

/// The shape of a caption: how many sentences, and whether emoji follow the last. `S2E` is two sentences, then emoji.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The number of sentences.
    pub sentences: usize,
    /// Whether emoji follow the last word.
    pub ends_with_emoji: bool,
}

impl Shape {
    /// The shape that gives a machine away: two sentences, then emoji.
    pub const STOCK: Self = Self {
        sentences: 2,
        ends_with_emoji: true,
    };

    /// The shape of a caption; its hashtags and links do not count.
    #[must_use]
    pub fn of(caption: &str) -> Self {
        Text::of(caption).shape()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let emoji = if self.ends_with_emoji { "E" } else { "" };
        write!(f, "S{}{emoji}", self.sentences)
    }
}

impl Text {
    pub(super) fn of(caption: &str) -> Self {
        let (plain, ends_with_emoji) = without_emoji(&without_tags_and_links(caption));
        let sentences = plain.unicode_sentences().map(words);
        Self {
            sentences: sentences.filter(|words| !words.is_empty()).collect(),
            ends_with_emoji,
        }
    }

    pub(super) fn shape(&self) -> Shape {
        Shape {
            sentences: self.sentences.len(),
            ends_with_emoji: self.ends_with_emoji,
        }
    }

    /// All words, in their order.
    pub(super) fn words(&self) -> Vec<&str> {
        self.sentences
            .iter()
            .flatten()
            .map(String::as_str)
            .collect()
    }

    /// The first words: three, or all if there are fewer.
    pub(super) fn opening(&self) -> Vec<&str> {
        let mut words = self.words();
        words.truncate(EDGE);
        words
    }

    /// The last words: three, or all if there are fewer.
    pub(super) fn closing(&self) -> Vec<&str> {
        let words = self.words();
        words[words.len().saturating_sub(EDGE)..].to_vec()
    }

    /// The words that say something, each once.
    pub(super) fn content_words(&self) -> BTreeSet<&str> {
        let words = self.sentences.iter().flatten();
        words.filter_map(|word| content(word)).collect()
    }

    /// The pairs of content words that follow each other in a sentence, when stop words between them are left out: "the
    /// rope across her shoulder" has (rope, shoulder).
    pub(super) fn content_bigrams(&self) -> Vec<(&str, &str)> {
        let mut bigrams = Vec::new();
        for sentence in &self.sentences {
            let said: Vec<&str> = sentence.iter().filter_map(|word| content(word)).collect();
            bigrams.extend(said.windows(2).map(|pair| (pair[0], pair[1])));
        }
        bigrams
    }
}

/// What a word says, without the `'s` of a possessive; `None` for a stop word, a number and a single Latin letter.
fn content(word: &str) -> Option<&str> {
    let bare = word.strip_suffix("'s").unwrap_or(word);
    let is_stop = STOP_WORDS.contains(word) || STOP_WORDS.contains(bare);
    let is_letter = bare.is_ascii() && bare.len() == 1;
    let says_something = !is_stop && !is_letter && bare.chars().any(char::is_alphabetic);
    says_something.then_some(bare)
}

/// The words of a text in lower case, with plain apostrophes. A mark without its letter is no word, wherever it stands.
fn words(text: &str) -> Vec<String> {
    let plain: String = text.nfc().map(plain_apostrophe).collect();
    let words = plain.unicode_words();
    let words = words.filter(|word| !word.starts_with(is_combining_mark));
    words.map(str::to_lowercase).collect()
}

fn plain_apostrophe(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201B}' | '\u{02BC}' | '\u{FF07}' => '\'',
        other => other,
    }
}

fn without_tags_and_links(caption: &str) -> String {
    let mut plain = String::with_capacity(caption.len());
    for piece in caption.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        if is_hashtag(word) || word.contains("://") {
            // The space: a line that ends here is one all the same.
            plain.push_str(&piece[word.len()..]);
        } else {
            plain.push_str(piece);
        }
    }
    plain
}

/// Whether a word is one hashtag or several, with punctuation around them.
fn is_hashtag(word: &str) -> bool {
    let opens = |c: char| c != '#' && c.is_ascii_punctuation();
    let name = word.trim_start_matches(opens).strip_prefix('#');
    let name = name.map(|it| it.trim_start_matches('#'));
    name.is_some_and(|it| it.starts_with(|c: char| c == '_' || c.is_alphanumeric()))
}

/// The text with a space for each emoji, and whether one follows the last word.
fn without_emoji(text: &str) -> (String, bool) {
    let mut plain = String::with_capacity(text.len());
    let mut ends_with_emoji = false;
    for grapheme in text.graphemes(true) {
        if is_emoji(grapheme) {
            plain.push(' ');
            ends_with_emoji = true;
            continue;
        }
        plain.push_str(grapheme);
        if grapheme.chars().any(char::is_alphanumeric) {
            ends_with_emoji = false;
        }
    }
    (plain, ends_with_emoji)
}

/// Whether a grapheme is an emoji. Signs that also stand in plain texts are none: ©, ®, ™ and digits.
fn is_emoji(grapheme: &str) -> bool {
    let is_sign = |c: char| {
        !c.is_ascii() && !c.is_alphanumeric() && !matches!(c, '©' | '®' | '™') && c.is_emoji_char()
    };
    grapheme.contains(KEYCAP) || grapheme.chars().next().is_some_and(is_sign)
}
