//! Writes the JPEG of a copy, block by block as its pixels are read: of the copy there is one
//! buffer, and one of the file.

use bytes::Bytes;
use mozjpeg::{ColorSpace, Compress, Marker};

use super::{ScaleError, copy::Size, libjpeg::caught};
use crate::domain::image::EncodedImage;

/// The quality of the copies that are made, of 100.
const QUALITY: f32 = 88.0;
/// What a segment can hold of a colour profile, in bytes; before it stand its name and number.
const PROFILE_PART: usize = 65_533 - PROFILE_NAME.len() - 2;
const PROFILE_NAME: &[u8] = b"ICC_PROFILE\0";

/// What the bytes of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Grey,
    Rgb,
}

impl Colour {
    /// As which a file in this space is read; none for one that is not dealt with here.
    pub(super) fn of(space: ColorSpace) -> Option<Self> {
        match space {
            ColorSpace::JCS_GRAYSCALE => Some(Self::Grey),
            ColorSpace::JCS_RGB | ColorSpace::JCS_YCbCr => Some(Self::Rgb),
            _ => None,
        }
    }

    pub(super) fn space(self) -> ColorSpace {
        match self {
            Self::Grey => ColorSpace::JCS_GRAYSCALE,
            Self::Rgb => ColorSpace::JCS_RGB,
        }
    }

    /// Bytes to a pixel.
    pub(super) fn channels(self) -> u64 {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}

/// A JPEG of grey, or of luminance and two colours, with half as many of those in each direction.
pub(super) fn jpeg(
    pixels: &[u8],
    (width, height): Size,
    colour: Colour,
    profile: Option<&[u8]>,
) -> Result<EncodedImage, ScaleError> {
    let written = caught(|| {
        let mut jpeg = Compress::new(colour.space());
        // One pass, without a search for what would make it smaller.
        jpeg.set_fastest_defaults();
        jpeg.set_size(width as usize, height as usize);
        jpeg.set_quality(QUALITY);
        let mut jpeg = jpeg.start_compress(Vec::new())?;
        for segment in profile.map(segments).into_iter().flatten() {
            jpeg.write_marker(Marker::APP(2), &segment);
        }
        jpeg.write_scanlines(pixels)?;
        jpeg.finish()
    });
    let bytes = written.map_err(|_| ScaleError::CannotFit)?;
    EncodedImage::new(Bytes::from(bytes)).ok_or(ScaleError::CannotFit)
}

/// A colour profile in numbered parts, the first of which is 1. One that a JPEG cannot carry is left
/// out: the colours shift, the image stays.
fn segments(profile: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let parts = profile.chunks(PROFILE_PART);
    let count = u8::try_from(parts.len()).unwrap_or(0);
    (1..=count)
        .zip(parts)
        .map(move |(number, part)| [PROFILE_NAME, &[number, count], part].concat())
}
