//! The library: what is in one of a tenant's folders, searched, sorted, and a page at a time.

mod cursor;
mod image;

use std::{cmp::Ordering, sync::Arc};

use crate::{
    app::{
        runtime::background_tasks::TaskAborted,
        tenancy::{listing_cache::ListingCache, storage_call::StorageCallError, tenant::Tenant},
    },
    domain::{
        listing::{Listed, Listing},
        request_id::RequestId,
        words::words,
    },
    ports::Folder,
};

pub use self::{cursor::Cursor, image::LibraryImage};
use self::{cursor::ListId, image::SortKey};

words! {
    /// What a library is sorted by, by its name in requests. Images that are alike are sorted by name.
    pub enum SortBy {
        /// The name, by its bytes.
        Name = "name",
        /// The time of the last write.
        LastModified = "last_modified",
        /// The size.
        Size = "size",
    }
}

/// What is asked of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryQuery {
    /// The folder.
    pub folder: Folder,
    /// Only images with this in their names, in whatever case.
    pub part_of_name: Option<String>,
    /// What they are sorted by.
    pub sort: SortBy,
    /// Whether the last come first.
    pub descending: bool,
    /// The largest number of images.
    pub limit: usize,
    /// Where the page begins.
    pub start: PageStart,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageStart {
    /// After so many images.
    Offset(usize),
    /// Where the page before ended.
    After(Cursor),
    /// At the beginning of the page that has this image, if pages are counted from the first image; else after so
    /// many images.
    Anchor(String, usize),
}

/// A page of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryPage {
    /// The images.
    pub images: Vec<LibraryImage>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<Cursor>,
    /// How many images of the folder match.
    pub total: usize,
    /// Whether the folder holds more than was read of it.
    pub is_truncated: bool,
    /// How many images come before the page of the anchor; `None` if there is no such image.
    pub anchor_offset: Option<usize>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ListLibraryError {
    /// The cursor is none of this list.
    #[error("the cursor belongs to another list")]
    Cursor,
    /// The folder could not be listed.
    #[error(transparent)]
    Listing(#[from] StorageCallError),
    /// Sorting ended without a result.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

/// Lists libraries.
#[derive(Clone)]
pub struct ListLibrary {
    listings: Arc<ListingCache>,
}

impl ListLibrary {
    /// A use case that reads `listings`.
    #[must_use]
    pub fn new(listings: Arc<ListingCache>) -> Self {
        Self { listings }
    }

    /// A page of a tenant's library.
    ///
    /// # Errors
    /// [`ListLibraryError`].
    pub async fn run(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        query: LibraryQuery,
    ) -> Result<LibraryPage, ListLibraryError> {
        if matches!(&query.start, PageStart::After(cursor) if cursor.list() != query.list()) {
            return Err(ListLibraryError::Cursor);
        }
        let folder = query.folder;
        let listing = self.listings.get_in(tenant, folder, request_id).await?;
        // A hundred thousand names take a good part of a second: too long for an async thread.
        let page = tokio::task::spawn_blocking(move || query.page_of(&listing));
        Ok(page.await.map_err(|_| TaskAborted)?)
    }
}

impl LibraryQuery {
    fn page_of(&self, listing: &Listing) -> LibraryPage {
        let part = self.part_of_name.as_deref().map(folded);
        let matches = |image: &Listed<'_>| {
            let part = part.as_deref();
            part.is_none_or(|part| folded(image.name()).contains(part))
        };
        let mut images: Vec<_> = listing.iter().filter(matches).collect();
        images.sort_unstable_by(|one, other| self.order((*one).into(), (*other).into()));
        let total = images.len();
        let mut anchor_offset = None;
        let start = match &self.start {
            PageStart::Offset(offset) => *offset,
            PageStart::After(cursor) => {
                let last = cursor.last().into();
                images.partition_point(|image| self.order(last, (*image).into()).is_ge())
            }
            PageStart::Anchor(name, offset) => {
                let position = images.iter().position(|image| image.name() == name);
                anchor_offset = position.map(|position| position - position % self.limit.max(1));
                anchor_offset.unwrap_or(*offset)
            }
        };
        let start = start.min(total);
        let end = start.saturating_add(self.limit).min(total);
        let page = images.drain(start..end).map(LibraryImage::from);
        let images: Vec<_> = page.collect();
        let last = images.last().filter(|_| end < total);
        LibraryPage {
            next: last.map(|last| Cursor::new(self.list(), last.clone())),
            images,
            total,
            is_truncated: listing.is_truncated(),
            anchor_offset,
        }
    }

    /// What tells its list from others: everything but where a page begins and how long it is.
    fn list(&self) -> ListId {
        let Self {
            folder,
            part_of_name,
            sort,
            descending,
            limit: _,
            start: _,
        } = self;
        ListId::of(&format!(
            "{folder:?} {part_of_name:?} {sort:?} {descending}"
        ))
    }

    fn order(&self, one: SortKey<'_>, other: SortKey<'_>) -> Ordering {
        let by_key = match self.sort {
            SortBy::Name => Ordering::Equal,
            SortBy::LastModified => one.last_modified.cmp(&other.last_modified),
            SortBy::Size => one.size.cmp(&other.size),
        };
        let order = by_key.then_with(|| one.name.cmp(other.name));
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }
}

/// A text without the difference between cases.
fn folded(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    text.nfc().collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests;
