//! Pixels as they are read: row after row, whatever the file is, opaque and with a byte for each channel.

use super::{color::Color, size::Size};
use crate::ports::ImageProcessingError;

/// Gives the rows of an image, from the first to the last, once.
pub(super) trait Rows {
    /// Fills the buffer with the rows that come next. What a damaged file lacks is white, as long as it has
    /// anything.
    ///
    /// # Errors
    /// [`ImageProcessingError::Undecodable`] when there is nothing to show.
    fn read(&mut self, rows: &mut [u8]) -> Result<(), ImageProcessingError>;
}

/// What is shown where a file has nothing: the paper.
pub(super) const WHITE: u8 = u8::MAX;

/// An image that is about to be read.
pub(super) struct Opened<'a> {
    pub(super) rows: Box<dyn Rows + 'a>,
    /// Of the colors that the rows have.
    pub(super) profile: Option<Vec<u8>>,
}

/// Rows that are in memory.
pub(super) struct Held {
    pixels: Vec<u8>,
    next: usize,
}

impl Held {
    pub(super) fn new(pixels: Vec<u8>) -> Self {
        Self { pixels, next: 0 }
    }
}

impl Rows for Held {
    fn read(&mut self, rows: &mut [u8]) -> Result<(), ImageProcessingError> {
        let end = self.next + rows.len();
        let held = self.pixels.get(self.next..end);
        rows.copy_from_slice(held.ok_or(ImageProcessingError::Undecodable)?);
        self.next = end;
        Ok(())
    }
}

/// What the rows of a file will be, and what reading them takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Layout {
    pub(super) size: Size,
    /// How far the image goes in it: the last pixels may be of less than a whole one.
    pub(super) extent: (f64, f64),
    pub(super) color: Color,
    /// What is held while it is opened, in bytes, before anything else is.
    pub(super) opening: u64,
    /// What is held as long as rows are read, in bytes.
    pub(super) reading: u64,
}

impl Layout {
    /// A row, in bytes.
    pub(super) fn row_bytes(&self) -> u64 {
        u64::from(self.size.0) * self.color.pixel_bytes() as u64
    }
}
