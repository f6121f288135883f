//! Copies by way of the JPEG that is read smaller: the same as by way of all its pixels.

use image::{DynamicImage, GenericImageView as _};
use jpeg_encoder::{ColorType, SamplingFactor};
use proptest::prelude::*;

use super::{
    samples::{encoded, file, photo},
    *,
};

const SIZE: Size = (75, 49);

/// The copy by either way.
fn both_ways(image: &EncodedImage, size: Size) -> [DynamicImage; 2] {
    let header = Header::of(image).unwrap();
    let reduced = reduced(image, &header, size).expect("can be read smaller");
    let copies = [copy_of_reduced(&reduced, size), copy(image, &header, size)];
    copies.map(|copy| decoded(&copy.unwrap()))
}

fn assert_alike(name: &str, [a, b]: &[DynamicImage; 2]) {
    assert_eq!(a.dimensions(), b.dimensions(), "{name}");
    assert_eq!(a.color(), b.color(), "{name}");
    let (a, b) = (a.to_rgb8(), b.to_rgb8());
    let pairs = a.as_raw().iter().zip(b.as_raw());
    let differences: Vec<u32> = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).collect();
    let count = u32::try_from(differences.len()).unwrap();
    let mean = f64::from(differences.iter().sum::<u32>()) / f64::from(count);
    let largest = differences.iter().max().unwrap();
    assert!(
        mean < 3.0 && *largest < 40,
        "{name}: {mean}, {largest} at most"
    );
}

#[test]
fn a_copy_looks_the_same_by_either_way() {
    // With blocks that are cut off at both edges, and ones that are not.
    for size in [(301, 199), (320, 208)] {
        for sampling in [
            SamplingFactor::R_4_4_4,
            SamplingFactor::R_4_2_2,
            SamplingFactor::R_4_4_0,
            SamplingFactor::R_4_2_0,
        ] {
            let image = photo(size, ColorType::Rgb, |it| it.set_sampling_factor(sampling));
            assert_alike(&format!("{sampling:?}"), &both_ways(&image, SIZE));
        }
        let grey = both_ways(&photo(size, ColorType::Luma, |_| {}), SIZE);
        assert_alike("grey", &grey);
        assert!(!grey[0].color().has_color());
        let restarted = photo(size, ColorType::Rgb, |it| it.set_restart_interval(3));
        assert_alike("restarted", &both_ways(&restarted, SIZE));
    }
}

#[test]
fn it_is_read_at_a_half_a_quarter_or_an_eighth() {
    let image = photo((640, 480), ColorType::Rgb, |_| {});
    let bytes_at = |size| Reduced::of(image.bytes(), size).map(|it| it.plane_bytes());
    let whole = 640 * 480 * 3 / 2;
    assert_eq!(bytes_at((160, 120)), Some(whole / 4));
    assert_eq!(bytes_at((81, 61)), Some(whole / 4));
    assert_eq!(bytes_at((80, 60)), Some(whole / 16));
    assert_eq!(bytes_at((40, 30)), Some(whole / 64));
    assert_eq!(bytes_at((1, 1)), Some(whole / 64));
    // Less than twice as many pixels would be left.
    assert_eq!(bytes_at((161, 120)), None);
    for size in [(160, 120), (80, 60), (40, 30)] {
        assert_alike(&format!("{size:?}"), &both_ways(&image, size));
    }
}

#[test]
fn it_is_set_upright_and_keeps_its_profile() {
    // The EXIF data of an image in each of the eight positions.
    for position in 1..=8 {
        let mut exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend_from_slice(&[position, 0, 0, 0, 0, 0, 0]);
        let profile = vec![position; 70_000];
        let image = photo((320, 208), ColorType::Rgb, |it| {
            it.add_exif_metadata(&exif).unwrap();
            it.add_icc_profile(&profile).unwrap();
        });
        let copies = both_ways(&image, SIZE);
        assert_alike(&format!("position {position}"), &copies);
        let turned = position >= 5;
        assert_eq!(copies[0].dimensions(), if turned { (49, 75) } else { SIZE });
        let reduced = Reduced::of(image.bytes(), SIZE).unwrap();
        assert_eq!(reduced.profile(), Some(profile));
    }
}

#[test]
fn a_profile_that_lacks_a_part_is_left_out() {
    let image = photo((320, 208), ColorType::Rgb, |it| {
        it.add_icc_profile(&vec![1; 70_000]).unwrap();
    });
    let mut bytes = image.bytes().to_vec();
    let second = b"ICC_PROFILE\0\x02";
    let at = bytes.windows(second.len()).position(|it| it == second);
    bytes[at.unwrap() + 12] = 3;
    let reduced = Reduced::of(&bytes, SIZE).unwrap();
    assert_eq!(reduced.profile(), None);
}

