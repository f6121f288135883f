//! Which way up copies are: whatever the file, and whether it is scaled or not.

use image::metadata::Orientation;

use super::{
    samples::{
        CORNERS, assert_colors, corners_of, png_chunk, quarters_jpeg, quarters_png, quarters_vp8l,
        vp8x, webp, with_chunk,
    },
    *,
};

/// Wide and flat, and not in whole blocks of a JPEG.
const STORED: Size = (122, 59);

/// Which corners of the stored picture come first, in each of the eight positions: what is at the top left,
/// top right, bottom left, bottom right, as the EXIF standard has it.
const POSITIONS: [[usize; 4]; 8] = [
    [0, 1, 2, 3],
    [1, 0, 3, 2],
    [3, 2, 1, 0],
    [2, 3, 0, 1],
    [0, 2, 1, 3],
    [2, 0, 3, 1],
    [3, 1, 2, 0],
    [1, 3, 0, 2],
];

/// EXIF data with one entry, big-endian or little-endian.
fn exif(big: bool, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
    let two = |number: u16| {
        if big {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    };
    let four = |number: u32| {
        if big {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    };
    let mut exif = if big { b"MM".to_vec() } else { b"II".to_vec() };
    exif.extend(two(42));
    exif.extend(four(8));
    // The maker before it, and nothing after it.
    exif.extend(two(2));
    for (tag, kind, count, value) in [(0x10F, 2, 4, *b"abc\0"), (0x112, kind, count, value)] {
        exif.extend([two(tag), two(kind)].as_flattened());
        exif.extend(four(count));
        exif.extend(value);
    }
    exif.extend(four(0));
    exif
}

/// EXIF data as cameras write it: one number of 16 bits.
fn position(big: bool, number: u16) -> Vec<u8> {
    let [a, b] = if big {
        number.to_be_bytes()
    } else {
        number.to_le_bytes()
    };
    exif(big, 3, 1, [a, b, 0, 0])
}

fn named(exif: Vec<u8>) -> Vec<u8> {
    [b"Exif\0\0".to_vec(), exif].concat()
}

/// The four quarters in files of all formats, with this EXIF data.
fn files(exif: &[u8]) -> Vec<(&'static str, EncodedImage)> {
    let png = quarters_png(STORED);
    let at_the_end = {
        let (pixels, end) = png.bytes().split_at(png.bytes().len() - 12);
        encoded([pixels, &png_chunk(b"eXIf", exif), end].concat())
    };
    let pixels = quarters_vp8l(STORED);
    let with_name = named(exif.to_vec());
    vec![
        ("JPEG", quarters_jpeg(STORED, &[(1, with_name.clone())])),
        (
            "JPEG, with another byte behind the name",
            quarters_jpeg(STORED, &[(1, [b"Exif\0\xFF", exif].concat())]),
        ),
        (
            "JPEG, behind others",
            quarters_jpeg(
                STORED,
                &[
                    (1, b"http://ns.adobe.com/xap/1.0/\0<x/>".to_vec()),
                    (2, b"ICC_PROFILE\0\x01\x01".to_vec()),
                    (13, b"Photoshop 3.0\0".to_vec()),
                    (u8::MAX, b"a comment".to_vec()),
                    (1, with_name.clone()),
                    // Whatever comes second is none.
                    (1, named(position(true, 3))),
                ],
            ),
        ),
        ("PNG", with_chunk(&png, &png_chunk(b"eXIf", exif))),
        (
            "PNG, with a name",
            with_chunk(&png, &png_chunk(b"eXIf", &with_name)),
        ),
        ("PNG, behind the pixels", at_the_end),
        (
            "WebP",
            webp(&[
                (b"VP8X", &vp8x(8, STORED)),
                (b"VP8L", &pixels),
                (b"EXIF", exif),
            ]),
        ),
        (
            "WebP, with a name",
            webp(&[
                (b"VP8X", &vp8x(8, STORED)),
                (b"VP8L", &pixels),
                (b"EXIF", &with_name),
            ]),
        ),
    ]
}

fn upright(size: Size, number: usize) -> Size {
    if number >= 5 { (size.1, size.0) } else { size }
}

fn assert_upright(name: &str, copy: &EncodedImage, number: usize) {
    let expected = POSITIONS[number - 1].map(|corner| CORNERS[corner]);
    assert_colors(name, corners_of(copy), expected);
    let mut decoder = ImageReader::new(std::io::Cursor::new(copy.bytes()))
        .with_guessed_format()
        .unwrap()
        .into_decoder()
        .unwrap();
    assert_eq!(
        decoder.exif_metadata().unwrap(),
        None,
        "{name}: the tag is left"
    );
}

#[tokio::test]
async fn every_position_is_set_upright_whether_it_is_scaled_or_not() {
    let scaler = ImageScaler::default();
    for number in 2..=8_usize {
        for big in [false, true] {
            for (file, image) in files(&position(big, u16::try_from(number).unwrap())) {
                let name = format!("{file} in position {number}, big-endian: {big}");
                let same_size = upright(STORED, number);
                for copy in [
                    scaler.fit_within(&image, None).await,
                    scaler.fit_within(&image, Some(2048)).await,
                    scaler.meet(&image, LIMITS).await,
                    scaler.reencode(&image, None).await,
                ] {
                    let copy = copy.unwrap_or_else(|error| panic!("{name}: {error}"));
                    assert_eq!(copy.format(), ImageFormat::Jpeg, "{name}");
                    assert_eq!(decoded(&copy).dimensions(), same_size, "{name}");
                    assert_upright(&name, &copy, number);
                }
                let small = scaler.fit_within(&image, Some(61)).await.unwrap();
                let size = upright((61, 30), number);
                assert_eq!(decoded(&small).dimensions(), size, "{name}");
                assert_upright(&name, &small, number);
                let met = ImageLimits {
                    max_side_sum: Some(90),
                    ..LIMITS
                };
                let small = scaler.meet(&image, met).await.unwrap();
                let (width, height) = decoded(&small).dimensions();
                assert!(width + height <= 90 && width + height >= 88, "{name}");
                assert_upright(&name, &small, number);
            }
        }
    }
}

#[tokio::test]
async fn a_position_that_is_written_otherwise_than_the_standard_has_it_counts_where_it_is_certain()
{
    let scaler = ImageScaler::default();
    for (what, exif) in [
        ("32 bits", exif(true, 4, 1, [0, 0, 0, 6])),
        ("32 bits", exif(false, 4, 1, [6, 0, 0, 0])),
        ("32 bits with a sign", exif(true, 9, 1, [0, 0, 0, 6])),
        ("a byte", exif(true, 1, 1, [6, 0, 0, 0])),
        ("a byte", exif(false, 1, 1, [6, 0, 0, 0])),
        ("a byte at the end", exif(true, 1, 1, [0, 0, 0, 6])),
        ("16 bits in the wrong half", exif(true, 3, 1, [0, 0, 0, 6])),
        ("16 bits in the wrong half", exif(false, 3, 1, [0, 0, 6, 0])),
        ("16 bits with a sign", exif(true, 8, 1, [0, 6, 0, 0])),
        ("16 bits before junk", exif(false, 3, 1, [6, 0, 0xAB, 0xCD])),
    ] {
        for (file, image) in files(&exif) {
            let name = format!("{file}: {what}");
            let copy = scaler.fit_within(&image, None).await.unwrap();
            assert_eq!(decoded(&copy).dimensions(), upright(STORED, 6), "{name}");
            assert_upright(&name, &copy, 6);
        }
    }
}

#[tokio::test]
async fn what_is_no_position_changes_nothing() {
    let scaler = ImageScaler::default();
    for (what, exif) in [
        ("1", position(false, 1)),
        ("0", position(false, 0)),
        ("9", position(true, 9)),
        ("65535", position(false, 65_535)),
        // The low byte alone would be one.
        ("262", position(true, 262)),
        ("a byte with others", exif(false, 1, 1, [6, 0, 6, 0])),
        ("9 in 32 bits", exif(true, 4, 1, [0, 0, 0, 9])),
        (
            "32 bits of which the low ones would be one",
            exif(true, 4, 1, [1, 0, 0, 6]),
        ),
        ("32 bits of the other end", exif(true, 4, 1, [6, 0, 0, 0])),
        ("two numbers of 32 bits", exif(false, 4, 2, [6, 0, 0, 0])),
        ("a fraction", exif(false, 5, 1, [6, 0, 0, 0])),
        ("text", exif(true, 2, 2, *b"6\0\0\0")),
        ("two numbers", exif(false, 3, 2, [6, 0, 6, 0])),
        ("cut off", position(true, 6)[..20].to_vec()),
        ("an offset into nothing", b"II*\0\xFF\xFF\xFF\xFF".to_vec()),
        ("no EXIF data", b"something else".to_vec()),
        ("nothing", Vec::new()),
    ] {
        for (file, image) in files(&exif) {
            if file == "JPEG, behind others" {
                continue;
            }
            assert_eq!(
                Header::of(&image).unwrap().orientation,
                Orientation::NoTransforms,
                "{file}: {what}"
            );
            for same in [
                scaler.fit_within(&image, Some(2048)).await,
                scaler.meet(&image, LIMITS).await,
            ] {
                let (same, image) = (same.unwrap(), image.bytes());
                assert_eq!(same.bytes().as_ptr(), image.as_ptr(), "{file}: {what}");
            }
        }
    }
}

/// However little memory there is for what has to be put together, the copy is the same.
#[test]
fn an_image_is_turned_in_as_many_goes_as_memory_asks_for() {
    for number in 1..=8 {
        let image = quarters_jpeg((400, 280), &[(1, named(position(true, number)))]);
        let header = Header::of(&image).unwrap();
        let plan = |memory| Plan::new(&image, &header, (200, 140), u64::MAX, memory).unwrap();
        let (poor, rich) = (plan(0), plan(MEMORY));
        let goes = if number <= 2 { 1 } else { 3 };
        assert!(poor.goes() >= goes && rich.goes() == 1, "{number}");
        assert!(number <= 2 || poor.memory() < rich.memory(), "{number}");
        let copy = poor.carry_out(&image);
        assert_eq!(copy, rich.carry_out(&image), "{number}");
        let Ok(Written::File(copy)) = copy else {
            panic!("no copy");
        };
        assert_upright("in several goes", &copy, usize::from(number));
    }
}
