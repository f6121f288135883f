//! Makes a JPEG copy of an image: rows are read, scaled, set upright and written as they come, within the
//! memory that was set aside.

use super::{
    encode::{Encoder, Written, file_memory},
    header::{FormatHeader, Header},
    png_rows::PngSource,
    rows::{Layout, Opened},
    scale::Scaling,
    scaled_jpeg::ScaledJpeg,
    size::Size,
    turn::{self, Turn},
    webp_frame::WebPSource,
};
use crate::domain::image::EncodedImage;
use crate::ports::ImageProcessingError;

/// What else is held in memory, in bytes: the tables of codecs and scaler.
const SUNDRIES: u64 = 2 * 1024 * 1024;
/// What the scaler has, in bytes, where there is so much: then most copies are made in one go.
const SCALER: u64 = 16 * 1024 * 1024;
/// The minimum number of rows that are put together at a time, for an image that does not keep its
/// rows.
const MIN_HELD_ROWS: u64 = 64;

/// How a copy is made, and the memory that it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plan {
    source: Source,
    layout: Layout,
    scaling: Scaling,
    turn: Turn,
    max_bytes: u64,
    /// A file of each is made at the same time, from the same rows.
    qualities: &'static [f32],
    /// So many rows of the upright copy are put together at a time. The original is read again for each time.
    held_rows: u32,
    memory: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Jpeg(ScaledJpeg),
    Png(PngSource),
    WebP(WebPSource),
}

impl Plan {
    /// For a copy of the usual quality, as [`Plan::of_qualities`].
    ///
    /// # Errors
    /// [`ImageProcessingError`].
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn new(
        image: &EncodedImage,
        header: &Header,
        size: Size,
        max_bytes: u64,
        memory: u64,
    ) -> Result<Self, ImageProcessingError> {
        Self::of_qualities(
            &super::encode::QUALITIES[..1],
            image,
            header,
            size,
            max_bytes,
            memory,
        )
    }

    /// For a copy of this size, which is that before it is turned, in the best of these qualities that does with so many
    /// bytes; within this memory, in bytes, if there is a way.
    ///
    /// # Errors
    /// [`ImageProcessingError`].
    pub(super) fn of_qualities(
        qualities: &'static [f32],
        image: &EncodedImage,
        header: &Header,
        size: Size,
        max_bytes: u64,
        memory: u64,
    ) -> Result<Self, ImageProcessingError> {
        let original = (header.width, header.height);
        let source = match header.format {
            FormatHeader::Jpeg(_) => {
                Source::Jpeg(ScaledJpeg::of(header, size).ok_or(ImageProcessingError::Undecodable)?)
            }
            FormatHeader::Png(png) => Source::Png(PngSource {
                header: png,
                size: original,
                damaged: header.damaged,
            }),
            FormatHeader::WebP(webp) => Source::WebP(WebPSource {
                header: webp,
                size: original,
                file_bytes: image.bytes().len() as u64,
            }),
        };
        let layout = match source {
            Source::Jpeg(jpeg) => jpeg.layout(),
            Source::Png(png) => png.layout(),
            Source::WebP(webp) => webp.layout(),
        };
        let turn = Turn::new(header.orientation, size);
        let upright = turn.upright();
        let row = u64::from(upright.0) * layout.color.pixel_bytes() as u64;
        // What is there whatever is chosen here.
        let file = file_memory(upright, max_bytes).saturating_mul(qualities.len() as u64);
        let fixed = layout
            .reading
            .saturating_add(file)
            .saturating_add(row * u64::from(turn::ROWS))
            .saturating_add(SUNDRIES);
        let left = memory.saturating_sub(fixed);
        let (mut held, mut held_rows) = (0, upright.1);
        let scaler = if turn.keeps_rows() { left } else { left / 3 };
        let scaling = Scaling::new(layout, size, scaler.min(SCALER));
        if !turn.keeps_rows() {
            let rows = left.saturating_sub(scaling.memory()) / row.max(1);
            let rows = rows.clamp(MIN_HELD_ROWS, u64::from(upright.1).max(MIN_HELD_ROWS));
            held = rows * row;
            held_rows = u32::try_from(rows).unwrap_or(u32::MAX).min(upright.1);
        }
        let working = fixed.saturating_add(scaling.memory()).saturating_add(held);
        Ok(Self {
            source,
            layout,
            scaling,
            turn,
            max_bytes,
            qualities,
            held_rows: held_rows.max(1),
            memory: working.max(layout.opening.saturating_add(SUNDRIES + file)),
        })
    }

    /// What making the copy takes in memory at its peak, in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    /// How often the original is read.
    #[cfg(test)]
    pub(super) fn goes(&self) -> u32 {
        if self.turn.keeps_rows() {
            return 1;
        }
        self.turn.upright().1.div_ceil(self.held_rows)
    }

    /// Width and height of the copy.
    #[cfg(feature = "fuzzing")]
    pub(super) fn upright(&self) -> Size {
        self.turn.upright()
    }

    /// Makes the copy: upright, on white where it was transparent, with its color profile unless it was for
    /// print. Where no quality does, the size is that of the last.
    ///
    /// # Errors
    /// [`ImageProcessingError`].
    pub(super) fn carry_out(&self, image: &EncodedImage) -> Result<Written, ImageProcessingError> {
        let mut opened = self.open(image)?;
        let color = self.layout.color;
        let profile = opened.profile.take();
        let size = self.turn.upright();
        let start = |quality: &f32| {
            Encoder::start(size, color, profile.as_deref(), self.max_bytes, *quality)
        };
        let mut encoders: Vec<_> = self.qualities.iter().map(start).collect::<Result<_, _>>()?;
        drop(profile);
        self.write(image, opened, &mut |rows| {
            encoders.iter_mut().try_for_each(|it| it.write(rows))
        })?;
        let mut smallest = Written::TooLarge(0);
        for encoder in encoders {
            smallest = encoder.finish()?;
            if let Written::File(_) = smallest {
                break;
            }
        }
        Ok(smallest)
    }

    fn write(
        &self,
        image: &EncodedImage,
        opened: Opened<'_>,
        give: &mut dyn FnMut(&[u8]) -> Result<(), ImageProcessingError>,
    ) -> Result<(), ImageProcessingError> {
        let pixel_bytes = self.layout.color.pixel_bytes();
        let mut rows = opened.rows;
        if self.turn.keeps_rows() {
            return self.scaling.run(&mut *rows, |rows| {
                self.turn.turn_rows(rows, pixel_bytes);
                give(rows)
            });
        }
        let all = self.turn.upright().1;
        let mut from = 0_u32;
        loop {
            let to = from.saturating_add(self.held_rows).min(all);
            let mut held = self.turn.hold(from..to, pixel_bytes);
            self.scaling.run(&mut *rows, |rows| {
                held.take(rows);
                Ok(())
            })?;
            // The rows that were read are not needed any more, and may be as large as those that
            // are held.
            drop(rows);
            held.give(&mut *give)?;
            drop(held);
            if to == all {
                return Ok(());
            }
            from = to;
            rows = self.open(image)?.rows;
        }
    }

    fn open<'a>(&self, image: &'a EncodedImage) -> Result<Opened<'a>, ImageProcessingError> {
        match &self.source {
            Source::Jpeg(jpeg) => jpeg.open(image.bytes()),
            Source::Png(png) => png.open(image.bytes()),
            Source::WebP(webp) => webp.open(image.bytes()),
        }
    }
}
