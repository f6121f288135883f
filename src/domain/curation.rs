//! Sorting a tenant's images by hand: what is kept, what is sorted out, what goes for good.

use crate::domain::tenant_config::{Features, StoragePath, StoragePaths};

/// What becomes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curation {
    /// It moves to the folder of those that are kept.
    Keep,
    /// It moves to the folder of those that were sorted out.
    Remove,
    /// It is deleted for good.
    Delete,
}

impl Curation {
    /// Every curation there is.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Remove, Self::Delete];

    /// The name that requests, answers and logs use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::Delete => "delete",
        }
    }

    /// Do these features allow it?
    #[must_use]
    pub const fn is_allowed_by(self, features: Features) -> bool {
        match self {
            Self::Keep => features.keep_enabled,
            Self::Remove => features.remove_enabled,
            Self::Delete => features.delete_enabled,
        }
    }

    /// The folder that the image moves to, if it does.
    #[must_use]
    pub const fn destination(self, paths: &StoragePaths) -> Option<&StoragePath> {
        match self {
            Self::Keep => Some(&paths.keep),
            Self::Remove => Some(&paths.remove),
            Self::Delete => None,
        }
    }
}
