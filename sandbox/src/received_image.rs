//! An image as a platform received it. Used by the stand-ins of platforms that keep images, and by tests.

use std::fmt::{self, Display, Formatter, Write as _};
use std::io::Cursor;

use bytes::Bytes;
use image::ImageReader;
use sha2::{Digest as _, Sha256};

use super::image_metadata;

/// An image as it was uploaded. It displays as one line for a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedImage {
    /// The file.
    pub bytes: Bytes,
    /// Its type by its content, such as `image/jpeg`.
    pub mime_type: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

impl ReceivedImage {
    /// Reads type and size; `None` for what is no JPEG, PNG or WebP.
    pub(super) fn read(bytes: Bytes) -> Option<Self> {
        let reader = ImageReader::new(Cursor::new(&bytes))
            .with_guessed_format()
            .ok()?;
        let mime_type = reader.format()?.to_mime_type().to_owned();
        let (width, height) = reader.into_dimensions().ok()?;
        Some(Self {
            bytes,
            mime_type,
            width,
            height,
        })
    }

    /// The SHA-256 of the file in lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.bytes)
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// The names of the segments or chunks that do not draw the image, such as `APP1 Exif`; empty for a file
    /// without metadata.
    #[must_use]
    pub fn metadata(&self) -> Vec<String> {
        image_metadata::find(&self.bytes)
    }
}

impl Display for ReceivedImage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (mime_type, width, height) = (&self.mime_type, self.width, self.height);
        let (size, sha256) = (self.bytes.len(), self.sha256());
        write!(
            f,
            "{mime_type}, {width}×{height} pixels, {size} bytes, SHA-256 {sha256}"
        )?;
        match self.metadata().as_slice() {
            [] => f.write_str(", no metadata"),
            names => write!(f, ", metadata: {}", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;

    #[test]
    fn an_image_is_reported_in_one_line() {
        let bytes = Sample::png("a.png", 40, 30, 1).unwrap().bytes;
        let image = ReceivedImage::read(bytes.clone()).unwrap();
        let line = image.to_string();
        let expected = format!("image/png, 40×30 pixels, {} bytes, SHA-256 ", bytes.len());
        assert!(line.starts_with(&expected), "{line}");
        assert!(line.ends_with(", no metadata"), "{line}");
        let with_comment = [&bytes[..33], b"\0\0\0\x03tEXta\0b\0\0\0\0", &bytes[33..]].concat();
        let image = ReceivedImage::read(with_comment.into()).unwrap();
        assert!(image.to_string().ends_with(", metadata: tEXt"));
        assert_eq!(ReceivedImage::read(Bytes::from_static(b"no image")), None);
    }

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        let image = ReceivedImage {
            bytes: Bytes::from_static(b"abc"),
            mime_type: String::new(),
            width: 0,
            height: 0,
        };
        assert_eq!(
            image.sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
