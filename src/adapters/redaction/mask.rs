//! What is written in the place of a secret.

use std::ops::Range;

/// What stands in the place of a secret.
pub(super) const MASK: &[u8] = b"***";

/// A part of the line that is not written.
#[derive(Debug)]
pub(super) struct Mask {
    pub(super) range: Range<usize>,
    pub(super) with: &'static [u8],
}
