//! What a library says of an image, and sorts it by.

use std::time::SystemTime;

use crate::domain::{image::ImageName, listing::Listed};

/// An image in a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryImage {
    /// Its name.
    pub name: ImageName,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written, in whole seconds; `None` where storage does not say.
    pub last_modified: Option<SystemTime>,
}

impl From<Listed<'_>> for LibraryImage {
    fn from(image: Listed<'_>) -> Self {
        Self {
            name: image.image_name(),
            size: image.size(),
            last_modified: image.last_modified(),
        }
    }
}

/// What an image can be sorted by.
#[derive(Debug, Clone, Copy)]
pub(super) struct SortKey<'a> {
    pub(super) name: &'a str,
    pub(super) size: u64,
    pub(super) last_modified: Option<SystemTime>,
}

impl<'a> From<Listed<'a>> for SortKey<'a> {
    fn from(image: Listed<'a>) -> Self {
        Self {
            name: image.name(),
            size: image.size(),
            last_modified: image.last_modified(),
        }
    }
}

impl<'a> From<&'a LibraryImage> for SortKey<'a> {
    fn from(image: &'a LibraryImage) -> Self {
        Self {
            name: image.name.as_str(),
            size: image.size,
            last_modified: image.last_modified,
        }
    }
}
