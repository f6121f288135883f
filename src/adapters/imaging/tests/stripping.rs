//! Images without metadata: what goes, what stays, and that the pixels are the same.

mod sizes;

use std::io::Cursor;

use bytes::Bytes;
use image::{DynamicImage, ImageDecoder as _, ImageReader};
use memchr::memmem;
use mozjpeg::ColorSpace;
use proptest::{prelude::*, sample::select};

use super::samples::{
    FILES, encoded, file, interlaced_png, photo_with, png_chunk, quarters_vp8l, vp8x, webp,
};
use super::*;

/// A word that is in all metadata of these tests.
const CANARY: &[u8] = b"a secret place";

fn stripped(image: &EncodedImage) -> EncodedImage {
    strip::strip(image).unwrap()
}

/// What a decoder makes of a file: its pixels, in whatever kind they are, and its color profile.
fn shown(image: &EncodedImage) -> (DynamicImage, Option<Vec<u8>>) {
    let reader = ImageReader::new(Cursor::new(image.bytes()));
    let reader = reader.with_guessed_format().unwrap();
    let mut decoder = reader.into_decoder().unwrap();
    let profile = decoder.icc_profile().unwrap();
    (DynamicImage::from_decoder(decoder).unwrap(), profile)
}

fn tells(image: &EncodedImage) -> bool {
    memmem::find(image.bytes(), CANARY).is_some()
}

/// A segment of a JPEG.
fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], &length[..], data].concat()
}

