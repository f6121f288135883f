//! A door for the fuzz targets (`fuzz/`) to the reader of JPEGs. Not there without the feature
//! `fuzzing`; nothing of the service uses it.

use bytes::Bytes;

use super::{header::Header, scaled_jpeg::ScaledJpeg};
use crate::domain::image::EncodedImage;

/// The most memory that a run is given, in bytes.
const MOST: u64 = 16 * 1024 * 1024;

/// Reads a file for a copy of one pixel and says how many bytes of pixels it gave, and how many
/// were set aside for them; `None` is malformed, of another kind, or too large to try.
#[must_use]
pub fn read_scaled(file: &[u8]) -> Option<(u64, u64)> {
    let image = EncodedImage::new(Bytes::copy_from_slice(file))?;
    let header = Header::of(&image).ok()?;
    let jpeg = ScaledJpeg::of(&header, (1, 1))
        .filter(|jpeg| jpeg.pixel_bytes() + jpeg.working_bytes() <= MOST)?;
    let read = jpeg.read(image.bytes()).ok()?;
    Some((read.bytes.len() as u64, jpeg.pixel_bytes()))
}
