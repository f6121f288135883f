//! The pictures that captions are written for, by their analyses: `corpus.json`, made up, of the kinds that tenants have.

use publisher::domain::analysis::{Analysis, UnusableAnswer};
use serde::Deserialize;
use serde_json::Value;

const CORPUS: &str = include_str!("corpus.json");

/// A picture that was never taken.
pub(super) struct Picture {
    /// The analysis as the file has it.
    pub(super) analysis: Value,
    /// The same, as a model's answer is read.
    pub(super) read: Analysis,
}

/// The corpus cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadCorpus {
    #[error("corpus.json is not as it has to be")]
    Json(#[from] serde_json::Error),
    #[error("an analysis in corpus.json cannot be used")]
    Analysis(#[from] UnusableAnswer),
}

#[derive(Deserialize)]
struct Entry {
    analysis: Value,
}

/// The pictures, in the order of the file.
pub(super) fn pictures() -> Result<Vec<Picture>, BadCorpus> {
    let entries: Vec<Entry> = serde_json::from_str(CORPUS)?;
    let picture = |Entry { analysis }| {
        let read = Analysis::from_answer(&analysis.to_string())?;
        Ok(Picture { analysis, read })
    };
    entries.into_iter().map(picture).collect()
}
