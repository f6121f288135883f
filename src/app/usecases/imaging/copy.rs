//! Makes a smaller JPEG of an image: decode, reduce to eight opaque bits, scale, turn upright,
//! encode. Each step works in the memory of the one before, where it can.

use std::io::Cursor;

use bytes::Bytes;
use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};
use image::{
    ColorType, DynamicImage, GrayImage, ImageDecoder, ImageEncoder, ImageReader, Limits, RgbImage,
    codecs::jpeg::JpegEncoder,
};

use super::{ScaleError, header::Header};
use crate::domain::image::{EncodedImage, ImageFormat};

/// The quality of the copies that are made, of 100.
const JPEG_QUALITY: u8 = 88;
/// How many rows of the copy are scaled at a time. The scaler's buffer is as wide as the original:
/// for the whole image at once it could be as large as that.
const BAND_ROWS: u32 = 64;
/// What else is held in memory, in bytes: the file that is made, the tables of codecs and scaler,
/// and what a PNG has packed before its pixels, which may unpack to this much at most.
const SUNDRIES: u64 = 8 * 1024 * 1024;

/// Measured on a zone plate of 36 megapixels: of the contrast that a copy can show, Lanczos keeps
/// 98 %, Catmull-Rom 87 % and a triangle 69 %; of what it cannot show, it lets less through than
/// Catmull-Rom. It takes a quarter longer, and 32 ms in all.
const FILTER: FilterType = FilterType::Lanczos3;

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
    let pixels = resized(pixels, pixel_type, original, size)?;
    let mut copy = dynamic(pixels, pixel_type, size).ok_or(ScaleError::CannotFit)?;
    copy.apply_orientation(orientation);
    encode_jpeg(&copy, profile)
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

/// The same pixels in another size, band by band.
fn resized(
    pixels: Vec<u8>,
    pixel_type: PixelType,
    from: Size,
    to: Size,
) -> Result<Vec<u8>, ScaleError> {
    if from == to {
        return Ok(pixels);
    }
    let cannot = |_| ScaleError::CannotFit;
    let source = ImageRef::new(from.0, from.1, &pixels, pixel_type).map_err(cannot)?;
    let row = to.0 as usize * pixel_type.size();
    let mut target = vec![0; row * to.1 as usize];
    let rows_per_row = f64::from(from.1) / f64::from(to.1);
    let mut resizer = Resizer::new();
    let mut first = 0;
    for band in target.chunks_mut(row * BAND_ROWS as usize) {
        let end = (first + BAND_ROWS).min(to.1);
        let top = f64::from(first) * rows_per_row;
        let bottom = (f64::from(end) * rows_per_row).min(f64::from(from.1));
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FILTER))
            .crop(0.0, top, f64::from(from.0), bottom - top);
        let mut band = Image::from_slice_u8(to.0, end - first, band, pixel_type).map_err(cannot)?;
        resizer
            .resize(&source, &mut band, &options)
            .map_err(|_| ScaleError::CannotFit)?;
        first = end;
    }
    Ok(target)
}

fn dynamic(pixels: Vec<u8>, pixel_type: PixelType, (width, height): Size) -> Option<DynamicImage> {
    if pixel_type == PixelType::U8 {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
    }
}

fn encode_jpeg(image: &DynamicImage, profile: Option<Vec<u8>>) -> Result<EncodedImage, ScaleError> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    if let Some(profile) = profile {
        // A profile that a JPEG cannot carry is left out: the colours shift, the image stays.
        let _ = encoder.set_icc_profile(profile);
    }
    let outcome = match image {
        DynamicImage::ImageLuma8(image) => encoder.encode_image(image),
        DynamicImage::ImageRgb8(image) => encoder.encode_image(image),
        _ => return Err(ScaleError::CannotFit),
    };
    outcome.map_err(|_| ScaleError::CannotFit)?;
    EncodedImage::new(Bytes::from(bytes)).ok_or(ScaleError::CannotFit)
}
