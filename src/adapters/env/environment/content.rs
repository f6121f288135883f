//! What is read out of files that settings name.

use std::io;

/// Some editors put the mark of UTF-8 at the head of a file; it is no part of what stands there.
pub(super) fn without_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content)
}

/// The kind of the error alone: the path may be anything, even a secret in the wrong variable.
pub(super) fn unreadable(error: &io::Error) -> String {
    format!("names a file that cannot be read ({})", error.kind())
}
