//! Sets an image upright: which of its pixels come when it is written from the top.

use std::ops::Range;

use image::metadata::Orientation;

use super::size::Size;
use crate::ports::ImageProcessingError;

/// Rows that are put together before they are written: as many as the encoder takes at once.
pub(super) const ROWS: u32 = 16;

/// How an image of this size is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    orientation: Orientation,
    /// Before it is turned.
    size: Size,
}

/// A part of an image, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Turn {
    pub(super) fn new(orientation: Orientation, size: Size) -> Self {
        Self { orientation, size }
    }

    /// Width and height once it is upright.
    pub(super) fn upright(&self) -> Size {
        if self.is_on_its_side() {
            (self.size.1, self.size.0)
        } else {
            self.size
        }
    }

    /// Whether a row becomes a row, in the order that they have: then none has to be held.
    pub(super) fn keeps_rows(&self) -> bool {
        matches!(
            self.orientation,
            Orientation::NoTransforms | Orientation::FlipHorizontal
        )
    }

    /// Turns rows of an image that keeps them, each in its place.
    pub(super) fn turn_rows(&self, rows: &mut [u8], pixel_bytes: usize) {
        if self.orientation != Orientation::FlipHorizontal {
            return;
        }
        let across = self.size.0 as usize;
        for row in rows.chunks_exact_mut(across * pixel_bytes) {
            for (left, right) in (0..across / 2).map(|at| (at, across - 1 - at)) {
                for byte in 0..pixel_bytes {
                    row.swap(left * pixel_bytes + byte, right * pixel_bytes + byte);
                }
            }
        }
    }

    /// A buffer for those pixels that become these rows.
    pub(super) fn hold(&self, upright_rows: Range<u32>, pixel_bytes: usize) -> HeldPart {
        let part = self.part(upright_rows.clone());
        HeldPart {
            turn: *self,
            pixels: Vec::with_capacity(part.columns.len() * part.rows.len() * pixel_bytes),
            next_row: 0,
            upright_rows,
            part,
            pixel_bytes,
        }
    }

    fn is_on_its_side(&self) -> bool {
        matches!(
            self.orientation,
            Orientation::Rotate90
                | Orientation::Rotate270
                | Orientation::Rotate90FlipH
                | Orientation::Rotate270FlipH
        )
    }

    fn part(&self, upright_rows: Range<u32>) -> Part {
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        let (from, to) = (upright_rows.start as usize, upright_rows.end as usize);
        match self.orientation {
            Orientation::NoTransforms | Orientation::FlipHorizontal => Part {
                columns: 0..width,
                rows: from..to,
            },
            Orientation::Rotate180 | Orientation::FlipVertical => Part {
                columns: 0..width,
                rows: height - to..height - from,
            },
            Orientation::Rotate90 | Orientation::Rotate90FlipH => Part {
                columns: from..to,
                rows: 0..height,
            },
            Orientation::Rotate270 | Orientation::Rotate270FlipH => Part {
                columns: width - to..width - from,
                rows: 0..height,
            },
        }
    }
}

/// The pixels that become some rows of the upright image.
pub(super) struct HeldPart {
    turn: Turn,
    upright_rows: Range<u32>,
    part: Part,
    pixels: Vec<u8>,
    next_row: usize,
    pixel_bytes: usize,
}

impl HeldPart {
    /// Takes the next rows of the image, and keeps what it needs of them.
    pub(super) fn take(&mut self, rows: &[u8]) {
        let across = self.turn.size.0 as usize * self.pixel_bytes;
        let Range { start, end } = self.part.columns;
        for row in rows.chunks_exact(across) {
            if self.part.rows.contains(&self.next_row) {
                let kept = &row[start * self.pixel_bytes..end * self.pixel_bytes];
                self.pixels.extend_from_slice(kept);
            }
            self.next_row += 1;
        }
    }

    /// Hands out the rows of the upright image, a few at a time.
    pub(super) fn give(
        &self,
        mut give: impl FnMut(&[u8]) -> Result<(), ImageProcessingError>,
    ) -> Result<(), ImageProcessingError> {
        let (across, size) = (self.turn.upright().0 as usize, self.pixel_bytes);
        let mut rows = vec![0; across * ROWS as usize * size];
        let count = self.upright_rows.end - self.upright_rows.start;
        for first in (0..count).step_by(ROWS as usize) {
            let some = ROWS.min(count - first) as usize;
            let rows = &mut rows[..some * across * size];
            self.turn_into(rows, first as usize);
            give(rows)?;
        }
        Ok(())
    }

    /// Fills rows of the upright image; `first` counts from the first that is held.
    fn turn_into(&self, rows: &mut [u8], first: usize) {
        let (width, height) = (self.part.columns.len(), self.part.rows.len());
        let (last_column, last_row) = (width.wrapping_sub(1), height.wrapping_sub(1));
        // Where the pixel at the top left comes from, and how far it is from there to those of the next column
        // and row, in pixels.
        let back = usize::wrapping_neg;
        let (start, column, row) = match self.turn.orientation {
            Orientation::NoTransforms => (0, 1, width),
            Orientation::FlipHorizontal => (last_column, back(1), width),
            Orientation::Rotate180 => (last_row * width + last_column, back(1), back(width)),
            Orientation::FlipVertical => (last_row * width, 1, back(width)),
            Orientation::Rotate90FlipH => (0, width, 1),
            Orientation::Rotate90 => (last_row * width, back(width), 1),
            Orientation::Rotate270FlipH => (last_row * width + last_column, back(width), back(1)),
            Orientation::Rotate270 => (last_column, width, back(1)),
        };
        let across = self.turn.upright().0 as usize;
        let size = self.pixel_bytes;
        let begin = start.wrapping_add(row.wrapping_mul(first));
        let down = rows.len() / (across * size);
        // By columns: those of a few rows lie beside each other in an image that is turned on its side.
        for x in 0..across {
            let mut from = begin.wrapping_add(column.wrapping_mul(x));
            for y in 0..down {
                let to = (y * across + x) * size;
                rows[to..to + size].copy_from_slice(&self.pixels[from * size..from * size + size]);
                from = from.wrapping_add(row);
            }
        }
    }
}
