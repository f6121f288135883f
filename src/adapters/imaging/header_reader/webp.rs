//! WebP: the first chunk has the size, in one of three formats. The chunks after it show how much memory decoding
//! takes. What a picture's own header says has to match what the file says about it.

use image::metadata::Orientation;

use super::{
    super::{
        header::{FormatHeader, Header, WebPHeader, WebPKind},
        size::Size,
    },
    bytes::{le16, le32},
    exif::orientation,
    vp8l,
};

/// More pixels than are read of any WebP.
const MOST_PIXELS: u64 = 50_000_000;

pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    let chunks = bytes.get(12..)?;
    // What it says of itself is within it: what comes behind it may be left out.
    let (kind, data) = chunk(&mut { chunks })?;
    let (size, mut webp) = match kind {
        b"VP8 " => (lossy_size(data)?, WebPHeader::of(WebPKind::Lossy)),
        b"VP8L" => {
            let size = lossless_size(data)?;
            let webp = WebPHeader {
                transparent: (le32(data, 1)? >> 28) & 1 == 1,
                table_bytes: table_bytes(data, size),
                ..WebPHeader::of(WebPKind::Lossless)
            };
            (size, webp)
        }
        b"VP8X" => {
            let flags = *data.first()?;
            let size = (three_bytes(data, 4)? + 1, three_bytes(data, 7)? + 1);
            let transparent = flags & 0x10 != 0;
            let mut webp = if flags & 0x02 == 0 {
                still(chunks, size, transparent)?
            } else {
                moving(chunks, size)?
            };
            webp.transparent = transparent;
            (size, webp)
        }
        _ => return None,
    };
    if let Some(profile) = first(chunks, *b"ICCP") {
        webp.profile_bytes = profile.len() as u64;
    }
    let turned = first(chunks, *b"EXIF").map(orientation);
    // The length does not count the eight bytes before it.
    let length = u64::from(le32(bytes, 4)?) + 8;
    webp.missing = length.saturating_sub(bytes.len() as u64);
    Some(Header {
        width: size.0,
        height: size.1,
        orientation: turned.unwrap_or(Orientation::NoTransforms),
        animated: webp.kind == WebPKind::Animated,
        damaged: webp.missing > 0,
        format: FormatHeader::WebP(webp),
    })
}

/// The parts of an extended file that does not move. Its picture has the size of its canvas: the decoder makes room
/// for what a picture says of itself before it compares the two.
fn still(chunks: &[u8], canvas: Size, transparent: bool) -> Option<WebPHeader> {
    // Its decoder takes parts of a moving picture for parts of this one.
    if first(chunks, *b"ANMF").is_some() {
        return None;
    }
    let (lossy, lossless) = (first(chunks, *b"VP8 "), first(chunks, *b"VP8L"));
    match (lossy, lossless) {
        (Some(picture), None) if lossy_size(picture)? == canvas => {
            let alpha = first(chunks, *b"ALPH").filter(|_| transparent);
            Some(WebPHeader {
                table_bytes: alpha.map_or(0, |alpha| alpha_table_bytes(alpha, canvas)),
                ..WebPHeader::of(WebPKind::Lossy)
            })
        }
        (None, Some(picture)) if lossless_size(picture)? == canvas => Some(WebPHeader {
            table_bytes: table_bytes(picture, canvas),
            ..WebPHeader::of(WebPKind::Lossless)
        }),
        _ => None,
    }
}

/// The parts of a moving file. Its first frame lies within its canvas, and has the size that it is said to have.
fn moving(chunks: &[u8], canvas: Size) -> Option<WebPHeader> {
    let frame = first(chunks, *b"ANMF")?;
    let offset = (2 * three_bytes(frame, 0)?, 2 * three_bytes(frame, 3)?);
    let size = (three_bytes(frame, 6)? + 1, three_bytes(frame, 9)? + 1);
    let fits = offset.0 + size.0 <= canvas.0 && offset.1 + size.1 <= canvas.1;
    let mut parts = frame.get(16..)?;
    let mut webp = WebPHeader::of(WebPKind::Animated);
    let (mut kind, mut picture) = chunk(&mut parts)?;
    if kind == b"ALPH" {
        webp.table_bytes = alpha_table_bytes(picture, size);
        (kind, picture) = chunk(&mut parts).filter(|(kind, _)| *kind == b"VP8 ")?;
    }
    let told = match kind {
        b"VP8 " => lossy_size(picture)?,
        b"VP8L" => {
            webp.table_bytes = table_bytes(picture, size);
            lossless_size(picture)?
        }
        _ => return None,
    };
    (fits && told == size).then_some(webp)
}

/// What a lossless picture takes beside its pixels; nothing is counted of one that is too large to be read.
fn table_bytes(picture: &[u8], size: Size) -> u64 {
    let is_read = u64::from(size.0) * u64::from(size.1) <= MOST_PIXELS;
    let stream = picture.get(5..).filter(|_| is_read);
    stream.map_or(0, |stream| vp8l::table_bytes(stream, size))
}

/// The same for transparency, which is encoded plainly or like a lossless picture without a header.
fn alpha_table_bytes(alpha: &[u8], size: Size) -> u64 {
    let is_read = u64::from(size.0) * u64::from(size.1) <= MOST_PIXELS;
    match alpha {
        [info, stream @ ..] if info & 3 == 1 && is_read => vp8l::table_bytes(stream, size),
        _ => 0,
    }
}

fn lossy_size(picture: &[u8]) -> Option<Size> {
    if picture.get(3..6)? != [0x9D, 0x01, 0x2A] {
        return None;
    }
    let side = |at| Some(u32::from(le16(picture, at)? & 0x3FFF));
    Some((side(6)?, side(8)?))
}

fn lossless_size(picture: &[u8]) -> Option<Size> {
    let bits = le32(picture, 1)?;
    Some(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
}

/// A number of three bytes, the lowest first.
fn three_bytes(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(le16(data, at)?) | (u32::from(*data.get(at + 2)?) << 16))
}

/// What is in the first chunk of a kind.
fn first(mut chunks: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
    while let Some((kind, data)) = chunk(&mut chunks) {
        if kind == wanted {
            return Some(data);
        }
    }
    None
}

/// Takes a chunk off the front. The last one may be cut off.
fn chunk<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let length = usize::try_from(le32(rest, 4)?).ok()?;
    let (kind, tail) = (&rest[..4], &rest[8..]);
    let data = tail.get(..length).unwrap_or(tail);
    *rest = tail
        .get(length.saturating_add(length & 1)..)
        .unwrap_or_default();
    Some((kind, data))
}
