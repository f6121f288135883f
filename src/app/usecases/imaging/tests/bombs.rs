//! Small files that take much: none grows beyond what was set aside for it, as the system measures it, and none
//! takes long. Each is read in a process of its own, which finds it in a file that another has made.

use std::{fmt::Write as _, process::Command, time::Duration};

use super::{
    memory::growth,
    samples::{
        photo, png_chunk, quarters_jpeg, quarters_png, quarters_vp8l, vp8x, webp, with_chunk,
    },
    *,
};

/// What a file that is refused may take, and what no measure can tell apart, in bytes.
const SLACK: u64 = 8 * 1024 * 1024;
/// Far more than any of them takes where nothing is optimised.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where the file is.
const FILE: &str = "PUBLISHER_TEST_IMAGE";

/// Reads a file in another process, and says what that has told.
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

/// A `VP8 ` chunk that says that it has this size, and has nothing.
fn vp8((width, height): Size) -> Vec<u8> {
    let mut chunk = vec![0x10, 0, 0, 0x9D, 0x01, 0x2A];
    for side in [width, height] {
        chunk.extend_from_slice(&u16::try_from(side).unwrap().to_le_bytes());
    }
    chunk.resize(4096, 0);
    chunk
}

/// An `ANMF` chunk: where its frame lies, in pairs of pixels, its size, and what is in it.
fn anmf((x, y): Size, (width, height): Size, parts: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut chunk = Vec::new();
    for number in [x, y, width - 1, height - 1, 0] {
        chunk.extend_from_slice(&number.to_le_bytes()[..3]);
    }
    chunk.push(0);
    chunk.extend_from_slice(&webp(parts).bytes()[12..]);
    chunk
}

/// Bits, the lowest of a byte first.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    count: usize,
}

