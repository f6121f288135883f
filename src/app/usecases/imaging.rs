//! Scaling images down, off the async threads and a few at a time.

use std::{io::Cursor, num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use bytes::Bytes;
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageReader, Limits, RgbImage,
    codecs::jpeg::JpegEncoder, imageops::FilterType,
};
use tokio::sync::Semaphore;

use crate::domain::{
    image::{EncodedImage, ImageFormat},
    platform::ImageLimits,
};

/// The largest image that is decoded, in pixels: beyond what cameras make, and small enough that
/// a few of them fit into memory side by side.
const MAX_PIXELS: u64 = 64_000_000;
/// The quality of the copies that are made, of 100.
const JPEG_QUALITY: u8 = 88;
/// How often a copy is scaled down further when it is still too large a file.
const MAX_ROUNDS: usize = 6;

/// Scales images, on as many threads as there are cores.
#[derive(Debug, Clone)]
pub struct ImageScaler {
    permits: Arc<Semaphore>,
}

/// Why an image cannot be made to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// It is no image, or a broken one.
    #[error("the file cannot be decoded as an image")]
    Undecodable,
    /// It has more pixels than are decoded.
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
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            permits: Arc::new(Semaphore::new(cores)),
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
        self.run(image, move |source| {
            let (width, height) = source.dimensions()?;
            let longest = width.max(height);
            if longest <= max_dimension {
                return Ok(source.image.clone());
            }
            source.scaled(f64::from(max_dimension) / f64::from(longest))
        })
        .await
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
        self.run(image, move |source| {
            let (width, height) = source.dimensions()?;
            let (long, short) = (width.max(height), width.min(height));
            if long > short.saturating_mul(limits.max_ratio) {
                return Err(ScaleError::RatioTooLarge(limits.max_ratio));
            }
            let side_sum = width.saturating_add(height);
            if side_sum <= limits.max_side_sum && size_of(&source.image) <= limits.max_bytes {
                return Ok(source.image.clone());
            }
            let mut factor = (f64::from(limits.max_side_sum) / f64::from(side_sum)).min(1.0);
            for _ in 0..MAX_ROUNDS {
                let copy = source.scaled(factor)?;
                if size_of(&copy) <= limits.max_bytes {
                    return Ok(copy);
                }
                factor *= 0.7;
            }
            Err(ScaleError::CannotFit)
        })
        .await
    }

    async fn run(
        &self,
        image: &EncodedImage,
        work: impl FnOnce(&Source) -> Result<EncodedImage, ScaleError> + Send + 'static,
    ) -> Result<EncodedImage, ScaleError> {
        // The semaphore is never closed; a failure to acquire would only mean no bound.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        let source = Source {
            image: image.clone(),
        };
        let span = tracing::Span::current();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(|| work(&source))
        });
        // A decoder that panics on a broken file has shown that the file is broken.
        task.await.unwrap_or(Err(ScaleError::Undecodable))
    }
}

fn size_of(image: &EncodedImage) -> u64 {
    image.bytes().len() as u64
}

struct Source {
    image: EncodedImage,
}

impl Source {
    fn decoder(&self) -> Result<impl ImageDecoder + '_, ScaleError> {
        let format = match self.image.format() {
            ImageFormat::Jpeg => image::ImageFormat::Jpeg,
            ImageFormat::Png => image::ImageFormat::Png,
            ImageFormat::WebP => image::ImageFormat::WebP,
        };
        let reader = ImageReader::with_format(Cursor::new(self.image.bytes()), format);
        reader.into_decoder().map_err(|_| ScaleError::Undecodable)
    }

    /// Width and height as they are stored, without decoding a pixel.
    fn dimensions(&self) -> Result<(u32, u32), ScaleError> {
        let (width, height) = self.decoder()?.dimensions();
        if width == 0 || height == 0 {
            Err(ScaleError::Undecodable)
        } else {
            Ok((width, height))
        }
    }

    /// A JPEG copy, upright, on white where it was transparent, with its colour profile.
    fn scaled(&self, factor: f64) -> Result<EncodedImage, ScaleError> {
        let (width, height) = self.dimensions()?;
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(ScaleError::TooManyPixels);
        }
        let mut decoder = self.decoder()?;
        let undecodable = |_| ScaleError::Undecodable;
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_PIXELS * 8);
        decoder.set_limits(limits).map_err(undecodable)?;
        let orientation = decoder.orientation().map_err(undecodable)?;
        let profile = decoder.icc_profile().map_err(undecodable)?;
        let pixels = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
        let (width, height) = (scale(width, factor), scale(height, factor));
        let mut resized = if (width, height) == (pixels.width(), pixels.height()) {
            pixels
        } else {
            pixels.resize_exact(width, height, FilterType::Triangle)
        };
        resized.apply_orientation(orientation);
        encode_jpeg(&on_white(resized), profile)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the factor is between 0 and 1, so the product is a u32 again"
)]
fn scale(side: u32, factor: f64) -> u32 {
    ((f64::from(side) * factor).floor() as u32).max(1)
}

