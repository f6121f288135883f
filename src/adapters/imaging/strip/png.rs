//! PNG: chunks with a checksum. What lies behind the last chunk goes, like the rest of a larger image that a program has
//! cropped and not cut off.

use super::super::header_reader::png::chunk;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";
/// The chunks that stay, and the most bytes that each has by the standard.
const KEPT: [(&[u8; 4], usize); 12] = [
    (b"IHDR", 13),
    (b"PLTE", 3 * 256),
    (b"IDAT", usize::MAX),
    (b"IEND", 0),
    (b"tRNS", 256),
    (b"gAMA", 4),
    (b"cHRM", 32),
    (b"sRGB", 1),
    (b"iCCP", usize::MAX),
    (b"sBIT", 4),
    (b"pHYs", 9),
    (b"cICP", 4),
];

pub(super) fn strip(file: &[u8]) -> Option<Vec<u8>> {
    let mut rest = file.strip_prefix(SIGNATURE)?;
    let mut kept = Vec::with_capacity(file.len());
    kept.extend_from_slice(SIGNATURE);
    loop {
        let before = rest;
        let chunk = chunk(&mut rest)?;
        let fits = |(kind, most): &(&[u8; 4], usize)| {
            chunk.kind == *kind && chunk.data.len() <= *most && chunk.is_whole
        };
        if KEPT.iter().any(fits) {
            kept.extend_from_slice(&before[..before.len() - rest.len()]);
        } else if !chunk.kind[0].is_ascii_lowercase() {
            // No reader can do without it.
            return None;
        }
        if chunk.kind == b"IEND" {
            return Some(kept);
        }
    }
}
