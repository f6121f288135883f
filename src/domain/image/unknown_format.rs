//! Files that are called images and are none that is taken: what they are, by their first bytes, so that
//! their owner knows what to do.

use std::fmt;

/// How far into a file is looked for what it is, in bytes.
const HEAD: usize = 512;

/// A file is of a format that is not taken. Says which, and what is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownFormat(&'static str);

impl UnknownFormat {
    /// Looks at the first bytes of a file that is no JPEG, PNG or WebP.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let head = &bytes[..bytes.len().min(HEAD)];
        Self(
            media(head)
                .or_else(|| text(head))
                .unwrap_or(if head.is_empty() {
                    "empty"
                } else {
                    "not an image that is known"
                }),
        )
    }

    /// What the file is, to stand behind "the file is".
    #[must_use]
    pub fn found(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the file is {}, whatever its name says; JPEG, PNG and WebP are taken",
            self.0
        )
    }
}

impl std::error::Error for UnknownFormat {}

fn media(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [_, _, _, _, b'f', b't', b'y', b'p', brands @ ..] => iso_media(head, brands),
        [0, 0, 0, 0x0C, b'J', b'X', b'L', b' ', ..] | [0xFF, 0x0A, ..] => "a JPEG XL image",
        [0, 0, 0, 0x0C, b'j', b'P', b' ', b' ', ..] | [0xFF, 0x4F, 0xFF, 0x51, ..] => {
            "a JPEG 2000 image"
        }
        [b'G', b'I', b'F', b'8', ..] => "a GIF image",
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => {
            "a TIFF image or a camera's raw file"
        }
        [b'I', b'I', b'R' | b'U', ..] | [b'F', b'U', b'J', b'I', b'F', b'I', b'L', b'M', ..] => {
            "a camera's raw file"
        }
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => "a BMP image",
        [b'8', b'B', b'P', b'S', ..] => "a Photoshop file",
        [0, 0, 1 | 2, 0, ..] => "an icon",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [b'%', b'!', b'P', b'S', ..] => "a PostScript document",
        [b'P', b'K', 3, 4, ..] => "a ZIP archive",
        [0x1A, 0x45, 0xDF, 0xA3, ..] => "a WebM or Matroska video",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'A',
            b'V',
            b'I',
            b' ',
            ..,
        ] => "an AVI video",
        [0xFF, 0xD8, ..] | [0x89, b'P', b'N', b'G', ..] | [b'R', b'I', b'F', b'F', ..] => {
            "the beginning of an image that is broken"
        }
        _ => return None,
    })
}

/// By the brands that a file of boxes claims to be of: the first, its version, and all others.
fn iso_media(head: &[u8], brands: &[u8]) -> &'static str {
    let length = head.first_chunk().map_or(0, |it| u32::from_be_bytes(*it));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let brands = &brands[..brands.len().min(length.saturating_sub(8).max(4))];
    let any = |known: &[&[u8]]| brands.chunks_exact(4).any(|brand| known.contains(&brand));
    if any(&[b"avif", b"avis"]) {
        "an AVIF image"
    } else if any(&[
        b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"mif2",
        b"msf1", b"heif",
    ]) {
        "a HEIC image (HEIF, as iPhones make them)"
    } else if any(&[b"crx "]) {
        "a camera's raw file"
    } else if any(&[b"jp2 ", b"jpx "]) {
        "a JPEG 2000 image"
    } else {
        "an MP4 or QuickTime video"
    }
}

fn text(head: &[u8]) -> Option<&'static str> {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let head = head.trim_ascii_start();
    let begins = |with: &[u8]| {
        head.get(..with.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(with))
    };
    let holds = |word: &[u8]| {
        head.windows(word.len())
            .any(|it| it.eq_ignore_ascii_case(word))
    };
    if begins(b"<!doctype html") || begins(b"<html") {
        Some("an HTML page")
    } else if begins(b"<svg") || (begins(b"<?xml") || begins(b"<!--")) && holds(b"<svg") {
        Some("an SVG drawing")
    } else if begins(b"<?xml") {
        Some("an XML document")
    } else if begins(b"version https://git-lfs") {
        Some("a pointer of Git LFS")
    } else if !head.is_empty() && is_text(head) {
        Some("a text")
    } else {
        None
    }
}

/// Whether it is UTF-8 without control characters; the last character may be cut off.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_bytes() {
        for (bytes, found) in [
            (
                &b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..],
                "a HEIC image (HEIF, as iPhones make them)",
            ),
            (
                b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
                "a HEIC image (HEIF, as iPhones make them)",
            ),
            (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "an AVIF image"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "an AVIF image"),
            (b"\0\0\0\x14ftypavis", "an AVIF image"),
            // The brands of what follows are none of this file.
            (
                b"\0\0\0\x10ftypisom\0\0\0\0heic",
                "an MP4 or QuickTime video",
            ),
            (
                b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
                "an MP4 or QuickTime video",
            ),
            (
                b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
                "a camera's raw file",
            ),
            (b"\xFF\x0A\xFA\x1F", "a JPEG XL image"),
            (b"\0\0\0\x0CJXL \r\n\x87\n", "a JPEG XL image"),
            (b"\0\0\0\x0CjP  \r\n\x87\n", "a JPEG 2000 image"),
            (b"GIF89a", "a GIF image"),
            (b"II*\0\x08\0\0\0", "a TIFF image or a camera's raw file"),
            (b"MM\0*\0\0\0\x08", "a TIFF image or a camera's raw file"),
            (b"BM\x36\x10\0\0\0\0\0\0\x36\0\0\0", "a BMP image"),
            (b"8BPS\0\x01", "a Photoshop file"),
            (b"%PDF-1.7", "a PDF document"),
            (b"<!DOCTYPE html><html>", "an HTML page"),
            (b"\xEF\xBB\xBF\n<HTML>", "an HTML page"),
            (b"<?xml version=\"1.0\"?><svg>", "an SVG drawing"),
            (b"{\"error\": \"not found\"}", "a text"),
            (b"PK\x03\x04", "a ZIP archive"),
            (b"\xFF\xD8", "the beginning of an image that is broken"),
            (b"\x01\x02\x03", "not an image that is known"),
            (b"", "empty"),
        ] {
            let told = UnknownFormat::of(bytes);
            assert_eq!(
                told.found(),
                found,
                "{:?}",
                bytes.escape_ascii().to_string()
            );
            assert!(told.to_string().ends_with("; JPEG, PNG and WebP are taken"));
        }
    }
}
