//! Reading a folder page by page, or what has changed in it, within bounds that a folder which lists without an end
//! does not pass.

use crate::{
    domain::{
        listing::{Listing, ListingChange},
        tenant_config::StoragePath,
    },
    ports::{ImageStore, ImageStoreError, ListingCursor, NextPage},
};

/// The most pages; some may not be full, and some empty.
const MAX_PAGES: usize = 2_000;
/// The most entries of any kind: what is no image is not kept, but is read all the same.
const MAX_ENTRIES: usize = 500_000;
/// What the images may take in memory, in bytes (48 MiB): three hundred thousand with names of the usual lengths.
const MAX_BYTES: usize = 48 * 1024 * 1024;

/// A folder as it was read.
pub(in crate::app) struct ReadListing {
    pub(in crate::app) listing: Listing,
    /// Where storage will tell what has changed since.
    pub(super) cursor: Option<ListingCursor>,
}

/// Reads a folder from its beginning. A folder that is larger than the bounds is truncated.
///
/// # Errors
/// [`ImageStoreError`].
pub(in crate::app) async fn read_whole(
    store: &dyn ImageStore,
) -> Result<ReadListing, ImageStoreError> {
    // Storage may ask for a fresh start. Asking twice in a row is a failure.
    for _ in 0..2 {
        let nothing = Listing::new(store.listing_rules().letter_case);
        if let Some(read) = read_pages(store, nothing, None).await? {
            return Ok(read);
        }
    }
    let cause = "it asked twice to begin the listing anew";
    Err(ImageStoreError::Unavailable(cause.into()))
}

/// Reads what has changed since a listing; `None` where it must be read from its beginning.
pub(super) async fn read_changes(
    store: &dyn ImageStore,
    before: Listing,
    cursor: ListingCursor,
) -> Result<Option<ReadListing>, ImageStoreError> {
    read_pages(store, before, Some(cursor)).await
}

async fn read_pages(
    store: &dyn ImageStore,
    mut listing: Listing,
    mut cursor: Option<ListingCursor>,
) -> Result<Option<ReadListing>, ImageStoreError> {
    // What is told again and again takes no more memory, and time all the same.
    let (mut entries, mut bytes) = (0, 0);
    for _ in 0..MAX_PAGES {
        let Some(page) = store.list_page(cursor.take()).await? else {
            return Ok(None);
        };
        entries += page.entries;
        bytes += page.changes.iter().map(ListingChange::bytes).sum::<usize>();
        if !page.changes.is_empty() {
            listing = listing.with(page.changes);
        }
        let end = match page.next {
            NextPage::More(next) => {
                cursor = Some(next);
                if entries > MAX_ENTRIES || bytes.max(listing.bytes()) > MAX_BYTES {
                    break;
                }
                continue;
            }
            NextPage::Changes(cursor) => Some(cursor),
            NextPage::None => None,
        };
        return Ok(Some(ReadListing {
            listing,
            cursor: end,
        }));
    }
    Ok(Some(ReadListing {
        listing: listing.truncated(),
        cursor: None,
    }))
}

/// The error for a root folder, which may be named to admins, that is larger than the bounds.
pub(in crate::app) fn too_large(folder: &StoragePath) -> ImageStoreError {
    ImageStoreError::Misconfigured {
        problem: "the root folder holds more than this service lists".into(),
        detail: format!(
            "The root folder \"{}\" holds more than this service lists: about 300,000 images, and half a million \
             entries of any kind. Move some of them to another folder, or name another one as \
             `storage.paths.root`.",
            folder.as_str()
        ),
    }
}
