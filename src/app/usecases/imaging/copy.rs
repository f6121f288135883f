//! Makes a smaller JPEG of an image: decode, reduce to eight opaque bits, scale, turn upright,
//! encode. Each step works in the memory of the one before, where it can.

use std::io::Cursor;

use fast_image_resize::PixelType;
use image::{
    ColorType, DynamicImage, GrayImage, ImageDecoder, ImageReader, Limits, RgbImage,
    metadata::Orientation,
};

use super::{
    ScaleError,
    encode::{jpeg_of_pixels, jpeg_of_planes},
    header::Header,
    reduced::Reduced,
    scale::{BAND_ROWS, Source, scaled},
};
use crate::domain::image::{EncodedImage, ImageFormat};

/// What else is held in memory, in bytes: the file that is made, the tables of codecs and scaler,
/// and what a PNG has packed before its pixels, which may unpack to this much at most.
const SUNDRIES: u64 = 8 * 1024 * 1024;

/// Width and height.
pub(super) type Size = (u32, u32);

/// The memory that making a copy of this size takes at its peak, in bytes.
pub(super) fn memory_for(header: &Header, (width, height): Size) -> u64 {
    let channels = (header.pixel_bytes / header.pixels()).min(3);
    let copy = u64::from(width) * u64::from(height) * channels;
    let band = u64::from(header.width) * u64::from(BAND_ROWS) * channels;
    header
        .working_bytes
        .max(copy.saturating_add(band))
        .saturating_add(header.pixel_bytes)
        .saturating_add(SUNDRIES)
}

/// The same for a JPEG that is read smaller than it is.
pub(super) fn memory_for_reduced(reduced: &Reduced<'_>, (width, height): Size) -> u64 {
    let pixels = u64::from(width) * u64::from(height);
    // The copy, a plane of it while that is turned, and the file.
    let copy = pixels * (reduced.planes() + 2);
    // It is put together, and copied into the encoder and the file, which grows by doubling.
    let profile = 4 * reduced.profile_bytes();
    // What is left to scale is little enough for a single band.
    let band = reduced.longest_row() * u64::from(height);
    reduced.plane_bytes() + band + copy + profile + SUNDRIES
}

/// The same as [`copy`] of a JPEG that is read smaller than it is.
pub(super) fn copy_of_reduced(
    reduced: &Reduced<'_>,
    size: Size,
) -> Result<EncodedImage, ScaleError> {
    let orientation = reduced.exif().and_then(Orientation::from_exif_chunk);
    let planes = reduced.read().map_err(|_| ScaleError::Undecodable)?;
    let mut copy = Vec::new();
    for plane in planes {
        let source = Source {
            pixels: &plane.pixels,
            pixel_type: PixelType::U8,
            size: plane.size,
            extent: plane.extent,
        };
        let mut plane = dynamic(scaled(source, size, size.1)?, PixelType::U8, size)
            .ok_or(ScaleError::CannotFit)?;
        plane.apply_orientation(orientation.unwrap_or(Orientation::NoTransforms));
        copy.push(plane.into_luma8());
    }
    jpeg_of_planes(&copy, reduced.profile())
}

