//! What an image's file says of it before anything is decoded: its size, which way up it is, and what keeps
//! it from going out as it is. Read off the bytes where they lie: a decoder would copy the file, or
//! unpack what a hostile one has put before its pixels, to answer the same.

mod exif;
mod jpeg;
mod png;
mod vp8l;
mod webp;

use image::metadata::Orientation;

use self::exif::{orientation, without_exif_name};
pub(super) use self::{
    jpeg::JpegHeader,
    png::PngHeader,
    webp::{WebPHeader, WebPKind},
};
use crate::domain::image::{EncodedImage, ImageFormat};
use crate::ports::ImageProcessingError;

/// What is known of an image before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// As it is stored, whichever way up; never 0.
    pub(super) width: u32,
    /// As it is stored, whichever way up; never 0.
    pub(super) height: u32,
    /// What has to be done to show it upright.
    pub(super) orientation: Orientation,
    /// Whether it moves. Only its first picture is shown.
    pub(super) animated: bool,
    /// Whether a part of the file is missing or was changed: many programs refuse it then.
    pub(super) damaged: bool,
    /// What else its format says.
    pub(super) format: FormatHeader,
}

/// What is known of a file of one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormatHeader {
    Jpeg(JpegHeader),
    Png(PngHeader),
    WebP(WebPHeader),
}

impl Header {
    /// Reads the header. Decodes nothing, and allocates nothing; goes over the whole file, so it belongs
    /// off the async threads.
    ///
    /// # Errors
    /// [`ImageProcessingError::Undecodable`] when there is none.
    pub(super) fn of(image: &EncodedImage) -> Result<Self, ImageProcessingError> {
        let bytes = image.bytes();
        let header = match image.format() {
            ImageFormat::Jpeg => jpeg::header(bytes),
            ImageFormat::Png => png::header(bytes),
            ImageFormat::WebP => webp::header(bytes),
        };
        header
            .filter(|header| header.width > 0 && header.height > 0)
            .ok_or(ImageProcessingError::Undecodable)
    }

    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether every program shows the file as it is meant: upright, in colours for screens, as one
    /// picture, and whole.
    pub(super) fn goes_as_it_is(&self) -> bool {
        let for_print =
            matches!(self.format, FormatHeader::Jpeg(jpeg) if jpeg.components == JpegHeader::INKS);
        let upright = self.orientation == Orientation::NoTransforms;
        upright && !for_print && !self.animated && !self.damaged
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*field))
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*field))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*field))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*field))
}
