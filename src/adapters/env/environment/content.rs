//! What values, and the files that they name, have to be like.

use std::io;

use url::Url;

/// Some editors put the mark of UTF-8 at the head of a file; it is no part of what stands there.
pub(super) fn without_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content)
}

/// The kind of the error alone: the path may be anything, even a secret in the wrong variable.
pub(super) fn unreadable(error: &io::Error) -> String {
    format!("names a file that cannot be read ({})", error.kind())
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
