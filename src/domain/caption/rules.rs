//! What a platform takes as a caption.

use std::collections::BTreeMap;

use crate::domain::platform::Platform;

/// The rules of a platform for captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptionRules {
    /// The longest caption, in `unit`s.
    pub limit: usize,
    /// The unit of the limit.
    pub unit: CaptionUnit,
    /// The longest caption in bytes of UTF-8, beside the limit.
    pub max_bytes: Option<usize>,
    /// The length that a link of the web counts as; `None` where it counts as any other text.
    pub link_length: Option<usize>,
    /// Which hashtags the caption ends with.
    pub hashtags: HashtagPolicy,
    /// Whether the caption is one line, with dashes, quotes and ellipses as ASCII.
    pub plain_ascii_line: bool,
    /// The words that suit the platform, at the least and at the most, where that is fewer than fit.
    pub words: Option<(usize, usize)>,
}

/// Limits up to this one are told to a model in words: it counts no characters.
pub(super) const SHORT: usize = 300;
/// The characters of a word, with the blank behind it.
const CHARS_OF_WORD: usize = 6;

/// How long a model is asked to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenLength {
    /// So many words: at the least, where that matters, and at the most.
    Words(Option<usize>, usize),
    /// So many characters at the most.
    Characters(usize),
}

impl CaptionRules {
    /// Whether captions are short: their length is told in words.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.limit <= SHORT
    }

    /// The same rules with this limit, if it is the lower one.
    #[must_use]
    pub fn at_most(self, limit: Option<usize>) -> Self {
        let limit = limit.map_or(self.limit, |limit| self.limit.min(limit));
        Self { limit, ..self }
    }

    /// The length to ask a model for, so that the tenant's hashtags fit behind the text.
    #[must_use]
    pub fn written_length(&self, tenant_hashtags: &str) -> WrittenLength {
        let room = self.room_beside(tenant_hashtags).units;
        if !self.is_short() {
            return WrittenLength::Characters(room);
        }
        let most = (room / CHARS_OF_WORD).max(1);
        match self.words {
            Some((least, usual)) if usual <= most => WrittenLength::Words(Some(least), usual),
            _ => WrittenLength::Words(None, most),
        }
    }
}

/// The rules of several platforms for captions.
pub type PlatformRules = BTreeMap<Platform, CaptionRules>;

/// The unit of a caption's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptionUnit {
    /// UTF-16 code units.
    Utf16,
    /// Unicode characters.
    Char,
    /// Graphemes: what a reader sees as one character.
    Grapheme,
}

/// Which hashtags a caption ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashtagPolicy {
    /// None.
    None,
    /// The tenant's.
    Tenant,
    /// The tenant's, and then those that a model chose for the image.
    TenantAndModel,
}
