//! `publisher captions score --live`: captions for the pictures of the corpus, written by the models of the settings and
//! paid for by whoever has the key. What is asked of the models is what `serve` asks of them.

mod cost;
mod writer;

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use publisher::{
    adapters::{env::Environment, otlp::Traces},
    domain::{
        caption_history::PastCaptions,
        caption_score::{CaptionLine, Lexicon, MeasuredCorpus, measure},
    },
};
use serde_json::json as object;

use self::{cost::Prices, writer::Writer};
use super::{
    corpus::{self, Picture},
    report::{Report, code, json},
};
use crate::{
    Failure, log_warnings, logging::LogSettings, memory_privacy, settings::captions::WriterSettings,
};

/// The most runs: their captions are paid for.
const MOST_RUNS: u16 = 20;

/// How many captions may be missing before there is one: a provider that is not reached is not waited for 20 times.
const MOST_MISSING: usize = 9;

/// Whether captions are written, and how often.
#[derive(Args)]
pub(super) struct LiveOptions {
    /// Write captions for 20 stored analyses, and score these: with `OPENAI_API_KEY`, `OPENAI_SETTINGS` and
    /// `OPENAI_BASE_URL`
    #[arg(long, conflicts_with = "path")]
    live: bool,
    /// How often: one run says little, as identical runs differ
    #[arg(long, requires = "live", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=MOST_RUNS as i64))]
    runs: u16,
    /// Write them without asking
    #[arg(long, requires = "live")]
    yes: bool,
    /// Store what was written, to be scored again; with several runs NAME-1.jsonl, NAME-2.jsonl, …
    #[arg(long, requires = "live", value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    prices: Prices,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error("--yes is required where nobody can be asked: captions are paid for")]
    NobodyToAsk,
    #[error("nothing was written")]
    Declined,
    #[error("the model has written no caption: see the log above")]
    NoCaption,
    #[error("{} cannot be made, and nothing was written", .0.display())]
    Snapshot(PathBuf, #[source] io::Error),
}

impl LiveOptions {
    pub(super) fn is_live(&self) -> bool {
        self.live
    }
}

/// Writes, measures, and prints each run and the worst.
pub(super) async fn run(
    options: LiveOptions,
    lexicon: &Lexicon,
    as_json: bool,
) -> Result<ExitCode, Failure> {
    let protected = memory_privacy::protect();
    let mut environment = Environment::from_process();
    let log = LogSettings::read(&mut environment, "warn");
    let settings = WriterSettings::read(environment)?;
    log.init(io::stderr(), &Traces::off())?;
    if let Err(error) = protected {
        tracing::warn!(%error, "{}", memory_privacy::CAN_BE_DUMPED);
    }
    log_warnings(&settings.warnings);
    let pictures = corpus::pictures()?;
    let writer = Writer::open(settings)?;
    let cost = writer.cost(&pictures, options.runs);
    write!(io::stderr(), "{}", cost.told(&options.prices))?;
    if !options.yes {
        confirm()?;
    }
    let mut snapshots = snapshots(options.out.as_deref(), options.runs)?.into_iter();
    let mut runs = Vec::new();
    for number in 1..=options.runs {
        let captions = write_run(&writer, &pictures, snapshots.next()).await?;
        let measured = measure(&captions, lexicon);
        if !as_json {
            let report = Report::new(&captions, &measured, lexicon);
            writeln!(io::stdout(), "Run {number} of {}\n{report}", options.runs)?;
        }
        runs.push(measured);
    }
    print_worst(&runs, as_json)
}

/// Writes one run, and stores it line by line: what was paid for is not lost with the rest.
async fn write_run(
    writer: &Writer,
    pictures: &[Picture],
    mut snapshot: Option<File>,
) -> Result<Vec<CaptionLine>, Failure> {
    let (mut captions, mut missing, mut past) = (Vec::new(), 0, PastCaptions::new());
    for picture in pictures {
        let written = writer.write(picture, &mut past).await?;
        missing += writer.platforms().saturating_sub(written.len());
        if captions.is_empty() && missing >= MOST_MISSING {
            break;
        }
        for (platform, caption) in written {
            let line = object!({
                "tenant": writer::TENANT, "platform": platform.as_str(), "caption": caption,
                "analysis": &picture.analysis,
            });
            let line = line.to_string();
            if let Some(file) = &mut snapshot {
                writeln!(file, "{line}")?;
            }
            captions.push(CaptionLine::parse(&line)?);
        }
    }
    if missing > 0 {
        writeln!(io::stderr(), "The model has left out {missing} captions.")?;
    }
    if captions.is_empty() {
        return Err(Failure::set_up(NotWritten::NoCaption));
    }
    Ok(captions)
}

/// Prints of each number the worst run; the code says whether that is within the bars.
fn print_worst(runs: &[MeasuredCorpus], as_json: bool) -> Result<ExitCode, Failure> {
    let Some(worst) = MeasuredCorpus::worst(runs) else {
        return Ok(ExitCode::FAILURE);
    };
    let mut out = io::stdout();
    if as_json {
        let runs: Vec<_> = runs.iter().map(json).collect();
        writeln!(out, "{}", object!({ "runs": runs, "worst": json(&worst) }))?;
    } else {
        let report = Report::of_runs(&worst);
        write!(out, "Worst of {} runs\n{report}", runs.len())?;
    }
    Ok(code(&worst))
}

/// Asks whoever sits there.
fn confirm() -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::set_up(NotWritten::NobodyToAsk));
    }
    write!(io::stderr(), "Write them? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(Failure::set_up(NotWritten::Declined))
    }
}

/// A new file for each run.
fn snapshots(out: Option<&Path>, runs: u16) -> Result<Vec<File>, Failure> {
    let Some(out) = out else {
        return Ok(Vec::new());
    };
    let path = |run: u16| {
        let stem = out.file_stem().unwrap_or_default().to_string_lossy();
        let extension = out
            .extension()
            .map_or("jsonl".into(), |it| it.to_string_lossy());
        match runs {
            1 => out.to_owned(),
            _ => out.with_file_name(format!("{stem}-{run}.{extension}")),
        }
    };
    let create = |path: PathBuf| {
        let file = File::create_new(&path);
        file.map_err(|error| Failure::set_up(NotWritten::Snapshot(path, error)))
    };
    (1..=runs).map(path).map(create).collect()
}
