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

/// The same with other colors.
pub(super) fn png_of(width: u32, height: u32, color: ColorType) -> EncodedImage {
    let alpha = |x| if x < 16 { 0 } else { 255 };
    let drawn = RgbaImage::from_fn(width, height, |x, _| Rgba([0, 0, 0, alpha(x)]));
    let drawn = DynamicImage::from(drawn);
    let drawn = match color {
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

/// 256 megapixels of gray in a JPEG of three megabytes: six bits for each block of 64.
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
    bytes[frame..frame + 4].copy_from_slice(&[0x3E, 0x80, 0x3E, 0x80]);
    // Behind the header of the scan: "as before" and "end of block", four times in three bytes.
    let scan = find(&bytes, 0xDA) + 10;
    bytes.truncate(scan);
    for _ in 0..2_000 * 2_000 / 4 {
        bytes.extend_from_slice(&[0x28, 0xA2, 0x8A]);
    }
    bytes.extend_from_slice(&[0xFF, 0xD9]);
    encoded(bytes)
}

/// A PNG of a few pixels before which a color profile of 9 MB is packed.
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

/// A JPEG with something on it: shades that run across, with an edge, and a pattern. `color` sets
/// whether it is in red, green and blue, or in gray.
pub(super) fn photo(
    size: (u32, u32),
    color: ColorSpace,
    tell: impl FnOnce(&mut Compress),
) -> EncodedImage {
    photo_with(size, color, &[], tell)
}

/// The same with more segments before its pixels: the number of an `APP` marker, and what is in it.
pub(super) fn photo_with(
    (width, height): (u32, u32),
    color: ColorSpace,
    segments: &[(u8, Vec<u8>)],
    tell: impl FnOnce(&mut Compress),
) -> EncodedImage {
    let (across, down) = (width as usize, height as usize);
    let channels = if color == ColorSpace::JCS_GRAYSCALE {
        1
    } else {
        3
    };
    let byte = |value: usize| u8::try_from(value.min(255)).unwrap();
    let row = |edge: usize, y: usize| -> Vec<u8> {
        let light = |x| edge + 90 * x / across + 20 * ((x / 8 + y / 8) % 2);
        let pixel = |x| [light(x), 2 * edge + 30, 200 * y / down].map(byte);
        (0..across)
            .flat_map(|x| pixel(x).into_iter().take(channels))
            .collect()
    };
    let mut pixels = Vec::new();
    // What is on either side of the edge is the same for some rows; without optimization, making it takes long.
    let (mut of, mut dark, mut bright) = (None, Vec::new(), Vec::new());
    for y in 0..down {
        let kind = (y / 8 % 2, 200 * y / down);
        if of.replace(kind) != Some(kind) {
            (dark, bright) = (row(0, y), row(60, y));
        }
        let edge = (usize::midpoint(across, down) + 1)
            .saturating_sub(y)
            .min(across)
            * channels;
        pixels.extend_from_slice(&dark[..edge]);
        pixels.extend_from_slice(&bright[edge..]);
    }
    let mut encoder = Compress::new(color);
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

/// Red, green, blue and yellow: what is in the corners of a picture, from the top left, row by row.
pub(super) const CORNERS: [[u8; 3]; 4] =
    [[220, 20, 20], [20, 180, 20], [20, 20, 220], [230, 220, 20]];

/// A picture with those four colors in its four quarters, in bytes of red, green and blue.
pub(super) fn quarters((width, height): (u32, u32)) -> Vec<u8> {
    let half = |from: usize, rows: u32| {
        let [left, right] = [CORNERS[from], CORNERS[from + 1]];
        let row = [
            left.repeat(width.div_ceil(2) as usize),
            right.repeat(width as usize / 2),
        ];
        row.concat().repeat(rows as usize)
    };
    [half(0, height.div_ceil(2)), half(2, height / 2)].concat()
}

/// The same as a JPEG, with segments before its pixels.
pub(super) fn quarters_jpeg(size: (u32, u32), segments: &[(u8, Vec<u8>)]) -> EncodedImage {
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    encoder.set_fastest_defaults();
    encoder.set_size(size.0 as usize, size.1 as usize);
    encoder.set_quality(95.0);
    let mut started = encoder.start_compress(Vec::new()).unwrap();
    for (number, data) in segments {
        let marker = if *number == u8::MAX {
            Marker::COM
        } else {
            Marker::APP(*number)
        };
        started.write_marker(marker, data);
    }
    started.write_scanlines(&quarters(size)).unwrap();
    encoded(started.finish().unwrap())
}

/// The colors near the corners of an image, from the top left, row by row.
pub(super) fn corners_of(image: &EncodedImage) -> [[u8; 3]; 4] {
    let image = image::load_from_memory(image.bytes()).unwrap().into_rgb8();
    let (right, bottom) = (image.width() - 1, image.height() - 1);
    let (x, y) = (image.width() / 6, image.height() / 6);
    [
        (x, y),
        (right - x, y),
        (x, bottom - y),
        (right - x, bottom - y),
    ]
    .map(|(x, y)| image.get_pixel(x, y).0)
}

/// Whether colors are the same, by what a JPEG leaves of them.
pub(super) fn assert_colors(name: &str, found: [[u8; 3]; 4], expected: [[u8; 3]; 4]) {
    let near = |a: &u8, b: &u8| a.abs_diff(*b) <= 12;
    let same = found.as_flattened().iter().zip(expected.as_flattened());
    assert!(
        same.clone().all(|(a, b)| near(a, b)),
        "{name}: {found:?} instead of {expected:?}"
    );
}

/// A chunk of a PNG, with its checksum.
pub(super) fn png_chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let body = [kind, data].concat();
    let checksum = crc32fast::hash(&body).to_be_bytes();
    [length.as_slice(), &body, &checksum].concat()
}

/// A PNG with another chunk behind its first one.
pub(super) fn with_chunk(png: &EncodedImage, chunk: &[u8]) -> EncodedImage {
    let (head, tail) = png.bytes().split_at(8 + 25);
    encoded([head, chunk, tail].concat())
}

/// The four quarters as a PNG of eight bits, in color.
pub(super) fn quarters_png(size: (u32, u32)) -> EncodedImage {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&quarters(size)).unwrap();
    writer.finish().unwrap();
    encoded(bytes)
}

