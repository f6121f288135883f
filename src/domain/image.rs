//! Images: their names and formats, and what storage says of them.

mod unknown_format;

use std::{borrow::Borrow, fmt, sync::Arc, time::SystemTime};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::content_hash::{ContentHash, hex};

pub use self::unknown_format::UnknownFormat;

/// The largest image that is published, in bytes (50 MiB).
pub const MAX_IMAGE_BYTES: u64 = 50 * 1024 * 1024;

/// The longest file name, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 255;
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
        if ImageFormat::of_ending(name).is_none() {
            return Err(InvalidImageName("must end in .jpg, .jpeg, .png or .webp"));
        }
        Ok(Self(name.into()))
    }

    /// A name out of a listing, which has been checked.
    pub(super) fn of_listed(name: &str) -> Self {
        Self(name.into())
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

/// In a map, a name is looked up without one of its own.
impl Borrow<str> for ImageName {
    fn borrow(&self) -> &str {
        &self.0
    }
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

    /// The format that a file name says; `None` without an image's ending.
    #[must_use]
    pub fn of_ending(name: &str) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        let formats = [
            ("jpg", Self::Jpeg),
            ("jpeg", Self::Jpeg),
            ("png", Self::Png),
            ("webp", Self::WebP),
        ];
        let mut formats = formats.into_iter().filter(|_| !stem.is_empty());
        let format = formats.find(|(known, _)| ending.eq_ignore_ascii_case(known));
        format.map(|(_, format)| format)
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
    /// When it was last written; `None` where storage does not say.
    pub last_modified: Option<SystemTime>,
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
}
