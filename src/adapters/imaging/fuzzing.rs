//! A door for the fuzz targets (`fuzz/`) to the readers of images. Not there without the feature
//! `fuzzing`; nothing of the service uses it.

use bytes::Bytes;

use super::{copy::Plan, encode::Written, header::Header, strip};
use crate::domain::image::EncodedImage;

/// The most memory that a run is given, in bytes.
const MOST: u64 = 32 * 1024 * 1024;

/// Makes a copy of a file with sides of a third, and says how many pixels it should have and how many it
/// has; `None` is malformed, of another kind, or too large to try.
#[must_use]
pub fn copy(file: &[u8]) -> Option<((u32, u32), (u32, u32))> {
    let image = EncodedImage::new(Bytes::copy_from_slice(file)).ok()?;
    let header = Header::of(&image).ok()?;
    let size = ((header.width / 3).max(1), (header.height / 3).max(1));
    let plan = Plan::new(&image, &header, size, u64::MAX, MOST).ok()?;
    if plan.memory() > MOST {
        return None;
    }
    let Written::File(copy) = plan.carry_out(&image).ok()? else {
        return None;
    };
    let made = Header::of(&copy).ok()?;
    Some((plan.upright(), (made.width, made.height)))
}

/// The file without its metadata, and the size of its image; `None` is malformed, of another kind, or one that is
/// encoded again.
#[must_use]
pub fn strip(file: &[u8]) -> Option<((u32, u32), Bytes)> {
    let image = EncodedImage::new(Bytes::copy_from_slice(file)).ok()?;
    let header = Header::of(&image).ok()?;
    let stripped = strip::strip(&image).filter(|_| header.goes_as_it_is())?;
    Some(((header.width, header.height), stripped.bytes().clone()))
}
