//! Copies of images: smaller, upright, in the colors of screens. They are made on blocking threads, a few at a
//! time, within a memory budget.
//!
//! | file | holds |
//! | --- | --- |
//! | `header.rs` | what is known of an image before it is decoded |
//! | `header_reader/` | reads that off the bytes, one file for each format |
//! | `limits.rs` | the largest images of which copies are made |
//! | `budget.rs` | how many images are processed at a time |
//! | `copy.rs` | the plan of a copy: its memory, and its execution |
//! | `rows.rs` | the pixels of a file, row by row |
//! | `scaled_jpeg.rs` | the rows of a JPEG, at a fraction of its size |
//! | `png_rows.rs`, `webp_frame.rs` | the rows of a PNG and a WebP |
//! | `color.rs` | what the bytes of a pixel mean |
//! | `scale.rs`, `turn.rs`, `encode.rs` | the steps after reading |
//! | `strip.rs`, `strip/` | leaves metadata out without decoding, one file for each format |
//! | `libjpeg.rs` | failures of the library that reads and writes JPEGs |

mod budget;
mod color;
mod copy;
mod encode;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod header_reader;
mod libjpeg;
mod limits;
mod png_rows;
mod rows;
mod scale;
mod scaled_jpeg;
mod size;
mod strip;
mod turn;
mod webp_frame;

use self::{
    budget::{Budget, Permit},
    copy::Plan,
    encode::{QUALITIES, Written},
    header::Header,
    size::Size,
    turn::Turn,
};
use async_trait::async_trait;

use crate::{
    domain::{
        image::{EncodedImage, ImageFormat},
        platform::ImageLimits,
        thumbnail::ThumbnailSize,
    },
    ports::{ImageProcessingError, ImageProcessor},
};

/// The default memory for copies, in bytes: enough for the largest copies, one at a time.
const MEMORY: u64 = 256 * 1024 * 1024;
/// The largest copy, in pixels: as many as any platform takes.
const MAX_COPY_PIXELS: f64 = 25_000_000.0;
/// The most data beside its pixels that a file may have, in bytes (1 MiB): a profile, a preview, a camera's notes.
const MOST_BESIDE_PIXELS: u64 = 1024 * 1024;
/// The most bytes of a file for each pixel: four channels of 16 bits, not packed at all.
const MOST_OF_A_PIXEL: u64 = 8;
/// The number of attempts to make a copy small enough as a file.
const MAX_ROUNDS: usize = 6;
/// About what a file of each quality has of the bytes of one of the usual quality.
const PARTS: [f64; 3] = [1.0, 0.72, 0.6];
/// The part of the bytes that a file may have which is aimed at.
const AIM: f64 = 0.97;

/// Makes copies of images. Clones share the memory and the threads.
#[derive(Debug, Clone)]
pub struct ImageScaler {
    budget: Budget,
}

impl Default for ImageScaler {
    fn default() -> Self {
        Self::within(MEMORY)
    }
}

impl ImageScaler {
    /// A scaler that uses at most so many bytes of memory for all its copies together.
    #[must_use]
    pub fn within(bytes: u64) -> Self {
        Self {
            budget: Budget::new(bytes),
        }
    }
}

#[async_trait]
impl ImageProcessor for ImageScaler {
    async fn sides(&self, image: &EncodedImage) -> Result<(u32, u32), ImageProcessingError> {
        let header = header_of(image).await?;
        Ok((header.width, header.height))
    }

    async fn fit_within(
        &self,
        image: &EncodedImage,
        max_dimension: Option<u32>,
    ) -> Result<EncodedImage, ImageProcessingError> {
        let header = match header_of(image).await {
            Err(ImageProcessingError::Undecodable) if max_dimension.is_none() => {
                return Ok(image.clone());
            }
            header => header?,
        };
        let longest = header.width.max(header.height);
        let most = max_dimension.unwrap_or(u32::MAX);
        if longest <= most && header.goes_as_it_is() && !is_bloated(image, header) {
            return Ok(image.clone());
        }
        let factor = (f64::from(most) / f64::from(longest)).min(1.0);
        self.scaled(image, header, factor, f64::round, u64::MAX)
            .await
    }

