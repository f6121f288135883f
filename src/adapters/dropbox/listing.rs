//! The images of a folder, page by page, and what has changed since; or all of them, within bounds that a folder which
//! lists without an end does not pass. A part of the port, for `store`.

use std::time::Duration;

use serde_json::json;

use super::{
    app::ListingLimits, connection::or_absent, failure::Failure, page::Page, refusals,
    store::DropboxImageStore,
};
use crate::{
    domain::{image::StoredImage, listing::ListingChange},
    ports::{Cause, Folder, ImageStoreError, ListingCursor, ListingPage, NextPage, PageResult},
};

/// Entries on a page of a listing: the most that Dropbox allows.
const PAGE_LIMIT: u32 = 2000;
/// The longest that a listing may take as a whole, both of its starts included.
const TIME_LIMIT: Duration = Duration::from_mins(2);
/// What Dropbox says of a cursor that is no good any more, or whose folder is gone.
const BAD_CURSOR: [&str; 2] = ["reset", "path"];

/// What has been read of a listing so far.
#[derive(Default)]
struct Gathered {
    images: Vec<StoredImage>,
    entries: usize,
    bytes: usize,
}

impl Gathered {
    /// Adds a page; false if that is more than is listed.
    fn add(&mut self, page: ListingPage, limits: ListingLimits) -> bool {
        let images = page.changes.into_iter().filter_map(|change| match change {
            ListingChange::Found(image) => Some(image),
            ListingChange::Gone(_) => None,
        });
        let before = self.images.len();
        self.images.extend(images);
        self.entries += page.entries;
        let added = self.images.iter().skip(before);
        self.bytes += added.map(bytes).sum::<usize>();
        self.entries <= limits.entries && self.bytes <= limits.bytes
    }

    fn sorted(mut self) -> Vec<StoredImage> {
        self.images.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        // Grown by doubling, it may have room for twice as many.
        self.images.shrink_to_fit();
        self.images
    }
}

/// What an image takes in memory, in bytes. Two of its texts have counters before them.
fn bytes(image: &StoredImage) -> usize {
    let StoredImage {
        name,
        file_id,
        revision,
        content_hash,
        size: _,
        last_modified: _,
    } = image;
    let texts = name.as_str().len() + content_hash.heap_bytes() + file_id.len() + revision.len();
    size_of::<StoredImage>() + 4 * size_of::<usize>() + texts
}

impl DropboxImageStore {
    pub(super) async fn list_all(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        let listed = tokio::time::timeout(TIME_LIMIT, self.all_pages()).await;
        let too_slow = || Failure::Timeout(Cause::from("the folder was not listed in time"));
        listed.unwrap_or_else(|_| Err(too_slow().into()))
    }

    async fn all_pages(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        if let Some(images) = self.pages().await? {
            return Ok(images);
        }
        // Dropbox asks for a fresh start. Asking twice in a row is a failure.
        let images = self.pages().await?;
        Ok(images.ok_or(Failure::Malformed("cursors that are no good"))?)
    }

    /// All pages of a listing; `None` when its cursor went bad on the way.
    async fn pages(&self) -> Result<Option<Vec<StoredImage>>, ImageStoreError> {
        let limits = self.connection.app.limits.listing;
        let mut gathered = Gathered::default();
        let mut cursor = None;
        for _ in 0..=limits.pages {
            let Some(mut page) = self.page(cursor.as_ref()).await? else {
                return Ok(None);
            };
            let next = std::mem::replace(&mut page.next, NextPage::None);
            if !gathered.add(page, limits) {
                break;
            }
            match next {
                NextPage::More(next) => cursor = Some(next),
                NextPage::Changes(_) | NextPage::None => return Ok(Some(gathered.sorted())),
            }
        }
        Err(refusals::folder_too_large(self.home().as_str()))
    }

    /// The first page of a listing, or the one at a cursor.
    pub(super) async fn page(&self, cursor: Option<&ListingCursor>) -> PageResult {
        match cursor {
            None => self.first_page().await.map(Some),
            Some(cursor) => Ok(self.next_page(cursor).await?.map(|page| page.0)),
        }
    }

    async fn first_page(&self) -> Result<ListingPage, ImageStoreError> {
        let root = self.home().as_str();
        let path = if root == "/" { "" } else { root };
        let argument = json!({ "path": path, "limit": PAGE_LIMIT });
        let first: Option<Page> = self
            .connection
            .read("list_folder", || async {
                let page = self.connection.rpc("list_folder", &argument).await;
                or_absent(page, &["path/not_found"])
            })
            .await
            .map_err(|failure| match failure.refusal() {
                // Of the folder, whatever it says of a file.
                Some(tags) if tags.begin_with("path") => refusals::root_refused(root),
                _ => failure.into(),
            })?;
        match (first, self.folder) {
            (Some(page), _) => Ok(page.0),
            (None, Folder::Root) => Err(refusals::no_root(root)),
            // The others are made when something is moved there.
            (None, Folder::Archive | Folder::Keep | Folder::Remove) => {
                Ok(ListingPage::only(Vec::new()))
            }
        }
    }

    async fn next_page(&self, cursor: &ListingCursor) -> Result<Option<Page>, Failure> {
        let endpoint = "list_folder/continue";
        let argument = json!({ "cursor": cursor.0 });
        self.connection
            .read(endpoint, || async {
                or_absent(self.connection.rpc(endpoint, &argument).await, &BAD_CURSOR)
            })
            .await
    }
}
