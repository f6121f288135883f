//! How like a caption is to others: the cosine of their bigrams, weighted by TF-IDF.
//!
//! A bigram is a pair of content words that follow each other (`Text::content_bigrams`). Bigrams with stop words would
//! make any two English texts alike: "in the" is in most of them. A bigram weighs as often as its caption has it, times
//! `ln((1 + n) / (1 + d)) + 1`, where `d` of the `n` captions that are compared have it: the smoothed form, in which a
//! bigram that all have still counts.

use std::collections::HashMap;

use super::{numbers::float, text::Text};

/// How many captions of the same tenant and platform a caption is compared with: those right before it.
pub const LAST: usize = 30;

type Bigram<'t> = (&'t str, &'t str);
type Weights<'t> = HashMap<Bigram<'t>, f64>;

/// The likeness of a caption to the most alike of others: 0 without a common bigram, 1 for the same bigrams.
pub(super) fn highest<'t>(own: &'t Text, others: impl IntoIterator<Item = &'t Text>) -> f64 {
    let own = counts(own);
    if own.is_empty() {
        return 0.0;
    }
    let others: Vec<Weights<'_>> = others.into_iter().map(counts).collect();
    let mut captions_with: HashMap<Bigram<'_>, usize> = HashMap::new();
    for bigram in others.iter().chain([&own]).flat_map(HashMap::keys) {
        *captions_with.entry(*bigram).or_default() += 1;
    }
    let all = float(others.len() + 1);
    let rarity = |bigram: &Bigram<'_>| {
        let with = captions_with.get(bigram).copied().unwrap_or_default();
        ((1.0 + all) / (1.0 + float(with))).ln() + 1.0
    };
    let weigh = |mut counts: Weights<'t>| {
        for (bigram, weight) in &mut counts {
            *weight *= rarity(bigram);
        }
        counts
    };
    let own = weigh(own);
    let likenesses = others.into_iter().map(|other| cosine(&own, &weigh(other)));
    likenesses.fold(0.0, f64::max)
}

fn counts(text: &Text) -> Weights<'_> {
    let mut counts = Weights::new();
    for bigram in text.content_bigrams() {
        *counts.entry(bigram).or_default() += 1.0;
    }
    counts
}

fn cosine(one: &Weights<'_>, other: &Weights<'_>) -> f64 {
    // In a fixed order: sums of floats depend on theirs.
    let mut common: Vec<_> = one
        .iter()
        .filter_map(|(it, weight)| {
            let other = other.get(it)?;
            Some((it, weight * other))
        })
        .collect();
    common.sort_unstable_by_key(|(bigram, _)| **bigram);
    let product: f64 = common.into_iter().map(|(_, product)| product).sum();
    let lengths = length(one) * length(other);
    if lengths > 0.0 {
        (product / lengths).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

fn length(weights: &Weights<'_>) -> f64 {
    let mut squares: Vec<f64> = weights.values().map(|weight| weight * weight).collect();
    squares.sort_unstable_by(f64::total_cmp);
    squares.into_iter().sum::<f64>().sqrt()
}
