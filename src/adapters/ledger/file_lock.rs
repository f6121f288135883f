//! Which process owns a ledger's file: two locks of the operating system, which end with the
//! process, however it ends. For `sqlite` and `inspect`.
//!
//! One is on the database file itself, so that a process that uses another path (a symbolic or hard
//! link, a bind mount, a relative path) finds it too. The other is on `<file>.lock`, as it was
//! before: it finds a process of an older version, and one whose file was moved away under it.
//!
//! Both are `flock` locks, which have nothing to do with the `fcntl` locks that `SQLite` takes on the
//! same file. But closing *any* handle of a file drops all `fcntl` locks that the process has on it.
//! So the handle here is opened before `SQLite` opens the file, and closed after it has closed it.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
};

use super::{
    error::OpenLedgerError,
    private_file::{self, by_own_name},
};

/// The locks on a file that is this process's.
pub(super) struct FileLocks {
    database: File,
    beside: File,
}

impl FileLocks {
    /// Takes both. Creates the files if they are missing, readable by this user only.
    ///
    /// # Errors
    /// Another process has one of them, a file cannot be opened and written, or the database has
    /// several names.
    pub(super) fn acquire(path: &Path) -> Result<Self, OpenLedgerError> {
        private_file::refuse_other_files(path)
            .map_err(|source| OpenLedgerError::file(path, source))?;
        let name = private_file::with_suffix(path, ".lock");
        let beside = lock(path, || private_file::open(&name))?;
        let database = lock(path, || private_file::open(path))?;
        let own = by_own_name(path).map_err(|source| OpenLedgerError::file(path, source))?;
        private_file::take_back_beside(&own)
            .map_err(|source| OpenLedgerError::file(path, source))?;
        Ok(Self { database, beside })
    }

    /// Keeps the locks until the process ends: for a database that may still be open.
    pub(super) fn keep(self) {
        let Self { database, beside } = self;
        // Never closed, and so never unlocked.
        std::mem::forget((database, beside));
    }
}

fn lock(path: &Path, open: impl FnOnce() -> io::Result<File>) -> Result<File, OpenLedgerError> {
    let failed = |source| OpenLedgerError::file(path, source);
    let file = open().map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenLedgerError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Whether a process has the file. Makes no file. Not to be asked by a process that has the file
/// open: see above.
///
/// # Errors
/// The file, or the one beside it, cannot be read.
pub(super) fn is_in_use(path: &Path) -> io::Result<bool> {
    let beside = private_file::with_suffix(path, ".lock");
    for name in [&*beside, path] {
        let file = match File::open(name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}
