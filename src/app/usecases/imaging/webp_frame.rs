//! Reads a WebP: all of its pixels at once, as its decoder has them; of an animation, those of its first
//! frame.

use std::io::Cursor;

use image::{ImageDecoder as _, codecs::webp::WebPDecoder};

use super::{
    ScaleError,
    colour::{Colour, put_on_white},
    copy::Size,
    header::WebPHeader,
    rows::{Held, Layout, Opened},
};

/// The largest colour profile that a copy keeps, in bytes.
const MAX_PROFILE: u64 = 4 * 1024 * 1024;

/// How a WebP is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WebPSource {
    pub(super) header: WebPHeader,
    pub(super) size: Size,
    /// The length of the file, in bytes: the decoder copies the part with the pixels.
    pub(super) file_bytes: u64,
}

impl WebPSource {
    pub(super) fn layout(&self) -> Layout {
        let pixels = u64::from(self.size.0) * u64::from(self.size.1);
        let per_pixel = self.header.pixel_bytes() + self.header.working_bytes();
        Layout {
            size: self.size,
            extent: (f64::from(self.size.0), f64::from(self.size.1)),
            colour: Colour::Rgb,
            opening: pixels * per_pixel + self.file_bytes + MAX_PROFILE,
            reading: pixels * self.header.pixel_bytes() + 2 * MAX_PROFILE,
        }
    }

    /// Reads the file whose header was looked at.
    ///
    /// # Errors
    /// [`ScaleError::Undecodable`].
    pub(super) fn open<'a>(&self, bytes: &'a [u8]) -> Result<Opened<'a>, ScaleError> {
        let undecodable = |_| ScaleError::Undecodable;
        let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(undecodable)?;
        let transparent = decoder.color_type().has_alpha();
        // The memory was set aside for what the header says.
        if decoder.dimensions() != self.size || transparent != self.header.transparent {
            return Err(ScaleError::Undecodable);
        }
        let profile = decoder.icc_profile().map_err(undecodable)?;
        let length = usize::try_from(decoder.total_bytes()).map_err(|_| ScaleError::Undecodable)?;
        let mut pixels = vec![0; length];
        decoder.read_image(&mut pixels).map_err(undecodable)?;
        if transparent {
            make_opaque(&mut pixels);
        }
        Ok(Opened {
            rows: Box::new(Held::new(pixels)),
            profile: profile.filter(|profile| profile.len() as u64 <= MAX_PROFILE),
        })
    }
}

/// Puts pixels of four bytes on white, in place, in three.
fn make_opaque(pixels: &mut Vec<u8>) {
    let count = pixels.len() / 4;
    for index in 0..count {
        let mut opaque = [0; 3];
        put_on_white(
            &pixels[4 * index..4 * index + 4],
            true,
            Colour::Rgb,
            &mut opaque,
        );
        pixels[3 * index..3 * index + 3].copy_from_slice(&opaque);
    }
    pixels.truncate(3 * count);
}
