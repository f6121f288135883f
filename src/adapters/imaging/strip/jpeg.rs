//! JPEG: segments behind markers (ITU-T T.81, annex B), and the data of scans between them. Ends at the first end marker:
//! second images and videos lie behind it.

use memchr::memchr_iter;

const START: [u8; 2] = [0xFF, 0xD8];
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;
/// The length of a JFIF segment without a thumbnail, in bytes; the last two are the sides of the thumbnail.
const JFIF: usize = 14;
/// The length of Adobe's segment, which says what the components are, in bytes.
const ADOBE: usize = 12;

pub(super) fn strip(file: &[u8]) -> Option<Vec<u8>> {
    let mut rest = file.strip_prefix(&START)?;
    let mut kept = Vec::with_capacity(file.len());
    kept.extend_from_slice(&START);
    let mut has_scan = false;
    loop {
        let marker = marker(&mut rest)?;
        if marker == END {
            kept.extend_from_slice(&[0xFF, END]);
            return Some(kept);
        }
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
        let (segment, tail) = rest.split_at_checked(length)?;
        let data = segment.get(2..)?;
        rest = tail;
        match marker {
            // Tables of numbers, the interval of restarts, frame headers.
            0xC0..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xDB | 0xDD => put(&mut kept, marker, data),
            SCAN => {
                has_scan = true;
                put(&mut kept, marker, data);
                let (scan, tail) = rest.split_at(scan_length(rest));
                kept.extend_from_slice(scan);
                rest = tail;
            }
            // Readers look for these before the first scan only.
            0xE0..=0xEF | 0xFE if has_scan => {}
            0xE0 if data.starts_with(b"JFIF\0") => {
                if let Some(mut jfif) = data.first_chunk::<JFIF>().copied() {
                    jfif[JFIF - 2..].fill(0);
                    put(&mut kept, marker, &jfif);
                }
            }
            0xE2 if data.starts_with(b"ICC_PROFILE\0") => put(&mut kept, marker, data),
            0xEE if data.starts_with(b"Adobe") => {
                if let Some(adobe) = data.first_chunk::<ADOBE>() {
                    put(&mut kept, marker, adobe);
                }
            }
            // Of applications, and comments.
            0xE0..=0xEF | 0xFE => {}
            // Arithmetic coding, a height that follows the picture, and what is reserved: few readers know them.
            _ => return None,
        }
    }
}

/// Takes a marker off the front, with the bytes that may fill up the space before it.
fn marker(rest: &mut &[u8]) -> Option<u8> {
    let mut tail = rest.strip_prefix(&[0xFF])?;
    while let Some(more) = tail.strip_prefix(&[0xFF]) {
        tail = more;
    }
    let (marker, tail) = tail.split_first()?;
    *rest = tail;
    Some(*marker)
}

fn put(kept: &mut Vec<u8>, marker: u8, data: &[u8]) {
    // As long as it was, or shorter.
    let length = u16::try_from(data.len() + 2).unwrap_or(u16::MAX);
    kept.extend_from_slice(&[0xFF, marker]);
    kept.extend_from_slice(&length.to_be_bytes());
    kept.extend_from_slice(data);
}

/// The length of the data of a scan: up to a marker that is none for restarts, and no 0xFF of the data, which a zero
/// follows.
fn scan_length(data: &[u8]) -> usize {
    let is_data = |at: &usize| matches!(data.get(at + 1), Some(0x00 | 0xD0..=0xD7));
    memchr_iter(0xFF, data)
        .find(|at| !is_data(at))
        .unwrap_or(data.len())
}
