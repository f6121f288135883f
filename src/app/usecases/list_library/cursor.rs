//! Where a page of a library ended: the key and the name of its last image, and the list that it is of.
//!
//! A cursor holds nothing that the page did not show, so it needs no signature: a forged one begins a page somewhere
//! else in the same folder.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::image::LibraryImage;
use crate::domain::image::ImageName;

/// The bytes that tell lists apart.
const LIST: usize = 8;
/// The bytes of the size, and of the time in nanoseconds with one before it that says whether there is one.
const SIZE: usize = 8;
const TIME: usize = 17;

/// What tells a list from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListId([u8; LIST]);

impl ListId {
    /// The id of a list, by all that makes it what it is.
    pub(super) fn of(text: &str) -> Self {
        let mut id = [0; LIST];
        for (byte, of_hash) in id.iter_mut().zip(Sha256::digest(text)) {
            *byte = of_hash;
        }
        Self(id)
    }
}

/// The end of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    list: ListId,
    last: LibraryImage,
}

impl Cursor {
    /// The longest cursor, in characters.
    pub const MAX_LENGTH: usize = (LIST + SIZE + TIME + 255) * 4 / 3 + 1;

    /// The end of a page of a list.
    pub(super) fn new(list: ListId, end: LibraryImage) -> Self {
        Self { list, last: end }
    }

    /// The list.
    pub(super) fn list(&self) -> ListId {
        self.list
    }

    /// The last image of the page.
    pub(super) fn last(&self) -> &LibraryImage {
        &self.last
    }

    /// The cursor as clients get it.
    #[must_use]
    pub fn encode(&self) -> String {
        let LibraryImage {
            name,
            size,
            last_modified,
        } = &self.last;
        let since = last_modified.map(|time| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            since.unwrap_or_default().as_nanos()
        });
        let bytes = [
            &self.list.0[..],
            &size.to_be_bytes(),
            &[u8::from(since.is_some())],
            &since.unwrap_or_default().to_be_bytes(),
            name.as_str().as_bytes(),
        ];
        URL_SAFE_NO_PAD.encode(bytes.concat())
    }

    /// The cursor of a text; `None` if it is none.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (list, rest) = bytes.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let ([has_time], rest) = rest.split_first_chunk()?;
        let (nanos, name) = rest.split_first_chunk()?;
        let nanos = u128::from_be_bytes(*nanos);
        let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
        let since = Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).ok()?);
        let last_modified = match has_time {
            0 => None,
            1 => Some(SystemTime::UNIX_EPOCH.checked_add(since)?),
            _ => return None,
        };
        Some(Self {
            list: ListId(*list),
            last: LibraryImage {
                name: ImageName::new(str::from_utf8(name).ok()?).ok()?,
                size: u64::from_be_bytes(*size),
                last_modified,
            },
        })
    }
}
