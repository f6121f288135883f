//! How large the images are that copies are made of. What a file takes in memory depends on how it is made
//! up: `docs/images.md` has the table.

use crate::ports::TooManyPixels;

use super::header::{FormatHeader, Header, JpegHeader, WebPKind};

/// A million pixels.
const MEGAPIXEL: u64 = 1_000_000;
/// A JPEG in one scan is read row by row: what limits it is time.
const BASELINE_JPEG: u64 = 200;
/// A JPEG in several scans, at most.
const PROGRESSIVE_JPEG: u64 = 60;
/// What the coefficients of a JPEG in several scans may take, in bytes: the library holds all of them, two bytes
/// for each sample, and that is 40 megapixels with three samples to a pixel (4:4:4).
const COEFFICIENTS: u64 = 240_000_000;
/// A PNG is read row by row; one in seven passes is put together in three bytes to a pixel.
const PNG: u64 = 64;
/// A WebP, whose decoder has all pixels at once, and more: by what it holds for each.
const WEBP: [(WebPKind, bool, u64); 6] = [
    (WebPKind::Lossy, false, 40),
    (WebPKind::Lossy, true, 18),
    (WebPKind::Lossless, false, 32),
    (WebPKind::Lossless, true, 48),
    (WebPKind::Animated, false, 18),
    (WebPKind::Animated, true, 16),
];

/// Whether an image is one of those that copies are made of. Half a megapixel more than the limit counts as the
/// limit: makers of cameras round, too.
///
/// # Errors
/// [`TooManyPixels`].
pub(super) fn check(header: &Header) -> Result<(), TooManyPixels> {
    let (most, kind) = limit(header);
    let megapixels = (header.pixels() + MEGAPIXEL / 2) / MEGAPIXEL;
    if megapixels <= most {
        return Ok(());
    }
    Err(TooManyPixels {
        megapixels,
        most,
        kind,
    })
}

fn limit(header: &Header) -> (u64, &'static str) {
    match header.format {
        FormatHeader::Jpeg(jpeg) if jpeg.coefficient_bytes == 0 => (BASELINE_JPEG, "baseline JPEG"),
        FormatHeader::Jpeg(jpeg) => progressive(jpeg),
        FormatHeader::Png(_) => (PNG, "PNG"),
        FormatHeader::WebP(webp) => {
            let is_it = |(kind, transparent, _): &&_| {
                (webp.kind, webp.transparent) == (*kind, *transparent)
            };
            let most = WEBP.iter().find(is_it).map_or(0, |(.., most)| *most);
            let kind = match (webp.kind, webp.transparent) {
                (WebPKind::Lossy, false) => "lossy WebP",
                (WebPKind::Lossy, true) => "lossy WebP with transparency",
                (WebPKind::Lossless, false) => "lossless WebP",
                (WebPKind::Lossless, true) => "lossless WebP with transparency",
                (WebPKind::Animated, _) => "moving WebP",
            };
            (most, kind)
        }
    }
}

fn progressive(jpeg: JpegHeader) -> (u64, &'static str) {
    let (samples, pixels) = (jpeg.samples.samples, jpeg.samples.pixels);
    // Two bytes to a sample; a file that has no samples is found out by its decoder.
    let most = COEFFICIENTS * pixels / (2 * samples).max(1) / MEGAPIXEL;
    let kind = if jpeg.components == JpegHeader::INKS {
        "progressive JPEG for print (CMYK)"
    } else if samples < 3 * pixels {
        "progressive JPEG with fewer colors than pixels (4:2:0 and 4:2:2)"
    } else {
        "progressive JPEG with all colors (4:4:4)"
    };
    (most.min(PROGRESSIVE_JPEG), kind)
}
