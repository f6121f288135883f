//! Files that lack something, and files that move: what can be shown of them is.

use png::{BitDepth, ColorType};

use super::{
    samples::{
        CORNERS, assert_colors, corners_of, encoded, file, interlaced_png, png_chunk, quarters,
        quarters_jpeg, quarters_png, quarters_vp8l, vp8x, webp, with_chunk,
    },
    *,
};

const SIZE: Size = (160, 96);
const WHITE: [u8; 3] = [255; 3];

/// Where the chunk of this kind begins that is the last of them.
fn chunk_at(png: &[u8], kind: &[u8]) -> usize {
    png.windows(4).rposition(|it| it == kind).unwrap() - 4
}

/// A PNG of noise on four quarters, so that its packed pixels are long, with several chunks of them.
fn long_png() -> Vec<u8> {
    let mut pixels = quarters(SIZE);
    let mut state = 1_u32;
    for byte in &mut pixels {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = byte.saturating_add(state.to_be_bytes()[0] % 8);
    }
    let mut rows = Vec::new();
    for row in pixels.chunks(SIZE.0 as usize * 3) {
        rows.push(0);
        rows.extend_from_slice(row);
    }
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, &rows).unwrap();
    let packed = packed.finish().unwrap();
    let sides = [SIZE.0, SIZE.1].map(u32::to_be_bytes);
    let ihdr = [&sides[0], &sides[1], &[8, 2, 0, 0, 0][..]].concat();
    let mut png = b"\x89PNG\r\n\x1A\n".to_vec();
    png.extend(png_chunk(b"IHDR", &ihdr));
    for part in packed.chunks(4_000) {
        png.extend(png_chunk(b"IDAT", part));
    }
    png.extend(png_chunk(b"IEND", b""));
    png
}

/// What becomes of a file for the vision model and for a platform: each time a JPEG.
async fn shown(name: &str, image: &EncodedImage) -> EncodedImage {
    let scaler = ImageScaler::default();
    let shown = scaler.fit_within(image, Some(2048)).await;
    let shown = shown.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(shown.format(), ImageFormat::Jpeg, "{name}");
    assert_eq!(
        scaler.meet(image, LIMITS).await.as_ref(),
        Ok(&shown),
        "{name}"
    );
    let small = scaler.fit_within(image, Some(80)).await.unwrap();
    assert_eq!(decoded(&small).dimensions().0, 80, "{name}");
    shown
}

#[tokio::test]
async fn a_png_that_is_all_there_but_for_its_end_is_shown_in_full() {
    let whole = long_png();
    let last = chunk_at(&whole, b"IDAT");
    let end = chunk_at(&whole, b"IEND");
    let mut wrong_checksum = whole.clone();
    wrong_checksum[end - 1] ^= 1;
    let mut wrong_end = whole.clone();
    wrong_end[end + 8] ^= 1;
    let mut no_type = whole.clone();
    no_type[end + 4..end + 8].copy_from_slice(&[0; 4]);
    for (name, bytes) in [
        ("without IEND", whole[..end].to_vec()),
        ("without its last checksum", whole[..end - 4].to_vec()),
        (
            "without the checksum of its pixels",
            whole[..end - 8].to_vec(),
        ),
        ("with a wrong checksum", wrong_checksum),
        ("with a wrong checksum at the end", wrong_end),
        ("with zeros for the end", no_type),
    ] {
        let copy = shown(name, &encoded(bytes)).await;
        assert_colors(name, corners_of(&copy), CORNERS);
    }
    assert!(last > 10_000, "there are several chunks");
}

