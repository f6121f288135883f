//! What is known of an image before it is decoded: its size, its orientation, and what keeps it from being sent
//! unchanged.

use image::metadata::Orientation;

/// What is known of an image before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// As it is stored, whichever way up; never 0.
    pub(super) width: u32,
    /// As it is stored, whichever way up; never 0.
    pub(super) height: u32,
    /// What has to be done to show it upright.
    pub(super) orientation: Orientation,
    /// Whether it moves. Only its first picture is shown.
    pub(super) animated: bool,
    /// Whether a part of the file is missing or was changed: many programs refuse it then.
    pub(super) damaged: bool,
    /// What else its format says.
    pub(super) format: FormatHeader,
}

/// What is known of a file of one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormatHeader {
    Jpeg(JpegHeader),
    Png(PngHeader),
    WebP(WebPHeader),
}

impl Header {
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether every program shows the file as it is meant: upright, in colors for screens, as one
    /// picture, and whole.
    pub(super) fn goes_as_it_is(&self) -> bool {
        let for_print =
            matches!(self.format, FormatHeader::Jpeg(jpeg) if jpeg.components == JpegHeader::INKS);
        let upright = self.orientation == Orientation::NoTransforms;
        upright && !for_print && !self.animated && !self.damaged
    }
}

/// What is known of a JPEG before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JpegHeader {
    /// The number of components: one for gray, three for colors, four for inks.
    pub(super) components: u8,
    /// Samples for each block of pixels, in 64 of all components.
    pub(super) samples: Samples,
    /// The memory that all its coefficients take while they are put together, in bytes; 0 if they
    /// come in one scan.
    pub(super) coefficient_bytes: u64,
    /// How long its color profile is at most, in bytes.
    pub(super) profile_bytes: u64,
    /// Where its first pixels begin in the file, in bytes.
    pub(super) length: usize,
    /// Where what is read of it ends, in bytes.
    pub(super) end: usize,
    /// Whether its ink values are inverted, as Adobe's programs write them: 255 is no ink.
    pub(super) inverted: bool,
}

/// How many samples a file has, for how many pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Samples {
    pub(super) samples: u64,
    pub(super) pixels: u64,
}

impl JpegHeader {
    /// The components of a file for print: cyan, magenta, yellow and black.
    pub(super) const INKS: u8 = 4;
}

/// What is known of a PNG before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PngHeader {
    /// Whether its pixels have a color.
    pub(super) colored: bool,
    /// What a pixel takes once it is unpacked to whole bytes, in bytes.
    pub(super) pixel_bytes: u64,
    /// Whether it comes in seven passes.
    pub(super) interlaced: bool,
}

/// What is known of a WebP before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WebPHeader {
    pub(super) kind: WebPKind,
    /// Whether the decoder gives the transparency of each pixel.
    pub(super) transparent: bool,
    /// What its decoder takes beside its pixels, in bytes: the tables of a lossless picture.
    pub(super) table_bytes: u64,
    /// How long its color profile is, in bytes.
    pub(super) profile_bytes: u64,
    /// How many bytes its end lacks.
    pub(super) missing: u64,
}

/// How the pixels are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebPKind {
    Lossy,
    Lossless,
    Animated,
}

impl WebPHeader {
    pub(super) const fn of(kind: WebPKind) -> Self {
        Self {
            kind,
            transparent: false,
            table_bytes: 0,
            profile_bytes: 0,
            missing: 0,
        }
    }

    /// The memory that its decoder holds for each pixel beside its output, in bytes: the planes of a lossy image, with
    /// its transparency, which is encoded like a lossless image; the pixels of a lossless image; or the frame and the
    /// canvas of an animation.
    pub(super) fn working_bytes(self) -> u64 {
        match (self.kind, self.transparent) {
            (WebPKind::Lossy, false) => 2,
            (WebPKind::Lossy, true) => 7,
            (WebPKind::Lossless, false) => 4,
            (WebPKind::Lossless, true) => 0,
            (WebPKind::Animated, _) => 8,
        }
    }

    /// The size of each pixel that the decoder returns, in bytes.
    pub(super) fn pixel_bytes(self) -> u64 {
        3 + u64::from(self.transparent)
    }
}
