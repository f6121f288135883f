//! What is known of each caption of a corpus: of itself, and against its analysis and the captions before it.

use std::collections::{HashMap, VecDeque};

use super::{
    lexicon::Lexicon,
    likeness::{self, LAST},
    lines::CaptionLine,
    numbers::float,
    text::Text,
};

/// One caption of a corpus.
pub(super) struct Facts {
    pub(super) text: Text,
    pub(super) has_stock_phrase: bool,
    /// The likeness to the most alike of the captions before it.
    pub(super) likeness: f64,
    /// The share of its content words that the analysis has; `None` where one of both has none.
    pub(super) overlap: Option<f64>,
}

/// The facts of captions, which are in the order in which they were written.
pub(super) fn facts(captions: &[CaptionLine], lexicon: &Lexicon) -> Vec<Facts> {
    let texts: Vec<Text> = captions.iter().map(|it| Text::of(&it.caption)).collect();
    let mut last: HashMap<(&str, &str), VecDeque<usize>> = HashMap::new();
    let mut likenesses = Vec::with_capacity(captions.len());
    for (index, caption) in captions.iter().enumerate() {
        let last = last
            .entry((&caption.tenant, &caption.platform))
            .or_default();
        let others = last.iter().map(|other| &texts[*other]);
        likenesses.push(likeness::highest(&texts[index], others));
        last.push_back(index);
        if last.len() > LAST {
            last.pop_front();
        }
    }
    // The same analysis stands beside the captions of all platforms.
    let mut known: HashMap<&str, Text> = HashMap::new();
    let mut facts = Vec::with_capacity(captions.len());
    for ((caption, text), likeness) in captions.iter().zip(texts).zip(likenesses) {
        let analysis = known.entry(&caption.analysis);
        let analysis = analysis.or_insert_with_key(|it| Text::of(it));
        facts.push(Facts {
            has_stock_phrase: lexicon.hits(&caption.caption) > 0,
            overlap: overlap(&text, analysis),
            likeness,
            text,
        });
    }
    facts
}

fn overlap(caption: &Text, analysis: &Text) -> Option<f64> {
    let (said, known) = (caption.content_words(), analysis.content_words());
    let is_comparable = !said.is_empty() && !known.is_empty();
    is_comparable.then(|| float(said.intersection(&known).count()) / float(said.len()))
}
