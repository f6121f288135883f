//! WebP files that take much.

use super::{
    super::samples::{quarters_vp8l, vp8x, webp},
    *,
};

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
            if self.count.is_multiple_of(8) {
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
    // No transform; a cache of 2,048 colors; groups that are assigned by blocks of four pixels.
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
        assert_eq!(
            Header::of(&file),
            Err(ImageProcessingError::Undecodable),
            "{name}"
        );
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
