//! Links to images, reading them in parts, and small copies of them: what only some kinds of storage offer.

use std::{io, ops::Range};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::ImageStoreError;
use crate::domain::{
    image::{ImageFormat, ImageName, StoredImage},
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

/// Reading the images of one tenant's root folder in parts. Where storage has this and no links, a route of this
/// service is the link, and sends an image without having all of it in memory.
#[async_trait]
pub trait ImageContents: Send + Sync {
    /// Opens one image.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn open(&self, name: &ImageName) -> Result<OpenedImage, ImageStoreError>;
}

/// An image that is open for reading.
pub struct OpenedImage {
    /// The image, as storage lists it.
    pub stored: StoredImage,
    /// Its format, by its first bytes; `None` for what is no image.
    pub format: Option<ImageFormat>,
    /// Its content.
    pub content: Box<dyn ImageContent>,
}

/// The content of an image that is open.
pub trait ImageContent: Send + Sync {
    /// These bytes of it, in small pieces, read as they are asked for. Ends with an error where there are fewer.
    fn read(self: Box<Self>, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>>;
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
