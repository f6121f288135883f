//! Images without metadata. Of each format, a list says what stays: what the picture and its colors need. All else is
//! left out, known or not. Pixels are copied as they are encoded. A file that is not built by the book is not edited:
//! readers differ in what they take for metadata there.

mod jpeg;
mod png;
mod webp;

use crate::domain::image::{EncodedImage, ImageFormat};

/// The image without what is not on the list; the same buffer if there is nothing else. `None` where the file is not
/// built by the book. Takes the size of the file in memory, and goes over all of it.
pub(super) fn strip(image: &EncodedImage) -> Option<EncodedImage> {
    let file = image.bytes();
    let kept = match image.format() {
        ImageFormat::Jpeg => jpeg::strip(file),
        ImageFormat::Png => png::strip(file),
        ImageFormat::WebP => webp::strip(file),
    }?;
    if kept == file[..] {
        return Some(image.clone());
    }
    EncodedImage::new(kept.into()).ok()
}
