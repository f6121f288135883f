//! The library: what is in one of a tenant's folders, searched, sorted, and a page at a time.

mod cursor;
mod image;

use std::{cmp::Ordering, sync::Arc};

use crate::{
    app::{
        runtime::background_tasks::TaskAborted,
        tenancy::{
            storage_call::{StorageCallError, within_limit},
            tenant::Tenant,
        },
    },
    domain::{image::StoredImage, request_id::RequestId, words::words},
    ports::Folder,
};

use self::cursor::ListId;
pub use self::{cursor::Cursor, image::LibraryImage};

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
#[derive(Clone, Default)]
pub struct ListLibrary(());

impl ListLibrary {
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
        let images = tenant.images(request_id).in_folder(query.folder);
        let images = within_limit(images.list()).await?;
        // A hundred thousand names take a good part of a second: too long for an async thread.
        let page = tokio::task::spawn_blocking(move || query.page_of(images));
        Ok(page.await.map_err(|_| TaskAborted)?)
    }
}

impl LibraryQuery {
    fn page_of(&self, images: Vec<StoredImage>) -> LibraryPage {
        let part = self.part_of_name.as_deref().map(folded);
        let matches = |image: &LibraryImage| {
            let part = part.as_deref();
            part.is_none_or(|part| folded(image.name.as_str()).contains(part))
        };
        let images = images.into_iter().map(LibraryImage::from);
        let mut images: Vec<_> = images.filter(matches).collect();
        images.sort_unstable_by(|one, other| self.order(one, other));
        let total = images.len();
        let mut anchor_offset = None;
        let start = match &self.start {
            PageStart::Offset(offset) => *offset,
            PageStart::After(cursor) => {
                images.partition_point(|image| self.order(cursor.last(), image).is_ge())
            }
            PageStart::Anchor(name, offset) => {
                let position = images.iter().position(|image| image.name.as_str() == name);
                anchor_offset = position.map(|position| position - position % self.limit.max(1));
                anchor_offset.unwrap_or(*offset)
            }
        };
        let start = start.min(total);
        let end = start.saturating_add(self.limit).min(total);
        let images: Vec<_> = images.drain(start..end).collect();
        let last = images.last().filter(|_| end < total);
        LibraryPage {
            next: last.map(|last| Cursor::new(self.list(), last.clone())),
            images,
            total,
            is_truncated: false,
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

    fn order(&self, one: &LibraryImage, other: &LibraryImage) -> Ordering {
        let by_key = match self.sort {
            SortBy::Name => Ordering::Equal,
            SortBy::LastModified => one.last_modified.cmp(&other.last_modified),
            SortBy::Size => one.size.cmp(&other.size),
        };
        let order = by_key.then_with(|| one.name.cmp(&other.name));
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
