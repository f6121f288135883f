//! The choice among the captions that a model offers for one image on one platform.

use std::collections::HashMap;

use super::{
    lexicon::Lexicon,
    likeness::{self, LAST},
    numbers::float,
    text::Text,
};
use crate::domain::caption_history::PastCaption;

/// What a stock phrase counts.
const STOCK_PHRASE: f64 = 2.0;
/// A word recurs if at least so many of the last captions have it, and at least one of ten.
const RECURS: usize = 2;
const ONE_OF: usize = 10;

/// How much a candidate reads like a machine's caption, and like the last ones: lower is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CandidateScore {
    /// How many stock phrases it has.
    pub stock_phrases: usize,
    /// The likeness to the most alike of the last 30 captions, from 0 to 1.
    pub likeness: f64,
    /// The share of its content words that recur in the last 30 captions, from 0 to 1: at least two of them have the
    /// word, and at least a tenth.
    pub recurring: f64,
}

impl CandidateScore {
    /// The score of a candidate for a tenant and a platform whose captions so far are these, newest first. The first
    /// [`LAST`] of them count.
    #[must_use]
    pub fn of(candidate: &str, past: &[PastCaption], lexicon: &Lexicon) -> Self {
        Self::among(candidate, &Text::of(candidate), &read(past), lexicon)
    }

    /// Stock phrases × 2 + likeness + recurring content words: 0 or more.
    #[must_use]
    pub fn total(&self) -> f64 {
        STOCK_PHRASE * float(self.stock_phrases) + self.likeness + self.recurring
    }

    fn among(candidate: &str, text: &Text, past: &[Text], lexicon: &Lexicon) -> Self {
        Self {
            stock_phrases: lexicon.hits(candidate),
            likeness: likeness::highest(text, past),
            recurring: recurring(text, past),
        }
    }
}

/// The index of the best candidate for a tenant and a platform whose captions so far are these, newest first: the one
/// with the lowest [`CandidateScore::total`], and of equals the first. A candidate without a word is taken only where
/// none has one. `None` if there is no candidate.
#[must_use]
pub fn best<T: AsRef<str>>(
    candidates: &[T],
    past: &[PastCaption],
    lexicon: &Lexicon,
) -> Option<usize> {
    let past = read(past);
    let rank = |candidate: &T| {
        let text = Text::of(candidate.as_ref());
        let score = CandidateScore::among(candidate.as_ref(), &text, &past, lexicon);
        (text.words().is_empty(), score.total())
    };
    let ranks = candidates.iter().map(rank).enumerate();
    let lower = |one: (usize, (bool, f64)), other: (usize, (bool, f64))| {
        let order = (other.1.0.cmp(&one.1.0)).then(other.1.1.total_cmp(&one.1.1));
        if order.is_lt() { other } else { one }
    };
    ranks.reduce(lower).map(|(index, _)| index)
}

fn read(past: &[PastCaption]) -> Vec<Text> {
    let last = past.iter().take(LAST);
    last.map(|caption| Text::of(&caption.text)).collect()
}

fn recurring(text: &Text, past: &[Text]) -> f64 {
    let words = text.content_words();
    if words.is_empty() {
        return 0.0;
    }
    let mut captions_with: HashMap<&str, usize> = HashMap::new();
    for word in past.iter().flat_map(Text::content_words) {
        *captions_with.entry(word).or_default() += 1;
    }
    let recurs = |word: &&&str| {
        let with = captions_with.get(**word).copied().unwrap_or_default();
        with >= RECURS && with * ONE_OF >= past.len()
    };
    float(words.iter().filter(recurs).count()) / float(words.len())
}
