//! Copies by way of the JPEG that is read at a part of its size: the same as by way of all its pixels.

use image::{DynamicImage, GenericImageView as _};
use mozjpeg::{ColorSpace, Compress};
use proptest::prelude::*;

use super::{
    super::encode::{Colour, jpeg},
    memory::alone,
    samples::{encoded, file, photo, photo_with},
    *,
};

const SIZE: Size = (75, 49);

/// The file of the copy by either way.
fn both_ways(image: &EncodedImage, size: Size) -> [EncodedImage; 2] {
    let header = Header::of(image).unwrap();
    let jpeg = ScaledJpeg::of(&header, size).expect("can be read smaller");
    let scaled = copy_of_scaled(image, &jpeg, size);
    [scaled, copy(image, &header, size)].map(Result::unwrap)
}

fn assert_alike(name: &str, copies: &[EncodedImage; 2]) -> [DynamicImage; 2] {
    let copies = [&copies[0], &copies[1]].map(decoded);
    let [a, b] = &copies;
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
    copies
}

fn profile_of(image: &EncodedImage) -> Option<Vec<u8>> {
    let cursor = std::io::Cursor::new(image.bytes());
    let reader = ImageReader::with_format(cursor, image::ImageFormat::Jpeg);
    reader.into_decoder().unwrap().icc_profile().unwrap()
}

#[test]
fn a_copy_looks_the_same_by_either_way() {
    // With blocks that are cut off at both edges, and ones that are not.
    for size in [(301, 199), (320, 208)] {
        for sampling in [(1, 1), (2, 1), (1, 2), (2, 2)] {
            let sampled = photo(size, ColorSpace::JCS_RGB, |it| {
                it.set_chroma_sampling_pixel_sizes(sampling, sampling);
            });
            assert_alike(&format!("{sampling:?}"), &both_ways(&sampled, SIZE));
        }
        let progressive = photo(size, ColorSpace::JCS_RGB, Compress::set_progressive_mode);
        assert_alike("progressive", &both_ways(&progressive, SIZE));
        let rgb = photo(size, ColorSpace::JCS_RGB, |it| {
            it.set_color_space(ColorSpace::JCS_RGB);
        });
        assert_alike("red, green and blue", &both_ways(&rgb, SIZE));
        let grey = photo(size, ColorSpace::JCS_GRAYSCALE, |_| {});
        let [grey, _] = assert_alike("grey", &both_ways(&grey, SIZE));
        assert!(!grey.color().has_color());
    }
    let size = (39, 26);
    let [restarts, whole] = both_ways(&file("restarts.jpg"), size);
    let scans = file("scans.jpg");
    // The same picture, one colour after the other: the decoder of whole images mixes those up.
    let header = Header::of(&scans).unwrap();
    let jpeg = ScaledJpeg::of(&header, size).unwrap();
    let scans = copy_of_scaled(&scans, &jpeg, size).unwrap();
    assert_alike("one after the other", &[scans, whole.clone()]);
    assert_alike("restarts", &[restarts, whole]);
}

#[test]
fn it_is_read_at_an_eighth_a_quarter_a_half_or_as_it_is() {
    let image = photo((640, 480), ColorSpace::JCS_RGB, |_| {});
    let header = Header::of(&image).unwrap();
    let bytes_at = |size| ScaledJpeg::of(&header, size).unwrap().pixel_bytes();
    let whole = 640 * 480 * 3;
    assert_eq!(bytes_at((1, 1)), whole / 64);
    assert_eq!(bytes_at((57, 42)), whole / 64);
    // Less than 1.4 times as many pixels would be left.
    assert_eq!(bytes_at((58, 43)), whole / 16);
    assert_eq!(bytes_at((114, 85)), whole / 16);
    assert_eq!(bytes_at((115, 86)), whole / 4);
    assert_eq!(bytes_at((228, 171)), whole / 4);
    assert_eq!(bytes_at((229, 171)), whole);
    for size in [(57, 42), (114, 85), (228, 171), (229, 171), (640, 480)] {
        assert_alike(&format!("{size:?}"), &both_ways(&image, size));
    }
}

#[test]
fn it_is_set_upright_and_keeps_its_profile() {
    // The EXIF data of an image in each of the eight positions.
    for position in 1..=8 {
        let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend_from_slice(&[position, 0, 0, 0, 0, 0, 0]);
        let part = |number| [b"ICC_PROFILE\0".as_slice(), &[number, 2, 7, number]].concat();
        let segments = [(1, exif), (2, part(1)), (2, part(2))];
        let image = photo_with((320, 208), ColorSpace::JCS_RGB, &segments, |_| {});
        let copies = both_ways(&image, SIZE);
        let [copy, _] = assert_alike(&format!("position {position}"), &copies);
        let turned = position >= 5;
        assert_eq!(copy.dimensions(), if turned { (49, 75) } else { SIZE });
        for copy in &copies {
            assert_eq!(profile_of(copy), Some(vec![7, 1, 7, 2]));
        }
    }
}

