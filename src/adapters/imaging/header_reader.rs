//! Reads the header of an image off its bytes where they lie: a decoder would copy the file, or unpack what a
//! hostile one has put before its pixels, to answer the same.

mod bytes;
mod exif;
mod jpeg;
pub(super) mod png;
mod vp8l;
mod webp;

use super::header::Header;
use crate::domain::image::{EncodedImage, ImageFormat};
use crate::ports::ImageProcessingError;

impl Header {
    /// Reads the header. Decodes no more than the first pixel of a PNG, and allocates no more than that takes; goes over the
    /// whole file, so it belongs off the async threads.
    ///
    /// # Errors
    /// [`ImageProcessingError::Undecodable`] when there is none.
    pub(super) fn of(image: &EncodedImage) -> Result<Self, ImageProcessingError> {
        let bytes = image.bytes();
        let header = match image.format() {
            ImageFormat::Jpeg => jpeg::header(bytes),
            ImageFormat::Png => png::header(bytes),
            ImageFormat::WebP => webp::header(bytes),
        };
        header
            .filter(|header| header.width > 0 && header.height > 0)
            .ok_or(ImageProcessingError::Undecodable)
    }
}
