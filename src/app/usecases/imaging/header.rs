//! What an image's header says of its size, and of the memory that decoding it takes. Read off
//! the bytes where they lie: a decoder would copy the file, or unpack what a hostile one has put
//! before its pixels, to answer the same.

use memchr::memmem;

use super::ScaleError;
use crate::domain::image::{EncodedImage, ImageFormat};

/// How often a colour profile is held, at most: in its parts, put together, and in the file of the
/// copy, which grows by doubling.
pub(super) const PROFILE_COPIES: u64 = 4;

/// What is known of an image before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// As it is stored, whichever way up; never 0.
    pub(super) width: u32,
    /// As it is stored, whichever way up; never 0.
    pub(super) height: u32,
    /// What its pixels take when they are decoded, in bytes.
    pub(super) pixel_bytes: u64,
    /// The most that a decoder holds beside them, in bytes.
    pub(super) working_bytes: u64,
    /// What else a JPEG says.
    pub(super) jpeg: Option<JpegHeader>,
}

/// What is known of a JPEG before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JpegHeader {
    /// How many there are: one for grey, three for colours.
    pub(super) components: u8,
    /// How often it goes over its blocks, at most.
    pub(super) scans: usize,
    /// What all its coefficients take while they are put together, in bytes; 0 if they are told at
    /// once.
    pub(super) coefficient_bytes: u64,
    /// How long its colour profile is at most, in bytes.
    pub(super) profile_bytes: u64,
    /// Where its first pixels begin in the file, in bytes.
    pub(super) length: usize,
}

impl Header {
    /// Reads the header. Decodes nothing, and allocates nothing.
    ///
    /// # Errors
    /// [`ScaleError::Undecodable`] when there is none.
    pub(super) fn of(image: &EncodedImage) -> Result<Self, ScaleError> {
        let bytes = image.bytes();
        let header = match image.format() {
            ImageFormat::Jpeg => jpeg(bytes),
            ImageFormat::Png => png(bytes),
            ImageFormat::WebP => webp(bytes),
        };
        header
            .filter(|header| header.width > 0 && header.height > 0)
            .ok_or(ScaleError::Undecodable)
    }

    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    fn new(
        (width, height): (u32, u32),
        bytes_per_pixel: u64,
        working_bytes: impl FnOnce(u64) -> u64,
    ) -> Self {
        let pixels = u64::from(width) * u64::from(height);
        Self {
            width,
            height,
            pixel_bytes: pixels.saturating_mul(bytes_per_pixel),
            working_bytes: working_bytes(pixels),
            jpeg: None,
        }
    }
}

/// PNG: the first chunk has the size; a `tRNS` chunk before the pixels adds transparency. Rows are
/// decoded into their place, palettes and bits as whole bytes.
fn png(bytes: &[u8]) -> Option<Header> {
    let mut chunks = bytes.get(8..)?;
    let (kind, ihdr) = png_chunk(&mut chunks)?;
    if kind != b"IHDR" {
        return None;
    }
    let size = (be32(ihdr, 0)?, be32(ihdr, 4)?);
    let (depth, colour) = (*ihdr.get(8)?, *ihdr.get(9)?);
    let mut transparent = false;
    loop {
        match png_chunk(&mut chunks)?.0 {
            b"IDAT" => break,
            b"tRNS" => transparent = true,
            _ => {}
        }
    }
    let channels = match colour {
        0 => 1 + u64::from(transparent),
        2 | 3 => 3 + u64::from(transparent),
        4 => 2,
        6 => 4,
        _ => return None,
    };
    let bytes_per_channel = if depth == 16 { 2 } else { 1 };
    Some(Header::new(size, channels * bytes_per_channel, |_| 0))
}

/// Takes a chunk off the front. The first one with pixels may be cut off.
fn png_chunk<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let length = usize::try_from(be32(rest, 0)?).ok()?;
    let (kind, tail) = rest.get(4..)?.split_at_checked(4)?;
    let data = tail.get(..length).unwrap_or(tail);
    // The checksum is the decoder's business.
    *rest = tail.get(length.saturating_add(4)..).unwrap_or_default();
    Some((kind, data))
}

