//! Reads a JPEG at a half, a quarter or an eighth of its size, in much less time and memory than
//! it takes to read it whole: most coefficients are passed over, and what is left of the image is
//! all that is ever held.
//!
//! It reads what cameras and editors write: eight bits, one scan, grey or luminance and two colours.
//! Whatever else there is, and whatever is broken, it leaves to the decoder of whole images.
//! `docs/decisions/0009` says why it is our own.
//!
//! | file | holds |
//! | --- | --- |
//! | `segments.rs` | what a file says before its pixels |
//! | `entropy.rs` | its Huffman codes |
//! | `transform.rs` | from coefficients to pixels |

mod entropy;
mod segments;
mod transform;

use self::{
    entropy::Bits,
    segments::{Component, Jpeg},
    transform::{to_1, to_2, to_4},
};
use super::copy::Size;

/// How many times as many pixels as it will have, in each direction, an image is read with: what
/// is left to the scaler decides how sharp the copy is, and how free of artefacts.
const OVERSAMPLING: f64 = 2.0;

/// The file is broken, or of a kind that is not read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// A JPEG that can be read smaller than it is.
#[derive(Debug)]
pub(super) struct Reduced<'a> {
    jpeg: Jpeg<'a>,
    /// How many pixels, across and down, are left of the eight of a block; for each component.
    left: Vec<u32>,
}

/// A component of an image, a byte for each pixel.
#[derive(Debug)]
pub(super) struct Plane {
    pub(super) pixels: Vec<u8>,
    pub(super) size: Size,
    /// How far the image goes in it: the last pixels may be of less than a whole one.
    pub(super) extent: (f64, f64),
}

impl<'a> Reduced<'a> {
    /// Looks at a file of which a copy of this size is to be made; none if it is not a JPEG that
    /// is read here, or has too few pixels for that.
    pub(super) fn of(bytes: &'a [u8], size: Size) -> Option<Self> {
        let jpeg = Jpeg::of(bytes)?;
        let mut left = Vec::new();
        for component in &jpeg.components {
            let (across, down) = extent(&jpeg, component, 8);
            // What has fewer pixels than the first component has fewer in the copy, too.
            let share = |of: u32, most: u32| f64::from(of) / f64::from(most);
            let wanted = (
                OVERSAMPLING * f64::from(size.0) * share(component.blocks.0, jpeg.blocks.0),
                OVERSAMPLING * f64::from(size.1) * share(component.blocks.1, jpeg.blocks.1),
            );
            let is_enough = |left: &u32| {
                let scale = f64::from(*left) / 8.0;
                across * scale >= wanted.0 && down * scale >= wanted.1
            };
            left.push([1, 2, 4].into_iter().find(is_enough)?);
        }
        Some(Self { jpeg, left })
    }

    /// Width and height of the whole image, whichever way up.
    pub(super) fn whole_size(&self) -> Size {
        (self.jpeg.width, self.jpeg.height)
    }

    /// What its planes take in memory, in bytes.
    pub(super) fn plane_bytes(&self) -> u64 {
        let sizes = self
            .components()
            .map(|(it, left)| size(extent(&self.jpeg, it, left)));
        sizes
            .map(|(width, height)| u64::from(width) * u64::from(height))
            .sum()
    }

    /// The most pixels that a plane has in a row.
    pub(super) fn longest_row(&self) -> u64 {
        let sizes = self
            .components()
            .map(|(it, left)| size(extent(&self.jpeg, it, left)));
        sizes
            .map(|(width, _)| u64::from(width))
            .max()
            .unwrap_or_default()
    }

    /// How many planes there are: one, or three.
    pub(super) fn planes(&self) -> u64 {
        self.left.len() as u64
    }

    /// How long its colour profile is, in bytes.
    pub(super) fn profile_bytes(&self) -> u64 {
        self.jpeg.profile_bytes()
    }

    /// The colour profile.
    pub(super) fn profile(&self) -> Option<Vec<u8>> {
        self.jpeg.profile()
    }

