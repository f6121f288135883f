//! WebP: the first chunk tells the size, in one of three ways; those after it tell what it takes to decode.

use image::metadata::Orientation;

use super::{FormatHeader, Header, le16, le32, orientation};

/// What is known of a WebP before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct WebPHeader {
    pub(in super::super) kind: WebPKind,
    /// Whether the decoder gives the transparency of each pixel.
    pub(in super::super) transparent: bool,
    /// How many bytes its end lacks.
    pub(in super::super) missing: u64,
}

/// How the pixels are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum WebPKind {
    Lossy,
    Lossless,
    Animated,
}

impl WebPHeader {
    /// What its decoder holds for each pixel, beside the one that it gives, in bytes: the planes of a lossy
    /// image, with its transparency, which is told like a lossless image; the pixels of one that is lossless; or
    /// the frame and the canvas of an animation.
    pub(in super::super) fn working_bytes(self) -> u64 {
        match (self.kind, self.transparent) {
            (WebPKind::Lossy, false) => 2,
            (WebPKind::Lossy, true) => 7,
            (WebPKind::Lossless, false) => 4,
            (WebPKind::Lossless, true) => 0,
            (WebPKind::Animated, _) => 8,
        }
    }

    /// What it gives for each pixel, in bytes.
    pub(in super::super) fn pixel_bytes(self) -> u64 {
        3 + u64::from(self.transparent)
    }
}

pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    let (kind, data) = (bytes.get(12..16)?, bytes.get(20..)?);
    let mut webp = WebPHeader {
        kind: WebPKind::Lossy,
        transparent: false,
        missing: 0,
    };
    let (width, height) = match kind {
        b"VP8 " => {
            if data.get(3..6)? != [0x9D, 0x01, 0x2A] {
                return None;
            }
            let side = |at| Some(u32::from(le16(data, at)? & 0x3FFF));
            (side(6)?, side(8)?)
        }
        b"VP8L" => {
            let bits = le32(data, 1)?;
            webp.kind = WebPKind::Lossless;
            webp.transparent = (bits >> 28) & 1 == 1;
            ((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
        }
        b"VP8X" => {
            let side =
                |at| Some((u32::from(le16(data, at)?) | (u32::from(*data.get(at + 2)?) << 16)) + 1);
            let flags = *data.first()?;
            webp.transparent = flags & 0x10 != 0;
            if flags & 0x02 != 0 {
                webp.kind = WebPKind::Animated;
            }
            (side(4)?, side(7)?)
        }
        _ => return None,
    };
    let mut turned = None;
    let mut chunks = &bytes[12..];
    while let Some((kind, data)) = chunk(&mut chunks) {
        match kind {
            b"EXIF" => turned = turned.or_else(|| Some(orientation(data))),
            b"VP8L" if webp.kind == WebPKind::Lossy => webp.kind = WebPKind::Lossless,
            _ => {}
        }
    }
    // Eight bytes come before what is counted.
    let length = u64::from(le32(bytes, 4)?) + 8;
    webp.missing = length.saturating_sub(bytes.len() as u64);
    Some(Header {
        width,
        height,
        orientation: turned.unwrap_or(Orientation::NoTransforms),
        animated: webp.kind == WebPKind::Animated,
        damaged: webp.missing > 0,
        format: FormatHeader::WebP(webp),
    })
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
