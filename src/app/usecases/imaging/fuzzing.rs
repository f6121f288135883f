//! A door for the fuzz targets (`fuzz/`) to the reader of JPEGs that is our own. Not there without
//! the feature `fuzzing`; nothing of the service uses it.

use super::reduced::Reduced;

/// The most memory that a run is given, in bytes.
const MOST: u64 = 16 * 1024 * 1024;

/// Reads a file for a copy of one pixel and says how many bytes of pixels it gave, and how many
/// were set aside for them; `None` is malformed, of another kind, or too large to try.
#[must_use]
pub fn read_reduced(file: &[u8]) -> Option<(u64, u64)> {
    let reduced = Reduced::of(file, (1, 1)).filter(|it| it.plane_bytes() <= MOST)?;
    let _ = reduced.profile();
    let planes = reduced.read().ok()?;
    let bytes = planes.iter().map(|plane| plane.pixels.len() as u64).sum();
    Some((bytes, reduced.plane_bytes()))
}
