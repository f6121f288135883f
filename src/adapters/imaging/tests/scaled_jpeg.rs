//! Copies by way of the JPEG that is read at a part of its size: the same as by way of all its pixels.

use image::{DynamicImage, GenericImageView as _};
use mozjpeg::{ColorSpace, Compress};
use proptest::prelude::*;

use super::{
    super::{
        color::Color,
        encode::{Encoder, QUALITIES, Written},
        scaled_jpeg::ScaledJpeg,
    },
    memory::alone,
    samples::{encoded, file, photo, photo_with},
    *,
};

const SIZE: Size = (75, 49);

/// A copy by way of all pixels, by another decoder, scaler and turner.
fn by_all_pixels(image: &EncodedImage, (width, height): Size) -> DynamicImage {
    let reader = ImageReader::new(std::io::Cursor::new(image.bytes()));
    let mut decoder = reader
        .with_guessed_format()
        .unwrap()
        .into_decoder()
        .unwrap();
    let orientation = decoder.orientation().unwrap();
    let whole = DynamicImage::from_decoder(decoder).unwrap();
    let mut copy = whole.resize_exact(width, height, image::imageops::FilterType::Lanczos3);
    copy.apply_orientation(orientation);
    // What is lost by writing it is not what is compared.
    let (color, size) = (
        if copy.color().has_color() {
            Color::Rgb
        } else {
            Color::Grey
        },
        copy.dimensions(),
    );
    let started = Encoder::start(size, color, None, u64::MAX, QUALITIES[0]);
    let mut encoder = started.ok().unwrap();
    encoder.write(copy.as_bytes()).unwrap();
    decoded(&file_of(encoder))
}

fn file_of(encoder: Encoder) -> EncodedImage {
    match encoder.finish().unwrap() {
        Written::File(file) => file,
        Written::TooLarge(bytes) => panic!("{bytes} bytes"),
    }
}

/// The copy by either way.
fn both_ways(image: &EncodedImage, size: Size) -> [DynamicImage; 2] {
    [
        decoded(&copy_of(image, size).unwrap()),
        by_all_pixels(image, size),
    ]
}

fn assert_alike(name: &str, copies: &[DynamicImage; 2]) {
    let [a, b] = copies;
    assert_eq!(a.dimensions(), b.dimensions(), "{name}");
    assert_eq!(a.color(), b.color(), "{name}");
    let (a, b) = (a.to_rgb8(), b.to_rgb8());
    let pairs = a.as_raw().iter().zip(b.as_raw());
    let differences: Vec<u32> = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).collect();
    let count = u32::try_from(differences.len()).unwrap();
    let mean = f64::from(differences.iter().sum::<u32>()) / f64::from(count);
    let largest = differences.iter().max().unwrap();
    assert!(
        mean < 3.0 && *largest < 48,
        "{name}: {mean}, {largest} at most"
    );
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
        let grey = both_ways(&grey, SIZE);
        assert_alike("grey", &grey);
        assert!(!grey[0].color().has_color());
    }
    let size = (39, 26);
    let [restarts, whole] = both_ways(&file("restarts.jpg"), size);
    // The same picture, one color after the other: the other decoder mixes those up.
    let scans = decoded(&copy_of(&file("scans.jpg"), size).unwrap());
    assert_alike("one after the other", &[scans, whole.clone()]);
    assert_alike("restarts", &[restarts, whole]);
}

#[test]
fn it_is_read_at_an_eighth_a_quarter_a_half_or_as_it_is() {
    let image = photo((640, 480), ColorSpace::JCS_RGB, |_| {});
    let header = Header::of(&image).unwrap();
    let read_at = |size| ScaledJpeg::of(&header, size).unwrap().layout().size;
    assert_eq!(read_at((1, 1)), (80, 60));
    assert_eq!(read_at((57, 42)), (80, 60));
    // Less than 1.4 times as many pixels would be left.
    assert_eq!(read_at((58, 43)), (160, 120));
    assert_eq!(read_at((114, 85)), (160, 120));
    assert_eq!(read_at((115, 86)), (320, 240));
    assert_eq!(read_at((228, 171)), (320, 240));
    assert_eq!(read_at((229, 171)), (640, 480));
    for size in [(57, 42), (114, 85), (228, 171), (229, 171), (640, 480)] {
        assert_alike(&format!("{size:?}"), &both_ways(&image, size));
    }
}

