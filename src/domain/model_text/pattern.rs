//! Regular expressions that are constants.

use std::{ops::Deref, sync::OnceLock};

use regex::Regex;

/// A regular expression, compiled on first use.
pub(super) struct Pattern {
    text: &'static str,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// The pattern of a text, which must be a valid one.
    pub(super) const fn new(text: &'static str) -> Self {
        Self {
            text,
            compiled: OnceLock::new(),
        }
    }
}

impl Deref for Pattern {
    type Target = Regex;

    #[expect(
        clippy::expect_used,
        reason = "the text is a constant, compiled by the tests of its file"
    )]
    fn deref(&self) -> &Regex {
        self.compiled
            .get_or_init(|| Regex::new(self.text).expect("the pattern is valid"))
    }
}