/// The four quarters as a PNG in seven passes, packed by `flate2`, opaque where it has alpha.
pub(super) fn interlaced_png(
    (width, height): (u32, u32),
    (color, depth): (png::ColorType, png::BitDepth),
) -> EncodedImage {
    use std::io::Write as _;
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let pixel = |corner: usize| {
        let channels = CORNERS[corner]
            .into_iter()
            .chain([255])
            .take(color.samples());
        let times = if depth == png::BitDepth::Sixteen {
            2
        } else {
            1
        };
        channels
            .flat_map(|channel| vec![channel; times])
            .collect::<Vec<u8>>()
    };
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    for (x, y, across, down) in passes {
        if x >= width {
            continue;
        }
        let up_to = |end: u32| end.saturating_sub(x).div_ceil(across) as usize;
        let (left, all) = (up_to(width.div_ceil(2)), up_to(width));
        let [upper, lower] = [0, 2].map(|from| {
            let parts = [pixel(from).repeat(left), pixel(from + 1).repeat(all - left)];
            [vec![0], parts.concat()].concat()
        });
        for y in (y..height).step_by(down) {
            let row = if 2 * y < height { &upper } else { &lower };
            packed.write_all(row).unwrap();
        }
    }
    let sides = [width, height].map(u32::to_be_bytes);
    let ihdr = [
        &sides[0],
        &sides[1],
        &[depth as u8, color as u8, 0, 0, 1][..],
    ]
    .concat();
    encoded(
        [
            b"\x89PNG\r\n\x1A\n".to_vec(),
            png_chunk(b"IHDR", &ihdr),
            png_chunk(b"IDAT", &packed.finish().unwrap()),
            png_chunk(b"IEND", b""),
        ]
        .concat(),
    )
}

/// A WebP of chunks.
pub(super) fn webp(chunks: &[(&[u8; 4], &[u8])]) -> EncodedImage {
    let mut body = b"WEBP".to_vec();
    for (kind, data) in chunks {
        body.extend_from_slice(*kind);
        body.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
        body.extend_from_slice(data);
        if data.len() % 2 == 1 {
            body.push(0);
        }
    }
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    encoded([b"RIFF".as_slice(), &length, &body].concat())
}

/// What a `VP8X` chunk holds.
pub(super) fn vp8x(flags: u8, (width, height): (u32, u32)) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    [vec![flags, 0, 0, 0], side(width), side(height)].concat()
}

/// The four quarters as what a `VP8L` chunk holds.
pub(super) fn quarters_vp8l(size: (u32, u32)) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut bytes)
        .encode(
            &quarters(size),
            size.0,
            size.1,
            image::ExtendedColorType::Rgb8,
        )
        .unwrap();
    let length = u32::from_le_bytes(*bytes[16..].first_chunk().unwrap());
    bytes[20..20 + length as usize].to_vec()
}
