//! Writes the JPEG of a copy, block by block as its pixels are read: of the copy there is one
//! buffer, and one of the file.

use bytes::Bytes;
use image::{DynamicImage, GrayImage};
use jpeg_encoder::{ColorType, Encoder, EncodingError, ImageBuffer, JpegColorType, SamplingFactor};

use super::ScaleError;
use crate::domain::image::EncodedImage;

/// The quality of the copies that are made, of 100.
const QUALITY: u8 = 88;

/// A JPEG of grey or red, green and blue.
pub(super) fn jpeg_of_pixels(
    image: &DynamicImage,
    profile: Option<Vec<u8>>,
) -> Result<EncodedImage, ScaleError> {
    let (width, height) = (side(image.width())?, side(image.height())?);
    let colour = match image {
        DynamicImage::ImageLuma8(_) => ColorType::Luma,
        DynamicImage::ImageRgb8(_) => ColorType::Rgb,
        _ => return Err(ScaleError::CannotFit),
    };
    jpeg(profile, |encoder| {
        encoder.encode(image.as_bytes(), width, height, colour)
    })
}

/// A JPEG of luminance, or luminance and two colours.
pub(super) fn jpeg_of_planes(
    planes: &[GrayImage],
    profile: Option<Vec<u8>>,
) -> Result<EncodedImage, ScaleError> {
    let first = planes.first().ok_or(ScaleError::CannotFit)?;
    let planes = Planes {
        width: side(first.width())?,
        height: side(first.height())?,
        components: planes,
    };
    jpeg(profile, |encoder| encoder.encode_image(planes))
}

fn side(length: u32) -> Result<u16, ScaleError> {
    u16::try_from(length).map_err(|_| ScaleError::CannotFit)
}

fn jpeg(
    profile: Option<Vec<u8>>,
    encode: impl FnOnce(Encoder<&mut Vec<u8>>) -> Result<(), EncodingError>,
) -> Result<EncodedImage, ScaleError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    // As cameras do, and whoever shows images.
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    if let Some(profile) = profile {
        // A profile that a JPEG cannot carry is left out: the colours shift, the image stays.
        let _ = encoder.add_icc_profile(&profile);
    }
    encode(encoder).map_err(|_| ScaleError::CannotFit)?;
    EncodedImage::new(Bytes::from(bytes)).ok_or(ScaleError::CannotFit)
}

/// Planes, as the encoder reads them: row by row.
struct Planes<'a> {
    width: u16,
    height: u16,
    components: &'a [GrayImage],
}

impl ImageBuffer for Planes<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        if self.components.len() == 1 {
            JpegColorType::Luma
        } else {
            JpegColorType::Ycbcr
        }
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let (row, width) = (usize::from(y), usize::from(self.width));
        for (plane, buffer) in self.components.iter().zip(buffers) {
            buffer.extend_from_slice(&plane.as_raw()[row * width..(row + 1) * width]);
        }
    }
}
