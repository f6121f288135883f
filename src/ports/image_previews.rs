//! Links to images, and small copies of them: what only some kinds of storage offer.

use async_trait::async_trait;
use bytes::Bytes;

use super::ImageStoreError;
use crate::domain::{
    image::{ImageName, StoredImage},
    secret::Secret,
    thumbnail::ThumbnailSize,
};

/// Links to the images of one tenant's root folder.
#[async_trait]
pub trait ImageLinks: Send + Sync {
    /// A link by which anyone can download one image for a few hours, without its bytes.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn temporary_link(&self, name: &ImageName) -> Result<LinkedImage, ImageStoreError>;
}

/// Small copies of the images of one tenant's root folder. Where storage makes none, the service
/// makes them itself, of the bytes of the image.
#[async_trait]
pub trait ImageThumbnails: Send + Sync {
    /// A small copy of one image.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn thumbnail(
        &self,
        name: &ImageName,
        size: ThumbnailSize,
    ) -> Result<Thumbnail, ImageStoreError>;
}

/// An image that can be downloaded by a link.
#[derive(Debug)]
pub struct LinkedImage {
    /// The image, as storage lists it.
    pub stored: StoredImage,
    /// An `http` or `https` URL. It gives the image to all who have it, so it is for the caller alone.
    pub link: Secret,
}

/// A small copy of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// The image that was copied, as storage lists it.
    pub stored: StoredImage,
    /// The copy, a JPEG.
    pub jpeg: Bytes,
}