#[test]
fn it_is_set_upright_and_keeps_its_profile_whatever_the_order_of_its_parts() {
    // The EXIF data of an image in each of the eight positions.
    for position in 1..=8 {
        let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend_from_slice(&[position, 0, 0, 0, 0, 0, 0]);
        let colors = profile(b"RGB ", 40);
        let (first, second) = colors.split_at(25);
        let part = |number, part: &[u8]| [b"ICC_PROFILE\0", &[number, 2][..], part].concat();
        // The second comes first.
        let segments = [(1, exif), (2, part(2, second)), (2, part(1, first))];
        let image = photo_with((320, 208), ColorSpace::JCS_RGB, &segments, |_| {});
        assert_alike(&format!("position {position}"), &both_ways(&image, SIZE));
        let copy = copy_of(&image, SIZE).unwrap();
        let turned = position >= 5;
        let size = decoded(&copy).dimensions();
        assert_eq!(size, if turned { (49, 75) } else { SIZE });
        assert_eq!(profile_of(&copy), Some(colors));
    }
}

#[test]
fn a_profile_is_told_in_parts_and_left_out_if_there_are_too_many() {
    let with = |profile: &[u8]| {
        let started = Encoder::start((1, 1), Color::Rgb, Some(profile), u64::MAX, QUALITIES[0]);
        let mut encoder = started.ok().unwrap();
        encoder.write(&[7; 3]).unwrap();
        profile_of(&file_of(encoder))
    };
    let mut long: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    long[16..20].copy_from_slice(b"RGB ");
    assert_eq!(with(&long), Some(long));
    assert_eq!(with(&[]), None);
    assert_eq!(with(&profile(b"RGB ", 255 * 65_519 + 1)), None);
}

#[test]
fn a_profile_that_lacks_a_part_is_left_out() {
    let colors = profile(b"RGB ", 40);
    let part = |number, count| {
        (
            2,
            [b"ICC_PROFILE\0", &[number, count][..], &colors].concat(),
        )
    };
    for parts in [
        vec![part(1, 2)],
        vec![part(2, 2)],
        vec![part(1, 3), part(3, 3)],
        vec![part(1, 1), part(1, 1)],
        vec![part(0, 1)],
        vec![(2, b"ICC_PROFILE\0\x01".to_vec())],
        vec![(2, b"MPF\0".to_vec())],
    ] {
        let image = photo_with((40, 32), ColorSpace::JCS_RGB, &parts, |_| {});
        assert_eq!(profile_of(&copy_of(&image, (20, 16)).unwrap()), None);
    }
}

#[tokio::test]
async fn a_file_of_more_than_a_hundred_scans_is_shown_by_the_first_of_them() {
    let image = photo(
        (320, 208),
        ColorSpace::JCS_RGB,
        Compress::set_progressive_mode,
    );
    let bytes = image.bytes();
    // Its last scan, again and again: it adds the same bits, or does nothing.
    let scan = bytes.windows(2).rposition(|it| it == [0xFF, 0xDA]).unwrap();
    let (head, last) = bytes[..bytes.len() - 2].split_at(scan);
    let long = [head, &last.repeat(120), &[0xFF, 0xD9]].concat();
    let image = encoded(long);
    let header = Header::of(&image).unwrap();
    let FormatHeader::Jpeg(jpeg) = header.format else {
        panic!("no JPEG");
    };
    assert!(jpeg.end < image.bytes().len() && !header.goes_as_it_is());
    let scans = image.bytes()[..jpeg.end].windows(2);
    assert_eq!(scans.filter(|it| *it == [0xFF, 0xDA]).count(), 100);
    let copy = ImageScaler::default()
        .fit_within(&image, None)
        .await
        .unwrap();
    assert_eq!(decoded(&copy).dimensions(), (320, 208));
}

