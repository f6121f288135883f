//! Reads a PNG row by row. An interlaced PNG (in seven passes) is put together first, in eight opaque bits.
//!
//! A damaged file is read as far as possible. Checksums are not verified. Where the packed pixels become invalid or
//! end, the picture ends too.

use std::{
    cell::Cell,
    io::{self, BufRead, Cursor, Read, Seek, SeekFrom},
    rc::Rc,
};

use png::{
    ColorType, Decoder, DecodingError, InterlaceInfo, Limits, Reader, Transformations,
    expand_interlaced_row, splat_interlaced_row,
};

use publisher_pixels::put_on_white;

use super::{
    color::Color,
    header::PngHeader,
    rows::{Held, Layout, Opened, Rows, WHITE},
    size::Size,
};
use crate::ports::ImageProcessingError;

/// What a file may unpack to before its pixels, in bytes: its color profile.
const MAX_UNPACKED: usize = 4 * 1024 * 1024;
/// In pieces of how many bytes a damaged file is given to a reader, to find the one where it makes no sense any
/// more.
const STEPS: [usize; 2] = [4096, 1];

/// How a PNG is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PngSource {
    pub(super) header: PngHeader,
    pub(super) size: Size,
    /// Whether passes that are missing are to be made up from those that are there.
    pub(super) damaged: bool,
}

impl PngSource {
    pub(super) fn color(&self) -> Color {
        if self.header.colored {
            Color::Rgb
        } else {
            Color::Grey
        }
    }

    pub(super) fn layout(&self) -> Layout {
        let (width, height) = (u64::from(self.size.0), u64::from(self.size.1));
        let row = width.saturating_mul(self.header.pixel_bytes);
        // The library unpacks at least four rows at a time into a buffer that grows by doubling, and holds one
        // to undo the filters; then there is one of bytes.
        let unpacking = row.saturating_mul(14).saturating_add(512 * 1024);
        let profile = 2 * MAX_UNPACKED as u64;
        let canvas = if self.header.interlaced {
            width * height * self.color().pixel_bytes() as u64
        } else {
            0
        };
        let opening = unpacking.saturating_add(profile).saturating_add(canvas);
        Layout {
            size: self.size,
            extent: (f64::from(self.size.0), f64::from(self.size.1)),
            color: self.color(),
            opening,
            reading: if self.header.interlaced {
                canvas + profile
            } else {
                opening
            },
        }
    }

    /// Begins to read the file whose header was looked at.
    ///
    /// # Errors
    /// [`ImageProcessingError::Undecodable`].
    pub(super) fn open<'a>(&self, bytes: &'a [u8]) -> Result<Opened<'a>, ImageProcessingError> {
        let unpacked = self.unpack(Slices::whole(bytes));
        let unpacked = unpacked.ok_or(ImageProcessingError::Undecodable)?;
        let profile = unpacked.reader.info().icc_profile.clone();
        let mut rows = PngRows {
            source: *self,
            bytes,
            unpacked: Some(unpacked),
            done: 0,
            may_be_mended: true,
        };
        let rows: Box<dyn Rows> = if self.header.interlaced {
            Box::new(Held::new(rows.put_together()?))
        } else {
            Box::new(rows)
        };
        Ok(Opened {
            rows,
            profile: profile.map(Into::into),
        })
    }

    /// A reader of eight bits to a channel.
    fn unpack<'a>(&self, file: Slices<'a>) -> Option<Unpacked<'a>> {
        let row = self.size.0 as usize * 8;
        let limits = Limits {
            bytes: row.saturating_add(MAX_UNPACKED),
        };
        let mut decoder = Decoder::new_with_limits(file, limits);
        decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
        decoder.set_ignore_text_chunk(true);
        decoder.ignore_checksums(true);
        let reader = decoder.read_info().ok()?;
        let (color, transparent) = match reader.output_color_type().0 {
            ColorType::Grayscale => (Color::Grey, false),
            ColorType::GrayscaleAlpha => (Color::Grey, true),
            ColorType::Rgb => (Color::Rgb, false),
            ColorType::Rgba => (Color::Rgb, true),
            ColorType::Indexed => return None,
        };
        // The memory was set aside for what the header says; and the first picture of an animation is
        // all of it.
        let info = reader.info();
        let frame = info.frame_control;
        let as_told = (info.width, info.height) == self.size
            && frame.is_none_or(|frame| (frame.width, frame.height) == self.size)
            && color == self.color()
            && info.interlaced == self.header.interlaced;
        let length = reader.output_line_size(self.size.0)?;
        as_told.then(|| Unpacked {
            row: vec![0; length],
            reader,
            transparent,
        })
    }

    /// Where the packed pixels make no sense any more, or the file ends, in bytes.
    fn fault(&self, bytes: &[u8]) -> usize {
        let mut sound = 0;
        for step in STEPS {
            let file = Slices::of(bytes, sound, step);
            let read = Rc::clone(&file.read);
            let Some(mut unpacked) = self.unpack(file) else {
                break;
            };
            while unpacked.next().is_ok_and(|row| row.is_some()) {}
            sound = read.get();
        }
        sound
    }
}

