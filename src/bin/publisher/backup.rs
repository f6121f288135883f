//! `publisher backup`: a copy of the ledger, while the service runs or not.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use publisher::adapters::ledger::{BackupError, backup};

use crate::{Failure, settings};

/// Copies the ledger, and prints where.
pub(crate) async fn run(target: &Path) -> Result<ExitCode, Failure> {
    let ledger = settings::ledger::from_process()?;
    let copied = backup(&ledger, target).await;
    copied.map_err(|error| match error {
        BackupError::Postgres => Failure::set_up(error),
        other => other.into(),
    })?;
    let target = target.display();
    writeln!(io::stdout(), "The ledger was copied to {target}")?;
    Ok(ExitCode::SUCCESS)
}
