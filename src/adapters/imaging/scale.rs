//! Scales pixels down while they are read: of the original no more is held than what the next band of the copy
//! is made of.

use std::ops::Range;

use publisher_pixels::{SUPPORT, Scaler, Source};

use super::{
    rows::{Layout, Rows},
    size::Size,
};
use crate::ports::ImageProcessingError;

/// The rows of a band, at least: the filter is computed anew for each one.
const MIN_BAND: u32 = 16;
/// Rows that are handed on at a time where nothing is scaled.
const UNSCALED: u32 = 16;

/// How an image is scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaling {
    from: Layout,
    to: Size,
    /// So many rows of the copy are made at a time.
    band: u32,
}

impl Scaling {
    /// In bands for which this memory is enough, in bytes; or in the smallest that there are.
    pub(super) fn new(from: Layout, to: Size, memory: u64) -> Self {
        let with = |band| Self { from, to, band };
        let mut scaling = with(to.1.max(1));
        while scaling.band > MIN_BAND && scaling.memory() > memory {
            scaling = with(scaling.band.div_ceil(2).max(MIN_BAND));
        }
        scaling
    }

    /// What scaling holds, in bytes: the rows that a band is made of, those between the two steps, the band, and
    /// the weights of the filter.
    pub(super) fn memory(&self) -> u64 {
        let row = self.from.row_bytes();
        if self.is_none() {
            return row * u64::from(UNSCALED);
        }
        let band = u64::from(self.band);
        let copy = u64::from(self.to.0) * self.from.color.pixel_bytes() as u64;
        let weights = weights(self.from.extent.0 / f64::from(self.to.0), self.to.0).saturating_add(
            weights(self.from.extent.1 / f64::from(self.to.1), self.band),
        );
        let rows = row.saturating_mul(self.window() as u64 + band);
        rows.saturating_add(copy * band).saturating_add(weights)
    }

    /// Whether the copy has the size of the original.
    fn is_none(&self) -> bool {
        let (width, height) = (f64::from(self.from.size.0), f64::from(self.from.size.1));
        self.from.size == self.to && self.from.extent == (width, height)
    }

    /// Reads all rows and hands on those of the copy.
    pub(super) fn run(
        &self,
        rows: &mut dyn Rows,
        mut give: impl FnMut(&mut [u8]) -> Result<(), ImageProcessingError>,
    ) -> Result<(), ImageProcessingError> {
        let row = length(self.from.row_bytes())?;
        if self.is_none() {
            return unscaled(rows, row, self.from.size.1, give);
        }
        let pixel_bytes = self.from.color.pixel_bytes();
        let mut window = vec![0; self.window() * row];
        let mut held = Range { start: 0, end: 0 };
        let copy_row = self.to.0 as usize * pixel_bytes;
        let mut target = vec![0; copy_row * self.band as usize];
        let mut scaler = Scaler::default();
        for first in (0..self.to.1).step_by(self.band as usize) {
            let count = self.band.min(self.to.1 - first);
            let (top, bottom) = self.span(first, count);
            let needed = self.needed(top, bottom);
            let kept = (needed.start.min(held.end) - held.start) * row;
            window.copy_within(kept..(held.end - held.start) * row, 0);
            // Rows that are left out altogether, which a filter never does.
            held.start = needed.start.min(held.end);
            let missing = (held.end - held.start) * row..(needed.end - held.start) * row;
            rows.read(
                window
                    .get_mut(missing)
                    .ok_or(ImageProcessingError::CannotFit)?,
            )?;
            held.end = needed.end;

            #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^52")]
            let source = Source {
                rows: &window[..(held.end - held.start) * row],
                width: self.from.size.0,
                pixel_bytes,
                extent: self.from.extent.0,
                top: top - held.start as f64,
                height: bottom - top,
            };
            let band = &mut target[..copy_row * count as usize];
            scaler
                .scale(source, band, self.to.0)
                .map_err(|_| ImageProcessingError::CannotFit)?;
            give(band)?;
        }
        Ok(())
    }

    /// Where these rows of the copy lie in the original.
    fn span(&self, first: u32, count: u32) -> (f64, f64) {
        let height = self.from.extent.1;
        let rows_per_row = height / f64::from(self.to.1);
        let bottom = (f64::from(first + count) * rows_per_row).min(height);
        (f64::from(first) * rows_per_row, bottom)
    }

    /// The rows of the original that the filter looks at for what lies between these two.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rows are counted by a u32, and none comes before the first"
    )]
    fn needed(&self, top: f64, bottom: f64) -> Range<usize> {
        let around = self.around();
        let last = f64::from(self.from.size.1);
        (top - around).floor().max(0.0) as usize..(bottom + around).ceil().min(last) as usize
    }

    /// How far the filter looks to either side, in rows of the original; and one more.
    fn around(&self) -> f64 {
        let rows_per_row = self.from.extent.1 / f64::from(self.to.1);
        (SUPPORT * rows_per_row.max(1.0)).ceil() + 1.0
    }

    /// How many rows of the original are held at most.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rows are counted by a u32"
    )]
    fn window(&self) -> usize {
        let rows_per_row = self.from.extent.1 / f64::from(self.to.1);
        let rows = f64::from(self.band) * rows_per_row + 2.0 * self.around();
        (rows.ceil() as usize + 2).min(self.from.size.1 as usize)
    }
}

/// What the weights take with which so many pixels are made, each of so many: as they are computed, and as they
/// are used.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides are u32s, and no ratio of two is less than 0"
)]
fn weights(scale: f64, pixels: u32) -> u64 {
    const BYTES: u64 = 8 + 4;
    let looked_at = 2 * (SUPPORT * scale.max(1.0)).ceil() as u64 + 1;
    looked_at * u64::from(pixels) * BYTES
}

fn unscaled(
    rows: &mut dyn Rows,
    row: usize,
    count: u32,
    mut give: impl FnMut(&mut [u8]) -> Result<(), ImageProcessingError>,
) -> Result<(), ImageProcessingError> {
    let mut some = vec![0; row * UNSCALED.min(count) as usize];
    for first in (0..count).step_by(UNSCALED as usize) {
        let now = UNSCALED.min(count - first) as usize;
        let some = &mut some[..row * now];
        rows.read(some)?;
        give(some)?;
    }
    Ok(())
}

fn length(bytes: u64) -> Result<usize, ImageProcessingError> {
    usize::try_from(bytes).map_err(|_| ImageProcessingError::CannotFit)
}
