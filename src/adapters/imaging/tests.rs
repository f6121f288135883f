//! Tests of the copies: what they look like, when there are none, and what they may cost.

mod bombs;
mod damaged;
mod hostile;
mod inks;
mod large;
mod memory;
mod orientation;
mod samples;
mod scaled_jpeg;
mod size_of_file;
mod stripping;

use bytes::Bytes;
use image::{ColorType, DynamicImage, GenericImageView as _, ImageDecoder as _, ImageReader};

use self::samples::{FILES, encoded, file, jpeg_bomb, png, png_bomb, png_of, profile_bomb};
use super::{header::FormatHeader, *};
use crate::domain::image::ImageFormat;

/// A copy of this size, which is that before it is turned, with all memory.
fn copy_of(image: &EncodedImage, size: Size) -> Result<EncodedImage, ImageProcessingError> {
    let header = Header::of(image)?;
    match Plan::new(image, &header, size, u64::MAX, MEMORY)?.carry_out(image)? {
        Written::File(copy) => Ok(copy),
        Written::TooLarge(_) => Err(ImageProcessingError::CannotFit),
    }
}

fn profile_of(image: &EncodedImage) -> Option<Vec<u8>> {
    let cursor = std::io::Cursor::new(image.bytes());
    let reader = ImageReader::with_format(cursor, image::ImageFormat::Jpeg);
    reader.into_decoder().unwrap().icc_profile().unwrap()
}

/// What could be a color profile of these colors.
fn profile(space: &[u8], length: usize) -> Vec<u8> {
    let mut profile = vec![7; length];
    profile[16..20].copy_from_slice(space);
    profile
}

fn decoded(image: &EncodedImage) -> DynamicImage {
    image::load_from_memory(image.bytes()).unwrap()
}

const LIMITS: ImageLimits = ImageLimits {
    max_side_sum: Some(300),
    max_ratio: Some(20),
    ..ImageLimits::of_bytes(10_000_000)
};

#[tokio::test]
async fn what_fits_is_handed_back_as_it_is() {
    let image = png(200, 100);
    let scaler = ImageScaler::default();
    for same in [
        scaler.fit_within(&image, None).await,
        scaler.fit_within(&image, Some(200)).await,
        scaler.meet(&image, LIMITS).await,
    ] {
        let same = same.unwrap();
        assert_eq!(
            same.bytes().as_ptr(),
            image.bytes().as_ptr(),
            "a copy was made"
        );
    }
}

#[tokio::test]
async fn a_large_image_becomes_a_jpeg_within_the_limits() {
    let image = png(400, 200);
    let scaler = ImageScaler::default();
    let small = scaler.fit_within(&image, Some(100)).await.unwrap();
    assert_eq!(
        (small.format(), decoded(&small).dimensions()),
        (ImageFormat::Jpeg, (100, 50))
    );
    // 400 × 200 to 33 × 16.5: the nearest size, as other programs make it.
    let small = scaler.fit_within(&image, Some(33)).await.unwrap();
    assert_eq!(decoded(&small).dimensions(), (33, 17));
    let met = scaler.meet(&image, LIMITS).await.unwrap();
    assert_eq!(decoded(&met).dimensions(), (200, 100));
}

#[tokio::test]
async fn every_kind_of_pixel_is_put_on_white_and_scaled() {
    let scaler = ImageScaler::default();
    for color in [
        ColorType::La8,
        ColorType::Rgba8,
        ColorType::La16,
        ColorType::Rgba16,
    ] {
        let image = png_of(80, 40, color);
        let small = decoded(&scaler.fit_within(&image, Some(40)).await.unwrap());
        assert_eq!(small.dimensions(), (40, 20), "{color:?}");
        assert_eq!(small.color().has_color(), color.has_color(), "{color:?}");
        let small = small.into_luma8();
        assert!(small.get_pixel(2, 10).0[0] > 245, "{color:?}: white before");
        assert!(small.get_pixel(30, 10).0[0] < 10, "{color:?}: black behind");
    }
    for color in [
        ColorType::L8,
        ColorType::Rgb8,
        ColorType::L16,
        ColorType::Rgb16,
    ] {
        let image = png_of(80, 40, color);
        let small = decoded(&scaler.fit_within(&image, Some(40)).await.unwrap());
        assert_eq!(small.dimensions(), (40, 20), "{color:?}");
        let small = small.into_luma8();
        assert!(small.get_pixel(30, 10).0[0] < 10, "{color:?}");
    }
}