#[tokio::test]
async fn a_png_that_is_cut_off_or_changed_is_shown_as_far_as_it_goes() {
    let whole = long_png();
    let middle = whole.len() * 2 / 3;
    let mut changed = whole.clone();
    changed[middle..middle + 600].fill(0xFF);
    let mut sound_checksum = changed.clone();
    // The same damage with correct checksums, so that only the packed data shows it.
    let mut at = 8;
    while at + 12 <= sound_checksum.len() {
        let length = u32::from_be_bytes(*sound_checksum[at..].first_chunk().unwrap()) as usize;
        let checksum = crc32fast::hash(&sound_checksum[at + 4..at + 8 + length]);
        let checksum = checksum.to_be_bytes();
        sound_checksum[at + 8 + length..at + 12 + length].copy_from_slice(&checksum);
        at += 12 + length;
    }
    let mut long_chunk = whole.clone();
    let last = chunk_at(&whole, b"IDAT");
    long_chunk[last] = 0x7F;
    for (name, bytes, rest_is_white) in [
        ("cut off", whole[..middle].to_vec(), true),
        (
            "followed by zeros",
            [&whole[..middle], &[0; 5_000][..]].concat(),
            false,
        ),
        ("changed", changed, false),
        ("a chunk that claims to be long", long_chunk, false),
    ] {
        let copy = shown(name, &encoded(bytes)).await;
        let [left, right, below, _] = corners_of(&copy);
        assert_colors(
            name,
            [left, right, left, right],
            [CORNERS[0], CORNERS[1], CORNERS[0], CORNERS[1]],
        );
        if rest_is_white {
            assert_eq!(below, WHITE, "{name}: what is missing is white");
        }
    }
    // Only its pixels show that it is damaged, and they are not read until a copy is made.
    let copy = ImageScaler::default()
        .reencode(&encoded(sound_checksum), None)
        .await;
    let [left, right, ..] = corners_of(&copy.unwrap());
    assert_colors(
        "packed",
        [left, right, left, right],
        [CORNERS[0], CORNERS[1], CORNERS[0], CORNERS[1]],
    );
}

#[tokio::test]
async fn a_png_in_passes_is_shown_whole_and_coarse_when_it_is_cut_off() {
    let kinds: [(ColorType, BitDepth); 3] = [
        (ColorType::Rgb, BitDepth::Eight),
        (ColorType::Rgba, BitDepth::Eight),
        (ColorType::Rgba, BitDepth::Sixteen),
    ];
    for kind in kinds {
        let image = interlaced_png(SIZE, kind);
        let name = format!("{kind:?}");
        assert!(Header::of(&image).unwrap().goes_as_it_is(), "{name}");
        let copy = ImageScaler::default().reencode(&image, None).await.unwrap();
        assert_colors(&name, corners_of(&copy), CORNERS);
        // The last of the seven passes has half of the pixels, and lacks most of them.
        let bytes = image.bytes();
        let cut = encoded(bytes[..bytes.len() * 3 / 5].to_vec());
        let copy = shown(&name, &cut).await;
        assert_colors(&name, corners_of(&copy), CORNERS);
    }
}

#[tokio::test]
async fn a_png_without_any_pixels_is_refused() {
    let whole = quarters_png(SIZE).bytes().to_vec();
    let start = chunk_at(&whole, b"IDAT");
    for length in [start, start + 8, start + 12, 33, 20] {
        let image = encoded(whole[..length].to_vec());
        let refused = ImageScaler::default().fit_within(&image, Some(2048)).await;
        assert_eq!(refused, Err(ImageProcessingError::Undecodable), "{length}");
    }
}

/// A PNG of 6 × 5 pixels of this kind, with these methods, of these rows.
fn png_of_kind((depth, color): (u8, u8), methods: [u8; 3], rows: &[u8]) -> EncodedImage {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, rows).unwrap();
    let ihdr = [&[0, 0, 0, 6, 0, 0, 0, 5, depth, color][..], &methods].concat();
    let palette = (color == 3).then(|| png_chunk(b"PLTE", &[0; 6]));
    let chunks = [
        b"\x89PNG\r\n\x1A\n".to_vec(),
        png_chunk(b"IHDR", &ihdr),
        palette.unwrap_or_default(),
        png_chunk(b"IDAT", &packed.finish().unwrap()),
        png_chunk(b"IEND", b""),
    ];
    encoded(chunks.concat())
}

