//! Tests of the copies: what they look like, when there are none, and what they may cost.

mod memory;
mod samples;
mod scaled_jpeg;

use bytes::Bytes;
use image::{ColorType, DynamicImage, GenericImageView as _, ImageDecoder as _, ImageReader};

use self::samples::{FILES, encoded, file, jpeg_bomb, png, png_bomb, png_of, profile_bomb};
use super::*;
use crate::domain::image::ImageFormat;

fn decoded(image: &EncodedImage) -> DynamicImage {
    image::load_from_memory(image.bytes()).unwrap()
}

const LIMITS: ImageLimits = ImageLimits {
    max_bytes: 10_000_000,
    max_side_sum: 300,
    max_ratio: 20,
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
    for colour in [
        ColorType::La8,
        ColorType::Rgba8,
        ColorType::La16,
        ColorType::Rgba16,
    ] {
        let image = png_of(80, 40, colour);
        let small = decoded(&scaler.fit_within(&image, Some(40)).await.unwrap());
        assert_eq!(small.dimensions(), (40, 20), "{colour:?}");
        assert_eq!(small.color().has_color(), colour.has_color(), "{colour:?}");
        let small = small.into_luma8();
        assert!(
            small.get_pixel(2, 10).0[0] > 245,
            "{colour:?}: white before"
        );
        assert!(
            small.get_pixel(30, 10).0[0] < 10,
            "{colour:?}: black behind"
        );
    }
    for colour in [
        ColorType::L8,
        ColorType::Rgb8,
        ColorType::L16,
        ColorType::Rgb16,
    ] {
        let image = png_of(80, 40, colour);
        let small = decoded(&scaler.fit_within(&image, Some(40)).await.unwrap());
        assert_eq!(small.dimensions(), (40, 20), "{colour:?}");
        let small = small.into_luma8();
        assert!(small.get_pixel(30, 10).0[0] < 10, "{colour:?}");
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
async fn the_colour_profile_comes_along() {
    let profile = vec![7; 3_000];
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
    let cursor = std::io::Cursor::new(small.bytes());
    let reader = ImageReader::with_format(cursor, image::ImageFormat::Jpeg);
    let read = reader.into_decoder().unwrap().icc_profile().unwrap();
    assert_eq!(read, Some(profile));
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
        Err(ScaleError::CannotFit)
    );
}

#[tokio::test]
async fn ratios_and_broken_files_are_refused() {
    let scaler = ImageScaler::default();
    assert_eq!(
        scaler.meet(&png(210, 10), LIMITS).await,
        Err(ScaleError::RatioTooLarge(20))
    );
    for (_, bytes) in FILES {
        for length in [16, 30, bytes.len() / 2] {
            let broken = encoded(bytes[..length].to_vec());
            let copy = scaler.fit_within(&broken, Some(10)).await;
            // A JPEG or WebP that lacks its end may be shown as far as it goes.
            assert!(
                matches!(copy, Ok(_) | Err(ScaleError::Undecodable)),
                "{copy:?}"
            );
        }
    }
    let broken = EncodedImage::new(Bytes::from_static(b"\xFF\xD8\xFF\xE0nothing")).unwrap();
    assert_eq!(
        scaler.fit_within(&broken, Some(1)).await,
        Err(ScaleError::Undecodable)
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
    .map(|colour| (format!("{colour:?}"), png_of(33, 20, colour)));
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
        assert_eq!(header.pixel_bytes, decoder.total_bytes(), "{name}");
    }
}

#[test]
fn a_jpeg_in_several_scans_weighs_its_coefficients() {
    let coefficients = |image: &EncodedImage| {
        Header::of(image).unwrap().working_bytes - image.bytes().len() as u64
    };
    assert_eq!(coefficients(&file("baseline.jpg")), 0);
    // 45 × 31 in 3 × 2 blocks of 16 × 16 samples, and of 8 × 8 for two colours; two bytes each.
    let progressive = 2 * 6 * (256 + 2 * 64);
    assert_eq!(coefficients(&file("progressive.jpg")), progressive);
    // The same of a file that tells one colour after the other.
    let mut separate = file("baseline.jpg").bytes().to_vec();
    let scan = separate.windows(2).position(|pair| pair == [0xFF, 0xDA]);
    separate[scan.unwrap() + 4] = 1;
    assert!(coefficients(&encoded(separate)) > 0);
}

#[tokio::test]
async fn an_image_of_a_hundred_megapixels_is_refused_before_it_is_decoded() {
    for bomb in [png_bomb(), jpeg_bomb()] {
        let header = Header::of(&bomb).unwrap();
        assert_eq!(header.pixels(), 100_000_000);
        let scaler = ImageScaler::default();
        // Whoever wanted to decode it would have to wait for this.
        let _all = scaler.budget.leave_for(MEMORY).await.unwrap();
        let refused = scaler.fit_within(&bomb, Some(100)).await;
        assert_eq!(refused, Err(ScaleError::TooManyPixels));
        let refused = scaler.meet(&bomb, LIMITS).await;
        assert_eq!(refused, Err(ScaleError::TooManyPixels));
    }
}

#[tokio::test]
async fn an_image_that_needs_more_than_all_memory_is_refused() {
    let scaler = ImageScaler {
        budget: Budget::new(9 * 1024 * 1024),
    };
    let fits = png_of(500, 500, ColorType::Rgb8);
    assert!(scaler.fit_within(&fits, Some(10)).await.is_ok());
    let deeper = png_of(500, 500, ColorType::Rgba16);
    let refused = scaler.fit_within(&deeper, Some(10)).await;
    assert_eq!(refused, Err(ScaleError::TooManyPixels));
}

#[test]
fn what_cameras_make_fits_into_the_memory_with_the_copy_for_a_platform() {
    let header = |width: u32, height: u32| {
        let pixels = u64::from(width) * u64::from(height);
        Header {
            width,
            height,
            pixel_bytes: pixels * 3,
            working_bytes: 30_000_000,
            jpeg: None,
        }
    };
    // 24, 45 and 61 megapixels, for Telegram.
    for (width, height) in [(6_000, 4_000), (8_256, 5_504), (9_504, 6_336)] {
        let factor = (10_000.0 / f64::from(width + height)).min(1.0);
        let cut = |side: u32| rounded((f64::from(side) * factor).floor());
        let size = (cut(width), cut(height));
        assert!(
            memory_for(&header(width, height), size) <= MEMORY,
            "{width}"
        );
    }
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