#[test]
fn a_profile_is_told_in_parts_and_left_out_if_there_are_too_many() {
    let with = |profile: &[u8]| {
        let image = jpeg(&[7; 3], (1, 1), Colour::Rgb, Some(profile)).unwrap();
        profile_of(&image)
    };
    let long: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    assert_eq!(with(&long), Some(long));
    assert_eq!(with(&[]), None);
    assert_eq!(with(&vec![0; 255 * 65_519 + 1]), None);
}

#[tokio::test]
async fn what_is_of_another_kind_is_left_to_the_other_way() {
    let scans = [(9, [0xFF, 0xDA].repeat(100))];
    let too_often = photo_with((40, 32), ColorSpace::JCS_RGB, &scans, |it| {
        it.set_progressive_mode();
    });
    for (name, image) in [
        ("CMYK", &file("cmyk.jpg")),
        ("more than a hundred scans", &too_often),
        ("PNG", &png(40, 32)),
    ] {
        let header = Header::of(image).unwrap();
        assert_eq!(ScaledJpeg::of(&header, (2, 1)), None, "{name}");
        let small = ImageScaler::default().fit_within(image, Some(9)).await;
        let (width, height) = decoded(&small.unwrap()).dimensions();
        assert_eq!(width.max(height), 9, "{name}");
    }
}

#[tokio::test]
async fn what_is_broken_is_shown_as_far_as_the_other_way_shows_it() {
    for (name, bytes) in broken() {
        let broken = encoded(bytes);
        let header = Header::of(&broken).unwrap();
        let size = (header.width / 4, header.height / 4);
        let jpeg = ScaledJpeg::of(&header, size).unwrap();
        let copy_of_it = copy_of_scaled(&broken, &jpeg, size);
        assert_eq!(copy_of_it, Err(ScaleError::Undecodable), "{name}");
        let shown = ImageScaler::default().scaled(&broken, header, size).await;
        assert_eq!(shown, copy(&broken, &header, size), "{name}");
    }
}

/// Files that are broken after their headers.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let image = file("restarts.jpg");
    let whole = image.bytes();
    let start = Header::of(&image).unwrap().jpeg.unwrap().length;
    let mut no_restart = whole.to_vec();
    let restart = whole.windows(2).position(|it| it == [0xFF, 0xD3]).unwrap();
    no_restart[restart + 1] = 0;
    let mut unknown_code = whole.to_vec();
    unknown_code[start + 8..start + 16].copy_from_slice(&[0xFE; 8]);
    let progressive = photo((320, 208), ColorSpace::JCS_RGB, |it| {
        it.set_progressive_mode();
    });
    let progressive = progressive.bytes();
    vec![
        ("no restart", no_restart),
        ("unknown code", unknown_code),
        ("half of it", whole[..whole.len() / 2].to_vec()),
        ("without its last bytes", whole[..whole.len() - 40].to_vec()),
        ("without pixels", whole[..start].to_vec()),
        (
            "half of a progressive one",
            progressive[..progressive.len() / 2].to_vec(),
        ),
    ]
}

#[test]
fn what_the_library_cannot_do_is_no_panic() {
    let told = alone(concat!(module_path!(), "::alone_broken"));
    assert!(!told.contains("panicked"), "{told}");
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_broken() {
    for (name, bytes) in broken() {
        let header = Header::of(&encoded(bytes.clone())).unwrap();
        let jpeg = ScaledJpeg::of(&header, (1, 1)).unwrap();
        assert!(jpeg.read(&bytes).is_err(), "{name}");
    }
    let too_wide = jpeg(&vec![0; 70_000], (70_000, 1), Colour::Grey, None);
    assert_eq!(too_wide, Err(ScaleError::CannotFit));
}

/// Reads what may be a JPEG, for a copy of a few pixels.
fn read(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let image = EncodedImage::new(Bytes::from(bytes))?;
    let header = Header::of(&image).ok()?;
    let jpeg = ScaledJpeg::of(&header, (5, 3))?;
    if jpeg.pixel_bytes() + jpeg.working_bytes() > 4_000_000 {
        return None;
    }
    let read = jpeg.read(image.bytes()).ok()?;
    assert_eq!(read.bytes.len() as u64, jpeg.pixel_bytes());
    Some(read.bytes)
}

/// A small one, in one scan or in several.
fn small(progressive: bool) -> Vec<u8> {
    let image = photo((72, 40), ColorSpace::JCS_RGB, |it| {
        if progressive {
            it.set_progressive_mode();
        }
    });
    image.bytes().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_changed_in_a_file_it_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        progressive in any::<bool>(),
    ) {
        let mut bytes = small(progressive);
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        read(bytes);
    }

    #[test]
    fn a_file_that_lacks_its_end_is_refused_or_read_in_full(
        length in any::<prop::sample::Index>(),
        progressive in any::<bool>(),
    ) {
        let whole = small(progressive);
        let cut = whole[..length.index(whole.len())].to_vec();
        if let Some(pixels) = read(cut) {
            prop_assert_eq!(Some(pixels), read(whole));
        }
    }

    #[test]
    fn whatever_follows_the_headers_it_is_read_or_refused(
        pixels in prop::collection::vec(any::<u8>(), 0..2_000),
        progressive in any::<bool>(),
    ) {
        let whole = small(progressive);
        let length = Header::of(&encoded(whole.clone())).unwrap().jpeg.unwrap().length;
        read([&whole[..length], &pixels].concat());
    }
}
