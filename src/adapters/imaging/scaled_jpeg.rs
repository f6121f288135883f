//! Reads a JPEG at an eighth, a quarter or a half of its size, straight from the lowest frequencies
//! of its blocks: much less time and memory than all pixels take. Row after row: of the pixels, no more
//! is held than the scaler looks at.

use std::io;

use mozjpeg::{ColorSpace, Decompress, decompress::DecompressStarted};

use super::{
    color::{Color, Inks, MAX_INK_PROFILE},
    header::{FormatHeader, Header, JpegHeader},
    libjpeg::{Failed, caught, lenient},
    rows::{Layout, Opened, Rows, WHITE},
    size::Size,
};
use crate::ports::ImageProcessingError;

/// How many times as many pixels as it will have, in each direction, an image is read with, at
/// least: what is left to the scaler decides how sharp the copy is, and how free of artefacts.
/// `docs/decisions/0009` has what this one costs, and gains.
const OVERSAMPLING: f64 = 1.4;
/// So many pixels are left of the eight of a block: those for which the library has its fast ways,
/// least first, and all of them.
const LEFT: [u8; 4] = [1, 2, 4, 8];
/// How many bytes for each pixel of a row and each of its channels the library holds at most beside the
/// coefficients: ten groups of rows, and their colors in full.
const ROWS: u64 = 22;
/// How often a color profile is held, at most: in its parts, put together, and in the file of the
/// copy.
const PROFILE_COPIES: u64 = 3;

/// How a JPEG is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScaledJpeg {
    header: JpegHeader,
    whole: Size,
    left: u8,
}

impl ScaledJpeg {
    /// For a copy of this size; none if the file is no JPEG, or one of as many components as nothing is known
    /// of.
    pub(super) fn of(header: &Header, size: Size) -> Option<Self> {
        let whole = (header.width, header.height);
        let FormatHeader::Jpeg(header) = header.format else {
            return None;
        };
        if !matches!(header.components, 1 | 3 | JpegHeader::INKS) {
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

    pub(super) fn layout(&self) -> Layout {
        let color = match self.header.components {
            1 => Color::Grey,
            _ => Color::Rgb,
        };
        let across = u64::from(self.size().0);
        let components = u64::from(self.header.components);
        let mut reading = self.header.coefficient_bytes + across * ROWS * components;
        reading += PROFILE_COPIES * self.header.profile_bytes;
        if self.has_inks() {
            // A row of inks, and the tables that the profile is unpacked to.
            reading += across * components;
            reading += 4 * self.header.profile_bytes.min(MAX_INK_PROFILE);
        }
        Layout {
            size: self.size(),
            extent: extent(self.whole, self.left),
            color,
            opening: 0,
            reading,
        }
    }

    /// Begins to read the file whose header was looked at.
    ///
    /// # Errors
    /// [`ImageProcessingError::Undecodable`].
    pub(super) fn open<'a>(&self, bytes: &'a [u8]) -> Result<Opened<'a>, ImageProcessingError> {
        let started = self
            .start(bytes)
            .map_err(|_| ImageProcessingError::Undecodable)?;
        let mut profile = self.header.profile(bytes);
        let mut inks = None;
        if self.has_inks() {
            // What comes out is for screens, so it goes no further.
            let to_screen = Inks::new(profile.take().as_deref(), self.header.inverted);
            inks = Some((to_screen, vec![0; self.size().0 as usize * 4]));
        }
        let rows = JpegRows {
            row_bytes: usize::try_from(self.layout().row_bytes())
                .map_err(|_| ImageProcessingError::Undecodable)?,
            jpeg: Some(started),
            inks,
            begun: false,
        };
        Ok(Opened {
            rows: Box::new(rows),
            profile,
        })
    }

    fn start<'a>(&self, bytes: &'a [u8]) -> Result<DecompressStarted<&'a [u8]>, Failed> {
        let bytes = bytes.get(..self.header.end).unwrap_or(bytes);
        caught(|| {
            let of_another_kind = || io::Error::from(io::ErrorKind::InvalidData);
            let mut jpeg = Decompress::builder().with_err(lenient()).from_mem(bytes)?;
            let (space, components) = match jpeg.color_space() {
                ColorSpace::JCS_GRAYSCALE => (ColorSpace::JCS_GRAYSCALE, 1),
                ColorSpace::JCS_RGB | ColorSpace::JCS_YCbCr => (ColorSpace::JCS_RGB, 3),
                ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK => {
                    (ColorSpace::JCS_CMYK, JpegHeader::INKS)
                }
                _ => return Err(of_another_kind()),
            };
            // The memory was set aside for what the header says.
            if jpeg.size() != (self.whole.0 as usize, self.whole.1 as usize)
                || components != self.header.components
            {
                return Err(of_another_kind());
            }
            jpeg.scale(self.left);
            let jpeg = jpeg.to_colorspace(space)?;
            let (width, height) = self.size();
            if (jpeg.width(), jpeg.height()) != (width as usize, height as usize) {
                return Err(of_another_kind());
            }
            Ok(jpeg)
        })
    }

    fn has_inks(&self) -> bool {
        self.header.components == JpegHeader::INKS
    }

    /// Width and height of what is read.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no JPEG has sides of more than 65535"
    )]
    fn size(&self) -> Size {
        let (across, down) = extent(self.whole, self.left);
        (across.ceil() as u32, down.ceil() as u32)
    }
}

fn extent((width, height): Size, left: u8) -> (f64, f64) {
    let share = f64::from(left) / 8.0;
    (f64::from(width) * share, f64::from(height) * share)
}

struct JpegRows<'a> {
    row_bytes: usize,
    /// None once the library has given up.
    jpeg: Option<DecompressStarted<&'a [u8]>>,
    /// What makes colors of inks, and a row of these.
    inks: Option<(Inks, Vec<u8>)>,
    begun: bool,
}

impl Rows for JpegRows<'_> {
    fn read(&mut self, rows: &mut [u8]) -> Result<(), ImageProcessingError> {
        for row in rows.chunks_exact_mut(self.row_bytes) {
            if self.read_row(row).is_none() {
                self.jpeg = None;
                if !self.begun {
                    return Err(ImageProcessingError::Undecodable);
                }
                row.fill(WHITE);
            }
            self.begun = true;
        }
        Ok(())
    }
}

impl JpegRows<'_> {
    fn read_row(&mut self, row: &mut [u8]) -> Option<()> {
        let jpeg = self.jpeg.as_mut()?;
        let Some((to_screen, inks)) = &mut self.inks else {
            return caught(|| jpeg.read_scanlines_into(row).map(drop)).ok();
        };
        caught(|| jpeg.read_scanlines_into(inks).map(drop)).ok()?;
        to_screen.to_rgb(inks, row);
        Some(())
    }
}
