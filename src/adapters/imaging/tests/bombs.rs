//! Small files that take much: none grows beyond what was set aside for it, as the system measures it, and none
//! takes long. Each is read in a process of its own, which finds it in a file that another has made.

mod webp_files;

use std::{fmt::Write as _, process::Command, time::Duration};

use super::{
    memory::growth,
    samples::{photo, png_chunk, quarters_jpeg, quarters_png, quarters_vp8l, webp, with_chunk},
    *,
};

/// What a file that is refused may take, and what no measure can tell apart, in bytes.
const SLACK: u64 = 8 * 1024 * 1024;
/// Far more than any of them takes where nothing is optimized.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where the file is.
const FILE: &str = "PUBLISHER_TEST_IMAGE";

/// Reads a file in another process, and shows what that process has printed.
fn is_bounded(name: &str, bytes: &[u8]) {
    if !cfg!(target_os = "linux") {
        return;
    }
    assert!(
        bytes.len() as u64 <= crate::domain::image::MAX_IMAGE_BYTES,
        "{name}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let test = format!("{}::alone_a_bomb", module_path!());
    let outcome = Command::new(std::env::current_exe().unwrap())
        .args([
            test.split_once("::").unwrap().1,
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(FILE, file.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&outcome.stdout);
    let errors = String::from_utf8_lossy(&outcome.stderr);
    assert!(told.contains("1 passed"), "{name}: {told}{errors}");
    for line in told.lines().filter(|line| line.starts_with("took")) {
        println!("{name}: {line}");
    }
}

#[test]
#[ignore = "is run by the others, in a process of its own"]
fn alone_a_bomb() {
    #[expect(clippy::disallowed_methods, reason = "it is no setting")]
    let path = std::env::var_os(FILE).unwrap();
    let image = encoded(std::fs::read(path).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let scaler = ImageScaler::default();
    // The code that is paged in, and the thread, are no copy's.
    let vp8l = quarters_vp8l((90, 50));
    for small in [
        quarters_png((90, 50)),
        quarters_jpeg((90, 50), &[]),
        webp(&[(b"VP8L", &vp8l)]),
    ] {
        assert!(
            runtime
                .block_on(scaler.fit_within(&small, Some(40)))
                .is_ok()
        );
    }
    let allowed = Header::of(&image)
        .and_then(|header| {
            limits::check(&header)?;
            let size = (header.width.div_ceil(2), header.height.div_ceil(2));
            Plan::new(&image, &header, size, u64::MAX, MEMORY)
        })
        .map_or(0, |plan| {
            if plan.memory() > MEMORY {
                0
            } else {
                plan.memory()
            }
        });
    let work = async {
        let copy = scaler.fit_within(&image, Some(40));
        tokio::time::timeout(PATIENCE, copy).await
    };
    let (grown, copy) = growth(|| runtime.block_on(work));
    let outcome = match copy.expect("it took too long") {
        Ok(copy) => format!("a copy of {} bytes", copy.bytes().len()),
        Err(error) => error.to_string(),
    };
    println!("took {grown} bytes of {allowed}: {outcome}");
    assert!(
        grown <= allowed.max(SLACK) + SLACK,
        "{grown} of {allowed}: {outcome}"
    );
    assert!(grown <= MEMORY, "{grown}: {outcome}");
}

/// A PNG of 90 × 50 pixels with these chunks before its pixels.
fn png_with(chunks: &[u8]) -> Vec<u8> {
    with_chunk(&quarters_png((90, 50)), chunks).bytes().to_vec()
}

/// Megabytes (MiB) of zeros, packed a thousand times as small: one of them, again and again.
fn packed_zeros(megabytes: usize) -> Vec<u8> {
    use flate2::{Compress, Compression, FlushCompress};
    const MEGABYTE: usize = 1 << 20;
    let mut one = Vec::with_capacity(MEGABYTE);
    Compress::new(Compression::best(), false)
        .compress_vec(&vec![0; MEGABYTE], &mut one, FlushCompress::Full)
        .unwrap();
    // Adler's sums of zeros: the first one stays 1, and is added to the second for each.
    let second = u32::try_from(megabytes * MEGABYTE % 65_521).unwrap();
    let sums = (second << 16 | 1).to_be_bytes();
    // A header, the blocks, an empty one that is the last, and the sums.
    [&[0x78, 0xDA][..], &one.repeat(megabytes), &[3, 0], &sums].concat()
}

#[test]
fn packed_zeros_are_zeros() {
    use std::io::Read as _;
    let mut zeros = Vec::new();
    let packed = packed_zeros(3);
    let mut unpacked = flate2::read::ZlibDecoder::new(packed.as_slice());
    unpacked.read_to_end(&mut zeros).unwrap();
    assert_eq!(zeros, vec![0; 3 << 20]);
}

#[test]
fn a_png_of_very_many_or_very_long_chunks() {
    let gigabyte = packed_zeros(1 << 10);
    for (name, kind, data, times) in [
        ("empty texts", b"tEXt", Vec::new(), 500_000),
        ("texts", b"tEXt", b"key\0value".to_vec(), 250_000),
        ("unknown chunks", b"ruBb", Vec::new(), 500_000),
        (
            "packed texts",
            b"zTXt",
            [b"key\0\0", &gigabyte[..]].concat(),
            8,
        ),
        (
            "packed texts of a language",
            b"iTXt",
            [b"key\0\x01\0\0\0", &gigabyte[..]].concat(),
            8,
        ),
        ("profiles", b"iCCP", [b"key\0\0", &gigabyte[..]].concat(), 8),
        ("EXIF data", b"eXIf", Vec::new(), 500_000),
        ("long EXIF data", b"eXIf", vec![7; 40_000_000], 1),
        ("palettes", b"PLTE", vec![7; 768], 50_000),
        ("a long text", b"tEXt", vec![b'a'; 40_000_000], 1),
        (
            "suggested palettes",
            b"sPLT",
            b"key\0\x08".to_vec(),
            250_000,
        ),
        ("histograms", b"hIST", vec![0; 512], 80_000),
    ] {
        is_bounded(name, &png_with(&png_chunk(kind, &data).repeat(times)));
    }
}

/// A PNG of this size and kind: eight bits of depth or sixteen, with these chunks in the place of its pixels.
fn png_file((width, height): Size, (depth, color, passes): (u8, u8, u8), chunks: &[u8]) -> Vec<u8> {
    let sides = [width, height].map(u32::to_be_bytes).concat();
    let ihdr = [&sides[..], &[depth, color, 0, 0, passes]].concat();
    [
        b"\x89PNG\r\n\x1A\n",
        &png_chunk(b"IHDR", &ihdr)[..],
        chunks,
        &png_chunk(b"IEND", b""),
    ]
    .concat()
}

#[test]
fn a_png_whose_pixels_go_on_or_come_in_very_small_pieces() {
    let gigabytes = png_chunk(b"IDAT", &packed_zeros(4 << 10));
    let small = (64, 64);
    for (name, kind) in [("grey", (8, 0, 0)), ("in passes", (16, 6, 1))] {
        is_bounded(&format!("bomb, {name}"), &png_file(small, kind, &gigabytes));
    }
    let packed = packed_zeros(1);
    let piece = |byte: &u8| png_chunk(b"IDAT", &[*byte]);
    let pieces: Vec<u8> = packed.iter().flat_map(piece).collect();
    is_bounded("pieces", &png_file((1_000, 1_000), (8, 0, 0), &pieces));
    let empty = png_chunk(b"IDAT", b"");
    for (name, chunks) in [
        ("empty pieces", empty.repeat(500_000)),
        (
            "as many empty pieces as may be",
            [empty.repeat(10_000), png_chunk(b"IDAT", &packed)].concat(),
        ),
        (
            "empty pieces before pixels",
            [empty.repeat(500_000), pieces].concat(),
        ),
    ] {
        let file = png_file(small, (8, 0, 0), &chunks);
        let is_read = Header::of(&encoded(file.clone())).is_ok();
        assert_eq!(is_read, name.starts_with("as many"), "{name}");
        is_bounded(name, &file);
    }
}

#[test]
fn a_png_of_the_largest_sides() {
    let pixels = png_chunk(b"IDAT", &packed_zeros(64));
    for (name, size, kind) in [
        ("in passes of 16 bits", (8_000, 8_000), (16, 6, 1)),
        ("one row of 16 bits", (64_000_000, 1), (16, 6, 0)),
        ("one row", (16_000_000, 1), (8, 0, 0)),
        ("one column in passes", (1, 64_000_000), (16, 6, 1)),
        ("beyond all limits", (0x7FFF_FFFF, 0x7FFF_FFFF), (16, 6, 1)),
    ] {
        is_bounded(name, &png_file(size, kind, &pixels));
    }
}

#[test]
fn a_png_that_moves_very_often() {
    let control = png_chunk(b"acTL", &[0, 15, 0, 0, 0, 0, 0, 0]);
    let mut frames = control;
    for number in 0..400_000_u32 {
        let mut frame = number.to_be_bytes().to_vec();
        for side in [90_u32, 50, 0, 0] {
            frame.extend_from_slice(&side.to_be_bytes());
        }
        frame.extend_from_slice(&[0, 1, 0, 1, 0, 0]);
        frames.extend(png_chunk(b"fcTL", &frame));
    }
    is_bounded("frames", &png_with(&frames));
}

/// A JPEG with segments before its pixels.
fn jpeg_with(segments: &[u8]) -> Vec<u8> {
    let jpeg = quarters_jpeg((90, 50), &[]);
    let (start, rest) = jpeg.bytes().split_at(2);
    [start, segments, rest].concat()
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], &length[..], data].concat()
}

#[test]
fn a_jpeg_of_very_many_segments() {
    let mut table = vec![0x00, 0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D];
    table.resize(17 + 31, 0);
    let profile = |number: u8| {
        let head = [&b"ICC_PROFILE\0"[..], &[number, 255]].concat();
        segment(0xE2, &[&head[..], &vec![7; 65_000]].concat())
    };
    let profiles: Vec<u8> = (1..=255).flat_map(profile).collect();
    for (name, segments) in [
        ("code tables", segment(0xC4, &table).repeat(200_000)),
        (
            "quantisation tables",
            segment(0xDB, &[1; 65]).repeat(200_000),
        ),
        ("empty comments", segment(0xFE, b"").repeat(500_000)),
        ("EXIF data", segment(0xE1, &vec![7; 65_000]).repeat(700)),
        ("Adobe's words", segment(0xEE, b"Adobe").repeat(250_000)),
        ("profiles", profiles),
        ("restart intervals", segment(0xDD, &[0, 1]).repeat(250_000)),
        ("restart markers", [0xFF, 0xD0].repeat(5_000_000)),
        ("fill bytes", vec![0xFF; 20_000_000]),
    ] {
        is_bounded(name, &jpeg_with(&segments));
    }
}

#[test]
fn a_jpeg_of_very_many_scans_or_of_the_largest_sides() {
    let mut tell = String::new();
    for (name, image) in [
        ("baseline", quarters_jpeg((90, 50), &[])),
        (
            "progressive",
            photo((96, 64), mozjpeg::ColorSpace::JCS_RGB, |it| {
                it.set_progressive_mode();
            }),
        ),
    ] {
        let bytes = image.bytes();
        let find = |marker: &[u8]| bytes.windows(marker.len()).position(|it| it == marker);
        let frame = find(&[0xFF, 0xC0]).or_else(|| find(&[0xFF, 0xC2])).unwrap() + 5;
        let mut large = bytes.to_vec();
        large[frame..frame + 4].copy_from_slice(&[0xFF; 4]);
        is_bounded(&format!("{name}, 65535 × 65535"), &large);
        let scan = find(&[0xFF, 0xDA]).unwrap();
        let scans = bytes[scan..bytes.len() - 2].repeat(5_000);
        let many = [&bytes[..scan], &scans, &[0xFF, 0xD9]].concat();
        let _ = write!(tell, "{name}: {} bytes; ", many.len());
        is_bounded(
            &format!("{name}, scans"),
            &many[..many.len().min(45_000_000)],
        );
    }
    println!("{tell}");
}

#[test]
fn what_is_of_another_kind_is_not_decoded() {
    let gif = [&b"GIF89a\xFF\xFF\xFF\xFF\xF7\0\0"[..], &[0; 800]].concat();
    let avif = b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf".to_vec();
    for file in [
        gif,
        avif,
        b"BM\xFF\xFF\xFF\xFF".to_vec(),
        b"II*\0".to_vec(),
        Vec::new(),
    ] {
        assert!(EncodedImage::new(Bytes::from(file)).is_err());
    }
}