/// Rows of pixels of eight bits to a channel.
struct Unpacked<'a> {
    reader: Reader<Slices<'a>>,
    /// Whether the last of the channels is transparency.
    transparent: bool,
    row: Vec<u8>,
}

impl Unpacked<'_> {
    /// Puts the next row into its place, and says which one it is; none after the last.
    fn next(&mut self) -> Result<Option<InterlaceInfo>, DecodingError> {
        self.reader.read_row(&mut self.row)
    }

    /// Fills a row with the pixels of this one, on white where they are transparent.
    fn put_opaque(&self, color: Color, opaque: &mut [u8]) {
        if self.transparent {
            put_on_white(&self.row, opaque, color.pixel_bytes());
        } else {
            opaque.copy_from_slice(&self.row[..opaque.len()]);
        }
    }
}

struct PngRows<'a> {
    source: PngSource,
    bytes: &'a [u8],
    /// None once nothing more can be read.
    unpacked: Option<Unpacked<'a>>,
    /// How many rows have been read.
    done: usize,
    may_be_mended: bool,
}

impl Rows for PngRows<'_> {
    fn read(&mut self, rows: &mut [u8]) -> Result<(), ImageProcessingError> {
        let color = self.source.color();
        let row_bytes = self.source.size.0 as usize * color.pixel_bytes();
        for row in rows.chunks_exact_mut(row_bytes) {
            if let Some((_, unpacked)) = self.next() {
                unpacked.put_opaque(color, row);
            } else if self.done == 0 {
                return Err(ImageProcessingError::Undecodable);
            } else {
                row.fill(WHITE);
            }
        }
        Ok(())
    }
}

impl<'a> PngRows<'a> {
    /// The next row of the file; none when there is no more.
    fn next(&mut self) -> Option<(InterlaceInfo, &Unpacked<'a>)> {
        let mut row = self.unpacked.as_mut()?.next();
        if matches!(row, Err(DecodingError::Format(_))) && self.may_be_mended {
            // The reader has lost what it unpacked before the fault. Another reader is given the file up to the fault
            // only, and returns what was unpacked.
            self.may_be_mended = false;
            self.unpacked = self.up_to_the_fault();
            row = self.unpacked.as_mut()?.next();
        }
        if let Ok(Some(which)) = row {
            self.done += 1;
            return self.unpacked.as_ref().map(|unpacked| (which, unpacked));
        }
        self.unpacked = None;
        None
    }

    /// A reader that stands where this one does.
    fn up_to_the_fault(&self) -> Option<Unpacked<'a>> {
        let sound = &self.bytes[..self.source.fault(self.bytes)];
        let mut unpacked = self.source.unpack(Slices::whole(sound))?;
        for _ in 0..self.done {
            unpacked.next().ok()??;
        }
        Some(unpacked)
    }

    /// All seven passes as one picture.
    fn put_together(&mut self) -> Result<Vec<u8>, ImageProcessingError> {
        let source = self.source;
        let color = source.color();
        let pixel_bytes = color.pixel_bytes();
        let row_bytes = source.size.0 as usize * pixel_bytes;
        let mut canvas = vec![WHITE; row_bytes * source.size.1 as usize];
        let mut opaque = vec![0; row_bytes];
        // A pass of a whole file is about to be filled up by the next one.
        let put = if source.damaged {
            splat_interlaced_row
        } else {
            expand_interlaced_row
        };
        let bits = if pixel_bytes == 1 { 8 } else { 24 };
        while let Some((which, unpacked)) = self.next() {
            if let InterlaceInfo::Adam7(which) = which {
                unpacked.put_opaque(color, &mut opaque);
                put(&mut canvas, row_bytes, &opaque, &which, bits);
            }
        }
        if self.done == 0 {
            return Err(ImageProcessingError::Undecodable);
        }
        Ok(canvas)
    }
}

/// A file that is given to its reader in pieces.
#[derive(Debug)]
struct Slices<'a> {
    file: Cursor<&'a [u8]>,
    /// Up to here it is given in one piece, in bytes.
    sound: usize,
    /// The size of the pieces after that, in bytes.
    step: usize,
    /// How far the file has been read without a fault, in bytes.
    read: Rc<Cell<usize>>,
}

impl<'a> Slices<'a> {
    fn whole(file: &'a [u8]) -> Self {
        Self::of(file, file.len(), file.len())
    }

    fn of(file: &'a [u8], sound: usize, step: usize) -> Self {
        Self {
            file: Cursor::new(file),
            sound,
            step,
            read: Rc::default(),
        }
    }
}

impl BufRead for Slices<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let at = usize::try_from(self.file.position()).unwrap_or(usize::MAX);
        let most = self.sound.checked_sub(at).filter(|left| *left > 0);
        let rest = self.file.fill_buf()?;
        Ok(&rest[..rest.len().min(most.unwrap_or(self.step))])
    }

    fn consume(&mut self, bytes: usize) {
        self.file.consume(bytes);
        let at = usize::try_from(self.file.position());
        self.read.set(at.unwrap_or(usize::MAX));
    }
}

impl Read for Slices<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl Seek for Slices<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