    /// What its EXIF data says.
    pub(super) fn exif(&self) -> Option<&'a [u8]> {
        self.jpeg.exif
    }

    fn components(&self) -> impl Iterator<Item = (&Component, u32)> {
        self.jpeg.components.iter().zip(self.left.iter().copied())
    }

    /// Reads the pixels.
    ///
    /// # Errors
    /// [`Broken`], also when the end is missing.
    pub(super) fn read(&self) -> Result<Vec<Plane>, Broken> {
        let jpeg = &self.jpeg;
        let mut planes: Vec<Plane> = self
            .components()
            .map(|(component, left)| Plane::new(extent(jpeg, component, left)))
            .collect();
        let mut before = [0; 3];
        let mut bits = Bits::new(jpeg.scan);
        let mut block = [0; 64];
        let across = jpeg.width.div_ceil(8 * jpeg.blocks.0);
        let down = jpeg.height.div_ceil(8 * jpeg.blocks.1);
        let mut until_restart = jpeg.restart_interval;
        for row in 0..down {
            for column in 0..across {
                if jpeg.restart_interval > 0 {
                    if until_restart == 0 {
                        bits.restart()?;
                        (before, until_restart) = ([0; 3], jpeg.restart_interval);
                    }
                    until_restart -= 1;
                }
                let parts = self.components().zip(&mut planes).zip(&mut before);
                for (((component, left), plane), before) in parts {
                    let (wide, high) = component.blocks;
                    for index in 0..wide * high {
                        bits.block((&component.dc, &component.ac), last_kept(left), &mut block)?;
                        // Told as a difference to the block before.
                        *before += block[0];
                        if i16::try_from(*before).is_err() {
                            return Err(Broken);
                        }
                        block[0] = *before;
                        let x = left * (column * wide + index % wide);
                        let y = left * (row * high + index / wide);
                        plane.put(left, (x as usize, y as usize), &block, &component.factors);
                    }
                }
            }
            if bits.is_beyond() {
                return Err(Broken);
            }
        }
        Ok(planes)
    }
}

/// How far the image goes in a component with so many pixels left of each eight.
fn extent(jpeg: &Jpeg<'_>, component: &Component, left: u32) -> (f64, f64) {
    let side =
        |whole: u32, blocks: u32, most: u32| f64::from(whole * blocks * left) / f64::from(8 * most);
    (
        side(jpeg.width, component.blocks.0, jpeg.blocks.0),
        side(jpeg.height, component.blocks.1, jpeg.blocks.1),
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no image has sides of more than 65535"
)]
fn size((width, height): (f64, f64)) -> Size {
    (width.ceil() as u32, height.ceil() as u32)
}

/// The last of the coefficients that matter, in the order in which they are told.
fn last_kept(left: u32) -> u32 {
    match left {
        1 => 0,
        2 => 4,
        _ => 24,
    }
}

impl Plane {
    fn new(extent: (f64, f64)) -> Self {
        let size = size(extent);
        Self {
            pixels: vec![0; size.0 as usize * size.1 as usize],
            size,
            extent,
        }
    }

    #[inline]
    fn put(&mut self, left: u32, at: (usize, usize), block: &[i32; 64], factors: &[f32; 64]) {
        match left {
            1 => self.put_pixels(at, &to_1(block, factors)),
            2 => self.put_pixels(at, &to_2(block, factors)),
            _ => self.put_pixels(at, &to_4(block, factors)),
        }
    }

    /// Puts the pixels of a block into their place, but for those beyond the edges.
    #[inline]
    fn put_pixels<const N: usize>(&mut self, (x, y): (usize, usize), pixels: &[[u8; N]; N]) {
        let width = self.size.0 as usize;
        if x >= width {
            return;
        }
        let inside = N.min(width - x);
        let rows = self.pixels.chunks_exact_mut(width).skip(y);
        for (row, pixels) in rows.zip(pixels) {
            if let Some(whole) = row[x..].first_chunk_mut() {
                *whole = *pixels;
            } else {
                row[x..].copy_from_slice(&pixels[..inside]);
            }
        }
    }
}
