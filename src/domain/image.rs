//! Images: their names, formats and hashes.

mod unknown_format;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use sha2::{Digest, Sha256};

pub use self::unknown_format::UnknownFormat;

/// The largest image that is published, in bytes (50 MiB).
pub const MAX_IMAGE_BYTES: u64 = 50 * 1024 * 1024;

/// The longest file name, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 255;
/// Endings of the files that count as images.
const ENDINGS: [&str; 4] = [".jpg", ".jpeg", ".png", ".webp"];

/// The file name of an image: one path component with an image's ending.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName(Arc<str>);

impl ImageName {
    /// Checks a file name.
    ///
    /// # Errors
    /// [`InvalidImageName`] says which rule it breaks.
    pub fn new(name: &str) -> Result<Self, InvalidImageName> {
        if name.is_empty() {
            return Err(InvalidImageName("must not be empty"));
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(InvalidImageName("must have at most 255 bytes"));
        }
        if name.contains(['/', '\\', '\0']) || name == ".." || name == "." {
            return Err(InvalidImageName(
                "must be a plain file name, without folders",
            ));
        }
        if name.chars().any(char::is_control) {
            return Err(InvalidImageName("must not hold control characters"));
        }
        if !has_image_ending(name) {
            return Err(InvalidImageName("must end in .jpg, .jpeg, .png or .webp"));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its ending.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.0.rsplit_once('.').map_or(&*self.0, |(stem, _)| stem)
    }
}

fn has_image_ending(name: &str) -> bool {
    let stem_len = |ending: &&str| name.len().checked_sub(ending.len()).filter(|len| *len > 0);
    ENDINGS.iter().any(|ending| {
        stem_len(ending)
            .and_then(|len| name.get(len..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(ending))
    })
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file name that no image can have, and the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidImageName(pub &'static str);

/// How an image is encoded, read from its first bytes and never from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
}

impl ImageFormat {
    /// Looks at the first bytes.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            _ => None,
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }

    /// The usual ending of its file names, with the dot.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Jpeg => ".jpg",
            Self::Png => ".png",
            Self::WebP => ".webp",
        }
    }
}

/// An encoded image. Cheap to clone: all copies share one buffer.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedImage {
    bytes: Bytes,
    format: ImageFormat,
}

impl EncodedImage {
    /// Takes in a file.
    ///
    /// # Errors
    /// [`UnknownFormat`] when its first bytes are not those of a format that is taken.
    pub fn new(bytes: Bytes) -> Result<Self, UnknownFormat> {
        match ImageFormat::sniff(&bytes) {
            Some(format) => Ok(Self { bytes, format }),
            None => Err(UnknownFormat::of(&bytes)),
        }
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How it is encoded.
    #[must_use]
    pub fn format(&self) -> ImageFormat {
        self.format
    }

    /// The SHA-256 of the file, in hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.bytes))
    }
}

impl fmt::Debug for EncodedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "EncodedImage({:?}, {} bytes)",
            self.format,
            self.bytes.len()
        )
    }
}

/// The hash by which storage knows a file's content without a download, and by which the same
/// content is the same image whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentHash(Arc<str>);

impl ContentHash {
    /// A hash that was computed elsewhere; `None` unless it is 64 hex digits.
    #[must_use]
    pub fn new(hash: &str) -> Option<Self> {
        let sound = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        sound.then(|| Self(hash.to_ascii_lowercase().into()))
    }

    /// A hash that was computed here.
    #[must_use]
    pub fn from_digest(digest: [u8; 32]) -> Self {
        Self(hex(&digest).into())
    }

    /// The hash of a file for tests.
    #[cfg(test)]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        (ContentHashKind::SHA256.of)(bytes)
    }

    /// The hash, as 64 lowercase hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A kind of [`ContentHash`]. The registration of each kind of storage names the one that its
/// listings carry; any kind can be computed of any bytes.
#[derive(Debug, Clone, Copy)]
pub struct ContentHashKind {
    /// Its name.
    pub name: &'static str,
    /// The hash of a file.
    pub of: fn(&[u8]) -> ContentHash,
    /// The hash of a file with this SHA-256 and this size in bytes; `None` where it does not follow
    /// from them.
    pub of_sha256: fn([u8; 32], u64) -> Option<ContentHash>,
}

impl ContentHashKind {
    /// The SHA-256 of the file.
    pub const SHA256: Self = Self {
        name: "sha256",
        of: |bytes| ContentHash::from_digest(Sha256::digest(bytes).into()),
        of_sha256: |digest, _| Some(ContentHash::from_digest(digest)),
    };

    /// A kind for tests: it follows from the SHA-256 of small files only.
    #[cfg(test)]
    pub(crate) const SAMPLE: Self = Self {
        of_sha256: |digest, size| (size <= 1 << 22).then(|| ContentHash::from_digest(digest)),
        ..Self::SHA256
    };

    /// The hash of a file of which the SHA-256 is known in hex, and the size in bytes; `None` where
    /// it does not follow from them.
    pub(super) fn of_sha256_hex(self, sha256: &str, size: u64) -> Option<ContentHash> {
        if sha256.len() != 64 {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(sha256.as_bytes().chunks(2)) {
            let &[high, low] = pair else { return None };
            *byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
        }
        (self.of_sha256)(digest, size)
    }
}

/// Bytes as lowercase hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// An image in storage, by what storage says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Its file name.
    pub name: ImageName,
    /// Storage's lasting id of the file.
    pub file_id: String,
    /// Storage's name of this revision of it.
    pub revision: String,
    /// The hash of its content.
    pub content_hash: ContentHash,
    /// Its size in bytes.
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_one_component_with_an_image_ending() {
        for name in [
            "a.jpg", "A.JPEG", "夜.webp", "a b.png", "a..b.png", ".x.png",
        ] {
            assert_eq!(ImageName::new(name).unwrap().as_str(), name);
        }
        let long = format!("{}.jpg", "a".repeat(252));
        for name in [
            "", "..", ".", ".jpg", "a", "a.gif", "a/b.jpg", "../b.jpg", "a\\b.jpg", "a\0.jpg",
            "a\n.jpg", &long,
        ] {
            assert!(ImageName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_format_is_read_from_the_bytes() {
        assert_eq!(
            ImageFormat::sniff(b"\xFF\xD8\xFF\xE0"),
            Some(ImageFormat::Jpeg)
        );
        assert_eq!(
            ImageFormat::sniff(b"\x89PNG\r\n\x1A\n"),
            Some(ImageFormat::Png)
        );
        assert_eq!(
            ImageFormat::sniff(b"RIFF\0\0\0\0WEBPVP8 "),
            Some(ImageFormat::WebP)
        );
        assert_eq!(ImageFormat::sniff(b"<html>"), None);
        assert_eq!(ImageFormat::sniff(b""), None);
    }

    #[test]
    fn a_hash_is_64_hex_digits() {
        assert!(ContentHash::new("abc").is_none());
        let upper = "AB".repeat(32);
        assert_eq!(ContentHash::new(&upper).unwrap().as_str(), "ab".repeat(32));
    }

    #[test]
    fn a_sha256_is_read_from_its_hex_digits() {
        let kind = ContentHashKind::SHA256;
        let sha256 = hex(&Sha256::digest(b"a")).to_ascii_uppercase();
        assert_eq!(kind.of_sha256_hex(&sha256, 1), Some((kind.of)(b"a")));
        for bad in ["ab", &"xy".repeat(32), &"é".repeat(32)] {
            assert_eq!(kind.of_sha256_hex(bad, 1), None);
        }
    }
}
