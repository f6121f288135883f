//! `publisher import`: posts that another source knows of, taken over into the ledger.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Subcommand;
use publisher::adapters::{clock::SystemClock, ledger::import_file};

use crate::{Failure, logging::OneLine, settings};

/// What is taken over.
#[derive(Subcommand)]
pub(crate) enum Source {
    /// Take over from the file of another SQLite ledger what this one does not know
    ///
    /// For after a restore: the file is the ledger that was set aside, with its -wal beside it if
    /// there is one. It is not changed. Can be run twice, and while the service runs. Takes over into
    /// the ledger that the settings name, and does not make an SQLite ledger that is not there.
    Ledger {
        /// The file
        file: PathBuf,
    },
}

/// Takes over, and prints the outcome.
pub(crate) async fn run(source: Source) -> Result<ExitCode, Failure> {
    match source {
        Source::Ledger { file } => ledger(&file).await,
    }
}

async fn ledger(file: &Path) -> Result<ExitCode, Failure> {
    let target = settings::ledger::from_process()?;
    writeln!(
        io::stdout(),
        "The ledger that takes over is {}",
        OneLine(target.place())
    )?;
    let summary = import_file(target, file, Arc::new(SystemClock)).await?;
    write!(io::stdout(), "{summary}")?;
    Ok(if summary.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