    async fn meet(
        &self,
        image: &EncodedImage,
        limits: ImageLimits,
    ) -> Result<EncodedImage, ImageProcessingError> {
        let header = header_of(image).await?;
        let factor = factor_within(header, limits)?;
        if factor >= 1.0
            && size_of(image) <= limits.max_bytes
            && (!limits.jpeg_only || image.format() == ImageFormat::Jpeg)
            && header.goes_as_it_is()
            && !is_bloated(image, header)
        {
            return Ok(image.clone());
        }
        // Rounded down: a limit may be one of their sum.
        self.scaled(image, header, factor, f64::floor, limits.max_bytes)
            .await
    }

    async fn reencode(
        &self,
        image: &EncodedImage,
        limits: Option<ImageLimits>,
    ) -> Result<EncodedImage, ImageProcessingError> {
        let header = header_of(image).await?;
        let Some(limits) = limits else {
            return self.scaled(image, header, 1.0, f64::round, u64::MAX).await;
        };
        let factor = factor_within(header, limits)?;
        self.scaled(image, header, factor, f64::floor, limits.max_bytes)
            .await
    }

    async fn strip_metadata(
        &self,
        image: &EncodedImage,
    ) -> Result<EncodedImage, ImageProcessingError> {
        let header = header_of(image).await?;
        if !header.goes_as_it_is() {
            return Ok(image.clone());
        }
        let permit = self.permit(size_of(image)).await?;
        let file = image.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            strip::strip(&file)
        });
        match task.await.unwrap_or(None) {
            Some(stripped) => Ok(stripped),
            None => self.scaled(image, header, 1.0, f64::round, u64::MAX).await,
        }
    }

    async fn thumbnail(
        &self,
        image: &EncodedImage,
        size: ThumbnailSize,
    ) -> Result<EncodedImage, ImageProcessingError> {
        let header = header_of(image).await?;
        let (width, height) =
            Turn::new(header.orientation, (header.width, header.height)).upright();
        let (max_width, max_height) = size.sides();
        let factor = (f64::from(max_width) / f64::from(width))
            .min(f64::from(max_height) / f64::from(height));
        self.scaled(image, header, factor.min(1.0), f64::round, u64::MAX)
            .await
    }
}

impl ImageScaler {
    /// A copy with sides of this part of those of the original. Where that is a file of too many bytes, of the same
    /// pixels in a lower quality; or else with sides as small as those bytes ask for.
    async fn scaled(
        &self,
        image: &EncodedImage,
        header: Header,
        factor: f64,
        round: fn(f64) -> f64,
        max_bytes: u64,
    ) -> Result<EncodedImage, ImageProcessingError> {
        limits::check(&header)?;
        let sides = [header.width, header.height].map(f64::from);
        let mut factor = factor.min((MAX_COPY_PIXELS / (sides[0] * sides[1])).sqrt());
        let mut qualities = &QUALITIES[..1];
        // Each round decodes anew: to hold the pixels meanwhile would cost more than that does.
        for number in 0..MAX_ROUNDS {
            let size = sides.map(|side| rounded(round(side * factor)));
            let copy = self.copy(image, header, size.into(), max_bytes, qualities);
            let bytes = match copy.await? {
                Written::File(copy) => return Ok(copy),
                Written::TooLarge(bytes) => bytes,
            };
            let step = next_factor(number, bytes, max_bytes);
            factor *= step;
            // Of the same pixels, the usual quality has been tried.
            qualities = &QUALITIES[usize::from(step >= 1.0)..];
        }
        Err(ImageProcessingError::CannotFit)
    }

