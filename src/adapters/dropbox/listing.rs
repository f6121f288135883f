//! All images of the root folder, page by page, within bounds that a folder which lists without an end
//! does not pass. A part of the port, for `store`.

use std::time::Duration;

use serde_json::json;

use super::{
    connection::or_absent, failure::Failure, page::Page, refusals, store::DropboxImageStore,
};
use crate::{
    domain::image::StoredImage,
    ports::{Cause, ImageStoreError},
};

/// Entries on a page of a listing: the most that Dropbox allows.
const PAGE_LIMIT: u32 = 2000;
/// The longest that a listing may take as a whole, both of its starts included.
const TIME_LIMIT: Duration = Duration::from_mins(2);

/// What a folder may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListingLimits {
    /// Pages. Dropbox may send some that are not full, and some that are empty.
    pub(super) pages: usize,
    /// Entries of any kind: what is no image is not kept, but is read all the same.
    pub(super) entries: usize,
    /// What the images that are kept take in memory, in bytes.
    pub(super) bytes: usize,
}

/// Half a million entries take a minute; 32 MiB are a hundred and twenty thousand images.
pub(super) const LISTING_LIMITS: ListingLimits = ListingLimits {
    pages: 1_000,
    entries: 500_000,
    bytes: 32 * 1024 * 1024,
};

/// What has been read of a listing so far.
#[derive(Default)]
struct Gathered {
    images: Vec<StoredImage>,
    entries: usize,
    bytes: usize,
}

impl Gathered {
    fn add(&mut self, page: Page, limits: ListingLimits) -> Result<(), Failure> {
        self.entries += page.entries;
        self.bytes += page.images.iter().map(bytes).sum::<usize>();
        if self.entries > limits.entries || self.bytes > limits.bytes {
            return Err(Failure::FolderTooLarge);
        }
        self.images.extend(page.images);
        Ok(())
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
    } = image;
    let texts = name.as_str().len() + content_hash.as_str().len() + file_id.len() + revision.len();
    size_of::<StoredImage>() + 4 * size_of::<usize>() + texts
}

impl DropboxImageStore {
    pub(super) async fn list_all(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        let listed = tokio::time::timeout(TIME_LIMIT, self.all_pages()).await;
        let too_slow = || Failure::Timeout(Cause::from("the folder was not listed in time"));
        let listed = listed.unwrap_or_else(|_| Err(too_slow()));
        listed.map_err(|failure| self.of_root(failure))
    }

    async fn all_pages(&self) -> Result<Vec<StoredImage>, Failure> {
        if let Some(images) = self.pages().await? {
            return Ok(images);
        }
        // Dropbox asks for a fresh start. Asking twice in a row is a failure.
        let images = self.pages().await?;
        images.ok_or(Failure::Malformed("cursors that are no good"))
    }

    /// A failure of a listing, with the root folder named where that is at fault.
    fn of_root(&self, failure: Failure) -> ImageStoreError {
        let root = Some(self.home().as_str());
        match failure {
            Failure::NoRoot => refusals::no_root(root),
            Failure::RootRefused(_) => refusals::root_refused(root),
            Failure::FolderTooLarge => refusals::folder_too_large(root),
            other => other.into(),
        }
    }

    /// All pages of a listing; `None` when its cursor went bad on the way.
    async fn pages(&self) -> Result<Option<Vec<StoredImage>>, Failure> {
        let limits = self.connection.app.limits.listing;
        let root = match self.home().as_str() {
            "/" => "",
            path => path,
        };
        let argument = json!({ "path": root, "limit": PAGE_LIMIT });
        let first: Option<Page> = self
            .connection
            .read("list_folder", || async {
                let page = self.connection.rpc("list_folder", &argument).await;
                or_absent(page, &["path/not_found"])
            })
            .await
            .map_err(|failure| match failure.refusal() {
                // Of the folder, whatever it says of a file.
                Some(tags) if tags.begin_with("path") => Failure::RootRefused(tags.clone()),
                _ => failure,
            })?;
        let mut page = first.ok_or(Failure::NoRoot)?;
        let mut gathered = Gathered::default();
        for _ in 0..limits.pages {
            let next = page.next.take();
            gathered.add(page, limits)?;
            let Some(cursor) = next else {
                return Ok(Some(gathered.sorted()));
            };
            let endpoint = "list_folder/continue";
            let argument = json!({ "cursor": cursor });
            let next: Option<Page> = self
                .connection
                .read(endpoint, || async {
                    or_absent(self.connection.rpc(endpoint, &argument).await, &["reset"])
                })
                .await?;
            match next {
                Some(next) => page = next,
                None => return Ok(None),
            }
        }
        Err(Failure::FolderTooLarge)
    }
}
