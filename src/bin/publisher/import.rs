//! `publisher import`: posts that another source knows of, taken over into the ledger.

mod database;
mod posted;
mod tenant;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Subcommand;
use publisher::adapters::{
    clock::SystemClock,
    ledger::{LedgerSettings, import_file},
};

use crate::{Failure, logging::OneLine, settings};

/// What is taken over.
#[derive(Subcommand)]
pub(crate) enum Source {
    /// Take over from a list of hashes what the existing service has posted
    ///
    /// The images of the list count as published on every platform of the tenant, those that come later included: `POST
    /// /api/publish` and `publisher publish` pass them over. Can be run twice, and while the service runs. Makes the
    /// ledger that the settings name if it is not there yet.
    #[command(after_help = posted::HELP)]
    Posted(posted::Options),
    /// Take over from the PostgreSQL database of the existing service what it has posted, and its captions
    ///
    /// For all tenants at once, by their names there. Can be run twice, and while either service runs. Makes the ledger
    /// that the settings name if it is not there yet.
    #[command(after_help = database::HELP)]
    Database(database::Options),
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
        Source::Posted(options) => posted::run(options).await,
        Source::Database(options) => database::run(options).await,
        Source::Ledger { file } => ledger(&file).await,
    }
}

async fn ledger(file: &Path) -> Result<ExitCode, Failure> {
    let target = settings::ledger::from_process()?;
    print_target(&target)?;
    let summary = import_file(target, file, Arc::new(SystemClock)).await?;
    write!(io::stdout(), "{summary}")?;
    Ok(code(summary.is_complete()))
}

/// Prints which ledger takes over, and that it is made if it is.
fn print_target(target: &LedgerSettings) -> io::Result<()> {
    let made = target
        .missing_file()
        .map_or("", |_| ", which is made now, as it is not there yet");
    writeln!(
        io::stdout(),
        "The ledger that takes over is {}{made}",
        OneLine(target.place())
    )
}

/// The code of an import that has taken over everything, or not.
fn code(is_complete: bool) -> ExitCode {
    if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
