//! The numbers of a corpus of captions, and of each of its platforms.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
};

use super::{
    facts::{Facts, facts},
    lexicon::Lexicon,
    lines::CaptionLine,
    numbers::{FEW, Measured, Number, float},
    text::{Shape, Text},
};

/// The numbers of a corpus.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredCorpus {
    /// Those of all captions.
    pub corpus: Measured,
    /// Those of each platform, by its name, all tenants together. Platforms with fewer than [`FEW`] captions are measured
    /// and not judged.
    pub platforms: BTreeMap<String, Measured>,
}

impl MeasuredCorpus {
    /// Of each number the worst of several runs; `None` of no run.
    #[must_use]
    pub fn worst(runs: &[Self]) -> Option<Self> {
        runs.iter().cloned().reduce(|mut worst, run| {
            for (platform, measured) in run.platforms {
                let worse = worst.platforms.get(&platform).map(|it| it.worse(&measured));
                worst.platforms.insert(platform, worse.unwrap_or(measured));
            }
            worst.corpus = worst.corpus.worse(&run.corpus);
            worst
        })
    }

    /// Whether no number is beyond its bar, neither of the corpus nor of a platform.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.missed().is_empty()
    }

    /// The numbers that are beyond their bars, in the corpus or on a platform, each once, in their order.
    #[must_use]
    pub fn missed(&self) -> Vec<Number> {
        let all = self.platforms.values().chain([&self.corpus]);
        let mut missed: Vec<Number> = all.flat_map(Measured::missed).collect();
        missed.sort_unstable();
        missed.dedup();
        missed
    }
}

/// Measures captions, which are in the order in which they were written. All numbers but the likeness are the same in
/// every order.
#[must_use]
pub fn measure(captions: &[CaptionLine], lexicon: &Lexicon) -> MeasuredCorpus {
    let facts = facts(captions, lexicon);
    let mut by_platform: BTreeMap<&str, Vec<&Facts>> = BTreeMap::new();
    for (caption, facts) in captions.iter().zip(&facts) {
        by_platform
            .entry(&caption.platform)
            .or_default()
            .push(facts);
    }
    let of_platform = |(platform, facts): (&str, Vec<&Facts>)| {
        (platform.to_owned(), numbers(&facts, facts.len() >= FEW))
    };
    MeasuredCorpus {
        platforms: by_platform.into_iter().map(of_platform).collect(),
        corpus: numbers(&facts.iter().collect::<Vec<_>>(), true),
    }
}

fn numbers(facts: &[&Facts], is_judged: bool) -> Measured {
    let texts = || facts.iter().map(|it| &it.text);
    let share = |count: usize| mean_of(float(count), facts.len());
    Measured::new(facts.len(), is_judged, |number| match number {
        Number::Edges => share(with_shared_edge(&texts().collect::<Vec<_>>())),
        Number::StockPhrases => share(facts.iter().filter(|it| it.has_stock_phrase).count()),
        Number::Likeness => mean(facts.iter().map(|it| it.likeness)),
        Number::Overlap => mean(facts.iter().filter_map(|it| it.overlap)),
        Number::Distinct1 => distinct(texts().flat_map(Text::words)),
        Number::Distinct2 => distinct(texts().flat_map(|text| {
            let words = text.words();
            let pairs = words.windows(2).map(|pair| (pair[0], pair[1]));
            pairs.collect::<Vec<_>>()
        })),
        Number::WordVariance => variance(texts().map(|it| it.words().len())),
        Number::SentenceVariance => variance(texts().map(|it| it.shape().sentences)),
        Number::Shape => share(texts().filter(|it| it.shape() == Shape::STOCK).count()),
        Number::FrequentWord => share(with_most_frequent_word(texts())),
    })
}

/// How many texts begin or end with the words that another one begins or ends with.
fn with_shared_edge(texts: &[&Text]) -> usize {
    let openings: Vec<_> = texts.iter().map(|it| it.opening()).collect();
    let closings: Vec<_> = texts.iter().map(|it| it.closing()).collect();
    let (opening, closing) = (counts(&openings), counts(&closings));
    let is_shared = |edge: &Vec<&str>, counts: &HashMap<&Vec<&str>, usize>| {
        !edge.is_empty() && counts.get(edge).is_some_and(|count| *count > 1)
    };
    let edges = openings.iter().zip(&closings);
    edges
        .filter(|(first, last)| is_shared(first, &opening) || is_shared(last, &closing))
        .count()
}

/// How many texts have the content word that most have; 0 where no two have the same.
fn with_most_frequent_word<'t>(texts: impl Iterator<Item = &'t Text>) -> usize {
    let words: Vec<&str> = texts.flat_map(Text::content_words).collect();
    let most = counts(&words).into_values().max();
    most.filter(|count| *count > 1).unwrap_or_default()
}

fn counts<T: Eq + Hash>(items: &[T]) -> HashMap<&T, usize> {
    let mut counts = HashMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

fn distinct<T: Eq + Hash>(items: impl Iterator<Item = T>) -> Option<f64> {
    let (mut seen, mut all) = (HashSet::new(), 0);
    for item in items {
        all += 1;
        seen.insert(item);
    }
    mean_of(float(seen.len()), all)
}

/// The variance of a population; `None` for fewer than two.
fn variance(counts: impl Iterator<Item = usize>) -> Option<f64> {
    let counts: Vec<f64> = counts.map(float).collect();
    let mean_count = mean(counts.iter().copied()).filter(|_| counts.len() > 1)?;
    mean(counts.into_iter().map(|count| (count - mean_count).powi(2)))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    // Sums of floats depend on the order, and the number does not.
    values.sort_unstable_by(f64::total_cmp);
    mean_of(values.iter().sum(), values.len())
}

fn mean_of(sum: f64, count: usize) -> Option<f64> {
    (count > 0).then(|| sum / float(count))
}
