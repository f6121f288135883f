//! Files that only this process's user can read: the ledger has the captions, and the platforms'
//! answers. SQLite gives the files that it creates beside a database the mode of that database.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Read and written by its owner alone.
const MODE: u32 = 0o600;

/// The first bytes of a database. A database without any content yet is an empty file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Refuses a file that is not a database, and anything that is not a file.
///
/// # Errors
/// It is something else ([`NoDatabase`]), or cannot be read.
pub(super) fn refuse_other_files(path: &Path) -> io::Result<()> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut head = Vec::new();
    if found.is_file() {
        let length = MAGIC.len().try_into().unwrap_or_default();
        File::open(path)?.take(length).read_to_end(&mut head)?;
        if head.is_empty() || head == MAGIC {
            return Ok(());
        }
    }
    Err(io::Error::other(NoDatabase))
}

/// What a URL names is something else.
#[derive(Debug, thiserror::Error)]
#[error("it is no SQLite database")]
pub(super) struct NoDatabase;

/// Opens a file for writing, and creates it if it is not there. If other users may read or write
/// it, takes those permissions away.
///
/// # Errors
/// It cannot be opened, or it belongs to another user and is open to others.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(MODE);
    let file = options.open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::info!("a file of the ledger was open to others: only its owner may read it now");
        file.set_permissions(Permissions::from_mode(MODE))?;
    }
    Ok(file)
}

/// A database by its own name, with symbolic links followed: SQLite keeps beside that what is not in
/// the file yet. One that is not there yet is left as it is.
///
/// # Errors
/// It has several names ([`SeveralNames`]), is a folder, or cannot be looked at.
pub(super) fn by_own_name(path: &Path) -> io::Result<PathBuf> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.to_owned()),
        found => found?,
    };
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if found.nlink() > 1 {
        return Err(io::Error::other(SeveralNames));
    }
    fs::canonicalize(path)
}

/// Under another of them, a database looks empty or old: what was written last is beside this one.
#[derive(Debug, thiserror::Error)]
#[error(
    "the file has several names (hard links), and what SQLite has not written into it yet is beside \
     one of them"
)]
pub(super) struct SeveralNames;

/// Takes what SQLite keeps beside a database back from others, where it is there.
///
/// # Errors
/// As of [`open`].
pub(super) fn take_back_beside(path: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm"] {
        let beside = with_suffix(path, suffix);
        if fs::exists(&beside)? {
            open(&beside)?;
        }
    }
    Ok(())
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// `path` with this suffix.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