/// JPEG: segments up to the first scan. A file that is not told in one scan is decoded by way of
/// all its coefficients, two bytes for each sample. The decoder copies the file, too, and the
/// profile out of it.
fn jpeg(bytes: &[u8]) -> Option<Header> {
    let mut rest = bytes.get(2..)?;
    let (mut frame, mut profile_bytes) = (None, 0);
    loop {
        let (marker, segment) = jpeg_segment(&mut rest)?;
        match marker {
            // Tables and extensions that lie among the frame headers.
            0xC4 | 0xC8 | 0xCC => {}
            0xC0..=0xCF => frame = Some((marker, segment)),
            0xE2 => profile_bytes += segment.len() as u64,
            0xDA => {
                let (marker, frame) = frame?;
                let (size, mut jpeg) = jpeg_frame(marker, frame, *segment.first()?)?;
                jpeg.profile_bytes = profile_bytes;
                jpeg.length = bytes.len() - rest.len();
                if jpeg.coefficient_bytes > 0 {
                    // Among coefficients the two bytes do not occur; elsewhere they may.
                    jpeg.scans = memmem::find_iter(bytes, b"\xFF\xDA").count();
                }
                let working_bytes =
                    bytes.len() as u64 + jpeg.coefficient_bytes + PROFILE_COPIES * profile_bytes;
                let channels = if jpeg.components == 1 { 1 } else { 3 };
                return Some(Header {
                    jpeg: Some(jpeg),
                    ..Header::new(size, channels, |_| working_bytes)
                });
            }
            _ => {}
        }
    }
}

/// Takes a segment off the front, and whatever lies before it.
fn jpeg_segment<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    loop {
        let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF);
        let start = rest.windows(2).position(is_marker)?;
        let marker = rest[start + 1];
        *rest = &rest[start + 2..];
        match marker {
            // Markers that stand alone.
            0x01 | 0xD0..=0xD8 => {}
            0xD9 => return None,
            _ => {
                let length = usize::from(be16(rest, 0)?);
                let segment = rest.get(2..length)?;
                *rest = &rest[length..];
                return Some((marker, segment));
            }
        }
    }
}

fn jpeg_frame(marker: u8, frame: &[u8], of_scan: u8) -> Option<((u32, u32), JpegHeader)> {
    let (height, width) = (be16(frame, 1)?, be16(frame, 3)?);
    let count = *frame.get(5)?;
    let sampling = |component: &[u8]| (u64::from(component[1] >> 4), u64::from(component[1] & 15));
    let components = frame.get(6..6 + 3 * usize::from(count))?.chunks_exact(3);
    let (mut across, mut down, mut samples_of_block) = (1, 1, 0);
    for (h, v) in components.map(sampling) {
        (across, down) = (across.max(h), down.max(v));
        samples_of_block += 64 * h * v;
    }
    let blocks = u64::from(width).div_ceil(8 * across) * u64::from(height).div_ceil(8 * down);
    let is_progressive = marker & 3 == 2;
    let coefficient_bytes = if is_progressive || of_scan < count {
        2 * blocks * samples_of_block
    } else {
        0
    };
    let jpeg = JpegHeader {
        components: count,
        scans: 1,
        coefficient_bytes,
        profile_bytes: 0,
        length: 0,
    };
    Some(((u32::from(width), u32::from(height)), jpeg))
}

/// WebP: the first chunk tells the size, in one of three ways. Beside the pixels there are the
/// planes of a lossy image, the pixels of one that is lossless, the transparency, or the frame
/// and the canvas of an animation.
fn webp(bytes: &[u8]) -> Option<Header> {
    let (kind, data) = (bytes.get(12..16)?, bytes.get(20..)?);
    let (size, transparent, animated) = match kind {
        b"VP8 " => {
            if data.get(3..6)? != [0x9D, 0x01, 0x2A] {
                return None;
            }
            let side = |at| Some(u32::from(le16(data, at)? & 0x3FFF));
            ((side(6)?, side(8)?), false, false)
        }
        b"VP8L" => {
            let bits = u32::from(le16(data, 1)?) | (u32::from(le16(data, 3)?) << 16);
            let size = ((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1);
            (size, (bits >> 28) & 1 == 1, false)
        }
        b"VP8X" => {
            let side =
                |at| Some((u32::from(le16(data, at)?) | (u32::from(*data.get(at + 2)?) << 16)) + 1);
            let flags = *data.first()?;
            ((side(4)?, side(7)?), flags & 0x10 != 0, flags & 0x02 != 0)
        }
        _ => return None,
    };
    let working_bytes_per_pixel = match (animated, transparent) {
        (true, _) => 8,
        (false, true) => 7,
        (false, false) => 4,
    };
    Some(Header::new(size, 3 + u64::from(transparent), |pixels| {
        pixels * working_bytes_per_pixel
    }))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*field))
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*field))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*field))
}
