//! Secrets that are kept in files, as orchestrating platforms mount them.

use std::{fs, io, path::Path};

use crate::domain::secret::Secret;

/// The content of a file without line breaks at its end; `None` when nothing is left.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub(super) fn read(path: &Path) -> io::Result<Option<Secret>> {
    let mut content = fs::read_to_string(path)?;
    content.truncate(content.trim_end_matches(['\r', '\n']).len());
    let is_blank = content.trim().is_empty();
    Ok((!is_blank).then(|| Secret::new(content)))
}
