//! The largest images of each kind: copies are made of them within the memory that there is, as the system
//! measures it, and they show what the originals do. What is larger is refused, with its limit.

use mozjpeg::{ColorSpace, Compress};
use png::{BitDepth, ColorType as PngColor};

use crate::domain::image_memory::ImageMemory;

use super::{
    memory::{alone, growth},
    samples::{CORNERS, assert_colors, corners_of, encoded, interlaced_png, quarters},
    *,
};

/// What Telegram takes.
const TELEGRAM: ImageLimits = ImageLimits {
    max_side_sum: Some(10_000),
    max_ratio: Some(20),
    ..ImageLimits::of_bytes(10_000_000)
};

/// Four quarters in a JPEG of this size, with EXIF data of this position.
fn large_jpeg(
    (width, height): Size,
    position: u8,
    tell: impl FnOnce(&mut Compress),
) -> EncodedImage {
    let rows = quarters((width, 2));
    let (upper, lower) = rows.split_at(rows.len() / 2);
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    encoder.set_fastest_defaults();
    encoder.set_size(width as usize, height as usize);
    encoder.set_quality(70.0);
    tell(&mut encoder);
    let mut started = encoder.start_compress(Vec::new()).unwrap();
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend_from_slice(&[position, 0, 0, 0, 0, 0, 0]);
    started.write_marker(mozjpeg::Marker::APP(1), &exif);
    for (row, count) in [(upper, height.div_ceil(2)), (lower, height / 2)] {
        let some = row.repeat(64);
        for first in (0..count).step_by(64) {
            let now = 64.min(count - first) as usize;
            started.write_scanlines(&some[..now * row.len()]).unwrap();
        }
    }
    encoded(started.finish().unwrap())
}

fn with_all_colors(encoder: &mut Compress) {
    encoder.set_chroma_sampling_pixel_sizes((1, 1), (1, 1));
    encoder.set_progressive_mode();
}

/// Four quarters in a PNG of this size, with alpha.
fn large_png((width, height): Size, color: PngColor, depth: BitDepth) -> EncodedImage {
    let row = |y: u32| {
        let mut row = Vec::new();
        for x in 0..width {
            let pixel = CORNERS[usize::from(2 * x >= width) + 2 * usize::from(2 * y >= height)];
            let colors = if color == PngColor::Rgba { 3 } else { 1 };
            for channel in pixel.into_iter().take(colors).chain([255]) {
                row.push(channel);
                if depth == BitDepth::Sixteen {
                    row.push(channel);
                }
            }
        }
        row
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    for (row, count) in [(row(0), height.div_ceil(2)), (row(height - 1), height / 2)] {
        for _ in 0..count {
            std::io::Write::write_all(&mut stream, &row).unwrap();
        }
    }
    stream.finish().unwrap();
    writer.finish().unwrap();
    encoded(bytes)
}

/// What is asked for: a copy for the vision model, one for Telegram, and one for a platform that takes less.
/// Scaling is not optimized in a build for tests, and takes most of their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Vision,
    Telegram,
    Little,
}

/// Makes copies one after the other, and checks what they show and what that took.
fn is_copied_within_the_memory(image: &EncodedImage, turned: bool, wanted: &[Want]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let scaler = ImageScaler::default();
    // The code that is paged in, and the thread, are no copy's.
    let small = large_jpeg((640, 480), 6, |_| {});
    let warm = runtime.block_on(scaler.fit_within(&small, Some(100)));
    assert!(warm.is_ok());
    let header = Header::of(image).unwrap();
    let is_grey = matches!(
        header.format,
        FormatHeader::Png(header::PngHeader { colored: false, .. })
    );
    let expected = [0, 1, 2, 3].map(|corner: usize| {
        let color = CORNERS[if turned { [2, 0, 3, 1][corner] } else { corner }];
        if is_grey { [color[0]; 3] } else { color }
    });
    for want in wanted {
        let limits = ImageLimits {
            max_side_sum: if *want == Want::Telegram {
                Some(10_000)
            } else {
                Some(3_600)
            },
            ..TELEGRAM
        };
        let (grown, copy) = growth(|| {
            runtime.block_on(async {
                match want {
                    Want::Vision => scaler.fit_within(image, Some(1024)).await,
                    Want::Telegram | Want::Little => scaler.meet(image, limits).await,
                }
            })
        });
        let copy = copy.unwrap_or_else(|error| panic!("{error}"));
        assert!(grown <= MEMORY, "grew by {grown}");
        println!(
            "{} megapixels, {want:?}: {} MB at the peak",
            header.pixels() / 1_000_000,
            grown / 1_000_000
        );
        let (width, height) = decoded(&copy).dimensions();
        if *want == Want::Vision {
            assert_eq!(width.max(height), 1024);
        } else {
            let sum = width + height;
            let most = limits.max_side_sum.unwrap();
            assert!(sum <= most && sum + 2 >= most);
            assert!(copy.bytes().len() <= 10_000_000);
        }
        assert_eq!(width < height, turned);
        assert_colors("large", corners_of(&copy), expected);
    }
}

