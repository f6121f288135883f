//! The images of a folder, page by page; or all of them, within bounds that a listing without an end does not pass. A
//! part of the port, for `store`.

use std::time::Duration;

use reqwest::Method;

use super::{
    bucket::{Bucket, Request},
    failure::Failure,
    keys::Prefix,
    limits::ListingLimits,
    refusals::folder_too_large,
    wire::{self, Page},
};
use crate::{
    adapters::upstream::{self, Answer},
    domain::{image::StoredImage, listing::ListingChange},
    ports::{Cause, ImageStoreError, ListingCursor, ListingPage, NextPage},
};

/// The longest page that is read, in bytes. A thousand keys of 1,024 bytes, escaped, take less.
const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;
/// The longest that a listing may take as a whole.
const TIME_LIMIT: Duration = Duration::from_mins(2);

impl Bucket {
    /// All images directly in a folder, sorted by name. A folder without an object is empty: there are no
    /// others.
    pub(super) async fn list(&self, prefix: &Prefix) -> Result<Vec<StoredImage>, ImageStoreError> {
        let listed = tokio::time::timeout(TIME_LIMIT, self.all_pages(prefix)).await;
        let too_slow = || Failure::Timeout(Cause::from("the folder was not listed in time"));
        listed.unwrap_or_else(|_| Err(too_slow().into()))
    }

    async fn all_pages(&self, prefix: &Prefix) -> Result<Vec<StoredImage>, ImageStoreError> {
        let limits = self.limits.listing;
        let mut gathered = Gathered::default();
        let mut cursor = None;
        for _ in 0..limits.pages {
            let mut page = self.list_page(prefix, cursor.as_ref()).await?;
            let next = std::mem::replace(&mut page.next, NextPage::None);
            if !gathered.add(page, limits) {
                return Err(folder_too_large());
            }
            match next {
                NextPage::More(next) => cursor = Some(next),
                NextPage::Changes(_) | NextPage::None => return Ok(gathered.sorted()),
            }
        }
        Err(folder_too_large())
    }

    /// The first page of a folder, or the one at a cursor.
    pub(super) async fn list_page(
        &self,
        prefix: &Prefix,
        cursor: Option<&ListingCursor>,
    ) -> Result<ListingPage, ImageStoreError> {
        let token = cursor.map(|cursor| &*cursor.0);
        let page = self.page(prefix, token).await?;
        if page.next.is_some() && page.next.as_deref() == token {
            return Err(Failure::Malformed("a listing that goes round in circles").into());
        }
        let images = page.objects.into_iter().filter_map(|object| {
            let name = prefix.image_of(&object.key)?;
            Some(ListingChange::Found(object.stat()?.into_image(name)))
        });
        let more = |token: String| NextPage::More(ListingCursor(token.into()));
        Ok(ListingPage {
            changes: images.collect(),
            entries: page.entries,
            next: page.next.map_or(NextPage::None, more),
        })
    }

    async fn page(&self, prefix: &Prefix, token: Option<&str>) -> Result<Page, Failure> {
        let mut query = vec![
            ("delimiter", "/"),
            ("list-type", "2"),
            ("max-keys", "1000"),
            ("prefix", prefix.as_str()),
        ];
        if let Some(token) = token {
            query.insert(0, ("continuation-token", token));
        }
        let request = Request {
            method: Method::GET,
            key: None,
            query: &query,
            headers: Vec::new(),
            body: None,
            timeout: self.limits.timeout,
        };
        self.call("list")
            .run(self.limits.retry, || async {
                let response = self.send(&request).await?;
                let status = response.status().as_u16();
                let body = upstream::bounded_body(response, MAX_PAGE_BYTES)
                    .await
                    .map_err(|error| Failure::content(&error, self.origin))?
                    .ok_or(Failure::Malformed("a page of a listing that is too long"))?;
                let value = wire::page(&body)?;
                Ok(Answer { status, value })
            })
            .await
    }
}

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
        self.entries += page.entries;
        for change in page.changes {
            if let ListingChange::Found(image) = change {
                self.bytes += bytes(&image);
                self.images.push(image);
            }
        }
        self.entries <= limits.entries && self.bytes <= limits.bytes
    }

    fn sorted(mut self) -> Vec<StoredImage> {
        self.images.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        self.images.dedup_by(|a, b| a.name == b.name);
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