/// Segments that tell something, each of a kind that cameras or programs write.
fn telling_segments() -> Vec<Vec<u8>> {
    let with = |name: &[u8]| [name, CANARY].concat();
    // A JFIF segment with a thumbnail of 2 × 3 pixels, and one of its extension.
    let jfif = with(b"JFIF\0\x01\x02\x00\x00\x01\x00\x01\x02\x03");
    [
        (0xE0, jfif),
        (0xE0, with(b"JFXX\0\x10")),
        (0xE1, with(b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")),
        (0xE1, with(b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>")),
        (
            0xE1,
            with(
                &[
                    b"http://ns.adobe.com/xmp/extension/\0".as_slice(),
                    &[b'0'; 40],
                ]
                .concat(),
            ),
        ),
        (0xE2, with(b"MPF\0II*\0")),
        (0xE2, with(b"FPXR\0")),
        (0xE3, with(b"Meta\0\0")),
        (0xEB, with(b"JP\0\0jumb")),
        (0xEC, with(b"Ducky")),
        (0xED, with(b"Photoshop 3.0\08BIM\x04\x04")),
        (0xEE, with(b"Adobe\0\x64\0\0\0\0\x01")),
        (0xEF, with(b"")),
        (0xFE, with(b"")),
    ]
    .map(|(marker, data)| segment(marker, &data))
    .into()
}

/// A JPEG with a color profile of several parts, in `scans` scans or one.
fn photo_of(is_progressive: bool) -> EncodedImage {
    let part = |number: u8| [b"ICC_PROFILE\0".as_slice(), &[number, 2], &[7; 200]].concat();
    let profile = [(2, part(1)), (2, part(2))];
    photo_with((61, 47), ColorSpace::JCS_YCbCr, &profile, |encoder| {
        if is_progressive {
            encoder.set_progressive_mode();
        }
    })
}

/// The places between segments: where each begins, and the end.
fn segment_starts(jpeg: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 2;
    while jpeg[at + 1] != 0xD9 {
        starts.push(at);
        while jpeg[at + 1] == 0xFF {
            at += 1;
        }
        let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let is_scan = jpeg[at + 1] == 0xDA;
        at += 2 + length;
        while is_scan && (jpeg[at] != 0xFF || matches!(jpeg[at + 1], 0 | 0xD0..=0xD7)) {
            at += 1;
        }
    }
    starts.push(at);
    starts
}

fn insert(file: &[u8], at: usize, more: &[u8]) -> Vec<u8> {
    [&file[..at], more, &file[at..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_jpeg_tells_nothing_wherever_it_did_and_shows_the_same(
        is_progressive: bool,
        planted in prop::collection::vec(
            (select(telling_segments()), any::<prop::sample::Index>(), 0_usize..3), 1..6
        ),
        behind in select(vec![b"".as_slice(), b"ftypmp42", b"\xFF\xD8\xFF\xE1\0\x06\xFF\xD9"]),
    ) {
        let clean = photo_of(is_progressive);
        let mut bytes = clean.bytes().to_vec();
        for (segment, place, fill) in planted {
            let place = *place.get(&segment_starts(&bytes));
            bytes = insert(&bytes, place, &[vec![0xFF; fill], segment].concat());
        }
        if !behind.is_empty() {
            bytes.extend([behind, CANARY, b"\xFF\xD9"].concat());
        }
        let image = encoded(bytes);
        let stripped = stripped(&image);
        prop_assert!(tells(&image) && !tells(&stripped));
        prop_assert_eq!(shown(&stripped), shown(&clean));
        prop_assert!(shown(&stripped).1.is_some());
    }

    #[test]
    fn a_png_tells_nothing_wherever_it_did_and_shows_the_same(
        is_interlaced: bool,
        planted in prop::collection::vec(
            (select(vec![b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"caNv", b"sPLT", b"gAMA"]),
             any::<prop::sample::Index>()), 1..6
        ),
        behind in select(vec![b"".as_slice(), b"IDAT of a larger picture"]),
    ) {
        let clean = if is_interlaced {
            interlaced_png((21, 13), (png::ColorType::Rgba, png::BitDepth::Sixteen))
        } else {
            png_with_profile()
        };
        let mut bytes = clean.bytes().to_vec();
        for (kind, place) in planted {
            let mut starts = vec![];
            let mut at = 8;
            // Behind the first chunk, and before the last.
            while at < bytes.len() {
                starts.push(at);
                at += 12 + u32::from_be_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
            }
            let place = *place.get(&starts[1..]);
            bytes = insert(&bytes, place, &png_chunk(kind, CANARY));
        }
        if !behind.is_empty() {
            bytes.extend([behind, CANARY].concat());
        }
        let image = encoded(bytes);
        let stripped = stripped(&image);
        prop_assert!(tells(&image) && !tells(&stripped));
        prop_assert_eq!(shown(&stripped), shown(&clean));
        prop_assert_eq!(stripped, clean);
    }

    #[test]
    fn a_webp_tells_nothing_wherever_it_did_and_shows_the_same(
        has_profile: bool,
        planted in prop::collection::vec(
            (select(vec![b"EXIF", b"XMP ", b"UNKN", b"FRGM"]), 1_usize..4), 1..5
        ),
        behind in select(vec![b"".as_slice(), b"more"]),
    ) {
        let (size, picture) = ((24, 18), quarters_vp8l((24, 18)));
        let profile = [9; 33];
        let flags = if has_profile { PROFILE } else { 0 };
        let has = |kind: &[u8; 4]| planted.iter().any(|(planted, _)| **planted == *kind);
        let told = [(b"EXIF", EXIF), (b"XMP ", XMP)].map(|(kind, flag)| if has(kind) { flag } else { 0 });
        let head = vp8x(flags | told[0] | told[1] | RESERVED, size);
        let clean = vp8x(flags, size);
        let mut chunks: Vec<(&[u8; 4], &[u8])> = vec![(b"VP8X", &head)];
        let mut kept: Vec<(&[u8; 4], &[u8])> = vec![(b"VP8X", &clean)];
        if has_profile {
            chunks.push((b"ICCP", &profile));
            kept.push((b"ICCP", &profile));
        }
        chunks.push((b"VP8L", &picture));
        kept.push((b"VP8L", &picture));
        for (kind, place) in planted {
            chunks.insert(place.min(chunks.len()), (kind, CANARY));
        }
        let mut bytes = webp(&chunks).bytes().to_vec();
        if !behind.is_empty() {
            bytes.extend([behind, CANARY].concat());
        }
        let image = encoded(bytes);
        let stripped = stripped(&image);
        prop_assert!(tells(&image) && !tells(&stripped));
        prop_assert_eq!(shown(&stripped), shown(&image));
        prop_assert_eq!(stripped, webp(&kept));
    }
}

const PROFILE: u8 = 0x20;
const EXIF: u8 = 0x08;
const XMP: u8 = 0x04;
const RESERVED: u8 = 0x81;

fn png_with_profile() -> EncodedImage {
    let mut bytes = Vec::new();
    let mut info = png::Info::with_size(20, 10);
    info.color_type = png::ColorType::Rgb;
    info.icc_profile = Some(vec![5; 300].into());
    let encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[9; 20 * 10 * 3]).unwrap();
    writer.finish().unwrap();
    encoded(bytes)
}

#[tokio::test]
async fn every_kind_of_file_is_sent_without_metadata_and_shows_the_same() {
    let scaler = ImageScaler::default();
    for (name, bytes) in FILES {
        let image = encoded(bytes.to_vec());
        let sent = scaler.strip_metadata(&image).await.unwrap();
        if Header::of(&image).unwrap().goes_as_it_is() {
            assert_eq!(shown(&sent), shown(&image), "{name}");
            let again = scaler.strip_metadata(&sent).await.unwrap();
            let is_same = again.bytes().as_ptr() == sent.bytes().as_ptr();
            assert!(is_same, "{name}: a copy without need");
        } else {
            // A copy is made of it later.
            assert_eq!(sent, image, "{name}");
        }
        let sent = scaler.fit_within(&sent, None).await.unwrap();
        let mut decoder = ImageReader::new(Cursor::new(sent.bytes()))
            .with_guessed_format()
            .unwrap()
            .into_decoder()
            .unwrap();
        assert_eq!(decoder.exif_metadata().unwrap(), None, "{name}");
        assert_eq!(decoder.xmp_metadata().unwrap(), None, "{name}");
        assert_eq!(decoder.iptc_metadata().unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_photo_on_its_side_a_damaged_one_and_one_for_print_tell_nothing_once_they_are_made_to_fit()
 {
    let comment = segment(0xFE, CANARY);
    let scaler = ImageScaler::default();
    let baseline = file("baseline.jpg").bytes().to_vec();
    let cut_off = baseline[..baseline.len() - 2].to_vec();
    for (name, bytes) in [
        ("on its side", file("turned.jpg").bytes().to_vec()),
        ("for print", file("cmyk.jpg").bytes().to_vec()),
        ("damaged", cut_off),
    ] {
        let image = encoded(insert(&bytes, 2, &comment));
        let sent = scaler.strip_metadata(&image).await.unwrap();
        for sent in [
            scaler.fit_within(&sent, None).await.unwrap(),
            scaler.meet(&sent, LIMITS).await.unwrap(),
        ] {
            assert!(!tells(&sent), "{name}");
        }
    }
}

/// Files that readers show, and that are not built by the book.
fn odd_files() -> Vec<(&'static str, EncodedImage)> {
    let jpeg = photo_of(false).bytes().to_vec();
    let second = segment_starts(&jpeg)[1];
    let short = webp(&[
        (b"VP8X", &vp8x(0, (24, 18))),
        (b"VP8L", &quarters_vp8l((24, 18))),
    ]);
    let mut short = [short.bytes(), CANARY].concat();
    let length = u32::try_from(short.len() - 8).unwrap();
    short[4..8].copy_from_slice(&length.to_le_bytes());
    vec![
        (
            "bytes between segments",
            encoded(insert(&jpeg, second, CANARY)),
        ),
        (
            "a height that follows the picture",
            encoded(insert(&jpeg, second, &segment(0xDC, CANARY))),
        ),
        ("a cut chunk behind the picture", encoded(short)),
    ]
}

#[test]
fn a_jpeg_without_a_byte_of_its_picture_shows_nothing() {
    let jpeg = photo_of(false).bytes().to_vec();
    let scan = memmem::find(&jpeg, b"\xFF\xDA").unwrap();
    let length = usize::from(u16::from_be_bytes([jpeg[scan + 2], jpeg[scan + 3]]));
    for behind in [
        &b"\xFF\xD9behind the end"[..],
        b"\xFF\xE0\x00\x06here\xFF\xD9",
        b"\xFF\xFF\xD9",
        b"\xFF",
        b"",
    ] {
        let empty = [&jpeg[..scan + 2 + length], behind].concat();
        assert_eq!(
            Header::of(&encoded(empty)).unwrap_err(),
            ImageProcessingError::Undecodable,
            "{behind:?}"
        );
    }
}

#[test]
fn a_webp_says_its_size_within_its_picture() {
    // Read on, there would be a size in what is left out.
    let chunks: [(&[u8; 4], &[u8]); 2] = [(b"VP8L", b""), (b"XMP ", &quarters_vp8l((24, 18)))];
    assert_eq!(
        Header::of(&webp(&chunks)).unwrap_err(),
        ImageProcessingError::Undecodable
    );
}

#[tokio::test]
async fn a_file_that_is_not_built_by_the_book_is_encoded_again() {
    let scaler = ImageScaler::default();
    for (name, image) in odd_files() {
        assert!(tells(&image), "{name}");
        assert_eq!(strip::strip(&image), None, "{name}");
        let header = Header::of(&image).unwrap();
        let sent = scaler.strip_metadata(&image).await;
        let sent = sent.unwrap_or_else(|error| panic!("{name}: {error}"));
        let sent = scaler.fit_within(&sent, None).await;
        let sent = sent.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!tells(&sent), "{name}");
        assert_eq!(sent.format(), ImageFormat::Jpeg, "{name}");
        let size = decoded(&sent).dimensions();
        assert_eq!(size, (header.width, header.height), "{name}");
    }
    let broken = EncodedImage::new(Bytes::from_static(b"\xFF\xD8\xFF\xE0nothing")).unwrap();
    assert_eq!(
        scaler.strip_metadata(&broken).await,
        Err(ImageProcessingError::Undecodable)
    );
}

#[test]
fn a_chunk_that_is_needed_is_not_left_out() {
    let clean = file("palette.png");
    let mut wrong = png_chunk(b"PLTE", CANARY);
    *wrong.last_mut().unwrap() ^= 1;
    for chunk in [
        wrong,
        png_chunk(b"NEED", CANARY),
        png_chunk(b"1234", CANARY),
    ] {
        let image = encoded(insert(clean.bytes(), 33, &chunk));
        assert_eq!(strip::strip(&image), None);
    }
}

#[test]
fn a_jfif_segment_loses_its_thumbnail_and_keeps_the_density() {
    let clean = photo_of(false);
    let thumbnail = segment(
        0xE0,
        b"JFIF\0\x01\x02\x01\x01\x2C\x01\x2C\x01\x01\x09\x08\x07",
    );
    let mut bytes = vec![0xFF, 0xD8];
    bytes.extend_from_slice(&thumbnail);
    bytes.extend_from_slice(&clean.bytes()[2..]);
    let mut kept = vec![0xFF, 0xD8];
    kept.extend(segment(0xE0, b"JFIF\0\x01\x02\x01\x01\x2C\x01\x2C\0\0"));
    kept.extend_from_slice(&clean.bytes()[2..]);
    assert_eq!(stripped(&encoded(bytes)), encoded(kept));
}
