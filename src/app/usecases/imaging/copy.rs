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
    encode::{Colour, jpeg},
    header::{Header, PROFILE_COPIES},
    scale::{Source, scaled, working_bytes},
    scaled_jpeg::{Pixels, ScaledJpeg},
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
    let band = working_bytes(u64::from(header.width) * channels, height);
    header
        .working_bytes
        .max(copy.saturating_add(band))
        .saturating_add(header.pixel_bytes)
        .saturating_add(SUNDRIES)
}

/// The same for a JPEG that is read at a part of its size.
pub(super) fn memory_for_scaled(jpeg: &ScaledJpeg, size: Size) -> u64 {
    let pixels = u64::from(size.0) * u64::from(size.1);
    let copy = pixels * jpeg.channels();
    let band = working_bytes(u64::from(jpeg.size().0) * jpeg.channels(), size.1);
    let reading = jpeg.pixel_bytes() + jpeg.working_bytes();
    let scaling = jpeg.pixel_bytes() + copy + band;
    // Twice while it is turned; or with the file, which grows by doubling.
    let writing = 2 * copy + pixels;
    let profile = PROFILE_COPIES * jpeg.profile_bytes();
    reading.max(scaling).max(writing) + profile + SUNDRIES
}

/// The same as [`copy`] of a JPEG that is read at a part of its size.
pub(super) fn copy_of_scaled(
    image: &EncodedImage,
    jpeg: &ScaledJpeg,
    size: Size,
) -> Result<EncodedImage, ScaleError> {
    let undecodable = |_| ScaleError::Undecodable;
    let mut decoder = decoder(jpeg.head(image.bytes()), image.format())?;
    let orientation = decoder.orientation().map_err(undecodable)?;
    let profile = decoder.icc_profile().map_err(undecodable)?;
    drop(decoder);
    let read = jpeg.read(image.bytes());
    let Pixels { mut bytes, colour } = read.map_err(|_| ScaleError::Undecodable)?;
    if jpeg.size() != size {
        let source = Source {
            pixels: &bytes,
            pixel_type: pixel_type(colour),
            size: jpeg.size(),
            extent: jpeg.extent(),
        };
        bytes = scaled(source, size)?;
    }
    finished(bytes, colour, size, orientation, profile.as_deref())
}

/// A JPEG copy, upright, on white where it was transparent, with its colour profile. `size` is
/// that of the copy before it is turned.
pub(super) fn copy(
    image: &EncodedImage,
    header: &Header,
    size: Size,
) -> Result<EncodedImage, ScaleError> {
    let undecodable = |_| ScaleError::Undecodable;
    let mut decoder = decoder(image.bytes(), image.format())?;
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
    let colour = if colour.has_color() {
        Colour::Rgb
    } else {
        Colour::Grey
    };
    if original != size {
        let source = Source {
            pixels: &pixels,
            pixel_type: pixel_type(colour),
            size: original,
            extent: (f64::from(original.0), f64::from(original.1)),
        };
        pixels = scaled(source, size)?;
    }
    finished(pixels, colour, size, orientation, profile.as_deref())
}

/// The file of a copy whose pixels are there.
fn finished(
    pixels: Vec<u8>,
    colour: Colour,
    size: Size,
    orientation: Orientation,
    profile: Option<&[u8]>,
) -> Result<EncodedImage, ScaleError> {
    let mut copy = dynamic(pixels, colour, size).ok_or(ScaleError::CannotFit)?;
    copy.apply_orientation(orientation);
    let size = (copy.width(), copy.height());
    jpeg(copy.as_bytes(), size, colour, profile)
}

fn decoder(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder + '_, ScaleError> {
    let format = match format {
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::WebP => image::ImageFormat::WebP,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
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

fn pixel_type(colour: Colour) -> PixelType {
    match colour {
        Colour::Grey => PixelType::U8,
        Colour::Rgb => PixelType::U8x3,
    }
}

fn dynamic(pixels: Vec<u8>, colour: Colour, (width, height): Size) -> Option<DynamicImage> {
    match colour {
        Colour::Grey => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        Colour::Rgb => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
    }
}
