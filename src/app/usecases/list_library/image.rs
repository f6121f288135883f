//! What a library says of an image.

use std::time::SystemTime;

use crate::domain::image::{ImageName, StoredImage};

/// An image in a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryImage {
    /// Its name.
    pub name: ImageName,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written; `None` where storage does not say.
    pub last_modified: Option<SystemTime>,
}

impl From<StoredImage> for LibraryImage {
    fn from(image: StoredImage) -> Self {
        let StoredImage {
            name,
            size,
            last_modified,
            file_id: _,
            revision: _,
            content_hash: _,
        } = image;
        Self {
            name,
            size,
            last_modified,
        }
    }
}
