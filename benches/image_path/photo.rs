//! Photographs to scale: drawn, so that none has to be kept, and with the detail and the noise that
//! make a photograph's file as long as it is.

use std::path::{Path, PathBuf};

use image::{RgbImage, imageops};
use mozjpeg::{ColorSpace, Compress};

/// As cameras write it.
const QUALITY: f32 = 90.0;

/// In which order the file tells the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Baseline,
    Progressive,
}

/// A photograph in a file.
pub(crate) struct Photo {
    pub(crate) path: PathBuf,
    pub(crate) bytes: usize,
    kind: Kind,
    size: (u32, u32),
}

impl Photo {
    /// Draws and writes one.
    pub(crate) fn write(folder: &Path, name: &str, size: (u32, u32), kind: Kind) -> Self {
        let mut jpeg = Compress::new(ColorSpace::JCS_RGB);
        // 4:2:0, with the tables of most encoders.
        jpeg.set_fastest_defaults();
        jpeg.set_size(size.0 as usize, size.1 as usize);
        jpeg.set_quality(QUALITY);
        if kind == Kind::Progressive {
            jpeg.set_progressive_mode();
            jpeg.set_optimize_coding(true);
        }
        let mut jpeg = jpeg.start_compress(Vec::new()).expect("a JPEG's sides");
        jpeg.write_scanlines(&drawn(size)).expect("as many pixels");
        let bytes = jpeg.finish().expect("a whole JPEG");
        let path = folder.join(format!("{name}.jpg"));
        std::fs::write(&path, &bytes).expect("a place for the photo");
        Self {
            path,
            bytes: bytes.len(),
            kind,
            size,
        }
    }

    pub(crate) fn name(&self) -> String {
        let (width, height) = self.size;
        match self.kind {
            Kind::Baseline => format!("{width}×{height}"),
            Kind::Progressive => format!("{width}×{height} progressive"),
        }
    }

    /// The copy that all others are compared with: by way of all pixels, with a scaler that is
    /// none of the contenders'.
    pub(crate) fn reference(&self, longest: u32) -> RgbImage {
        let bytes = std::fs::read(&self.path).expect("the photo");
        let whole = image::load_from_memory(&bytes).expect("the photo is an image");
        let whole = whole.into_rgb8();
        let factor = f64::from(longest) / f64::from(self.size.0.max(self.size.1));
        let (width, height) = (rounded(self.size.0, factor), rounded(self.size.1, factor));
        imageops::resize(&whole, width, height, imageops::FilterType::Lanczos3)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "is between 0 and a side"
)]
fn rounded(side: u32, factor: f64) -> u32 {
    (f64::from(side) * factor).round() as u32
}

/// Waves of each length, of which longer ones are stronger, in colors that differ little, and
/// noise on top.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "is clamped to a byte"
)]
fn drawn((width, height): (u32, u32)) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(3 * width as usize * height as usize);
    let octaves: Vec<Octave> = (0..8).map(Octave::new).collect();
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    for y in 0..height {
        let rows: Vec<_> = octaves.iter().map(|octave| octave.row(y)).collect();
        for x in 0..width {
            let mut light = 128.0 + 15.0 * (noise.next() + noise.next() - 1.0);
            let mut tint = 0.0;
            for row in &rows {
                let (a, b) = row.at(x);
                light += a;
                tint += b;
            }
            for share in [0.25, -0.1, -0.25] {
                pixels.push((light + share * tint).clamp(0.0, 255.0) as u8);
            }
        }
    }
    pixels
}

/// Random values on a grid, and smooth between them.
struct Octave {
    seed: u64,
    spacing: u32,
    strength: f32,
}

/// An octave along a row.
struct OctaveRow<'a> {
    octave: &'a Octave,
    above: u32,
    down: f32,
}

impl Octave {
    fn new(index: u32) -> Self {
        Self {
            seed: u64::from(index) << 48,
            spacing: 512 >> index,
            strength: 60.0 * 0.62_f32.powi(index.cast_signed()),
        }
    }

    fn row(&self, y: u32) -> OctaveRow<'_> {
        OctaveRow {
            octave: self,
            above: y / self.spacing,
            down: smooth(y % self.spacing, self.spacing),
        }
    }

    fn node(&self, x: u32, y: u32) -> (f32, f32) {
        let mut noise = Noise(self.seed ^ u64::from(x) << 24 ^ u64::from(y));
        noise.next();
        (noise.next() - 0.5, noise.next() - 0.5)
    }
}

impl OctaveRow<'_> {
    fn at(&self, x: u32) -> (f32, f32) {
        let Octave {
            spacing, strength, ..
        } = *self.octave;
        let (left, across) = (x / spacing, smooth(x % spacing, spacing));
        let column = |x| {
            let (above, below) = (
                self.octave.node(x, self.above),
                self.octave.node(x, self.above + 1),
            );
            let between = |a: f32, b: f32| a + (b - a) * self.down;
            (between(above.0, below.0), between(above.1, below.1))
        };
        let (a, b) = (column(left), column(left + 1));
        let between = |a: f32, b: f32| strength * (a + (b - a) * across);
        (between(a.0, b.0), between(a.1, b.1))
    }
}

#[expect(clippy::cast_precision_loss, reason = "are at most 512")]
fn smooth(at: u32, of: u32) -> f32 {
    let share = at as f32 / of as f32;
    share * share * (3.0 - 2.0 * share)
}

/// Numbers from 0 to 1 that look random, the same each time.
struct Noise(u64);

impl Noise {
    /// `SplitMix64`.
    #[expect(clippy::cast_precision_loss, reason = "are 24 bits")]
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) >> 40) as f32 / (1_u32 << 24) as f32
    }
}
