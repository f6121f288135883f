//! The numbers of captions as a table for people, and as JSON for programs.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    process::ExitCode,
};

use publisher::domain::caption_score::{
    Bar, CaptionLine, Lexicon, MEASURED_ON, Measured, MeasuredCorpus, Number, Verdict,
};
use serde_json::{Map, Value, json as object};

use crate::logging::OneLine;

/// How many stock phrases are named.
const NAMED: usize = 10;
/// The name of the column of all captions.
const CORPUS: &str = "corpus";

/// A table of the numbers, with what they come from.
pub(super) struct Report<'r> {
    measured: &'r MeasuredCorpus,
    /// The stock phrases that were found, the most frequent first.
    found: Vec<(&'r str, usize)>,
}

impl<'r> Report<'r> {
    pub(super) fn new(
        captions: &[CaptionLine],
        measured: &'r MeasuredCorpus,
        lexicon: &'r Lexicon,
    ) -> Self {
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for phrase in captions.iter().flat_map(|it| lexicon.found(&it.caption)) {
            *found.entry(phrase.phrase()).or_default() += 1;
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        found.truncate(NAMED);
        Self { measured, found }
    }

    /// A table of the worst numbers of several runs.
    pub(super) fn of_runs(worst: &'r MeasuredCorpus) -> Self {
        Self {
            measured: worst,
            found: Vec::new(),
        }
    }

    /// The numbers of each column, with its name.
    fn columns(&self) -> Vec<(&str, &Measured)> {
        let platforms = self.measured.platforms.iter();
        let platforms = platforms.map(|(name, measured)| (&**name, measured));
        [(CORPUS, &self.measured.corpus)]
            .into_iter()
            .chain(platforms)
            .collect()
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_table(f)?;
        if !self.found.is_empty() {
            let found = self.found.iter();
            let found: Vec<_> = found.map(|(it, count)| format!("{it} ({count})")).collect();
            writeln!(f, "stock phrases: {}", OneLine(found.join(", ")))?;
        }
        if self.measured.corpus.captions() > 2 * MEASURED_ON {
            writeln!(
                f,
                "note: the bars were measured on {MEASURED_ON} captions; of so many more, shared words and distinct words look \
                 worse by their number alone"
            )?;
        }
        let missed = self.measured.missed();
        if missed.is_empty() {
            return f.write_str("All numbers are within their bars.\n");
        }
        let missed: Vec<_> = missed.into_iter().map(Number::label).collect();
        writeln!(f, "Beyond the bar: {}.", missed.join("; "))
    }
}

impl Report<'_> {
    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns();
        let mut head = vec![String::new(), "bar".to_owned()];
        head.extend(columns.iter().map(|(name, _)| OneLine(name).to_string()));
        let mut counts = vec!["captions".to_owned(), String::new()];
        counts.extend(columns.iter().map(|(_, it)| it.captions().to_string()));
        let mut rows = vec![head, counts];
        rows.extend(Number::ALL.map(|number| {
            let bar = match number.bar() {
                Bar::AtMost(bar) => format!("≤ {bar}"),
                Bar::AtLeast(bar) => format!("≥ {bar}"),
            };
            let cells = columns.iter().map(|(_, measured)| cell(measured, number));
            [number.label().to_owned(), bar]
                .into_iter()
                .chain(cells)
                .collect()
        }));
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns.len() + 2).map(width).collect();
        for row in &rows {
            let cells = row.iter().zip(&widths);
            let cells: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}

fn cell(measured: &Measured, number: Number) -> String {
    let Some(value) = measured.value(number) else {
        return "-".to_owned();
    };
    let verdict = match (measured.verdict(number), number.bar()) {
        (Verdict::Within, _) => "ok",
        (Verdict::Missed, Bar::AtMost(_)) => "over",
        (Verdict::Missed, Bar::AtLeast(_)) => "under",
        (Verdict::NotJudged, _) => "",
    };
    format!("{value:<7.4} {verdict}")
}

/// The code of captions that are within the bars, or not.
pub(super) fn code(measured: &MeasuredCorpus) -> ExitCode {
    if measured.is_within() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The numbers for programs.
pub(super) fn json(measured: &MeasuredCorpus) -> Value {
    let platforms = measured.platforms.iter();
    let platforms = platforms.map(|(name, it)| (name.clone(), numbers(it)));
    let missed: Vec<_> = measured.missed().into_iter().map(Number::as_str).collect();
    object!({
        "within": measured.is_within(),
        "missed": missed,
        "corpus": numbers(&measured.corpus),
        "platforms": platforms.collect::<Map<_, _>>(),
    })
}

fn numbers(measured: &Measured) -> Value {
    let number = |number: Number| {
        let bar = match number.bar() {
            Bar::AtMost(bar) => object!({ "at_most": bar }),
            Bar::AtLeast(bar) => object!({ "at_least": bar }),
        };
        let verdict = match measured.verdict(number) {
            Verdict::Within => "within",
            Verdict::Missed => "missed",
            Verdict::NotJudged => "not_judged",
        };
        let value = object!({ "value": measured.value(number), "bar": bar, "verdict": verdict });
        (number.as_str().to_owned(), value)
    };
    let numbers: Map<String, Value> = Number::ALL.map(number).into_iter().collect();
    object!({ "captions": measured.captions(), "numbers": numbers })
}
