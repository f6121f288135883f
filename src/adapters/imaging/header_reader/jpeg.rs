//! JPEG: segments up to the first scan. A file with more than one scan is decoded by way of all its coefficients, two
//! bytes for each sample.

use image::metadata::Orientation;
use memchr::memmem;

use super::{
    super::header::{FormatHeader, Header, JpegHeader, Samples},
    bytes::be16,
    exif::{orientation, without_exif_name},
};

/// The bytes before each part of a color profile; its number and their count follow.
const PROFILE_NAME: &[u8] = b"ICC_PROFILE\0";
/// The marker of the end.
const END: &[u8] = b"\xFF\xD9";
/// How many scans a file may make over its blocks. Each scan costs the same, however little data the file has for it.
/// Later scans only refine the image, and are left out.
const MAX_SCANS: usize = 100;

impl JpegHeader {
    /// The color profile of the file whose header this is, put together.
    pub(in super::super) fn profile(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.profile_bytes == 0 {
            return None;
        }
        let mut rest = bytes.get(2..self.length)?;
        let mut parts = Vec::new();
        while let Some((marker, segment)) = segment(&mut rest) {
            if let (0xE2, Some([number, count, part @ ..])) =
                (marker, segment.strip_prefix(PROFILE_NAME))
            {
                parts.push((*number, *count, part));
            }
            if marker == 0xDA {
                break;
            }
        }
        parts.sort_by_key(|(number, ..)| *number);
        let numbers = parts.iter().map(|(number, ..)| usize::from(*number));
        let all_there = numbers.eq(1..=parts.len())
            && parts
                .iter()
                .all(|(_, count, _)| usize::from(*count) == parts.len());
        let profile: Vec<u8> = parts.iter().flat_map(|(.., part)| *part).copied().collect();
        (all_there && !profile.is_empty()).then_some(profile)
    }
}

pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    let mut rest = bytes.get(2..)?;
    let (mut frame, mut profile_bytes, mut inverted) = (None, 0, false);
    let mut turned = None;
    loop {
        let (marker, segment) = segment(&mut rest)?;
        match marker {
            // Tables and extensions that lie among the frame headers.
            0xC4 | 0xC8 | 0xCC => {}
            0xC0..=0xCF => frame = Some((marker, segment)),
            0xE1 => turned = turned.or_else(|| without_exif_name(segment).map(orientation)),
            0xE2 => profile_bytes += segment.len() as u64,
            0xEE => inverted |= segment.starts_with(b"Adobe"),
            0xDA => {
                let (marker, frame) = frame?;
                let ((width, height), mut jpeg) = frame_header(marker, frame, *segment.first()?)?;
                jpeg.profile_bytes = profile_bytes;
                jpeg.length = bytes.len() - rest.len();
                jpeg.inverted = inverted;
                jpeg.end = bytes.len();
                if jpeg.coefficient_bytes > 0 {
                    // Among coefficients the two bytes do not occur; elsewhere they may.
                    let mut scans = memmem::find_iter(rest, b"\xFF\xDA");
                    if let Some(at) = scans.nth(MAX_SCANS - 1) {
                        jpeg.end = jpeg.length + at;
                    }
                }
                // Without a single byte there is nothing to show, whatever is behind the next marker.
                if !matches!(rest, [0xFF, 0x00 | 0xD0..=0xD7, ..] | [0x00..=0xFE, ..]) {
                    return None;
                }
                let end = memmem::rfind(rest, END);
                return Some(Header {
                    width,
                    height,
                    orientation: turned.unwrap_or(Orientation::NoTransforms),
                    animated: false,
                    damaged: end.is_none() || jpeg.end < bytes.len(),
                    format: FormatHeader::Jpeg(jpeg),
                });
            }
            _ => {}
        }
    }
}

/// Takes a segment off the front, and whatever lies before it.
fn segment<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
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

fn frame_header(marker: u8, frame: &[u8], of_scan: u8) -> Option<((u32, u32), JpegHeader)> {
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
        samples: Samples {
            samples: samples_of_block,
            pixels: 64 * across * down,
        },
        coefficient_bytes,
        profile_bytes: 0,
        length: 0,
        end: 0,
        inverted: false,
    };
    Some(((u32::from(width), u32::from(height)), jpeg))
}