    /// Makes a copy of this size, which is that before it is turned, in the best of these qualities that does, off the
    /// async threads.
    async fn copy(
        &self,
        image: &EncodedImage,
        header: Header,
        size: Size,
        max_bytes: u64,
        qualities: &'static [f32],
    ) -> Result<Written, ImageProcessingError> {
        let memory = self.budget.bytes();
        let plan =
            |qualities| Plan::of_qualities(qualities, image, &header, size, max_bytes, memory);
        let (all, last) = (plan(qualities)?, qualities.len() - 1);
        // Where there is no room for all files, there may be for one.
        let plan = if all.memory() > memory && last > 0 {
            plan(&qualities[last..])?
        } else {
            all
        };
        let permit = self.permit(plan.memory()).await?;
        let image = image.clone();
        let span = tracing::Span::current();
        // The permit is held by the work, which goes on when its caller is dropped.
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(|| plan.carry_out(&image))
        });
        // A decoder that panics on a broken file has shown that the file is broken.
        task.await.unwrap_or(Err(ImageProcessingError::Undecodable))
    }

    /// Waits for the right to use so many bytes.
    async fn permit(&self, bytes: u64) -> Result<Permit, ImageProcessingError> {
        let permit = self.budget.acquire(bytes).await;
        permit.map_err(|_| ImageProcessingError::TooMuchMemory {
            most_mib: self.budget.bytes() / (1024 * 1024),
        })
    }
}

/// The header of an image, read on a blocking thread: that goes over the whole file.
async fn header_of(image: &EncodedImage) -> Result<Header, ImageProcessingError> {
    let image = image.clone();
    let task = tokio::task::spawn_blocking(move || Header::of(&image));
    task.await.unwrap_or(Err(ImageProcessingError::Undecodable))
}

/// By what to multiply the sides of an image so that a platform takes them, at most 1; an error if it does not take
/// their ratio.
fn factor_within(header: Header, limits: ImageLimits) -> Result<f64, ImageProcessingError> {
    let (width, height) = (header.width, header.height);
    let (long, short) = (width.max(height), width.min(height));
    if let Some(max_ratio) = limits.max_ratio
        && long > short.saturating_mul(max_ratio)
    {
        return Err(ImageProcessingError::RatioTooLarge(max_ratio));
    }
    let [width, height, long] = [width, height, long].map(f64::from);
    let part = |most: Option<f64>, of: f64| most.map_or(1.0, |most| most / of);
    // As exact as pixels are counted: no image has 2^53 of them.
    #[expect(clippy::cast_precision_loss, reason = "a limit, far below 2^53")]
    let pixels = limits.max_pixels.map(|most| most as f64);
    Ok(part(limits.max_side.map(f64::from), long)
        .min(part(limits.max_side_sum.map(f64::from), width + height))
        .min(part(pixels, width * height).sqrt())
        .min(1.0))
}

/// By what to multiply the sides of a copy after a round whose smallest file had so many bytes: by 1 where a lower quality
/// of the same pixels may do. The rounds after the first make a file of each quality. The one in the middle is to fit;
/// where it is a little too large, the last does, and where it is small, the best.
#[expect(clippy::cast_precision_loss, reason = "sizes of files, far below 2^53")]
fn next_factor(round: usize, bytes: u64, max_bytes: u64) -> f64 {
    let part = AIM * max_bytes as f64 / bytes as f64;
    match round {
        0 if part >= PARTS[2] => 1.0,
        0 => (part / PARTS[1]).sqrt(),
        1 | 2 => (part * PARTS[2] / PARTS[1]).sqrt().min(0.95),
        // What is not made of pixels, such as a color profile, takes much of the file.
        _ => part.sqrt().min(0.5),
    }
}

fn size_of(image: &EncodedImage) -> u64 {
    image.bytes().len() as u64
}

/// Whether the file is far larger than its pixels can be. A copy is a small file that shows the same.
fn is_bloated(image: &EncodedImage, header: Header) -> bool {
    let pixels = u64::from(header.width) * u64::from(header.height);
    size_of(image) > pixels.saturating_mul(MOST_OF_A_PIXEL) + MOST_BESIDE_PIXELS
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is shorter than a side is a u32 again"
)]
fn rounded(side: f64) -> u32 {
    (side as u32).max(1)
}

#[cfg(test)]
mod tests;
