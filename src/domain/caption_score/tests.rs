mod candidates;
mod lexicon;
mod lines;
mod measuring;
mod properties;
mod texts;

use super::{CaptionLine, Lexicon, MeasuredCorpus, measure};

/// A caption of one tenant on one platform, without an analysis.
fn line(caption: &str) -> CaptionLine {
    on("telegram", caption)
}

fn on(platform: &str, caption: &str) -> CaptionLine {
    CaptionLine {
        tenant: "alice".to_owned(),
        platform: platform.to_owned(),
        caption: caption.to_owned(),
        analysis: String::new(),
    }
}

fn measured(captions: &[&str]) -> MeasuredCorpus {
    let lines: Vec<_> = captions.iter().map(|caption| line(caption)).collect();
    measure(&lines, Lexicon::built_in())
}

/// Whether two numbers are the same but for rounding.
fn is_close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}