macro_rules! largest {
    ($($name:ident, $alone:ident, $for_telegram:ident: $image:expr, $turned:expr, $wanted:expr;)*) => {
        $(
            #[test]
            fn $name() {
                if cfg!(target_os = "linux") {
                    alone(concat!(module_path!(), "::", stringify!($alone)));
                }
            }

            #[test]
            #[ignore = "is run by another one, in a process of its own"]
            fn $alone() {
                is_copied_within_the_memory(&$image, $turned, $wanted);
            }

            #[test]
            #[ignore = "takes a minute without optimization: \
                        cargo test --release --lib -- --ignored --test-threads 1 for_telegram"]
            fn $for_telegram() {
                is_copied_within_the_memory(&$image, $turned, &[Want::Vision, Want::Telegram]);
            }
        )*
    };
}

largest! {
    a_baseline_jpeg_of_200_megapixels_is_copied, alone_baseline, for_telegram_baseline:
        large_jpeg((16_384, 12_207), 6, |_| {}), true, &[Want::Vision, Want::Little];
    a_progressive_jpeg_of_60_megapixels_is_copied, alone_progressive, for_telegram_progressive:
        large_jpeg((9_504, 6_336), 6, Compress::set_progressive_mode), true,
        &[Want::Vision, Want::Little];
    a_progressive_jpeg_of_40_megapixels_with_all_colors_is_copied, alone_all_colors,
        for_telegram_all_colors:
        large_jpeg((7_752, 5_168), 1, with_all_colors), false, &[Want::Vision, Want::Telegram];
    a_turned_jpeg_of_40_megapixels_with_all_colors_is_copied, alone_turned, for_telegram_turned:
        large_jpeg((7_752, 5_168), 6, with_all_colors), true, &[Want::Vision];
    a_png_of_64_megapixels_with_alpha_is_copied, alone_png, for_telegram_png:
        large_png((9_248, 6_936), PngColor::Rgba, BitDepth::Eight), false, &[Want::Vision];
    a_png_of_64_megapixels_with_sixteen_bits_is_copied, alone_deep_png, for_telegram_deep_png:
        large_png((9_248, 6_936), PngColor::GrayscaleAlpha, BitDepth::Sixteen), false,
        &[Want::Vision];
    a_png_of_64_megapixels_in_passes_is_copied, alone_interlaced, for_telegram_interlaced:
        large_interlaced(PngColor::Grayscale), false, &[Want::Vision];
    a_lossless_webp_of_32_megapixels_is_copied, alone_webp, for_telegram_webp:
        encoded(include_bytes!("images/quarters_32_megapixels.webp").to_vec()), false,
        &[Want::Vision];
}

#[test]
#[ignore = "takes a minute without optimization: \
            cargo test --release --lib -- --ignored --test-threads 1 for_telegram"]
fn for_telegram_interlaced_in_color() {
    let image = large_interlaced(PngColor::Rgb);
    is_copied_within_the_memory(&image, false, &[Want::Vision, Want::Telegram]);
}

fn large_interlaced(color: PngColor) -> EncodedImage {
    interlaced_png((9_248, 6_936), (color, BitDepth::Eight))
}

/// A header without an image.
fn header(size: Size, orientation: u8, format: FormatHeader) -> Header {
    Header {
        width: size.0,
        height: size.1,
        orientation: image::metadata::Orientation::from_exif(orientation).unwrap(),
        animated: false,
        damaged: false,
        format,
    }
}

fn jpeg_format(image: &EncodedImage, coefficient_bytes: u64) -> FormatHeader {
    let FormatHeader::Jpeg(jpeg) = Header::of(image).unwrap().format else {
        panic!("no JPEG");
    };
    FormatHeader::Jpeg(header::JpegHeader {
        coefficient_bytes,
        ..jpeg
    })
}

fn small(tell: fn(&mut Compress)) -> EncodedImage {
    large_jpeg((64, 48), 1, tell)
}

fn png(colored: bool, pixel_bytes: u64, interlaced: bool) -> FormatHeader {
    FormatHeader::Png(header::PngHeader {
        colored,
        pixel_bytes,
        interlaced,
    })
}

