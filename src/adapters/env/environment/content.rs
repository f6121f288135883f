//! What values, and the files that they name, have to be like.

use std::io;

use url::Url;

/// Some editors put the mark of UTF-8 at the head of a file; it is no part of what stands there.
pub(super) fn without_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content)
}

/// The kind of the error alone: the path may be anything, even a secret in the wrong variable.
pub(super) fn unreadable(error: &io::Error) -> String {
    format!("names a file that {}", why_unreadable(error))
}

/// Why a file cannot be read, as the end of a sentence about it.
pub(super) fn why_unreadable(error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "does not exist",
        io::ErrorKind::PermissionDenied => "this user may not read (permission denied)",
        io::ErrorKind::IsADirectory => "is a directory",
        io::ErrorKind::NotADirectory => "cannot exist: a part of its path is no directory",
        io::ErrorKind::InvalidData => "is not UTF-8 text",
        kind => return format!("cannot be read ({kind})"),
    };
    why.to_owned()
}

/// A base URL, which ends with a slash so that joins add to it.
pub(super) fn base_url(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    is_plain.then_some(url)
}
