//! How the memory that is set aside for images is divided: a part for the files, and one for making copies
//! of them.
//!
//! They are two parts and not one, because an image whose file is in memory waits for the memory of its
//! copy: with all of it full of files, none would get any further.

use crate::domain::image::MAX_IMAGE_BYTES;

/// A mebibyte, in bytes.
const MIB: u64 = 1024 * 1024;
/// Of eleven parts, so many are for files: of 352 MiB, 96. Those are ten files from a camera, or one of the
/// largest beside a few, and 256 MiB are what the copy of the largest takes.
const PARTS_OF_FILES: u64 = 3;
const PARTS: u64 = 11;

/// The memory for images, all tenants together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageMemory {
    mib: u64,
}

/// There is too little of it for an image from a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the memory for images is less than {} MiB, which an image of 12 megapixels takes",
    ImageMemory::LEAST_MIB
)]
pub struct TooLittleMemory;

impl ImageMemory {
    /// The least, in MiB: in the part for copies, those of a photo of 12 megapixels are made.
    pub const LEAST_MIB: u64 = 48;
    /// What there is if nobody says otherwise, in MiB.
    pub const DEFAULT_MIB: u64 = 352;

    /// So many MiB.
    ///
    /// # Errors
    /// [`TooLittleMemory`].
    pub fn of_mib(mib: u64) -> Result<Self, TooLittleMemory> {
        if mib < Self::LEAST_MIB {
            return Err(TooLittleMemory);
        }
        Ok(Self { mib })
    }

    /// All of it, in MiB.
    #[must_use]
    pub fn mib(self) -> u64 {
        self.mib
    }

    /// What is for files, in bytes.
    #[must_use]
    pub fn files(self) -> u64 {
        self.bytes() * PARTS_OF_FILES / PARTS
    }

    /// What is for copies, in bytes.
    #[must_use]
    pub fn copies(self) -> u64 {
        self.bytes() - self.files()
    }

    /// The largest file that is taken, in bytes: half of it all. One that is larger than the part of the files is
    /// in memory alone.
    #[must_use]
    pub fn largest_file(self) -> u64 {
        (self.bytes() / 2).min(MAX_IMAGE_BYTES)
    }

    fn bytes(self) -> u64 {
        self.mib.saturating_mul(MIB)
    }
}

impl Default for ImageMemory {
    fn default() -> Self {
        Self {
            mib: Self::DEFAULT_MIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_all_of_it() {
        let usual = ImageMemory::default();
        assert_eq!((usual.files(), usual.copies()), (96 * MIB, 256 * MIB));
        assert_eq!(usual.largest_file(), MAX_IMAGE_BYTES);
        for mib in [48, 49, 100, 352, 1_000_000] {
            let budget = ImageMemory::of_mib(mib).unwrap();
            assert_eq!(budget.files() + budget.copies(), mib * MIB);
            assert!(budget.largest_file() <= budget.bytes() / 2);
        }
        assert_eq!(ImageMemory::of_mib(47), Err(TooLittleMemory));
    }
}
