//! The numbers by which captions are measured, and the bar of each.
//!
//! The bars are measurements: the worst of five runs of 20 pictures on 3 platforms with a small model, and a tenth.
//! `docs/captions.md` defines each number.

use crate::domain::words::words;

/// How many captions the bars were measured on. Of many more, openings, closings and distinct words are alike by their
/// number alone.
pub const MEASURED_ON: usize = 60;
/// The fewest captions of a platform that are held against the bars: a share of a tenth needs ten.
pub const FEW: usize = 10;

words! {
    /// A number by which captions are measured.
    #[derive(PartialOrd, Ord)]
    pub enum Number {
        /// The share of captions that share their first or last three words with another.
        Edges = "edges",
        /// The share of captions with a stock phrase.
        StockPhrases = "stock_phrases",
        /// The highest likeness to one of the last 30 captions of the same tenant and platform, as a mean.
        Likeness = "likeness",
        /// The share of a caption's content words that its analysis has, as a mean.
        Overlap = "overlap",
        /// The share of words that are different ones.
        Distinct1 = "distinct_1",
        /// The share of pairs of neighboring words that are different ones.
        Distinct2 = "distinct_2",
        /// The variance of the captions' numbers of words.
        WordVariance = "word_variance",
        /// The variance of the captions' numbers of sentences.
        SentenceVariance = "sentence_variance",
        /// The share of captions of two sentences, then emoji.
        Shape = "shape",
        /// The share of captions with the most frequent content word.
        FrequentWord = "frequent_word",
    }
}

/// The bar of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bar {
    /// The number may not be higher.
    AtMost(f64),
    /// The number may not be lower.
    AtLeast(f64),
}

/// A number against its bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is within the bar.
    Within,
    /// It is beyond.
    Missed,
    /// There is nothing to hold against the bar: too few captions, or no analysis.
    NotJudged,
}

impl Bar {
    /// Whether a number is within the bar.
    #[must_use]
    pub fn takes(self, value: f64) -> bool {
        match self {
            Self::AtMost(bar) => value <= bar,
            Self::AtLeast(bar) => value >= bar,
        }
    }
}

impl Number {
    /// The bar.
    #[must_use]
    pub const fn bar(self) -> Bar {
        match self {
            Self::Edges => Bar::AtMost(0.33),
            Self::StockPhrases => Bar::AtMost(0.073),
            Self::Likeness => Bar::AtMost(0.0051),
            Self::Overlap => Bar::AtMost(0.16),
            Self::Distinct1 => Bar::AtLeast(0.286),
            Self::Distinct2 => Bar::AtLeast(0.713),
            Self::WordVariance => Bar::AtLeast(12.3),
            Self::SentenceVariance => Bar::AtLeast(0.36),
            Self::Shape => Bar::AtMost(0.01),
            Self::FrequentWord => Bar::AtMost(0.10),
        }
    }

    /// What it is, for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Edges => "first or last three words shared",
            Self::StockPhrases => "with a stock phrase",
            Self::Likeness => "likeness to the last 30",
            Self::Overlap => "words of the analysis",
            Self::Distinct1 => "distinct words",
            Self::Distinct2 => "distinct pairs of words",
            Self::WordVariance => "variance of words",
            Self::SentenceVariance => "variance of sentences",
            Self::Shape => "two sentences, then emoji",
            Self::FrequentWord => "with the most frequent word",
        }
    }
}

/// The numbers of some captions.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    captions: usize,
    values: [Option<f64>; Number::ALL.len()],
    is_judged: bool,
}

impl Measured {
    pub(super) fn new(
        captions: usize,
        is_judged: bool,
        value: impl Fn(Number) -> Option<f64>,
    ) -> Self {
        Self {
            captions,
            values: Number::ALL.map(|number| value(number).filter(|it| it.is_finite())),
            is_judged,
        }
    }

    /// Of each number the worse one of both, as far as there is one; and the lower number of captions.
    #[must_use]
    pub fn worse(&self, other: &Self) -> Self {
        let worse = |number: Number| {
            let (one, other) = (self.value(number), other.value(number));
            let both = one.zip(other).map(|(one, other)| match number.bar() {
                Bar::AtMost(_) => one.max(other),
                Bar::AtLeast(_) => one.min(other),
            });
            both.or(one).or(other)
        };
        let captions = self.captions.min(other.captions);
        Self::new(captions, self.is_judged && other.is_judged, worse)
    }

    /// How many captions there are.
    #[must_use]
    pub fn captions(&self) -> usize {
        self.captions
    }

    /// A number, which is finite; `None` where there is nothing that it could be taken from.
    #[must_use]
    pub fn value(&self, number: Number) -> Option<f64> {
        let index = Number::ALL.iter().position(|it| *it == number)?;
        self.values[index]
    }

    /// A number against its bar.
    #[must_use]
    pub fn verdict(&self, number: Number) -> Verdict {
        match self.value(number) {
            Some(value) if self.is_judged && number.bar().takes(value) => Verdict::Within,
            Some(_) if self.is_judged => Verdict::Missed,
            Some(_) | None => Verdict::NotJudged,
        }
    }

    /// The numbers that are beyond their bars.
    pub fn missed(&self) -> impl Iterator<Item = Number> {
        let missed = |number: &Number| self.verdict(*number) == Verdict::Missed;
        Number::ALL.into_iter().filter(missed)
    }
}

/// A count as a float; beyond 2³² its value does not matter.
pub(super) fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
