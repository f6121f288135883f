//! How captions are measured: against stock phrases, against the captions before them, and against the analysis that
//! they were written from.
//!
//! Pure and deterministic. Two callers use the same code: the choice among a model's candidates ([`best`]), and
//! `publisher captions score`, which measures whole corpora ([`measure`]).
//!
//! | file | holds |
//! | --- | --- |
//! | `candidates.rs` | the score of a candidate, and the choice among several |
//! | `facts.rs` | what is known of each caption of a corpus by itself and by those before it |
//! | `lexicon.rs` | stock phrases, each with what to write instead; ours are in `stock_phrases.txt` |
//! | `likeness.rs` | how like a caption is to others: bigrams of content words, weighted by TF-IDF |
//! | `lines.rs` | the lines of a file of captions |
//! | `measure.rs` | the numbers of a corpus and of each platform |
//! | `numbers.rs` | which numbers there are, and the bar of each |
//! | `text.rs` | a caption as words, sentences and emoji; stop words are in `stop_words.txt` |
//!
//! Captions are the tenants' texts: they are in no error, and `Debug` leaves them out.

mod candidates;
mod facts;
mod lexicon;
mod likeness;
mod lines;
mod measure;
mod numbers;
#[cfg(test)]
mod tests;
mod text;

pub use self::{
    candidates::{CandidateScore, best},
    lexicon::{Lexicon, LexiconError, StockPhrase},
    likeness::LAST,
    lines::{BadLine, CaptionLine, LineProblem, Lines},
    measure::{MeasuredCorpus, measure},
    numbers::{Bar, FEW, MEASURED_ON, Measured, Number, Verdict},
    text::Shape,
};
