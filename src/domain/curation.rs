//! Curation: an image is kept, sorted out or deleted by hand.

use crate::domain::{
    tenant_config::{Features, StoragePath, StoragePaths},
    words::words,
};

words! {
    /// What is done with an image, by its name in requests, answers and logs.
    pub enum Curation {
        /// Move it to the folder of images that are kept.
        Keep = "keep",
        /// Move it to the folder of images that were sorted out.
        Remove = "remove",
        /// Delete it for good.
        Delete = "delete",
    }
}

impl Curation {
    /// Whether these features allow it.
    #[must_use]
    pub const fn is_allowed_by(self, features: Features) -> bool {
        match self {
            Self::Keep => features.keep_enabled,
            Self::Remove => features.remove_enabled,
            Self::Delete => features.delete_enabled,
        }
    }

    /// The folder that the image moves to; `None` if it is deleted.
    #[must_use]
    pub const fn destination(self, paths: &StoragePaths) -> Option<&StoragePath> {
        match self {
            Self::Keep => Some(&paths.keep),
            Self::Remove => Some(&paths.remove),
            Self::Delete => None,
        }
    }
}
