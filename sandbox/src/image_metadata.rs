//! Finds what an image file holds beside the image. Used by the stand-ins that receive images.
//!
//! It reads the containers by itself: a library that the service strips metadata with would be blind to
//! the same things.

/// What stands in the file beside what draws the image: the names of segments or chunks, in order. Empty for a
/// file without metadata, and for a format other than JPEG, PNG and WebP.
pub(super) fn find(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    if bytes.starts_with(&[0xff, 0xd8]) {
        jpeg(bytes, &mut found);
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        png(bytes, &mut found);
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        webp(bytes, &mut found);
    }
    found
}

const TRAILING: &str = "bytes behind the image";

/// ITU-T T.81: markers, of which most have a length, with scans between them.
fn jpeg(bytes: &[u8], found: &mut Vec<String>) {
    let mut at = 2;
    while let Some(position) = bytes.get(at..).and_then(next_marker) {
        at += position;
        let marker = bytes.get(at + 1).copied().unwrap_or_default();
        if marker == 0xd9 {
            if bytes.len() > at + 2 {
                found.push(TRAILING.to_owned());
            }
            return;
        }
        let length = bytes.get(at + 2..at + 4).map_or(0, |it| {
            usize::from(it.first().copied().unwrap_or_default()) << 8
                | usize::from(it.get(1).copied().unwrap_or_default())
        });
        let content = bytes.get(at + 4..at + 2 + length).unwrap_or_default();
        found.extend(jpeg_segment(marker, content));
        at += 2 + length;
    }
}

/// The place of the next marker that is neither a stuffed byte nor a restart.
fn next_marker(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(
        |pair| matches!(pair, [0xff, marker] if !matches!(marker, 0 | 0xd0..=0xd7 | 0xff)),
    )
}

fn jpeg_segment(marker: u8, content: &[u8]) -> Option<String> {
    let name = match marker {
        0xe0..=0xef => format!("APP{}", marker - 0xe0),
        0xfe => return Some("COM".to_owned()),
        _ => return None,
    };
    let has_thumbnail = content.get(12..14).is_some_and(|size| size != [0, 0]);
    match marker {
        0xe0 if content.starts_with(b"JFIF\0") && !has_thumbnail => None,
        0xe2 if content.starts_with(b"ICC_PROFILE\0") => None,
        0xee if content.starts_with(b"Adobe") => None,
        _ => {
            let kind = content.iter().take_while(|byte| byte.is_ascii_graphic());
            let kind: String = kind.map(|byte| char::from(*byte)).take(32).collect();
            Some(format!("{name} {kind}").trim_end().to_owned())
        }
    }
}

fn png(bytes: &[u8], found: &mut Vec<String>) {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((length, kind)) = png_chunk(rest) {
        rest = rest.get(length.saturating_add(12)..).unwrap_or_default();
        match kind.as_str() {
            "IEND" => {
                if !rest.is_empty() {
                    found.push(TRAILING.to_owned());
                }
                return;
            }
            "IHDR" | "PLTE" | "IDAT" | "tRNS" | "gAMA" | "cHRM" | "sRGB" | "iCCP" | "sBIT"
            | "pHYs" | "cICP" => {}
            _ => found.push(kind),
        }
    }
}

fn png_chunk(rest: &[u8]) -> Option<(usize, String)> {
    let length = u32::from_be_bytes(*rest.first_chunk()?);
    let kind = String::from_utf8_lossy(rest.get(4..8)?).into_owned();
    Some((usize::try_from(length).ok()?, kind))
}

fn webp(bytes: &[u8], found: &mut Vec<String>) {
    let whole = word(bytes.get(4..)).unwrap_or_default().saturating_add(8);
    let mut rest = bytes.get(12..whole.min(bytes.len())).unwrap_or_default();
    while let (Some(kind), Some(length)) = (rest.get(..4), word(rest.get(4..))) {
        let kind = String::from_utf8_lossy(kind).into_owned();
        match kind.as_str() {
            // The bits of EXIF and XMP among the flags of the extended header.
            "VP8X" if rest.get(8).is_some_and(|flags| flags & 0b1100 != 0) => {
                found.push("VP8X flags".to_owned());
            }
            "VP8X" | "VP8 " | "VP8L" | "ALPH" | "ANIM" | "ANMF" | "ICCP" => {}
            _ => found.push(kind),
        }
        let padded = length.saturating_add(length % 2);
        rest = rest.get(padded.saturating_add(8)..).unwrap_or_default();
    }
    if bytes.len() > whole {
        found.push(TRAILING.to_owned());
    }
}

fn word(bytes: Option<&[u8]>) -> Option<usize> {
    let word = u32::from_le_bytes(*bytes?.first_chunk()?);
    usize::try_from(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;

    fn with(bytes: &[u8], at: usize, more: &[u8]) -> Vec<u8> {
        [&bytes[..at], more, &bytes[at..]].concat()
    }

    #[test]
    fn images_as_encoders_write_them_hold_no_metadata() {
        for sample in crate::sample_images().unwrap().concat() {
            assert_eq!(find(&sample.bytes), [""; 0], "{}", sample.name);
        }
        assert_eq!(find(b"GIF89a"), [""; 0]);
    }

    #[test]
    fn metadata_of_a_jpeg_is_named() {
        let plain = Sample::jpeg("a.jpg", 40, 30, 1).unwrap().bytes;
        let exif = b"\xff\xe1\x00\x0cExif\0\0abcd";
        let comment = b"\xff\xfe\x00\x06home";
        let profile = b"\xff\xe2\x00\x10ICC_PROFILE\0\x01\x01";
        let parts = with(&plain, 2, &[&exif[..], comment, profile].concat());
        assert_eq!(find(&parts), ["APP1 Exif", "COM"]);
        assert_eq!(find(&with(&plain, plain.len(), b"\0")), [TRAILING]);
        // A comment between the tables and the scan is found, and one behind the scan.
        let behind_scan = with(&plain, plain.len() - 2, comment);
        assert_eq!(find(&behind_scan), ["COM"]);
    }

    #[test]
    fn a_thumbnail_of_jfif_is_metadata() {
        let plain = Sample::jpeg("a.jpg", 40, 30, 1).unwrap().bytes;
        let jfif = b"\xff\xe0\x00\x13JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01abc";
        assert_eq!(find(&with(&plain, 2, jfif)), ["APP0 JFIF"]);
    }

    #[test]
    fn metadata_of_a_png_is_named() {
        let plain = Sample::png("a.png", 40, 30, 1).unwrap().bytes;
        // Behind the header: 8 bytes of signature, 25 of IHDR.
        let text = b"\0\0\0\x03tEXta\0b\0\0\0\0";
        assert_eq!(find(&with(&plain, 33, text)), ["tEXt"]);
        assert_eq!(find(&with(&plain, plain.len(), b"xyz")), [TRAILING]);
    }

    #[test]
    fn metadata_of_a_webp_is_named() {
        let plain = Sample::webp("a.webp", 40, 30, 1).unwrap().bytes;
        let mut extended = with(&plain, 12, b"VP8X\x0a\0\0\0\x08\0\0\0\x27\0\0\x1d\0\0");
        extended.extend_from_slice(b"EXIF\x03\0\0\0abc\0");
        let length = u32::try_from(extended.len() - 8).unwrap();
        extended[4..8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(find(&extended), ["VP8X flags", "EXIF"]);
        assert_eq!(find(&with(&plain, plain.len(), b"xyz")), [TRAILING]);
    }
}
