//! What is known of a name in a folder.

use crate::domain::image::StoredImage;

/// What an image takes in a listing beside its texts, in bytes.
const BESIDE_TEXTS: usize = 72;

/// What is known of a name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListingChange {
    /// The image under its name.
    Found(StoredImage),
    /// There is no image of this name.
    Gone(String),
}

impl ListingChange {
    /// About what it takes in a listing, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Found(image) => {
                let texts = [&image.file_id, &image.revision].map(String::len);
                let texts = texts.iter().sum::<usize>() + image.name.as_str().len();
                BESIDE_TEXTS + texts + image.content_hash.heap_bytes()
            }
            Self::Gone(_) => 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Found(image) => image.name.as_str(),
            Self::Gone(name) => name,
        }
    }
}
