//! A copy of an `SQLite` ledger, made while the service goes on writing it. For `publisher backup`.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};

use super::{
    file_lock,
    location::Location,
    private_file::{by_own_name, folder_of, refuse_other_files},
    settings::LedgerSettings,
    sqlite::check_log,
};
use crate::ports::Cause;

/// Copies the ledger, as it is at one moment, into a new file that only this user may read. Returns when the copy is on
/// the disk; until then there is no file of that name. Does not change the ledger's content.
///
/// # Errors
/// [`BackupError`]. No file is left behind.
pub async fn backup(settings: &LedgerSettings, target: &Path) -> Result<(), BackupError> {
    let Location::Sqlite(source) = &settings.location else {
        return Err(BackupError::Postgres);
    };
    let failed = |source| BackupError::File {
        path: target.to_owned(),
        source,
    };
    if target.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    if !source.is_file() {
        return Err(BackupError::NoLedger(source.clone()));
    }
    let source = by_own_name(source).map_err(BackupError::ledger)?;
    refuse_other_files(&source).map_err(BackupError::ledger)?;
    // Before SQLite opens it, and writes into it what it can read. A process that has it has done so.
    if !file_lock::is_in_use(&source).map_err(BackupError::ledger)? {
        check_log(&source).map_err(BackupError::ledger)?;
    }
    let folder = folder_of(target);
    if !folder.is_dir() {
        return Err(BackupError::NoFolder(folder.to_owned()));
    }
    // Its mode is 0600. `SQLite` writes into a file that is there if it is empty.
    let copy = tempfile::Builder::new()
        .prefix(".publisher-backup-")
        .tempfile_in(folder)
        .map_err(failed)?;
    copy_into(&source, copy.path()).await?;
    copy.as_file().sync_all().map_err(failed)?;
    copy.persist_noclobber(target).map_err(|error| {
        if error.error.kind() == io::ErrorKind::AlreadyExists {
            BackupError::Exists(target.to_owned())
        } else {
            failed(error.error)
        }
    })?;
    // So that its name is on the disk, too.
    let folder = File::open(folder).and_then(|folder| folder.sync_all());
    folder.map_err(failed)
}

async fn copy_into(source: &Path, target: &Path) -> Result<(), BackupError> {
    let target = target
        .to_str()
        .ok_or_else(|| BackupError::Ledger("the file's name must be UTF-8".into()))?;
    // Not read only: the last one who reads a database like that leaves its `-wal` and `-shm` behind.
    let options = SqliteConnectOptions::new().filename(source);
    let options = options.disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(BackupError::ledger)?;
    let copied = sqlx::query("VACUUM INTO $1")
        .bind(target)
        .execute(&mut connection)
        .await;
    let closed = connection.close().await;
    copied.and(closed).map_err(BackupError::ledger)
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The ledger is on a server.
    #[error("the ledger is in PostgreSQL: copy its database with pg_dump")]
    Postgres,
    /// There is something of that name.
    #[error("{} is there already, and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// There is nothing to copy.
    #[error("PUBLISH_LEDGER_URL: there is no ledger {}", .0.display())]
    NoLedger(PathBuf),
    /// The folder of the copy is missing.
    #[error("the folder {} does not exist: make it first", .0.display())]
    NoFolder(PathBuf),
    /// The copy's file.
    #[error("{} cannot be written", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The ledger cannot be read, or the copy cannot be written.
    #[error("the ledger cannot be copied")]
    Ledger(#[source] Cause),
}

impl BackupError {
    fn ledger(error: impl Into<Cause>) -> Self {
        Self::Ledger(error.into())
    }
}