#[test]
fn a_profile_has_at_most_as_many_parts_as_there_are_numbers() {
    let in_parts = |count: usize| {
        let image = photo((320, 208), ColorType::Rgb, |it| {
            for number in 1..=count {
                let number = u8::try_from(number).unwrap_or(u8::MAX);
                let part = [b"ICC_PROFILE\0".as_slice(), &[number, 255, 7]].concat();
                it.add_app_segment(2, part).unwrap();
            }
        });
        Reduced::of(image.bytes(), SIZE).map(|reduced| reduced.profile())
    };
    assert_eq!(in_parts(255), Some(Some(vec![7; 255])));
    assert_eq!(in_parts(254), Some(None), "one is missing");
    assert_eq!(in_parts(256), None);
}

#[tokio::test]
async fn what_is_of_another_kind_is_left_to_the_other_way() {
    let progressive = photo((320, 208), ColorType::Rgb, |it| it.set_progressive(true));
    let in_scans = photo((320, 208), ColorType::Rgb, |it| {
        it.set_optimized_huffman_tables(true);
    });
    let mut adobe = photo((320, 208), ColorType::Rgb, |it| {
        it.add_app_segment(14, b"Adobe\0\x64\0\0\0\0\0".to_vec())
            .unwrap();
    });
    for (name, image) in [
        ("progressive", &progressive),
        ("one scan after the other", &in_scans),
        ("red, green and blue", &adobe),
        ("CMYK", &file("cmyk.jpg")),
        ("PNG", &png(320, 208)),
    ] {
        assert!(Reduced::of(image.bytes(), (2, 1)).is_none(), "{name}");
        let small = ImageScaler::default().fit_within(image, Some(9)).await;
        let (width, height) = decoded(&small.unwrap()).dimensions();
        assert_eq!(width.max(height), 9, "{name}");
    }
    // The same with luminance and two colours.
    let mut bytes = adobe.bytes().to_vec();
    let at = bytes.windows(5).position(|it| it == b"Adobe").unwrap();
    bytes[at + 11] = 1;
    adobe = encoded(bytes);
    assert_alike("Adobe's", &both_ways(&adobe, SIZE));
}

#[tokio::test]
async fn what_is_broken_is_shown_as_far_as_the_other_way_shows_it() {
    let image = photo((320, 208), ColorType::Rgb, |it| it.set_restart_interval(5));
    let whole = image.bytes();
    let start = whole.windows(2).position(|it| it == [0xFF, 0xDA]).unwrap() + 14;
    let mut no_restart = whole.to_vec();
    let restart = whole.windows(2).position(|it| it == [0xFF, 0xD3]).unwrap();
    no_restart[restart + 1] = 0;
    let mut unknown_code = whole.to_vec();
    unknown_code[start + 8..start + 16].copy_from_slice(&[0xFE; 8]);
    let cut = |length: usize| whole[..length].to_vec();
    for (name, bytes) in [
        ("no restart", no_restart),
        ("unknown code", unknown_code),
        ("half of it", cut(whole.len() / 2)),
        ("without its last bytes", cut(whole.len() - 40)),
        ("without pixels", cut(start)),
    ] {
        let broken = encoded(bytes);
        let header = Header::of(&broken).unwrap();
        let reduced = Reduced::of(broken.bytes(), SIZE).unwrap();
        let copy_of_it = copy_of_reduced(&reduced, SIZE);
        assert_eq!(copy_of_it, Err(ScaleError::Undecodable), "{name}");
        let scaler = ImageScaler::default();
        let shown = scaler.scaled(&broken, header, SIZE).await;
        assert_eq!(shown, copy(&broken, &header, SIZE), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_changed_in_a_file_it_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        restarts in any::<bool>(),
    ) {
        let image = photo((72, 40), ColorType::Rgb, |it| {
            it.set_restart_interval(u16::from(restarts) * 2);
        });
        let mut bytes = image.bytes().to_vec();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(reduced) = Reduced::of(&bytes, (5, 3))
            && reduced.plane_bytes() < 1_000_000
            && let Ok(planes) = reduced.read()
        {
            let bytes: usize = planes.iter().map(|plane| plane.pixels.len()).sum();
            prop_assert_eq!(bytes as u64, reduced.plane_bytes());
        }
    }
}
