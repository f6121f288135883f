//! Scaling images down, off the async threads, a few at a time and within a budget of memory.
//!
//! | file | holds |
//! | --- | --- |
//! | `header.rs` | size and memory of an image, before anything is decoded |
//! | `budget.rs` | how many are worked on side by side |
//! | `copy.rs` | a smaller JPEG of an image, from its file to that of the copy |
//! | `scaled_jpeg.rs` | a JPEG that is read at a part of its size |
//! | `scale.rs`, `encode.rs` | what comes after reading |
//! | `libjpeg.rs` | what the library that both of them use does when it fails |

mod budget;
mod copy;
mod encode;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod libjpeg;
mod scale;
mod scaled_jpeg;

use self::{
    budget::Budget,
    copy::{Size, copy, copy_of_scaled, memory_for, memory_for_scaled},
    header::Header,
    scaled_jpeg::ScaledJpeg,
};
use crate::domain::{image::EncodedImage, platform::ImageLimits};

/// The largest image that is decoded, in pixels: beyond what cameras make.
const MAX_PIXELS: u64 = 64_000_000;
/// The memory for all images that are decoded at the same time, in bytes: the largest that cameras
/// make fit, one by one, with the copy that is made of them.
const MEMORY: u64 = 256 * 1024 * 1024;
/// How often a copy is scaled down further when it is still too large a file.
const MAX_ROUNDS: usize = 6;

/// Scales images. Clones share the memory and the threads.
#[derive(Debug, Clone)]
pub struct ImageScaler {
    budget: Budget,
}

/// Why an image cannot be made to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// It is no image, or a broken one.
    #[error("the file cannot be decoded as an image")]
    Undecodable,
    /// It has more pixels than are decoded, or more bytes to a pixel.
    #[error("the image has too many pixels")]
    TooManyPixels,
    /// It is too long and narrow.
    #[error("the image's sides are in a ratio of more than {0} to 1")]
    RatioTooLarge(u32),
    /// It cannot be made small enough.
    #[error("the image cannot be made small enough")]
    CannotFit,
}

impl Default for ImageScaler {
    fn default() -> Self {
        Self {
            budget: Budget::new(MEMORY),
        }
    }
}

impl ImageScaler {
    /// A copy whose longest side has at most `max_dimension` pixels; `None` keeps the size. An
    /// image that fits is handed back as it is.
    ///
    /// # Errors
    /// [`ScaleError`].
    pub async fn fit_within(
        &self,
        image: &EncodedImage,
        max_dimension: Option<u32>,
    ) -> Result<EncodedImage, ScaleError> {
        let Some(max_dimension) = max_dimension else {
            return Ok(image.clone());
        };
        let header = Header::of(image)?;
        let longest = header.width.max(header.height);
        if longest <= max_dimension {
            return Ok(image.clone());
        }
        let factor = f64::from(max_dimension) / f64::from(longest);
        let size = [header.width, header.height].map(|side| rounded(f64::from(side) * factor));
        self.scaled(image, header, size.into()).await
    }

    /// A copy that a platform takes. An image that it takes as it is is handed back so.
    ///
    /// # Errors
    /// [`ScaleError`].
    pub async fn meet(
        &self,
        image: &EncodedImage,
        limits: ImageLimits,
    ) -> Result<EncodedImage, ScaleError> {
        let header = Header::of(image)?;
        let (width, height) = (header.width, header.height);
        let (long, short) = (width.max(height), width.min(height));
        if long > short.saturating_mul(limits.max_ratio) {
            return Err(ScaleError::RatioTooLarge(limits.max_ratio));
        }
        let side_sum = width.saturating_add(height);
        if side_sum <= limits.max_side_sum && size_of(image) <= limits.max_bytes {
            return Ok(image.clone());
        }
        let mut factor = (f64::from(limits.max_side_sum) / f64::from(side_sum)).min(1.0);
        // Each round decodes anew: to hold the pixels meanwhile would cost more than that does.
        for _ in 0..MAX_ROUNDS {
            // Rounded down: the limit is one of their sum.
            let size = [width, height].map(|side| rounded((f64::from(side) * factor).floor()));
            let copy = self.scaled(image, header, size.into()).await?;
            if size_of(&copy) <= limits.max_bytes {
                return Ok(copy);
            }
            factor *= 0.7;
        }
        Err(ScaleError::CannotFit)
    }

    async fn scaled(
        &self,
        image: &EncodedImage,
        header: Header,
        size: Size,
    ) -> Result<EncodedImage, ScaleError> {
        if header.pixels() > MAX_PIXELS {
            return Err(ScaleError::TooManyPixels);
        }
        if let Some(jpeg) = ScaledJpeg::of(&header, size) {
            let memory = memory_for_scaled(&jpeg, size);
            let work = move |image: &EncodedImage| copy_of_scaled(image, &jpeg, size);
            let copy = self.run(image, memory, work).await;
            if copy.is_ok() {
                return copy;
            }
            // What is broken is shown as far as it goes, which the other way can do.
        }
        let memory = memory_for(&header, size);
        let work = move |image: &EncodedImage| copy(image, &header, size);
        self.run(image, memory, work).await
    }

    /// Does work that takes so much memory, off the async threads.
    async fn run(
        &self,
        image: &EncodedImage,
        memory: u64,
        work: impl FnOnce(&EncodedImage) -> Result<EncodedImage, ScaleError> + Send + 'static,
    ) -> Result<EncodedImage, ScaleError> {
        let leave = self.budget.leave_for(memory).await;
        let leave = leave.map_err(|_| ScaleError::TooManyPixels)?;
        let image = image.clone();
        let span = tracing::Span::current();
        // The leave goes along: the work goes on when nobody waits for it any more.
        let task = tokio::task::spawn_blocking(move || {
            let _leave = leave;
            span.in_scope(|| work(&image))
        });
        // A decoder that panics on a broken file has shown that the file is broken.
        task.await.unwrap_or(Err(ScaleError::Undecodable))
    }
}

fn size_of(image: &EncodedImage) -> u64 {
    image.bytes().len() as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is shorter than a side is a u32 again"
)]
fn rounded(side: f64) -> u32 {
    (side.round() as u32).max(1)
}

#[cfg(test)]
mod tests;
