//! Reads a JPEG at an eighth, a quarter or a half of its size, straight from the lowest frequencies
//! of its blocks: much less time and memory than all pixels take. What is left of it is all that is
//! ever held.
//!
//! Whatever is unusual, and whatever is broken, is left to the decoder of whole images.

use std::io;

use mozjpeg::Decompress;

use super::{
    copy::Size,
    encode::Colour,
    header::{Header, JpegHeader},
    libjpeg::{Failed, caught, strict},
};

/// How many times as many pixels as it will have, in each direction, an image is read with, at
/// least: what is left to the scaler decides how sharp the copy is, and how free of artefacts.
/// `docs/decisions/0009` has what this one costs, and gains.
const OVERSAMPLING: f64 = 1.4;
/// So many pixels are left of the eight of a block: those for which the library has its fast ways,
/// least first, and all of them.
const LEFT: [u8; 4] = [1, 2, 4, 8];
/// How often a file may go over its blocks: each time costs the same, however little the file has
/// for it. The decoder of whole images stops there, too.
const MAX_SCANS: usize = 100;
/// How many bytes for each pixel of a row the library holds at most beside them: ten groups of rows,
/// and their colours in full.
const ROWS: u64 = 64;

/// How a JPEG is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScaledJpeg {
    header: JpegHeader,
    whole: Size,
    left: u8,
}

/// What has been read.
#[derive(Debug)]
pub(super) struct Pixels {
    pub(super) bytes: Vec<u8>,
    pub(super) colour: Colour,
}

impl ScaledJpeg {
    /// For a copy of this size; none if the file is no JPEG, or one that is not read here.
    pub(super) fn of(header: &Header, size: Size) -> Option<Self> {
        let whole = (header.width, header.height);
        let header = header.jpeg?;
        // With four, what they are is told in more ways than one.
        if !matches!(header.components, 1 | 3) || header.scans > MAX_SCANS {
            return None;
        }
        let is_enough = |left: &u8| {
            let (across, down) = extent(whole, *left);
            across >= OVERSAMPLING * f64::from(size.0) && down >= OVERSAMPLING * f64::from(size.1)
        };
        let all = LEFT.last().copied();
        Some(Self {
            header,
            whole,
            left: LEFT.into_iter().find(is_enough).or(all)?,
        })
    }

    /// Width and height of what is read.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no JPEG has sides of more than 65535"
    )]
    pub(super) fn size(&self) -> Size {
        let (across, down) = self.extent();
        (across.ceil() as u32, down.ceil() as u32)
    }

    /// How far the image goes in it: the last pixels may be of less than a whole one.
    pub(super) fn extent(&self) -> (f64, f64) {
        extent(self.whole, self.left)
    }

    /// What a pixel takes, in bytes.
    pub(super) fn channels(&self) -> u64 {
        u64::from(self.header.components)
    }

    /// What stands before its pixels.
    pub(super) fn head<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(..self.header.length).unwrap_or_default()
    }

    /// How long its colour profile is at most, in bytes.
    pub(super) fn profile_bytes(&self) -> u64 {
        self.header.profile_bytes
    }

    /// What its pixels take in memory, in bytes.
    pub(super) fn pixel_bytes(&self) -> u64 {
        let (width, height) = self.size();
        u64::from(width) * u64::from(height) * self.channels()
    }

    /// The most that the library holds beside them, in bytes.
    pub(super) fn working_bytes(&self) -> u64 {
        self.header.coefficient_bytes + u64::from(self.size().0) * ROWS
    }

    /// Reads the pixels of the file whose header was looked at.
    ///
    /// # Errors
    /// [`Failed`], also when something is missing.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Pixels, Failed> {
        let this = *self;
        caught(move || {
            let of_another_kind = || io::Error::from(io::ErrorKind::InvalidData);
            let mut jpeg = Decompress::builder().with_err(strict()).from_mem(bytes)?;
            let colour = Colour::of(jpeg.color_space()).ok_or_else(of_another_kind)?;
            jpeg.scale(this.left);
            let mut jpeg = jpeg.to_colorspace(colour.space())?;
            // The memory was set aside for what the header says.
            let size = (jpeg.width() as u64, jpeg.height() as u64);
            let (width, height) = this.size();
            if size != (width.into(), height.into()) || colour.channels() != this.channels() {
                return Err(of_another_kind());
            }
            let bytes = jpeg.read_scanlines()?;
            Ok(Pixels { bytes, colour })
        })
    }
}

fn extent((width, height): Size, left: u8) -> (f64, f64) {
    let share = f64::from(left) / 8.0;
    (f64::from(width) * share, f64::from(height) * share)
}
