//! Copies that may have so many bytes: they use most of them, in the best quality and the most pixels that do.

use mozjpeg::{ColorSpace, Compress};

use super::*;

const MAX_BYTES: u64 = 2_000_000;
const SMALL: (u32, u32) = (800, 600);

/// A picture with noise of several sizes, as the detail of a photo has, which takes many bytes.
fn noisy(sides: (u32, u32)) -> EncodedImage {
    let mut pixels = Vec::with_capacity((sides.0 * sides.1 * 3) as usize);
    let noise = |x: u32, y: u32| {
        let mixed = x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663);
        (mixed.wrapping_mul(2_654_435_761) >> 24) * 70 / 255
    };
    for y in 0..sides.1 {
        for x in 0..sides.0 {
            let detail = noise(x, y) + noise(x / 2 + 7, y / 2) + noise(x / 8 + 3, y / 8);
            let value = u8::try_from(detail).unwrap();
            pixels.extend_from_slice(&[value, value / 2, 255 - value]);
        }
    }
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    encoder.set_fastest_defaults();
    encoder.set_size(sides.0 as usize, sides.1 as usize);
    encoder.set_quality(97.0);
    let mut started = encoder.start_compress(Vec::new()).unwrap();
    started.write_scanlines(&pixels).unwrap();
    encoded(started.finish().unwrap())
}

/// The copy of an image in so many bytes, which uses most of them; the same each time.
async fn copy_in(image: &EncodedImage, max_bytes: u64) -> EncodedImage {
    let (scaler, limits) = (ImageScaler::default(), ImageLimits::of_bytes(max_bytes));
    let copy = scaler.meet(image, limits).await.unwrap();
    let bytes = copy.bytes().len() as u64;
    assert!(
        bytes <= max_bytes && bytes > max_bytes / 2,
        "{bytes} of {max_bytes}"
    );
    assert_eq!(scaler.meet(image, limits).await.unwrap(), copy);
    copy
}

async fn usual_size(image: &EncodedImage) -> u64 {
    let usual = ImageScaler::default().reencode(image, None).await;
    usual.unwrap().bytes().len() as u64
}

#[tokio::test]
async fn a_copy_for_two_million_bytes_uses_most_of_them() {
    let image = noisy((4000, 3000));
    assert!(usual_size(&image).await > MAX_BYTES);
    copy_in(&image, MAX_BYTES).await;
}

#[tokio::test]
async fn a_copy_keeps_its_pixels_where_a_lower_quality_is_enough_and_loses_few_where_it_is_not() {
    let image = noisy(SMALL);
    let usual = usual_size(&image).await;
    for (percent, most, least) in [
        (90, SMALL.0, SMALL.0),
        (70, SMALL.0, 700),
        (50, 799, 500),
        (30, 650, 350),
        (10, 450, 200),
    ] {
        let copy = copy_in(&image, usual * percent / 100).await;
        let (width, _) = ImageScaler::default().sides(&copy).await.unwrap();
        assert!((least..=most).contains(&width), "{percent} %: {width}");
    }
}

#[tokio::test]
async fn a_budget_that_has_room_for_one_file_is_enough() {
    const SIDES: (u32, u32) = (2000, 1500);
    let image = noisy(SIDES);
    let max_bytes = usual_size(&image).await / 4 * 3;
    let header = Header::of(&image).unwrap();
    let plan = |qualities| {
        Plan::of_qualities(qualities, &image, &header, SIDES, max_bytes, 0)
            .unwrap()
            .memory()
    };
    let (one, all) = (plan(&QUALITIES[..1]), plan(&QUALITIES[1..]));
    assert!(one < all, "{one} and {all}");
    let scaler = ImageScaler::within(all - 1);
    let copy = scaler
        .meet(&image, ImageLimits::of_bytes(max_bytes))
        .await
        .unwrap();
    assert!(copy.bytes().len() as u64 <= max_bytes);
}

#[test]
fn pixels_are_kept_while_a_lower_quality_may_do_and_cut_as_far_as_needed() {
    assert_eq!(
        next_factor(0, 3_000_000, MAX_BYTES).to_bits(),
        1_f64.to_bits()
    );
    let far = next_factor(0, 20_000_000, MAX_BYTES);
    assert!((0.36..0.37).contains(&far), "{far}");
    // The middle quality has 1.2 times as many bytes as the last.
    let close = next_factor(1, 2_100_000, MAX_BYTES);
    assert!((0.87..0.88).contains(&close), "{close}");
    for round in 3..MAX_ROUNDS {
        assert!(next_factor(round, 2_000_001, MAX_BYTES) <= 0.5);
    }
}