#[tokio::test]
async fn a_color_that_a_png_makes_transparent_is_white() {
    let scaler = ImageScaler::default();
    let kinds = [
        (png::ColorType::Grayscale, png::BitDepth::Eight),
        (png::ColorType::Grayscale, png::BitDepth::Sixteen),
        (png::ColorType::Rgb, png::BitDepth::Eight),
        (png::ColorType::Rgb, png::BitDepth::Sixteen),
    ];
    for (color, depth) in kinds {
        let bytes_of = |value: u8| {
            let bytes = if depth == png::BitDepth::Sixteen {
                2
            } else {
                1
            };
            vec![value; bytes * color.samples()]
        };
        let row: Vec<u8> = (0..80)
            .flat_map(|x| bytes_of(if x < 40 { 90 } else { 30 }))
            .collect();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 80, 40);
        encoder.set_color(color);
        encoder.set_depth(depth);
        // A number of 16 bits for each channel, whatever its depth.
        let of_a_channel = if depth == png::BitDepth::Sixteen {
            [90, 90]
        } else {
            [0, 90]
        };
        encoder.set_trns(of_a_channel.repeat(color.samples()));
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&row.repeat(40)).unwrap();
        writer.finish().unwrap();
        let image = encoded(bytes);
        for copy in [
            scaler.fit_within(&image, Some(40)).await,
            scaler.reencode(&image, None).await,
        ] {
            let copy = decoded(&copy.unwrap()).into_luma8();
            let (y, right) = (copy.height() / 2, copy.width() - 3);
            assert!(copy.get_pixel(2, y).0[0] > 250, "{color:?} {depth:?}");
            assert!(
                copy.get_pixel(right, y).0[0].abs_diff(30) < 4,
                "{color:?} {depth:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_kind_of_file_is_scaled() {
    let scaler = ImageScaler::default();
    for (name, bytes) in FILES {
        let image = encoded(bytes.to_vec());
        let small = scaler.fit_within(&image, Some(10)).await;
        let small = small.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (width, height) = decoded(&small).dimensions();
        assert_eq!(width.max(height), 10, "{name}");
    }
}

#[tokio::test]
async fn a_turned_image_is_set_upright_and_a_tall_one_is_scaled_without_seams() {
    let scaler = ImageScaler::default();
    let small = scaler.fit_within(&file("turned.jpg"), Some(30)).await;
    assert_eq!(decoded(&small.unwrap()).dimensions(), (10, 30));

    // Longer than a band of the scaler: a gradient that would show where one begins.
    let shade = |y: u32| u8::try_from(y / 4).unwrap();
    let tall = image::GrayImage::from_fn(40, 1_020, |_, y| image::Luma([shade(y)]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    tall.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let small = scaler
        .fit_within(&encoded(bytes.into_inner()), Some(255))
        .await;
    let small = decoded(&small.unwrap()).into_luma8();
    for (_, y, pixel) in small.enumerate_pixels() {
        assert!(u32::from(pixel.0[0]).abs_diff(y) <= 2, "row {y}: {pixel:?}");
    }
}

#[tokio::test]
async fn the_color_profile_comes_along() {
    let profile = profile(b"RGB ", 3_000);
    let mut bytes = Vec::new();
    let mut info = png::Info::with_size(80, 40);
    info.color_type = png::ColorType::Rgb;
    info.icc_profile = Some(profile.clone().into());
    let encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[9; 80 * 40 * 3]).unwrap();
    writer.finish().unwrap();
    let scaler = ImageScaler::default();
    let small = scaler.fit_within(&encoded(bytes), Some(40)).await.unwrap();
    assert_eq!(profile_of(&small), Some(profile));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_scaled_until_it_fits() {
    let image = png(200, 100);
    let limits = ImageLimits {
        max_bytes: 1_500,
        ..LIMITS
    };
    let met = ImageScaler::default().meet(&image, limits).await.unwrap();
    assert!(met.bytes().len() <= 1_500);
    let hopeless = ImageLimits {
        max_bytes: 10,
        ..LIMITS
    };
    assert_eq!(
        ImageScaler::default().meet(&image, hopeless).await,
        Err(ImageProcessingError::CannotFit)
    );
}

#[tokio::test]
async fn ratios_and_broken_files_are_refused() {
    let scaler = ImageScaler::default();
    assert_eq!(
        scaler.meet(&png(210, 10), LIMITS).await,
        Err(ImageProcessingError::RatioTooLarge(20))
    );
    for (_, bytes) in FILES {
        for length in [16, 30, bytes.len() / 2] {
            let broken = encoded(bytes[..length].to_vec());
            let copy = scaler.fit_within(&broken, Some(10)).await;
            // A JPEG or WebP that lacks its end may be shown as far as it goes.
            assert!(
                matches!(copy, Ok(_) | Err(ImageProcessingError::Undecodable)),
                "{copy:?}"
            );
        }
    }
    let broken = EncodedImage::new(Bytes::from_static(b"\xFF\xD8\xFF\xE0nothing")).unwrap();
    assert_eq!(
        scaler.fit_within(&broken, Some(1)).await,
        Err(ImageProcessingError::Undecodable)
    );
}

#[test]
fn headers_say_what_the_decoders_do() {
    let drawn = [
        ColorType::L8,
        ColorType::La8,
        ColorType::Rgb8,
        ColorType::Rgba8,
        ColorType::L16,
        ColorType::La16,
        ColorType::Rgb16,
        ColorType::Rgba16,
    ]
    .map(|color| (format!("{color:?}"), png_of(33, 20, color)));
    let files = FILES.map(|(name, bytes)| (name.to_owned(), encoded(bytes.to_vec())));
    for (name, image) in drawn.into_iter().chain(files) {
        let header = Header::of(&image).unwrap();
        let reader = ImageReader::new(std::io::Cursor::new(image.bytes()));
        let decoder = reader
            .with_guessed_format()
            .unwrap()
            .into_decoder()
            .unwrap();
        assert_eq!(
            (header.width, header.height),
            decoder.dimensions(),
            "{name}"
        );
        let transparent = decoder.color_type().has_alpha();
        let pixel_bytes = decoder.total_bytes() / header.pixels();
        match header.format {
            FormatHeader::Jpeg(jpeg) => {
                let colored = decoder.color_type().has_color();
                assert_eq!(jpeg.components > 1, colored, "{name}");
            }
            FormatHeader::Png(png) => {
                assert_eq!(png.colored, decoder.color_type().has_color(), "{name}");
                assert_eq!(png.pixel_bytes, pixel_bytes, "{name}");
            }
            FormatHeader::WebP(webp) => {
                assert_eq!(webp.transparent, transparent, "{name}");
                assert_eq!(webp.pixel_bytes(), pixel_bytes, "{name}");
            }
        }
    }
}

#[test]
fn a_jpeg_in_several_scans_weighs_its_coefficients() {
    let coefficients = |image: &EncodedImage| match Header::of(image).unwrap().format {
        FormatHeader::Jpeg(jpeg) => jpeg.coefficient_bytes,
        _ => unreachable!("a JPEG"),
    };
    assert_eq!(coefficients(&file("baseline.jpg")), 0);
    // 45 × 31 in 3 × 2 blocks of 16 × 16 samples, and of 8 × 8 for two colors; two bytes each.
    let progressive = 2 * 6 * (256 + 2 * 64);
    assert_eq!(coefficients(&file("progressive.jpg")), progressive);
    // The same for a file that has one color after the other.
    let mut separate = file("baseline.jpg").bytes().to_vec();
    let scan = separate.windows(2).position(|pair| pair == [0xFF, 0xDA]);
    separate[scan.unwrap() + 4] = 1;
    assert!(coefficients(&encoded(separate)) > 0);
}

#[tokio::test]
async fn an_image_that_is_too_large_is_refused_before_it_is_decoded_and_the_limit_is_named() {
    for (bomb, told) in [
        (
            png_bomb(),
            "the image has too many pixels: it has 100 megapixels, and at most 64 are read of a PNG",
        ),
        (
            jpeg_bomb(),
            "the image has too many pixels: it has 256 megapixels, and at most 200 are read of a baseline JPEG",
        ),
    ] {
        let scaler = ImageScaler::default();
        // Decoding would have to wait for this.
        let _all = scaler.budget.acquire(MEMORY).await.unwrap();
        for refused in [
            scaler.fit_within(&bomb, Some(100)).await,
            scaler.meet(&bomb, LIMITS).await,
            scaler.reencode(&bomb, None).await,
        ] {
            let error = refused.unwrap_err();
            assert!(
                matches!(error, ImageProcessingError::TooManyPixels(_)),
                "{error:?}"
            );
            assert_eq!(error.to_string(), told);
        }
    }
}

#[tokio::test]
async fn an_image_that_needs_more_than_all_memory_is_refused() {
    let scaler = ImageScaler {
        budget: Budget::new(9 * 1024 * 1024),
    };
    let fits = file("baseline.jpg");
    assert!(scaler.fit_within(&fits, Some(10)).await.is_ok());
    let larger = png_of(500, 500, ColorType::Rgb8);
    let refused = scaler.fit_within(&larger, Some(10)).await;
    assert_eq!(
        refused,
        Err(ImageProcessingError::TooMuchMemory { most_mib: 9 })
    );
}

#[tokio::test]
async fn a_fresh_copy_is_made_of_what_needs_none() {
    let scaler = ImageScaler::default();
    for image in [png(200, 100), file("baseline.jpg"), file("lossy.webp")] {
        let size = decoded(&image).dimensions();
        for limits in [None, Some(LIMITS)] {
            let copy = scaler.reencode(&image, limits).await.unwrap();
            assert_eq!(copy.format(), ImageFormat::Jpeg);
            assert_ne!(copy, image);
            assert_eq!(decoded(&copy).dimensions(), size);
        }
    }
    let within = scaler.reencode(&png(400, 200), Some(LIMITS)).await;
    assert_eq!(decoded(&within.unwrap()).dimensions(), (200, 100));
    let refused = scaler.reencode(&png(210, 10), Some(LIMITS)).await;
    assert_eq!(refused, Err(ImageProcessingError::RatioTooLarge(20)));
}

#[tokio::test]
async fn a_profile_that_unpacks_to_9_megabytes_is_left_where_it_is() {
    let bomb = profile_bomb();
    assert!(bomb.bytes().len() < 1_000_000);
    let copy = ImageScaler::default().fit_within(&bomb, Some(100)).await;
    let copy = copy.unwrap();
    assert_eq!(decoded(&copy).dimensions(), (100, 50));
    assert!(copy.bytes().len() < 100_000, "the profile came along");
}