#[tokio::test]
async fn a_png_of_a_kind_that_no_decoder_knows_or_with_nothing_in_its_pixels_is_refused() {
    // Enough for any kind.
    let rows = vec![0; 1_000];
    let kinds = (0..=17).flat_map(|depth| (0..=7).map(move |color| (depth, color)));
    for kind in kinds {
        let image = png_of_kind(kind, [0; 3], &rows);
        let is_read = image::load_from_memory(image.bytes()).is_ok();
        assert_eq!(Header::of(&image).is_ok(), is_read, "{kind:?}");
    }
    for methods in [[1, 0, 0], [0, 1, 0], [0, 0, 2], [0, 0, 9], [255; 3]] {
        let image = png_of_kind((8, 2), methods, &rows);
        let refused = ImageScaler::default().strip_metadata(&image).await;
        let expected = Err(ImageProcessingError::Undecodable);
        assert_eq!(refused, expected, "{methods:?}");
    }
    let without_pixels = png_of_kind((8, 2), [0; 3], &[]);
    assert!(Header::of(&without_pixels).is_err());
    let whole = png_of_kind((8, 3), [0; 3], &rows).bytes().to_vec();
    let palette = chunk_at(&whole, b"PLTE");
    let without_palette = [&whole[..palette], &whole[palette + 18..]].concat();
    assert!(Header::of(&encoded(without_palette)).is_err());
    let empty_palette = [
        &whole[..palette],
        &png_chunk(b"PLTE", b""),
        &whole[palette + 18..],
    ];
    assert!(Header::of(&encoded(empty_palette.concat())).is_err());
    let mut not_packed = whole.clone();
    not_packed[chunk_at(&whole, b"IDAT") + 8] ^= 0xFF;
    assert!(Header::of(&encoded(not_packed)).is_err());
}

#[tokio::test]
async fn a_jpeg_that_is_cut_off_is_shown_as_far_as_it_goes() {
    let whole = quarters_jpeg(SIZE, &[]).bytes().to_vec();
    let start = whole.windows(2).rposition(|it| it == [0xFF, 0xDA]).unwrap() + 14;
    let copy = shown(
        "without its end",
        &encoded(whole[..whole.len() - 2].to_vec()),
    )
    .await;
    assert_colors("without its end", corners_of(&copy), CORNERS);
    let middle = start + (whole.len() - start) * 3 / 5;
    let copy = shown("cut off", &encoded(whole[..middle].to_vec())).await;
    let [left, right, ..] = corners_of(&copy);
    assert_colors(
        "cut off",
        [left, right, left, right],
        [CORNERS[0], CORNERS[1], CORNERS[0], CORNERS[1]],
    );
    for (name, tail) in [("nothing", &b""[..]), ("its end alone", b"\xFF\xD9")] {
        let empty = encoded([&whole[..start], tail].concat());
        let refused = ImageScaler::default().fit_within(&empty, Some(2048)).await;
        assert_eq!(refused, Err(ImageProcessingError::Undecodable), "{name}");
    }
}

