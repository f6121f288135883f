//! The one thing that is read of EXIF data: which way up the image is.

use image::metadata::Orientation;

use super::bytes::{be16, be32, le16, le32};

/// The tag of the orientation.
const ORIENTATION: u16 = 0x0112;
/// The length of an entry in bytes: tag, type, count, value.
const ENTRY: usize = 12;

/// EXIF data without what stands before it in a JPEG, and by mistake in other files, too: a name, a zero, and a
/// byte that may be anything.
pub(super) fn without_exif_name(data: &[u8]) -> Option<&[u8]> {
    match data {
        [b'E', b'x', b'i', b'f', 0, _, exif @ ..] => Some(exif),
        _ => None,
    }
}

/// The orientation in EXIF data. A value that is not an orientation (0, 9, a text, several numbers) counts as none.
///
/// The standard has one number of 16 bits. Other writers use 8 or 32 bits, or put the 16 bits into the
/// second half of the field; what they mean is certain, since all else in the field is zero.
pub(super) fn orientation(exif: &[u8]) -> Orientation {
    let tiff = without_exif_name(exif).unwrap_or(exif);
    let number = tiff_orientation(tiff).and_then(|number| u8::try_from(number).ok());
    let orientation = number.and_then(Orientation::from_exif);
    orientation.unwrap_or(Orientation::NoTransforms)
}

/// The number of the first entry that can be one.
fn tiff_orientation(tiff: &[u8]) -> Option<u32> {
    let is_big = match tiff.first_chunk()? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let two = |at| {
        if is_big {
            be16(tiff, at)
        } else {
            le16(tiff, at)
        }
    };
    let four = |at| {
        if is_big {
            be32(tiff, at)
        } else {
            le32(tiff, at)
        }
    };
    let directory = usize::try_from(four(4)?).ok()?;
    let count = two(directory)?;
    let first = directory.checked_add(2)?;
    (0..usize::from(count))
        .map_while(|number| {
            let entry = first.checked_add(number * ENTRY)?;
            // Only what is there as a whole.
            tiff.get(entry..entry.checked_add(ENTRY)?)?;
            Some((two(entry)?, two(entry + 2)?, four(entry + 4)?, entry + 8))
        })
        .filter(|(tag, _, count, _)| *tag == ORIENTATION && *count == 1)
        .find_map(|(_, kind, _, value)| match kind {
            // BYTE, SBYTE
            1 | 6 => alone([
                u32::from(*tiff.get(value)?),
                u32::from(*tiff.get(value + 1)?),
                u32::from(two(value + 2)?),
            ]),
            // SHORT, SSHORT
            3 | 8 => Some(short(u32::from(two(value)?), u32::from(two(value + 2)?))),
            // LONG, SLONG
            4 | 9 => four(value),
            _ => None,
        })
}

/// The first half, where there is something in it; some writers leave junk in the second one.
fn short(first: u32, second: u32) -> u32 {
    if first == 0 { second } else { first }
}

/// The only part of a field that is not zero.
fn alone<const N: usize>(parts: [u32; N]) -> Option<u32> {
    let mut parts = parts.into_iter().filter(|part| *part != 0);
    parts.next().filter(|_| parts.next().is_none())
}
