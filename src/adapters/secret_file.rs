//! Secrets that are kept in files, as orchestrating platforms mount them.

use std::{fs, io, path::Path};

use crate::domain::secret::Secret;

/// The content of a file without what cannot be seen around it: line breaks, blanks, the mark that
/// some editors put at the head of a file. `None` when nothing is left.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub(super) fn read(path: &Path) -> io::Result<Option<Secret>> {
    Ok(Secret::pasted(fs::read_to_string(path)?))
}