#[tokio::test]
async fn what_is_broken_is_shown_as_far_as_it_goes() {
    for (name, bytes) in broken() {
        let broken = encoded(bytes);
        let size = decoded(&file("restarts.jpg")).dimensions();
        let copy = ImageScaler::default().reencode(&broken, None).await;
        let copy = copy.unwrap_or_else(|error| panic!("{name}: {error}"));
        let copy = decoded(&copy);
        if name.contains("progressive") {
            continue;
        }
        assert_eq!(copy.dimensions(), size, "{name}");
        // Its first rows are those of the whole.
        let rows = |image: &DynamicImage| image.crop_imm(0, 0, size.0, 8);
        let whole = decoded(&file("restarts.jpg"));
        if name != "unknown code" {
            assert_alike(name, &[rows(&copy), rows(&whole)]);
        }
    }
}

/// Files that are broken after their headers.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let image = file("restarts.jpg");
    let whole = image.bytes();
    let FormatHeader::Jpeg(header) = Header::of(&image).unwrap().format else {
        panic!("no JPEG");
    };
    let start = header.length;
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
    for (_, bytes) in broken() {
        let _ = copy_of(&encoded(bytes), (1, 1));
    }
    let arithmetic = {
        let mut bytes = file("baseline.jpg").bytes().to_vec();
        let frame = bytes.windows(2).position(|it| it == [0xFF, 0xC0]).unwrap();
        bytes[frame + 1] = 0xC9;
        encoded(bytes)
    };
    let refused = copy_of(&arithmetic, (1, 1));
    assert_eq!(refused, Err(ImageProcessingError::Undecodable));
    let too_wide = Encoder::start((70_000, 1), Color::Grey, None, u64::MAX, QUALITIES[0]);
    assert_eq!(too_wide.err(), Some(ImageProcessingError::CannotFit));
    let mut too_large = Encoder::start((64, 64), Color::Grey, None, 500, QUALITIES[0])
        .ok()
        .unwrap();
    let noise: Vec<u8> = (0..64 * 64_u32)
        .map(|at| (at * at * 31).to_le_bytes()[1])
        .collect();
    too_large.write(&noise).unwrap();
    let written = too_large.finish().unwrap();
    assert!(matches!(written, Written::TooLarge(501..)), "{written:?}");
}

/// Reads what may be a JPEG, for a copy of a few pixels.
fn read(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let image = EncodedImage::new(Bytes::from(bytes)).ok()?;
    let header = Header::of(&image).ok()?;
    let jpeg = ScaledJpeg::of(&header, (5, 3))?;
    let layout = jpeg.layout();
    let length = layout.row_bytes() * u64::from(layout.size.1);
    if length + layout.reading > 4_000_000 {
        return None;
    }
    let mut pixels = vec![0; usize::try_from(length).unwrap()];
    let mut opened = jpeg.open(image.bytes()).ok()?;
    opened.rows.read(&mut pixels).ok()?;
    Some(pixels)
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
    fn a_file_that_lacks_its_end_is_refused_or_read(
        length in any::<prop::sample::Index>(),
        progressive in any::<bool>(),
    ) {
        let whole = small(progressive);
        let cut = whole[..length.index(whole.len())].to_vec();
        if let Some(pixels) = read(cut) {
            prop_assert_eq!(Some(pixels.len()), read(whole).map(|whole| whole.len()));
        }
    }

    #[test]
    fn whatever_follows_the_headers_it_is_read_or_refused(
        pixels in prop::collection::vec(any::<u8>(), 0..2_000),
        progressive in any::<bool>(),
    ) {
        let whole = small(progressive);
        let FormatHeader::Jpeg(header) = Header::of(&encoded(whole.clone())).unwrap().format else {
            panic!("no JPEG");
        };
        let length = header.length;
        read([&whole[..length], &pixels].concat());
    }
}