/// A JPEG copy, upright, on white where it was transparent, with its colour profile. `size` is
/// that of the copy before it is turned.
pub(super) fn copy(
    image: &EncodedImage,
    header: &Header,
    size: Size,
) -> Result<EncodedImage, ScaleError> {
    let undecodable = |_| ScaleError::Undecodable;
    let mut decoder = decoder(image)?;
    let original = decoder.dimensions();
    // The memory was set aside for what the header says.
    if original != (header.width, header.height) || decoder.total_bytes() > header.pixel_bytes {
        return Err(ScaleError::Undecodable);
    }
    let orientation = decoder.orientation().map_err(undecodable)?;
    let profile = decoder.icc_profile().map_err(undecodable)?;
    let colour = decoder.color_type();
    let length = usize::try_from(decoder.total_bytes()).map_err(|_| ScaleError::TooManyPixels)?;
    let mut pixels = vec![0; length];
    decoder.read_image(&mut pixels).map_err(undecodable)?;

    flatten(&mut pixels, colour)?;
    let pixel_type = if colour.has_color() {
        PixelType::U8x3
    } else {
        PixelType::U8
    };
    if original != size {
        let source = Source {
            pixels: &pixels,
            pixel_type,
            size: original,
            extent: (f64::from(original.0), f64::from(original.1)),
        };
        pixels = scaled(source, size, BAND_ROWS)?;
    }
    let mut copy = dynamic(pixels, pixel_type, size).ok_or(ScaleError::CannotFit)?;
    copy.apply_orientation(orientation);
    jpeg_of_pixels(&copy, profile)
}

fn decoder(image: &EncodedImage) -> Result<impl ImageDecoder + '_, ScaleError> {
    let format = match image.format() {
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::WebP => image::ImageFormat::WebP,
    };
    let mut reader = ImageReader::with_format(Cursor::new(image.bytes()), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(SUNDRIES);
    reader.limits(limits);
    reader.into_decoder().map_err(|_| ScaleError::Undecodable)
}

/// Makes each channel a byte and puts the image on white, in place. That is done before scaling,
/// so that the colour of what is transparent does not bleed into what is not.
fn flatten(pixels: &mut Vec<u8>, colour: ColorType) -> Result<(), ScaleError> {
    match colour {
        ColorType::L8 | ColorType::Rgb8 => {}
        ColorType::La8 => each(pixels, |[grey, alpha]| [on_white(grey, alpha)]),
        ColorType::Rgba8 => each(pixels, |[r, g, b, alpha]| {
            [r, g, b].map(|channel| on_white(channel, alpha))
        }),
        ColorType::L16 => each(pixels, |[a, b]| [eight_bits([a, b])]),
        ColorType::La16 => each(pixels, |[a, b, c, d]| {
            [on_white(eight_bits([a, b]), eight_bits([c, d]))]
        }),
        ColorType::Rgb16 => each(pixels, |[a, b, c, d, e, f]| {
            [[a, b], [c, d], [e, f]].map(eight_bits)
        }),
        ColorType::Rgba16 => each(pixels, |[a, b, c, d, e, f, g, h]| {
            let alpha = eight_bits([g, h]);
            [[a, b], [c, d], [e, f]].map(|channel| on_white(eight_bits(channel), alpha))
        }),
        _ => return Err(ScaleError::Undecodable),
    }
    Ok(())
}

/// Replaces each pixel by one that is no longer, and gives the memory that this frees back.
fn each<const FROM: usize, const TO: usize>(
    pixels: &mut Vec<u8>,
    convert: impl Fn([u8; FROM]) -> [u8; TO],
) {
    const { assert!(TO <= FROM) }
    let count = pixels.len() / FROM;
    for index in 0..count {
        let mut pixel = [0; FROM];
        pixel.copy_from_slice(&pixels[index * FROM..(index + 1) * FROM]);
        pixels[index * TO..(index + 1) * TO].copy_from_slice(&convert(pixel));
    }
    pixels.truncate(count * TO);
    pixels.shrink_to_fit();
}

fn on_white(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u16::from(channel), u16::from(alpha));
    let blended = (channel * alpha + 255 * (255 - alpha) + 127) / 255;
    u8::try_from(blended).unwrap_or(u8::MAX)
}

fn eight_bits(channel: [u8; 2]) -> u8 {
    let channel = u32::from(u16::from_ne_bytes(channel));
    u8::try_from((channel + 128) / 257).unwrap_or(u8::MAX)
}

fn dynamic(pixels: Vec<u8>, pixel_type: PixelType, (width, height): Size) -> Option<DynamicImage> {
    if pixel_type == PixelType::U8 {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
    }
}
