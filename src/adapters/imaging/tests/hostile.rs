//! Hostile files: whatever is in them, they are read or refused, and nothing panics.

use proptest::prelude::*;

use super::{
    samples::{
        FILES, assert_colors, corners_of, png_chunk, quarters_jpeg, quarters_png, with_chunk,
    },
    *,
};

/// The most memory that a run is given, in bytes.
const MOST: u64 = 32 * 1024 * 1024;

/// Makes a copy on this thread, so that a panic is seen, if it takes little.
fn copy_if_small(bytes: Vec<u8>) -> Option<EncodedImage> {
    let image = EncodedImage::new(Bytes::from(bytes)).ok()?;
    let header = Header::of(&image).ok()?;
    let size = (header.width.div_ceil(2), header.height.div_ceil(2));
    let plan = Plan::new(&image, &header, size, u64::MAX, MOST).ok()?;
    // What reads WebP is not ours, and what it may do is caught where it is called.
    if plan.memory() > MOST || image.format() == ImageFormat::WebP {
        return None;
    }
    match plan.carry_out(&image).ok()? {
        Written::File(copy) => Some(copy),
        Written::TooLarge(_) => None,
    }
}

fn file_of(kind: prop::sample::Index) -> Vec<u8> {
    let mut files = FILES.map(|(_, bytes)| bytes.to_vec()).to_vec();
    files.push(quarters_png((90, 50)).bytes().to_vec());
    kind.get(&files).clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_changed_in_a_file_a_copy_is_made_or_refused(
        kind in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = file_of(kind);
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(length.index(bytes.len()));
        }
        if let Some(copy) = copy_if_small(bytes) {
            prop_assert!(image::load_from_memory(copy.bytes()).is_ok());
        }
    }

    #[test]
    fn whatever_follows_the_first_bytes_a_header_is_read_or_refused(
        format in 0..3_usize,
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let start: &[u8] = [
            &b"\xFF\xD8\xFF\xE1\0\x20Exif\0\0MM\0*\0\0\0\x08"[..],
            b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR",
            b"RIFF\0\0\0\0WEBPVP8X\x0A\0\0\0",
        ][format];
        copy_if_small([start, &rest].concat());
    }
}

#[tokio::test]
async fn a_file_that_is_far_larger_than_its_pixels_can_be_goes_nowhere_as_it_is() {
    let junk = vec![7; 5_000_000];
    let jpeg = quarters_jpeg((90, 60), &[]);
    let appended = encoded([&jpeg.bytes()[..], &junk].concat());
    let segments: Vec<_> = (0..80).map(|_| (11, vec![7; 60_000])).collect();
    let filled = quarters_jpeg((90, 60), &segments);
    let chunk = png_chunk(b"juNk", &junk);
    let stuffed = with_chunk(&quarters_png((90, 60)), &chunk);
    let scaler = ImageScaler::default();
    for (name, image) in [
        ("behind a JPEG", appended),
        ("within a JPEG", filled),
        ("within a PNG", stuffed),
    ] {
        assert!(size_of(&image) > 4_000_000);
        for copy in [
            scaler.fit_within(&image, None).await,
            scaler.fit_within(&image, Some(2048)).await,
            scaler.meet(&image, LIMITS).await,
        ] {
            let copy = copy.unwrap();
            assert!(size_of(&copy) < 100_000, "{name}: {}", size_of(&copy));
            let header = Header::of(&copy).unwrap();
            assert_eq!((header.width, header.height), (90, 60), "{name}");
            assert_colors(name, corners_of(&copy), corners_of(&jpeg));
        }
    }
    let small = encoded([&jpeg.bytes()[..], &junk[..500_000]].concat());
    let kept = scaler.fit_within(&small, None).await.unwrap();
    assert_eq!(kept, small, "a camera may have written so much");
}
