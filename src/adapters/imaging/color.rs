//! What the bytes of a pixel mean: which profiles a copy keeps, and how inks become light.

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

/// Where a color profile says of which colors it is.
const SPACE: std::ops::Range<usize> = 16..20;
/// The largest profile for print that is made use of, in bytes: those that come with printers have one to
/// three million. What it unpacks to has about as much.
pub(super) const MAX_INK_PROFILE: u64 = 4 * 1024 * 1024;

/// What the bytes of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Grey,
    Rgb,
}

impl Color {
    /// The bytes of a pixel: one for each channel.
    pub(super) fn pixel_bytes(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }

    /// Whether a profile is of these colors. One that is not, says nothing about them, and some
    /// programs refuse a file that has it.
    pub(super) fn is_described_by(self, profile: &[u8]) -> bool {
        let space: &[u8] = match self {
            Self::Grey => b"GRAY",
            Self::Rgb => b"RGB ",
        };
        profile.get(SPACE) == Some(space)
    }
}

/// Turns the four inks of a file for print into the colors of a screen (sRGB).
pub(super) struct Inks {
    /// By the file's own profile, if it has one that can be used.
    by_profile: Option<Arc<Transform8BitExecutor>>,
    /// Whether 255 is none of an ink.
    inverted: bool,
}

impl Inks {
    pub(super) fn new(profile: Option<&[u8]>, inverted: bool) -> Self {
        Self {
            by_profile: profile.and_then(transform),
            inverted,
        }
    }

    /// Turns pixels of four bytes into pixels of three.
    pub(super) fn to_rgb(&self, inks: &mut [u8], rgb: &mut [u8]) {
        if let Some(transform) = &self.by_profile {
            if self.inverted {
                for ink in &mut *inks {
                    *ink = !*ink;
                }
            }
            if transform.transform(inks, rgb).is_ok() {
                return;
            }
        }
        // Light that each ink leaves, times what black leaves.
        let inverted = self.inverted && self.by_profile.is_none();
        for (inks, rgb) in inks.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
            let left = |ink: u8| u16::from(if inverted { ink } else { !ink });
            let black = left(inks[3]);
            for (light, ink) in rgb.iter_mut().zip(inks) {
                *light = u8::try_from((left(*ink) * black + 127) / 255).unwrap_or(u8::MAX);
            }
        }
    }
}

fn transform(profile: &[u8]) -> Option<Arc<Transform8BitExecutor>> {
    if profile.len() as u64 > MAX_INK_PROFILE || profile.get(SPACE) != Some(b"CMYK") {
        return None;
    }
    let inks = ColorProfile::new_from_slice(profile).ok()?;
    if inks.color_space != DataColorSpace::Cmyk {
        return None;
    }
    let screen = ColorProfile::new_srgb();
    inks.create_transform_8bit(
        Layout::Rgba,
        &screen,
        Layout::Rgb,
        TransformOptions::default(),
    )
    .ok()
}
