//! Dropbox's words in an error: foreign text, of which only what is sound reaches the log.

use std::fmt;

/// Dropbox's words for an error, from general to special: `path/not_found`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tags(String);

impl Tags {
    /// More than any real tag path has, in bytes.
    const MAX_LEN: usize = 120;

    /// Reads an `error_summary`. Anything but tags (it is foreign text on its way to the log) is
    /// left out as a whole.
    pub(super) fn new(summary: &str) -> Self {
        let sound = summary.len() <= Self::MAX_LEN
            && summary
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'/' | b'.'));
        // The end is a number of dots, which Dropbox varies on purpose.
        let tags = summary.trim_end_matches(['/', '.']);
        Self(if sound {
            tags.to_owned()
        } else {
            String::new()
        })
    }

    /// The tags one by one, from general to special.
    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|tag| !tag.is_empty())
    }

    pub(super) fn begin_with(&self, beginning: &str) -> bool {
        self.0
            .strip_prefix(beginning)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(super) fn end_with(&self, tag: &str) -> bool {
        self.0.rsplit('/').next() == Some(tag)
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags = if self.0.is_empty() {
            "no tags"
        } else {
            &self.0
        };
        f.write_str(tags)
    }
}

/// The name of a permission, such as `files.content.read`, in quotes; foreign text that cannot be one
/// is left out as a whole.
pub(super) fn scope(name: &str) -> String {
    let is_part = |byte| matches!(byte, b'a'..=b'z' | b'_' | b'.');
    if (3..=60).contains(&name.len()) && name.bytes().all(is_part) {
        format!("\"{name}\"")
    } else {
        "that this call takes".to_owned()
    }
}