impl BitWriter {
    fn put(&mut self, value: u32, count: usize) -> &mut Self {
        for bit in 0..count {
            if self.count % 8 == 0 {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= (((value >> bit) & 1) as u8) << (self.count % 8);
            self.count += 1;
        }
        self
    }

    /// A code of one symbol of eight bits.
    fn one(&mut self, symbol: u32) {
        self.put(1, 1).put(0, 1).put(1, 1).put(symbol, 8);
    }

    /// A code of so many symbols that all have codes of this length, which costs no bits for each.
    fn flat(&mut self, length: u32, symbols: u32, alphabet: u32) {
        const ORDER: [u32; 19] = [
            17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        ];
        let at = ORDER.iter().position(|it| *it == length).unwrap();
        self.put(0, 1).put(u32::try_from(at + 1 - 4).unwrap(), 4);
        for index in 0..=at {
            self.put(u32::from(index == at), 3);
        }
        if symbols == alphabet {
            self.put(0, 1);
        } else {
            self.put(1, 1).put(5, 3).put(symbols - 2, 12);
        }
    }
}

/// The stream of a lossless picture that asks for 65,536 groups of large codes.
fn codes_stream() -> Vec<u8> {
    let mut bits = BitWriter::default();
    // No transform; a cache of 2,048 colours; groups that are told apart by blocks of four pixels.
    bits.put(0, 1).put(1, 1).put(11, 4).put(1, 1).put(0, 3);
    // The blocks: no cache, and one value, 65,535.
    bits.put(0, 1);
    for symbol in [255, 255, 0, 0, 0] {
        bits.one(symbol);
    }
    for _ in 0..65_536 {
        bits.flat(11, 2_048, 256 + 24 + 2_048);
        for _ in 0..3 {
            bits.flat(8, 256, 256);
        }
        bits.one(0);
    }
    bits.bytes
}

fn codes_picture((width, height): Size) -> Vec<u8> {
    let mut header = BitWriter::default();
    header
        .put(0x2F, 8)
        .put(width - 1, 14)
        .put(height - 1, 14)
        .put(0, 4);
    [header.bytes, codes_stream()].concat()
}

const LARGE: Size = (16_383, 16_383);

#[test]
fn a_webp_whose_picture_is_larger_than_its_canvas() {
    let lossless = quarters_vp8l((90, 50));
    let large_lossless = {
        let mut header = BitWriter::default();
        header
            .put(0x2F, 8)
            .put(16_382, 14)
            .put(16_382, 14)
            .put(0, 4);
        [header.bytes, vec![0; 4096]].concat()
    };
    let anim = [0_u8; 6];
    let still = |part: (&[u8; 4], &[u8])| webp(&[(b"VP8X", &vp8x(0, (1, 1))), part]);
    let moving = |canvas: Size, frame: Vec<u8>| {
        let canvas = vp8x(2, canvas);
        webp(&[(b"VP8X", &canvas), (b"ANIM", &anim), (b"ANMF", &frame)])
    };
    for (name, file) in [
        ("lossy", still((b"VP8 ", &vp8(LARGE)))),
        ("lossless", still((b"VP8L", &large_lossless))),
        (
            "a lossless one of another size",
            still((b"VP8L", &lossless)),
        ),
        (
            "a frame",
            moving((1, 1), anmf((0, 0), LARGE, &[(b"VP8 ", &vp8(LARGE))])),
        ),
        (
            "a picture in a frame",
            moving((4, 4), anmf((0, 0), (1, 1), &[(b"VP8 ", &vp8(LARGE))])),
        ),
        (
            "a lossless picture in a frame",
            moving((4, 4), anmf((0, 0), (1, 1), &[(b"VP8L", &large_lossless)])),
        ),
        (
            "a picture with transparency in a frame",
            moving(
                (4, 4),
                anmf(
                    (0, 0),
                    (1, 1),
                    &[(b"ALPH", &[0; 9]), (b"VP8 ", &vp8(LARGE))],
                ),
            ),
        ),
        (
            "a frame outside the canvas",
            moving(
                (90, 50),
                anmf((1_000, 0), (90, 50), &[(b"VP8L", &lossless)]),
            ),
        ),
        (
            "a frame that goes beyond the canvas",
            moving((90, 50), anmf((1, 0), (90, 50), &[(b"VP8L", &lossless)])),
        ),
        (
            "frames in a file that does not move",
            webp(&[
                (b"VP8X", &vp8x(0, LARGE)),
                (b"VP8 ", &vp8(LARGE)),
                (b"ANMF", &anmf((0, 0), LARGE, &[(b"VP8L", &large_lossless)])),
            ]),
        ),
    ] {
        assert_eq!(Header::of(&file), Err(ScaleError::Undecodable), "{name}");
        is_bounded(name, file.bytes());
    }
}

#[test]
fn a_webp_that_asks_for_gigabytes_of_codes() {
    let size = (2_000, 2_000);
    let picture = codes_picture(size);
    let alpha = [vec![1], codes_stream()].concat();
    let canvas = |flags| vp8x(flags, size);
    for (name, file) in [
        ("lossless", webp(&[(b"VP8L", &picture)])),
        (
            "extended",
            webp(&[(b"VP8X", &canvas(0)), (b"VP8L", &picture)]),
        ),
        (
            "transparency",
            webp(&[
                (b"VP8X", &canvas(0x10)),
                (b"ALPH", &alpha),
                (b"VP8 ", &vp8(size)),
            ]),
        ),
        (
            "a frame",
            webp(&[
                (b"VP8X", &canvas(2)),
                (b"ANIM", &[0; 6]),
                (b"ANMF", &anmf((0, 0), size, &[(b"VP8L", &picture)])),
            ]),
        ),
    ] {
        let FormatHeader::WebP(header) = Header::of(&file).unwrap().format else {
            panic!("{name}")
        };
        assert!(header.table_bytes > MEMORY, "{name}: {header:?}");
        is_bounded(name, file.bytes());
    }
}

#[test]
fn a_webp_of_very_many_or_very_long_chunks() {
    let picture = quarters_vp8l((90, 50));
    let canvas = vp8x(0, (90, 50));
    let many = vec![(b"junk", &b""[..]); 4_000_000];
    let start = [(b"VP8X", canvas.as_slice()), (b"VP8L", &picture)];
    is_bounded("chunks", webp(&[&start[..], &many].concat()).bytes());
    let profile = vec![7; 40_000_000];
    let with_profile = vp8x(0x20, (90, 50));
    let file = webp(&[
        (b"VP8X", &with_profile),
        (b"ICCP", &profile),
        (b"VP8L", &picture),
    ]);
    is_bounded("a profile", file.bytes());
    let mut endless = webp(&[
        (b"VP8X", &with_profile),
        (b"VP8L", &picture),
        (b"ICCP", &[7; 8]),
    ])
    .bytes()
    .to_vec();
    let at = endless.len() - 12;
    endless[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    is_bounded("a profile without an end", &endless);
}

/// A PNG of 90 × 50 pixels with these chunks before its pixels.
fn png_with(chunks: &[u8]) -> Vec<u8> {
    with_chunk(&quarters_png((90, 50)), chunks).bytes().to_vec()
}

/// Zeros, packed a thousand times as small.
fn packed_zeros(length: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..length >> 20 {
        packed.write_all(&zeros).unwrap();
    }
    packed.finish().unwrap()
}

#[test]
fn a_png_of_very_many_or_very_long_chunks() {
    let gigabyte = packed_zeros(1 << 30);
    for (name, kind, data, times) in [
        ("empty texts", b"tEXt", Vec::new(), 2_000_000),
        ("texts", b"tEXt", b"key\0value".to_vec(), 1_000_000),
        ("unknown chunks", b"ruBb", Vec::new(), 2_000_000),
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
        ("EXIF data", b"eXIf", Vec::new(), 2_000_000),
        ("long EXIF data", b"eXIf", vec![7; 40_000_000], 1),
        ("palettes", b"PLTE", vec![7; 768], 50_000),
        ("a long text", b"tEXt", vec![b'a'; 40_000_000], 1),
        (
            "suggested palettes",
            b"sPLT",
            b"key\0\x08".to_vec(),
            1_000_000,
        ),
        ("histograms", b"hIST", vec![0; 512], 80_000),
    ] {
        is_bounded(name, &png_with(&png_chunk(kind, &data).repeat(times)));
    }
}

/// A PNG of this size and kind: eight bits of depth or sixteen, with these chunks in the place of its pixels.
fn png_file(
    (width, height): Size,
    (depth, colour, passes): (u8, u8, u8),
    chunks: &[u8],
) -> Vec<u8> {
    let sides = [width, height].map(u32::to_be_bytes).concat();
    let ihdr = [&sides[..], &[depth, colour, 0, 0, passes]].concat();
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
    let gigabytes = png_chunk(b"IDAT", &packed_zeros(4 << 30));
    let small = (64, 64);
    for (name, kind) in [("grey", (8, 0, 0)), ("in passes", (16, 6, 1))] {
        is_bounded(&format!("bomb, {name}"), &png_file(small, kind, &gigabytes));
    }
    let packed = packed_zeros(1 << 20);
    let piece = |byte: &u8| png_chunk(b"IDAT", &[*byte]);
    let pieces: Vec<u8> = packed.iter().flat_map(piece).collect();
    is_bounded("pieces", &png_file((1_000, 1_000), (8, 0, 0), &pieces));
    let empty = png_chunk(b"IDAT", b"");
    for (name, chunks) in [
        ("empty pieces", empty.repeat(3_000_000)),
        ("as many empty pieces as may be", empty.repeat(10_000)),
        (
            "empty pieces before pixels",
            [empty.repeat(3_000_000), pieces].concat(),
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
    let pixels = png_chunk(b"IDAT", &packed_zeros(64 << 20));
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
        segment(0xE2, &[&head[..], &[7; 65_000]].concat())
    };
    let profiles: Vec<u8> = (1..=255).flat_map(profile).collect();
    for (name, segments) in [
        ("code tables", segment(0xC4, &table).repeat(200_000)),
        (
            "quantisation tables",
            segment(0xDB, &[1; 65]).repeat(200_000),
        ),
        ("empty comments", segment(0xFE, b"").repeat(2_000_000)),
        ("EXIF data", segment(0xE1, &[7; 65_000]).repeat(700)),
        ("Adobe's words", segment(0xEE, b"Adobe").repeat(1_000_000)),
        ("profiles", profiles),
        (
            "restart intervals",
            segment(0xDD, &[0, 1]).repeat(1_000_000),
        ),
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

#[test]
fn the_tables_of_real_pictures_are_counted_and_leave_them_readable() {
    for size in [(1, 1), (90, 50), (400, 300)] {
        let picture = quarters_vp8l(size);
        let file = webp(&[(b"VP8L", &picture)]);
        let FormatHeader::WebP(header) = Header::of(&file).unwrap().format else {
            panic!("{size:?}")
        };
        assert!((1..400_000).contains(&header.table_bytes), "{header:?}");
        assert!(copy_of(&file, size).is_ok());
    }
}
