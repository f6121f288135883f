//! Writes the JPEG of a copy as its rows come: nothing of it is held but the file.

use std::io;

use bytes::Bytes;
use mozjpeg::{ColorSpace, Compress, Marker, compress::CompressStarted};

use super::{color::Color, libjpeg::caught, size::Size};
use crate::domain::image::EncodedImage;
use crate::ports::ImageProcessingError;

/// The qualities of copies, of 100: the usual one, and those of files that would have too many bytes otherwise.
pub(super) static QUALITIES: [f32; 3] = [88.0, 80.0, 72.0];
/// What a segment can hold of a color profile, in bytes; before it stand its name and number.
const PROFILE_PART: usize = 65_533 - PROFILE_NAME.len() - 2;
const PROFILE_NAME: &[u8] = b"ICC_PROFILE\0";
/// What comes before the pixels, in bytes, and more than that.
const HEAD: u64 = 64 * 1024;

/// A JPEG that is being written in one scan: in gray, or in luminance and two colors, which have half as many samples
/// in each direction.
pub(super) struct Encoder {
    jpeg: CompressStarted<File>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    File(EncodedImage),
    /// It would have so many bytes, which is more than it may.
    TooLarge(u64),
}

/// The memory that is set aside for a file of this size, in bytes: a photo takes a third of it.
pub(super) fn file_memory(size: Size, max_bytes: u64) -> u64 {
    let pixels = u64::from(size.0) * u64::from(size.1);
    pixels.saturating_add(HEAD).min(max_bytes)
}

impl Encoder {
    /// Begins a file of this quality and of at most so many bytes.
    ///
    /// # Errors
    /// [`ImageProcessingError::CannotFit`] when no JPEG can have this size.
    pub(super) fn start(
        size: Size,
        color: Color,
        profile: Option<&[u8]>,
        max_bytes: u64,
        quality: f32,
    ) -> Result<Self, ImageProcessingError> {
        let memory = file_memory(size, max_bytes);
        let file = File {
            bytes: Vec::with_capacity(usize::try_from(memory).unwrap_or(0)),
            written: 0,
            max_bytes,
        };
        let space = match color {
            Color::Grey => ColorSpace::JCS_GRAYSCALE,
            Color::Rgb => ColorSpace::JCS_RGB,
        };
        let started = caught(|| {
            let mut jpeg = Compress::new(space);
            // One pass, without a search for what would make it smaller.
            jpeg.set_fastest_defaults();
            jpeg.set_size(size.0 as usize, size.1 as usize);
            jpeg.set_quality(quality);
            let mut jpeg = jpeg.start_compress(file)?;
            let profile = profile.filter(|profile| color.is_described_by(profile));
            for segment in profile.map(segments).into_iter().flatten() {
                jpeg.write_marker(Marker::APP(2), &segment);
            }
            Ok(jpeg)
        });
        Ok(Self {
            jpeg: started.map_err(|_| ImageProcessingError::CannotFit)?,
        })
    }

    /// Writes the rows that come next.
    ///
    /// # Errors
    /// [`ImageProcessingError::CannotFit`] when the library fails.
    pub(super) fn write(&mut self, rows: &[u8]) -> Result<(), ImageProcessingError> {
        caught(|| self.jpeg.write_scanlines(rows)).map_err(|_| ImageProcessingError::CannotFit)
    }

    /// The file, once all rows are written.
    ///
    /// # Errors
    /// [`ImageProcessingError::CannotFit`] when the library fails.
    pub(super) fn finish(self) -> Result<Written, ImageProcessingError> {
        let file = caught(|| self.jpeg.finish()).map_err(|_| ImageProcessingError::CannotFit)?;
        if file.written > file.max_bytes {
            return Ok(Written::TooLarge(file.written));
        }
        let mut bytes = file.bytes;
        bytes.shrink_to_fit();
        let image = EncodedImage::new(Bytes::from(bytes));
        image
            .map(Written::File)
            .map_err(|_| ImageProcessingError::CannotFit)
    }
}

/// A file. The bytes of one that is too large are counted, and not held.
struct File {
    bytes: Vec<u8>,
    written: u64,
    max_bytes: u64,
}

impl io::Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written += bytes.len() as u64;
        if self.written > self.max_bytes {
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A color profile in numbered parts, the first of which is 1. One that a JPEG cannot carry is left
/// out: the colors shift, the image stays.
fn segments(profile: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let parts = profile.chunks(PROFILE_PART);
    let count = u8::try_from(parts.len()).unwrap_or(0);
    (1..=count)
        .zip(parts)
        .map(move |(number, part)| [PROFILE_NAME, &[number, count], part].concat())
}
