//! The memory for images, in two parts: one for files, and one for making copies of them. An image whose file is in
//! memory waits for the memory of its copy: if files could take all of it, none would make progress.

use crate::domain::image::MAX_IMAGE_BYTES;

/// A mebibyte, in bytes.
const MIB: u64 = 1024 * 1024;
/// The share of files: of 352 MiB, 96, which are ten files from a camera, or one of the largest beside a few. The copy
/// of the largest takes the other 256 MiB.
const PARTS_OF_FILES: u64 = 3;
const PARTS: u64 = 11;

/// The memory for images, all tenants together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageMemory {
    mib: u64,
}

/// The memory is too little for an image from a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the memory for images is less than {} MiB, which an image of 12 megapixels takes",
    ImageMemory::LEAST_MIB
)]
pub struct TooLittleMemory;

impl ImageMemory {
    /// The least memory, in MiB: its part for copies is enough for a photo of 12 megapixels.
    pub const LEAST_MIB: u64 = 48;
    /// The default, in MiB.
    pub const DEFAULT_MIB: u64 = 352;

    /// A memory of this size, in MiB.
    ///
    /// # Errors
    /// [`TooLittleMemory`].
    pub fn of_mib(mib: u64) -> Result<Self, TooLittleMemory> {
        if mib < Self::LEAST_MIB {
            return Err(TooLittleMemory);
        }
        Ok(Self { mib })
    }

    /// The size, in MiB.
    #[must_use]
    pub fn mib(self) -> u64 {
        self.mib
    }

    /// The part for files, in bytes.
    #[must_use]
    pub fn files(self) -> u64 {
        self.bytes() * PARTS_OF_FILES / PARTS
    }

    /// The part for copies, in bytes.
    #[must_use]
    pub fn copies(self) -> u64 {
        self.bytes() - self.files()
    }

    /// The largest file, in bytes: half of the whole memory. A file that is larger than the part for files is in memory
    /// alone.
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
