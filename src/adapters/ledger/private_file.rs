//! Files that nobody but this process's user reads: the ledger has the captions, and what platforms
//! said. SQLite gives the files that it makes beside one the mode of that one. For `file_lock`.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Read and written by its owner alone.
const MODE: u32 = 0o600;

/// Opens a file to write, and makes it if it is not there. One that others may read or write is
/// taken back from them.
///
/// # Errors
/// It cannot be opened, or is somebody else's and open to others.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(MODE);
    let file = options.open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(MODE))?;
    }
    Ok(file)
}

/// Takes what SQLite keeps beside a database back from others, where it is there.
///
/// # Errors
/// As of [`open`].
pub(super) fn take_back_beside(path: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm"] {
        let beside = with_suffix(path, suffix);
        if fs::exists(&beside)? {
            open(Path::new(&beside))?;
        }
    }
    Ok(())
}

/// `path` with this behind it.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> OsString {
    let mut name = OsString::from(path);
    name.push(suffix);
    name
}
