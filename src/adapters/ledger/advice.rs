//! What an operator can do about a ledger's file that cannot be opened. For what a start and a check
//! say.

use std::{error::Error, io};

use sqlx::migrate::MigrateError;

use super::private_file::{NoDatabase, SeveralNames};

/// What to do where a file cannot be opened.
pub(super) fn of_file(error: &io::Error) -> &'static str {
    if is::<SeveralNames>(error) {
        return "remove all names but the one that it was last served under";
    }
    if is::<NoDatabase>(error) {
        return "name another file, or put a copy in its place";
    }
    match error.kind() {
        io::ErrorKind::NotFound => "make its folder",
        io::ErrorKind::PermissionDenied => {
            "let the user of the service read and write it, and its folder"
        }
        io::ErrorKind::IsADirectory => "it is a folder: name a file in it",
        io::ErrorKind::NotADirectory => "name a file in a folder: a part of its path is a file",
        io::ErrorKind::ReadOnlyFilesystem => "name a file on a disk that can be written",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on its disk",
        _ => "name a file on a disk of this machine that can be written",
    }
}

/// What to do where the database in a file cannot be opened.
pub(super) fn of_database(error: &(dyn Error + Send + Sync + 'static)) -> &'static str {
    match code(error) {
        Some(SQLITE_NOTADB) => "it is no database: name another file, or put a copy in its place",
        Some(SQLITE_CORRUPT) => "it is damaged: put a copy in its place",
        Some(SQLITE_FULL) => "make room on its disk",
        Some(SQLITE_BUSY | SQLITE_LOCKED) => "end the program that has it open",
        Some(SQLITE_READONLY | SQLITE_CANTOPEN | SQLITE_PERM) => {
            "let the user of the service read and write it, its folder, and what is beside it"
        }
        _ if error.is::<MigrateError>() => {
            "its tables are not those of a release: name another file, or put a copy in its place"
        }
        _ => "look at its disk",
    }
}

/// Whether starting again changes nothing as long as no other file is named.
pub(super) fn is_of_settings(error: &io::Error) -> bool {
    is::<SeveralNames>(error)
        || is::<NoDatabase>(error)
        || matches!(
            error.kind(),
            io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory
        )
}

/// The same of the database in a file.
pub(super) fn is_no_database(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    code(error) == Some(SQLITE_NOTADB)
}

fn is<E: Error + 'static>(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn Error + Send + Sync>::is::<E>)
}

// <https://www.sqlite.org/rescode.html>
const SQLITE_PERM: i32 = 3;
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_NOTADB: i32 = 26;

/// The primary result code, if SQLite has said one.
fn code(error: &(dyn Error + Send + Sync + 'static)) -> Option<i32> {
    let error = match error.downcast_ref() {
        Some(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => error,
        Some(_) => return None,
        None => error.downcast_ref::<sqlx::Error>()?,
    };
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    // The extended codes have more in the higher bytes.
    Some(code & 0xff)
}
