//! What a job is to publish.

use std::{collections::BTreeMap, fmt};

use crate::domain::{image::ImageName, platform::Platform};

/// What is to be published, and how.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct JobOrder {
    /// The image; `None`: one that the tenant has not published by then.
    pub image: Option<ImageName>,
    /// The platforms; `None`: all that are on by then.
    pub platforms: Option<Vec<Platform>>,
    /// The caption on all platforms; `None` has one written.
    pub caption: Option<String>,
    /// The caption on each platform. They take precedence over `caption`.
    pub captions: Option<BTreeMap<Platform, String>>,
    /// Sends the image also to platforms that have it, or may have it.
    pub force: bool,
    /// Publishes without a caption when none can be written.
    pub allow_empty_caption: bool,
    /// Waits for somebody to say yes.
    pub needs_approval: bool,
}

impl JobOrder {
    /// The caption that was given for a platform; `None` where one is to be written.
    #[must_use]
    pub fn caption_for(&self, platform: Platform) -> Option<&str> {
        match &self.captions {
            Some(captions) => captions.get(&platform).map(String::as_str),
            None => self.caption.as_deref(),
        }
    }
}

impl fmt::Debug for JobOrder {
    /// Without the captions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobOrder")
            .field("image", &self.image)
            .field("platforms", &self.platforms)
            .field("force", &self.force)
            .field("needs_approval", &self.needs_approval)
            .finish_non_exhaustive()
    }
}
