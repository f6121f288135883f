//! Why a ledger cannot be opened, and what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{advice, fault};
use crate::ports::{Cause, LedgerError};

/// Why the ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenLedgerError {
    /// Two processes must not share a file.
    #[error(
        "PUBLISH_LEDGER_URL: another process has the ledger {}; several replicas need PostgreSQL",
        .0.display()
    )]
    InUse(PathBuf),
    /// The file, or the folder that it is in.
    #[error(
        "PUBLISH_LEDGER_URL: the ledger {} cannot be opened for writing ({})",
        .path.display(), advice::of_file(.source)
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Posts that were written down cannot be read.
    #[error(
        "PUBLISH_LEDGER_URL: the -wal of the ledger {} is damaged, so that its last posts would be sent \
         again: move the database, -wal and -shm aside together, put a copy in their place, and take over \
         what can be read with `publisher import ledger`",
        .0.display()
    )]
    DamagedLog(PathBuf),
    /// The database in the file.
    #[error(
        "PUBLISH_LEDGER_URL: the file is no ledger that can be written ({})",
        advice::of_database(&**.0)
    )]
    Sqlite(#[source] Cause),
    /// A running process has the file, and has not brought its tables to where this version needs
    /// them.
    #[error(
        "PUBLISH_LEDGER_URL: the ledger is that of a running process of another version: stop that first"
    )]
    Behind,
    /// It opens, and cannot be written.
    #[error("PUBLISH_LEDGER_URL: the ledger cannot be written")]
    Unwritable(#[source] LedgerError),
    /// The server.
    #[error("PUBLISH_LEDGER_URL: the ledger in PostgreSQL cannot be opened")]
    Postgres(#[source] Cause),
}

impl OpenLedgerError {
    /// What is wrong with a file, or the folder that it is in.
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn sqlite(error: impl Into<Cause>) -> Self {
        Self::Sqlite(error.into())
    }

    pub(super) fn postgres(error: impl Into<Cause>) -> Self {
        Self::Postgres(fault::cause(error.into()))
    }

    /// Whether starting the process again fails in the same way until the setting is changed or the
    /// file is replaced.
    #[must_use]
    pub fn is_of_settings(&self) -> bool {
        match self {
            Self::File { source, .. } => advice::is_of_settings(source),
            Self::Sqlite(error) => advice::is_no_database(&**error),
            _ => false,
        }
    }

    /// Whether trying again does not help until the cause is fixed and the process is restarted.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::InUse(_)
            | Self::File { .. }
            | Self::DamagedLog(_)
            | Self::Sqlite(_)
            | Self::Behind => true,
            Self::Unwritable(_) => false,
            Self::Postgres(cause) => fault::is_final(&**cause),
        }
    }

    /// What it is, without where.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Postgres(cause) => cause.to_string(),
            other => other.to_string(),
        }
    }
}
