//! PNG: the first chunk has the size and the kind of pixels; `PLTE` has their colors, where they are numbers of these; a
//! `tRNS` chunk before the pixels adds transparency, and `acTL` says that they move. Whether all chunks are there as they
//! were written is checked, too.

use image::metadata::Orientation;

use super::{
    super::header::{FormatHeader, Header, PngHeader},
    bytes::be32,
    exif::orientation,
};

/// A chunk of pixels that is shorter, in bytes, is a small piece.
const SMALL_PIECE: usize = 64;
/// How many small pieces a file may have: for each the library clears a buffer of 64 KiB, several times over, however
/// little is in it. Encoders write pieces of some KiB, or rows.
const MAX_SMALL_PIECES: usize = 10_000;

pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    let mut chunks = bytes.get(8..)?;
    let first = chunk(&mut chunks)?;
    if first.kind != b"IHDR" {
        return None;
    }
    let ihdr = first.data;
    let (width, height) = (be32(ihdr, 0)?, be32(ihdr, 4)?);
    let &[depth, color, compression, filter, interlace] = ihdr.get(8..)? else {
        return None;
    };
    // The others are none of the standard's (ISO/IEC 15948, 11.2.2), and no decoder reads them.
    let depths: &[u8] = match color {
        0 => &[1, 2, 4, 8, 16],
        2 | 4 | 6 => &[8, 16],
        3 => &[1, 2, 4, 8],
        _ => return None,
    };
    if !depths.contains(&depth) || compression != 0 || filter != 0 || interlace > 1 {
        return None;
    }
    let mut has_palette = false;
    let mut first_pixels = FirstPixels::default();
    let (mut transparent, mut animated, mut turned) = (false, false, None);
    let (mut pixels_begun, mut ended, mut whole) = (false, false, first.is_whole);
    let mut small_pieces = 0;
    while let Some(chunk) = chunk(&mut chunks) {
        match chunk.kind {
            b"IDAT" => {
                pixels_begun = true;
                first_pixels.read(chunk.data);
                small_pieces += usize::from(chunk.data.len() < SMALL_PIECE);
            }
            b"PLTE" => {
                has_palette |= !pixels_begun && (3..=768).contains(&chunk.data.len());
            }
            b"tRNS" => transparent |= !pixels_begun,
            b"acTL" => animated |= !pixels_begun,
            b"eXIf" => turned = turned.or_else(|| Some(orientation(chunk.data))),
            b"IEND" => ended = true,
            _ => {}
        }
        // Those that are not needed have a small letter in front.
        whole &= chunk.is_whole || chunk.kind[0].is_ascii_lowercase();
        if ended {
            break;
        }
    }
    let lacks_palette = color == 3 && !has_palette;
    if !first_pixels.are_there() || lacks_palette || small_pieces > MAX_SMALL_PIECES {
        return None;
    }
    let channels = match color {
        0 => 1 + u64::from(transparent),
        2 | 3 => 3 + u64::from(transparent),
        4 => 2,
        _ => 4,
    };
    let png = PngHeader {
        colored: !matches!(color, 0 | 4),
        pixel_bytes: channels * if depth == 16 { 2 } else { 1 },
        interlaced: interlace != 0,
    };
    Some(Header {
        width,
        height,
        orientation: turned.unwrap_or(Orientation::NoTransforms),
        animated,
        damaged: !(ended && whole),
        format: FormatHeader::Png(png),
    })
}

/// Unpacks the pixels as far as to see that there are any.
struct FirstPixels {
    unpacker: flate2::Decompress,
    is_bad: bool,
}

impl FirstPixels {
    /// A row begins with the number of its filter; the byte after it is a pixel's.
    const LEAST: usize = 2;

    fn read(&mut self, packed: &[u8]) {
        if self.is_bad || self.are_there() {
            return;
        }
        let flush = flate2::FlushDecompress::None;
        let mut unpacked = [0; Self::LEAST];
        self.is_bad = self
            .unpacker
            .decompress(packed, &mut unpacked, flush)
            .is_err();
    }

    fn are_there(&self) -> bool {
        self.unpacker.total_out() >= Self::LEAST as u64
    }
}

impl Default for FirstPixels {
    fn default() -> Self {
        Self {
            unpacker: flate2::Decompress::new(true),
            is_bad: false,
        }
    }
}

/// A part of a PNG.
pub(in super::super) struct Chunk<'a> {
    pub(in super::super) kind: &'a [u8],
    pub(in super::super) data: &'a [u8],
    /// Whether it is all there, and as its checksum says.
    pub(in super::super) is_whole: bool,
}

/// Takes a chunk off the front. The last one may be cut off.
pub(in super::super) fn chunk<'a>(rest: &mut &'a [u8]) -> Option<Chunk<'a>> {
    let length = usize::try_from(be32(rest, 0)?).ok()?;
    let body = rest.get(4..)?;
    let (kind, tail) = body.split_at_checked(4)?;
    let end = length.saturating_add(4);
    let is_whole = body
        .get(..end)
        .is_some_and(|checked| be32(body, end) == Some(crc32fast::hash(checked)));
    *rest = tail.get(end..).unwrap_or_default();
    Some(Chunk {
        kind,
        data: tail.get(..length).unwrap_or(tail),
        is_whole,
    })
}
