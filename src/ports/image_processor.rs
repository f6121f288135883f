//! Copies of images that fit a model or a platform.

use std::fmt;

use async_trait::async_trait;

use crate::domain::{
    image::{EncodedImage, UnknownFormat},
    platform::ImageLimits,
    thumbnail::ThumbnailSize,
};

/// Measures images, and makes copies of them.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait ImageProcessor: Send + Sync {
    /// The width and the height of an image as it is stored, whichever way up, in pixels; never 0. Decodes nothing.
    ///
    /// # Errors
    /// [`ImageProcessingError::Undecodable`].
    async fn sides(&self, image: &EncodedImage) -> Result<(u32, u32), ImageProcessingError>;

    /// An image that every program shows as it is meant, whose longest side has at most `max_dimension`
    /// pixels; `None` is any. One that is so is handed back as it is; else this is a JPEG copy, set upright,
    /// in colors for screens, of the first picture if it moves. If any size will do, a file that says
    /// nothing of itself is handed back, too: its reader may know more.
    ///
    /// # Errors
    /// [`ImageProcessingError`].
    async fn fit_within(
        &self,
        image: &EncodedImage,
        max_dimension: Option<u32>,
    ) -> Result<EncodedImage, ImageProcessingError>;

    /// An image that a platform takes. One that it takes, and that every program shows as it is meant, is
    /// handed back as it is; else this is a JPEG copy as [`fit_within`](Self::fit_within) makes it.
    ///
    /// # Errors
    /// [`ImageProcessingError`].
    async fn meet(
        &self,
        image: &EncodedImage,
        limits: ImageLimits,
    ) -> Result<EncodedImage, ImageProcessingError>;

    /// A JPEG copy, even of an image that needs none: for a platform that cannot process the original.
    ///
    /// # Errors
    /// [`ImageProcessingError`].
    async fn reencode(
        &self,
        image: &EncodedImage,
        limits: Option<ImageLimits>,
    ) -> Result<EncodedImage, ImageProcessingError>;

    /// The image without its metadata, for [`fit_within`](Self::fit_within) and [`meet`](Self::meet): what they make
    /// of it, and what they hand back, has none. The pixels and the color profile stay as they are in the file; the
    /// rest goes, known or not. An image of which those make a copy in any case is handed back as it is; one that is
    /// not built as its format says becomes a JPEG copy.
    ///
    /// # Errors
    /// [`ImageProcessingError`].
    async fn strip_metadata(
        &self,
        image: &EncodedImage,
    ) -> Result<EncodedImage, ImageProcessingError>;

    /// A JPEG copy of this size or less, upright.
    ///
    /// # Errors
    /// [`ImageProcessingError`].
    async fn thumbnail(
        &self,
        image: &EncodedImage,
        size: ThumbnailSize,
    ) -> Result<EncodedImage, ImageProcessingError>;
}

/// Why an image cannot be made to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageProcessingError {
    /// It is a file of another kind.
    #[error(transparent)]
    UnknownFormat(#[from] UnknownFormat),
    /// It is no image, or a broken one.
    #[error("the file cannot be decoded as an image")]
    Undecodable,
    /// It has more pixels than are read of its kind.
    #[error(transparent)]
    TooManyPixels(#[from] TooManyPixels),
    /// It takes more memory than is set aside for images.
    #[error("the image takes more memory than the {most_mib} MiB that are set aside for images")]
    TooMuchMemory {
        /// What is set aside, in MiB.
        most_mib: u64,
    },
    /// It is too long and narrow.
    #[error("the image's sides are in a ratio of more than {0} to 1")]
    RatioTooLarge(u32),
    /// It cannot be made small enough.
    #[error("the image cannot be made small enough")]
    CannotFit,
}

/// An image has more pixels than are read of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyPixels {
    /// What it has, in megapixels.
    pub megapixels: u64,
    /// What is read at most, in megapixels.
    pub most: u64,
    /// What kind of file it is, in words.
    pub kind: &'static str,
}

impl std::error::Error for TooManyPixels {}

impl fmt::Display for TooManyPixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            megapixels,
            most,
            kind,
        } = self;
        write!(
            f,
            "the image has too many pixels: it has {megapixels} megapixels, and at most {most} are \
             read of a {kind}"
        )
    }
}
