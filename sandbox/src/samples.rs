//! Sample images, drawn in code: small, and the same at every start. Used by the sandbox and by
//! tests.

use std::io::Cursor;
use std::sync::OnceLock;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageError, ImageFormat, Rgb, RgbImage};

/// A file for a tenant's root folder.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The file's name.
    pub name: String,
    /// Its content.
    pub bytes: Bytes,
}

impl Sample {
    /// A file with this content.
    #[must_use]
    pub fn new(name: &str, bytes: impl Into<Bytes>) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.into(),
        }
    }

    /// A JPEG of this size, with a pattern of its own for each `seed`.
    ///
    /// # Errors
    /// A side of 0 or beyond what JPEG can hold.
    pub fn jpeg(name: &str, width: u32, height: u32, seed: u8) -> Result<Self, ImageError> {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 80).encode_image(&draw(width, height, seed))?;
        Ok(Self::new(name, bytes))
    }

    /// A PNG of this size, with a pattern of its own for each `seed`.
    ///
    /// # Errors
    /// A side of 0.
    pub fn png(name: &str, width: u32, height: u32, seed: u8) -> Result<Self, ImageError> {
        Self::encode(name, ImageFormat::Png, &draw(width, height, seed))
    }

    /// A lossless WebP of this size, with a pattern of its own for each `seed`.
    ///
    /// # Errors
    /// A side of 0 or beyond what WebP can hold.
    pub fn webp(name: &str, width: u32, height: u32, seed: u8) -> Result<Self, ImageError> {
        Self::encode(name, ImageFormat::WebP, &draw(width, height, seed))
    }

    fn encode(name: &str, format: ImageFormat, picture: &RgbImage) -> Result<Self, ImageError> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format)?;
        Ok(Self::new(name, bytes.into_inner()))
    }
}

/// The demo tenants' images: Alice's, then Bob's. Drawn once per process.
///
/// # Errors
/// An encoder that fails.
pub fn sample_images() -> Result<[Vec<Sample>; 2], ImageError> {
    static DRAWN: OnceLock<[Vec<Sample>; 2]> = OnceLock::new();
    if let Some(drawn) = DRAWN.get() {
        return Ok(drawn.clone());
    }
    let drawn = [
        vec![
            Sample::jpeg("harbour-dawn.jpg", 320, 240, 1)?,
            Sample::png("paper-lantern.png", 180, 240, 2)?,
            Sample::webp("red-thread.webp", 200, 160, 3)?,
            Sample::jpeg("café-夜.jpg", 240, 320, 4)?,
        ],
        vec![
            Sample::jpeg("north-ridge.jpg", 320, 180, 5)?,
            Sample::png("salt-flat.png", 240, 160, 6)?,
            Sample::webp("tide-line.webp", 160, 200, 7)?,
        ],
    ];
    Ok(DRAWN.get_or_init(|| drawn).clone())
}

/// A gradient between two colors with a disc on it.
fn draw(width: u32, height: u32, seed: u8) -> RgbImage {
    let [from, to, disc] = palette(seed);
    let centre = (width / 3 + u32::from(seed % 5) * width / 12, height / 2);
    let radius = width.min(height) / 4;
    RgbImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (x.abs_diff(centre.0), y.abs_diff(centre.1));
        if u64::from(dx) * u64::from(dx) + u64::from(dy) * u64::from(dy)
            < u64::from(radius) * u64::from(radius)
        {
            return Rgb(disc);
        }
        let blend = |a: u8, b: u8| {
            let mixed = (u64::from(a) * u64::from(height - y) + u64::from(b) * u64::from(y))
                / u64::from(height);
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        let mut pixel = [0; 3];
        for (value, (a, b)) in pixel.iter_mut().zip(from.into_iter().zip(to)) {
            *value = blend(a, b);
        }
        Rgb(pixel)
    })
}

fn palette(seed: u8) -> [[u8; 3]; 3] {
    let turn = |step: u8| seed.wrapping_mul(47).wrapping_add(step);
    [
        [turn(0), turn(85), turn(170)],
        [turn(120), turn(30), turn(60)],
        [turn(200), turn(140), turn(20)],
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn samples_are_different_images_of_the_type_their_name_says() {
        let all = sample_images().unwrap().concat();
        for sample in &all {
            let format = ImageFormat::from_path(&sample.name).unwrap();
            assert_eq!(image::guess_format(&sample.bytes).unwrap(), format);
        }
        let contents: HashSet<_> = all.iter().map(|sample| &sample.bytes).collect();
        assert_eq!(contents.len(), all.len());
        assert!(all.iter().any(|sample| !sample.name.is_ascii()));
    }
}
