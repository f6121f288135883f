//! What a model is given to write captions from: a short account of the image in prose, and for each platform an angle,
//! openings to avoid, and a length.
//!
//! | file | holds |
//! | --- | --- |
//! | `angles.rs` | the angle of each caption |
//! | `openings.rs` | the first words of past captions |
//! | `prose.rs` | the account of the image |
//! | `senses.rs` | the senses that vision is asked about |

mod angles;
mod openings;
mod prose;
mod senses;

use std::collections::BTreeMap;

pub use self::{
    angles::least_recent,
    openings::openings,
    prose::{MAX_PROSE, MAX_TOPICS, prose, topics},
    senses::{OFFERED, Sense},
};
use super::{
    caption::{CaptionRules, WrittenLength},
    caption_history::{Angle, PastCaption},
    caption_style::CaptionStyle,
    platform::Platform,
};

/// What the caption for one platform is written by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformBrief {
    /// The rules that hold at the moment.
    pub rules: CaptionRules,
    /// How long the text is to be, so that the tenant's hashtags fit behind it.
    pub length: WrittenLength,
    /// What the caption approaches the image by.
    pub angle: Angle,
    /// First words of past captions, which the new one is not to begin with.
    pub openings: Vec<String>,
    /// How it is to read.
    pub style: CaptionStyle,
}

impl PlatformBrief {
    /// The brief for a platform with these rules, after these captions, newest first.
    #[must_use]
    pub fn new(
        rules: CaptionRules,
        style: CaptionStyle,
        tenant_hashtags: &str,
        past: &[PastCaption],
    ) -> Self {
        Self {
            rules,
            length: rules.written_length(tenant_hashtags),
            angle: least_recent(past),
            openings: openings(past),
            style,
        }
    }
}

/// The briefs of several platforms.
pub type PlatformBriefs = BTreeMap<Platform, PlatformBrief>;