#[tokio::test]
async fn what_moves_is_shown_by_its_first_picture() {
    let copy = shown_still(&file("animated.webp")).await;
    assert_eq!(copy.format(), ImageFormat::Jpeg);

    let frame = |pixels: Vec<u8>| {
        let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
        let length = u32::try_from(pixels.len()).unwrap().to_le_bytes().to_vec();
        let pad = vec![0; pixels.len() % 2];
        [
            vec![0; 6],
            side(SIZE.0),
            side(SIZE.1),
            vec![100, 0, 0, 0],
            b"VP8L".to_vec(),
            length,
            pixels,
            pad,
        ]
        .concat()
    };
    let first = frame(quarters_vp8l(SIZE));
    let second = {
        let mut bytes = Vec::new();
        let black = vec![0; (SIZE.0 * SIZE.1 * 3) as usize];
        image::codecs::webp::WebPEncoder::new_lossless(&mut bytes)
            .encode(&black, SIZE.0, SIZE.1, image::ExtendedColorType::Rgb8)
            .unwrap();
        let length = u32::from_le_bytes(*bytes[16..].first_chunk().unwrap()) as usize;
        frame(bytes[20..20 + length].to_vec())
    };
    let moving = webp(&[
        (b"VP8X", &vp8x(2, SIZE)),
        (b"ANIM", &[0; 6]),
        (b"ANMF", &first),
        (b"ANMF", &second),
    ]);
    let copy = shown("moving WebP", &moving).await;
    assert_colors("moving WebP", corners_of(&copy), CORNERS);

    // A PNG with a second picture, and one whose first is shown only where nothing moves.
    let still = quarters_png(SIZE);
    let two_pictures = png_chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    let image = with_chunk(&still, &two_pictures);
    let copy = shown("moving PNG", &image).await;
    assert_colors("moving PNG", corners_of(&copy), CORNERS);
    let frame = [
        &[0, 0, 0, 0],
        &SIZE.0.to_be_bytes(),
        &SIZE.1.to_be_bytes(),
        &[0; 4],
        &[0; 4],
        &[0, 1, 0, 10],
        &[0; 2][..],
    ];
    let both = [two_pictures, png_chunk(b"fcTL", &frame.concat())].concat();
    let image = with_chunk(&still, &both);
    let copy = shown("moving PNG, from its first picture", &image).await;
    assert_colors("moving PNG", corners_of(&copy), CORNERS);
}

async fn shown_still(image: &EncodedImage) -> EncodedImage {
    let scaler = ImageScaler::default();
    scaler.fit_within(image, None).await.unwrap()
}

#[tokio::test]
async fn a_webp_that_is_cut_off_is_shown_as_far_as_it_goes() {
    let pixels = {
        let mut bytes = Vec::new();
        let mut noise = quarters(SIZE);
        let mut state = 1_u32;
        for byte in &mut noise {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = byte.saturating_add(state.to_be_bytes()[0] % 8);
        }
        image::codecs::webp::WebPEncoder::new_lossless(&mut bytes)
            .encode(&noise, SIZE.0, SIZE.1, image::ExtendedColorType::Rgb8)
            .unwrap();
        let length = u32::from_le_bytes(*bytes[16..].first_chunk().unwrap()) as usize;
        bytes[20..20 + length].to_vec()
    };
    let plain = webp(&[(b"VP8L", &pixels)]);
    // The EXIF data that it promises is behind its pixels, and lost.
    let extended = webp(&[
        (b"VP8X", &vp8x(8, SIZE)),
        (b"VP8L", &pixels),
        (b"EXIF", b"MM\0*\0\0\0\x08\0\0"),
    ]);
    for (name, image) in [("plain", plain), ("extended", extended)] {
        assert!(Header::of(&image).unwrap().goes_as_it_is(), "{name}");
        let bytes = image.bytes();
        let cut = encoded(bytes[..bytes.len() * 3 / 4].to_vec());
        let copy = shown(name, &cut).await;
        let [left, right, ..] = corners_of(&copy);
        assert_colors(
            name,
            [left, right, left, right],
            [CORNERS[0], CORNERS[1], CORNERS[0], CORNERS[1]],
        );
    }
    let scaler = ImageScaler::default();
    let lossy = file("lossy.webp").bytes().clone();
    let cut = encoded(lossy[..lossy.len() - 40].to_vec());
    let copy = scaler.fit_within(&cut, Some(2048)).await.unwrap();
    assert_eq!(
        decoded(&copy).dimensions(),
        decoded(&file("lossy.webp")).dimensions()
    );
    // Next to nothing is left, or it never was.
    let mut absurd = lossy.to_vec();
    absurd[4..8].copy_from_slice(&[0xFF; 4]);
    let mut little = lossy.to_vec();
    let length = u32::try_from(9 * lossy.len()).unwrap();
    little[4..8].copy_from_slice(&length.to_le_bytes());
    for little in [lossy[..25].to_vec(), little, absurd] {
        let refused = scaler.fit_within(&encoded(little), Some(2048)).await;
        assert!(
            matches!(refused, Err(ImageProcessingError::Undecodable)),
            "{refused:?}"
        );
    }
}
