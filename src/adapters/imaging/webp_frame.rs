//! Reads a WebP: all of its pixels at once, as its decoder has them; of an animation, those of its first
//! frame. Of a file that is cut off, the pixels that its beginning has.

use std::{borrow::Cow, io::Cursor};

use image::{ImageDecoder as _, codecs::webp::WebPDecoder};
use publisher_pixels::make_opaque;

use super::{
    color::Color,
    header::WebPHeader,
    rows::{Held, Layout, Opened},
    size::Size,
};
use crate::domain::image::MAX_IMAGE_BYTES;
use crate::ports::ImageProcessingError;

/// The largest color profile that a copy keeps, in bytes.
const MAX_PROFILE: u64 = 4 * 1024 * 1024;

/// How many times as long as what is left of it a file may have been.
const MAX_LOST: u64 = 8;
/// Where an extended file says what comes behind its pixels, and the bits for EXIF and XMP data there.
const FLAGS: usize = 20;
const METADATA: u8 = 0b1100;

/// How a WebP is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WebPSource {
    pub(super) header: WebPHeader,
    pub(super) size: Size,
    /// The length of the file, in bytes: the decoder copies the part with the pixels.
    pub(super) file_bytes: u64,
}

impl WebPSource {
    /// The file, filled up to the length that it had. Its decoder has all or nothing; zeros it reads as
    /// "the same as before".
    fn filled_up<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, ImageProcessingError> {
        if self.header.missing == 0 {
            return Ok(Cow::Borrowed(bytes));
        }
        let length = self.file_bytes + self.header.missing;
        if length > MAX_LOST * self.file_bytes || length > MAX_IMAGE_BYTES {
            return Err(ImageProcessingError::Undecodable);
        }
        let length = usize::try_from(length).map_err(|_| ImageProcessingError::Undecodable)?;
        let mut filled = Vec::with_capacity(length);
        filled.extend_from_slice(bytes);
        filled.resize(length, 0);
        if bytes.get(12..16) == Some(b"VP8X") {
            // What is promised there is lost, and would be missed.
            filled[FLAGS] &= !METADATA;
        }
        Ok(Cow::Owned(filled))
    }

    pub(super) fn layout(&self) -> Layout {
        let pixels = u64::from(self.size.0) * u64::from(self.size.1);
        let filled_up = match self.header.missing {
            0 => 0,
            missing => self.file_bytes + missing,
        };
        let per_pixel = self.header.pixel_bytes() + self.header.working_bytes();
        Layout {
            size: self.size,
            extent: (f64::from(self.size.0), f64::from(self.size.1)),
            color: Color::Rgb,
            opening: pixels * per_pixel
                + self.header.table_bytes
                + self.file_bytes
                + filled_up.min(MAX_IMAGE_BYTES)
                + MAX_PROFILE,
            reading: pixels * self.header.pixel_bytes() + 2 * MAX_PROFILE,
        }
    }

    /// Reads the file whose header was looked at.
    ///
    /// # Errors
    /// [`ImageProcessingError::Undecodable`].
    pub(super) fn open<'a>(&self, bytes: &'a [u8]) -> Result<Opened<'a>, ImageProcessingError> {
        let undecodable = |_| ImageProcessingError::Undecodable;
        let file = self.filled_up(bytes)?;
        let mut decoder = WebPDecoder::new(Cursor::new(&file[..])).map_err(undecodable)?;
        let transparent = decoder.color_type().has_alpha();
        // The memory was set aside for what the header says.
        if decoder.dimensions() != self.size || transparent != self.header.transparent {
            return Err(ImageProcessingError::Undecodable);
        }
        // One that is too long is not read, wherever it is said to end.
        let profile = if (1..=MAX_PROFILE).contains(&self.header.profile_bytes) {
            decoder.icc_profile().map_err(undecodable)?
        } else {
            None
        };
        let length = usize::try_from(decoder.total_bytes())
            .map_err(|_| ImageProcessingError::Undecodable)?;
        let mut pixels = vec![0; length];
        decoder.read_image(&mut pixels).map_err(undecodable)?;
        if transparent {
            make_opaque(&mut pixels);
        }
        Ok(Opened {
            rows: Box::new(Held::new(pixels)),
            profile,
        })
    }
}