fn on_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, alpha] = image.get_pixel(x, y).0;
        let blend = |channel: u8| {
            let (channel, alpha) = (u16::from(channel), u16::from(alpha));
            let blended = (channel * alpha + 255 * (255 - alpha)) / 255;
            u8::try_from(blended).unwrap_or(u8::MAX)
        };
        image::Rgb([blend(r), blend(g), blend(b)])
    })
}

fn encode_jpeg(image: &RgbImage, profile: Option<Vec<u8>>) -> Result<EncodedImage, ScaleError> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    if let Some(profile) = profile {
        // A profile that a JPEG cannot carry is left out: the colours shift, the image stays.
        let _ = encoder.set_icc_profile(profile);
    }
    encoder
        .encode_image(image)
        .map_err(|_| ScaleError::CannotFit)?;
    EncodedImage::new(Bytes::from(bytes)).ok_or(ScaleError::CannotFit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GenericImageView as _, Rgba, RgbaImage};

    fn png(width: u32, height: u32) -> EncodedImage {
        let mut bytes = Vec::new();
        RgbaImage::from_fn(width, height, |x, _| {
            Rgba([0, 0, 0, if x < 16 { 0 } else { 255 }])
        })
        .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)
        .unwrap();
        EncodedImage::new(Bytes::from(bytes)).unwrap()
    }

    fn decoded(image: &EncodedImage) -> DynamicImage {
        image::load_from_memory(image.bytes()).unwrap()
    }

    const LIMITS: ImageLimits = ImageLimits {
        max_bytes: 10_000_000,
        max_side_sum: 300,
        max_ratio: 20,
    };

    #[tokio::test]
    async fn what_fits_is_handed_back_as_it_is() {
        let image = png(200, 100);
        let scaler = ImageScaler::default();
        assert_eq!(scaler.fit_within(&image, None).await.unwrap(), image);
        assert_eq!(scaler.fit_within(&image, Some(200)).await.unwrap(), image);
        assert_eq!(scaler.meet(&image, LIMITS).await.unwrap(), image);
    }

    #[tokio::test]
    async fn a_large_image_becomes_a_jpeg_within_the_limits() {
        let image = png(400, 200);
        let scaler = ImageScaler::default();
        let small = scaler.fit_within(&image, Some(100)).await.unwrap();
        assert_eq!(
            (small.format(), decoded(&small).dimensions()),
            (ImageFormat::Jpeg, (100, 50))
        );
        let met = scaler.meet(&image, LIMITS).await.unwrap();
        assert_eq!(decoded(&met).dimensions(), (200, 100));
        assert!(
            decoded(&met)
                .to_rgb8()
                .get_pixel(0, 0)
                .0
                .iter()
                .all(|c| *c > 150),
            "not on white"
        );
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_is_scaled_until_it_fits() {
        let image = png(200, 100);
        let limits = ImageLimits {
            max_bytes: 1_500,
            ..LIMITS
        };
        let met = ImageScaler::default().meet(&image, limits).await.unwrap();
        assert!(met.bytes().len() <= 1_500);
        let hopeless = ImageLimits {
            max_bytes: 10,
            ..LIMITS
        };
        assert_eq!(
            ImageScaler::default().meet(&image, hopeless).await,
            Err(ScaleError::CannotFit)
        );
    }

    #[tokio::test]
    async fn ratios_and_broken_files_are_refused() {
        let scaler = ImageScaler::default();
        assert_eq!(
            scaler.meet(&png(210, 10), LIMITS).await,
            Err(ScaleError::RatioTooLarge(20))
        );
        let broken = EncodedImage::new(Bytes::from_static(b"\xFF\xD8\xFF\xE0nothing")).unwrap();
        assert_eq!(
            scaler.fit_within(&broken, Some(1)).await,
            Err(ScaleError::Undecodable)
        );
    }

    #[tokio::test]
    async fn an_image_of_too_many_pixels_is_refused_before_it_is_decoded() {
        // A PNG header that claims 65 535 × 65 535 pixels, and nothing behind it.
        let mut bytes =
            b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\xFF\xFF\0\0\xFF\xFF\x08\x02\0\0\0".to_vec();
        bytes.extend_from_slice(&crc32(&bytes[12..]).to_be_bytes());
        bytes.extend_from_slice(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");
        let bomb = EncodedImage::new(Bytes::from(bytes)).unwrap();
        let refused = ImageScaler::default().fit_within(&bomb, Some(100)).await;
        assert_eq!(refused, Err(ScaleError::TooManyPixels));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 {
                    (crc >> 1) ^ 0xEDB8_8320
                } else {
                    crc >> 1
                }
            })
        })
    }
}