#[test]
fn the_largest_of_each_kind_fit_into_the_memory_whichever_way_up() {
    let of_webp = |kind, transparent| {
        FormatHeader::WebP(header::WebPHeader {
            kind,
            transparent,
            table_bytes: 0,
            profile_bytes: 0,
            missing: 0,
        })
    };
    // Four to three, with as many pixels as the limit of the kind is, and half a megapixel.
    let kinds = [
        (200, jpeg_format(&small(|_| {}), 0)),
        (
            60,
            jpeg_format(&small(Compress::set_progressive_mode), 60_500_000 * 3),
        ),
        (40, jpeg_format(&small(with_all_colors), 40_500_000 * 6)),
        (64, png(true, 8, false)),
        (64, png(true, 8, true)),
        (64, png(false, 2, true)),
        (40, of_webp(header::WebPKind::Lossy, false)),
        (18, of_webp(header::WebPKind::Lossy, true)),
        (32, of_webp(header::WebPKind::Lossless, false)),
        (48, of_webp(header::WebPKind::Lossless, true)),
        (18, of_webp(header::WebPKind::Animated, false)),
        (16, of_webp(header::WebPKind::Animated, true)),
    ];
    // Its length is what its decoder copies of it.
    let file = encoded([&b"\xFF\xD8\xFF"[..], &vec![0; 25_000_000]].concat());
    for (megapixels, format) in kinds {
        for orientation in 1..=8 {
            let height = (f64::from(megapixels) * 1e6 * 0.75).sqrt();
            let size = (rounded(height / 0.75), rounded(height));
            let header = header(size, orientation, format);
            assert_eq!(limits::check(&header), Ok(()), "{format:?}");
            let factor = (10_000.0 / f64::from(size.0 + size.1)).min(1.0);
            let cut = |side: u32| rounded(f64::from(side) * factor);
            for copy in [(cut(size.0), cut(size.1)), (1024, 768)] {
                let plan = Plan::new(&file, &header, copy, 10_000_000, MEMORY).unwrap();
                let name = format!("{format:?} {orientation} {copy:?}");
                assert!(plan.memory() <= MEMORY, "{name}: {}", plan.memory());
                assert!(plan.goes() <= 8, "{name}: {}", plan.goes());
            }
        }
        let more = (megapixels + 1) * 1_000;
        let refused = limits::check(&header((more, 1_000), 1, format)).unwrap_err();
        assert_eq!(
            (refused.megapixels, refused.most),
            (u64::from(megapixels) + 1, u64::from(megapixels))
        );
    }
}

/// The largest image of a kind, in megapixels, of which copies are made in so much memory, for the vision model
/// and for Telegram, whichever way up.
fn largest(most: u32, memory: u64, format: impl Fn(u64) -> FormatHeader) -> u32 {
    let file = encoded(b"\xFF\xD8\xFF".to_vec());
    let fits = |megapixels: &u32| {
        let height = (f64::from(*megapixels) * 1e6 * 0.75).sqrt();
        let (width, height) = (rounded(height / 0.75), rounded(height));
        let format = format(u64::from(width) * u64::from(height));
        let factor = (10_000.0 / f64::from(width + height)).min(1.0);
        let cut = |side: u32| rounded(f64::from(side) * factor);
        (1..=8).all(|orientation| {
            let header = header((width, height), orientation, format);
            [(cut(width), cut(height)), (1024, 768)]
                .into_iter()
                .all(|copy| {
                    Plan::new(&file, &header, copy, 10_000_000, memory)
                        .is_ok_and(|plan| plan.memory() <= memory)
                })
        })
    };
    (1..=most).take_while(fits).last().unwrap_or(0)
}

#[test]
fn copies_of_a_photo_of_twelve_megapixels_are_made_in_the_least_budget() {
    let memory = ImageMemory::of_mib(ImageMemory::LEAST_MIB).unwrap();
    let memory = memory.copies();
    let baseline = jpeg_format(&small(|_| {}), 0);
    for format in [baseline, png(true, 8, false)] {
        assert_eq!(largest(12, memory, |_| format), 12, "{format:?}");
    }
}

#[test]
fn the_guide_has_the_parts_of_a_budget() {
    const GUIDE: &str = include_str!("../../../../docs/operations.md");
    const MIB: u64 = 1024 * 1024;
    for mib in [48, 64, 128, 256, 352] {
        let budget = ImageMemory::of_mib(mib).unwrap();
        let [files, copies, largest] =
            [budget.files(), budget.copies(), budget.largest_file()].map(|bytes| bytes / MIB);
        let limit = 2 * mib;
        let row = format!("| {mib} | {limit} | {files} | {largest} | {copies} |");
        assert!(GUIDE.contains(&row), "not in the guide: {row}");
    }
}

#[tokio::test]
async fn a_progressive_jpeg_beyond_its_limit_is_refused_with_it() {
    for (image, told) in [
        (
            large_jpeg((64, 48), 1, Compress::set_progressive_mode),
            "the image has too many pixels: it has 61 megapixels, and at most 60 are read of a progressive JPEG with fewer colors \
             than pixels (4:2:0 and 4:2:2)",
        ),
        (
            large_jpeg((64, 48), 1, with_all_colors),
            "the image has too many pixels: it has 61 megapixels, and at most 40 are read of a progressive JPEG with all colors \
             (4:4:4)",
        ),
    ] {
        // The same with another size written into its header.
        let mut bytes = image.bytes().to_vec();
        let frame = bytes.windows(2).position(|it| it == [0xFF, 0xC2]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&[0x1D, 0x4C, 0x1F, 0xC4]);
        let refused = ImageScaler::default()
            .fit_within(&encoded(bytes), Some(100))
            .await;
        assert_eq!(refused.unwrap_err().to_string(), told);
    }
}
