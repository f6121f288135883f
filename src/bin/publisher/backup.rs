//! `publisher backup`: a copy of the ledger, while the service runs or not.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use publisher::{
    adapters::{
        env::Environment,
        ledger::{BackupError, backup},
    },
    app::runtime::error_chain::ErrorChain,
};

use crate::{
    Failure,
    logging::{LogSettings, OneLine},
    settings,
};

/// The code where the settings do not fit what was asked for.
const WRONG_SETTINGS: u8 = 2;

/// Copies the ledger, and says so.
pub(crate) async fn run(target: &Path) -> Result<ExitCode, Failure> {
    let mut environment = Environment::from_process();
    LogSettings::read(&mut environment, "info");
    let ledger = settings::ledger::alone(environment)?;
    match backup(&ledger, target).await {
        Ok(()) => {
            writeln!(
                io::stdout(),
                "The ledger was copied to {}",
                target.display()
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ BackupError::Postgres) => {
            writeln!(io::stderr(), "{}", OneLine(ErrorChain(&error)))?;
            Ok(ExitCode::from(WRONG_SETTINGS))
        }
        Err(error) => Err(error.into()),
    }
}
