//! Images to scale: some that another encoder made, some drawn, and some that are made to do harm.

use std::io::Cursor;

use bytes::Bytes;
use image::{ColorType, DynamicImage, GrayImage, Luma, Rgba, RgbaImage, codecs::jpeg::JpegEncoder};
use mozjpeg::{ColorSpace, Compress, Marker};

use crate::domain::image::EncodedImage;

macro_rules! files {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!("images/", $name)).as_slice())),*]
    };
}

/// One of each kind that takes another way through its decoder.
pub(super) const FILES: [(&str, &[u8]); 14] = files![
    "baseline.jpg",
    "progressive.jpg",
    "cmyk.jpg",
    "turned.jpg",
    "restarts.jpg",
    "scans.jpg",
    "lossy.webp",
    "lossy_alpha.webp",
    "lossless.webp",
    "lossless_alpha.webp",
    "animated.webp",
    "palette.png",
    "palette_transparent.png",
    "bits.png"
];

pub(super) fn file(name: &str) -> EncodedImage {
    let (_, bytes) = FILES.iter().find(|(known, _)| *known == name).unwrap();
    encoded(bytes.to_vec())
}

pub(super) fn encoded(bytes: Vec<u8>) -> EncodedImage {
    EncodedImage::new(Bytes::from(bytes)).unwrap()
}

/// A PNG, black from the 16th column on and transparent before.
pub(super) fn png(width: u32, height: u32) -> EncodedImage {
    png_of(width, height, ColorType::Rgba8)
}

/// The same with other colours.
pub(super) fn png_of(width: u32, height: u32, colour: ColorType) -> EncodedImage {
    let alpha = |x| if x < 16 { 0 } else { 255 };
    let drawn = RgbaImage::from_fn(width, height, |x, _| Rgba([0, 0, 0, alpha(x)]));
    let drawn = DynamicImage::from(drawn);
    let drawn = match colour {
        ColorType::L8 => DynamicImage::from(drawn.into_luma8()),
        ColorType::La8 => DynamicImage::from(drawn.into_luma_alpha8()),
        ColorType::Rgb8 => DynamicImage::from(drawn.into_rgb8()),
        ColorType::L16 => DynamicImage::from(drawn.into_luma16()),
        ColorType::La16 => DynamicImage::from(drawn.into_luma_alpha16()),
        ColorType::Rgb16 => DynamicImage::from(drawn.into_rgb16()),
        ColorType::Rgba16 => DynamicImage::from(drawn.into_rgba16()),
        _ => drawn,
    };
    let mut bytes = Cursor::new(Vec::new());
    drawn.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    encoded(bytes.into_inner())
}

/// 100 megapixels in a PNG of a few kilobytes: a palette and a bit for each.
pub(super) fn png_bomb() -> EncodedImage {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 10_000, 10_000);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_palette(&[255, 255, 255, 0, 0, 0]);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; 1_250 * 10_000]).unwrap();
    writer.finish().unwrap();
    encoded(bytes)
}

/// 100 megapixels of grey in a JPEG of a megabyte: six bits for each block of 64.
pub(super) fn jpeg_bomb() -> EncodedImage {
    let mut bytes = Vec::new();
    let grey = GrayImage::from_pixel(8, 8, Luma([128]));
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 50);
    encoder.encode_image(&grey).unwrap();
    let find = |bytes: &[u8], marker: u8| {
        let at = bytes.windows(2).position(|pair| pair == [0xFF, marker]);
        at.unwrap()
    };
    let frame = find(&bytes, 0xC0) + 5;
    bytes[frame..frame + 4].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    // Behind the header of the scan: "as before" and "end of block", four times in three bytes.
    let scan = find(&bytes, 0xDA) + 10;
    bytes.truncate(scan);
    for _ in 0..1_250 * 1_250 / 4 {
        bytes.extend_from_slice(&[0x28, 0xA2, 0x8A]);
    }
    bytes.extend_from_slice(&[0xFF, 0xD9]);
    encoded(bytes)
}

/// A PNG of a few pixels before which a colour profile of 9 MB is packed.
pub(super) fn profile_bomb() -> EncodedImage {
    let mut bytes = Vec::new();
    let mut info = png::Info::with_size(200, 100);
    info.color_type = png::ColorType::Grayscale;
    info.icc_profile = Some(vec![0; 9_000_000].into());
    let encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; 200 * 100]).unwrap();
    writer.finish().unwrap();
    encoded(bytes)
}

/// A JPEG with something on it: shades that run across, with an edge, and a pattern. As the
/// encoder is told, in red, green and blue, or in grey.
pub(super) fn photo(
    size: (u32, u32),
    colour: ColorSpace,
    tell: impl FnOnce(&mut Compress),
) -> EncodedImage {
    photo_with(size, colour, &[], tell)
}

/// The same with more segments before its pixels: the number of an `APP` marker, and what is in it.
pub(super) fn photo_with(
    (width, height): (u32, u32),
    colour: ColorSpace,
    segments: &[(u8, Vec<u8>)],
    tell: impl FnOnce(&mut Compress),
) -> EncodedImage {
    let (across, down) = (width as usize, height as usize);
    let mut pixels = Vec::new();
    let byte = |value: usize| u8::try_from(value.min(255)).unwrap();
    for y in 0..down {
        for x in 0..across {
            let edge = if 2 * (x + y) > across + down { 60 } else { 0 };
            let light = edge + 90 * x / across + 20 * ((x / 8 + y / 8) % 2);
            match colour {
                ColorSpace::JCS_GRAYSCALE => pixels.push(byte(light)),
                _ => pixels.extend([light, 2 * edge + 30, 200 * y / down].map(byte)),
            }
        }
    }
    let mut encoder = Compress::new(colour);
    encoder.set_fastest_defaults();
    encoder.set_size(across, down);
    encoder.set_quality(95.0);
    tell(&mut encoder);
    let mut started = encoder.start_compress(Vec::new()).unwrap();
    for (number, data) in segments {
        started.write_marker(Marker::APP(*number), data);
    }
    started.write_scanlines(&pixels).unwrap();
    encoded(started.finish().unwrap())
}
