//! What tenants' root folders hold, listed once for all who ask within a few seconds.
//!
//! A listing is kept under the generation of its folder, and so ends with the storage that it was made
//! of (a new config, another credential) and with every move of ours, also one that happens while
//! the listing is being made. What others change in the folder is seen when its life is over.

use std::sync::Arc;

use super::{
    storage::Generation,
    storage_call::{FLIGHT_LIMIT, FRESH, StorageCallError, within_limit},
    tenant::Tenant,
};
use crate::{
    app::runtime::{
        refreshing_cache::RefreshingCache,
        timed_cache::{Loaded, TimedCache},
    },
    domain::{
        content_hash::ContentHash,
        image::{ImageName, StoredImage},
        request_id::RequestId,
    },
    ports::Clock,
};

/// What all that are kept take together, in bytes (64 MiB): twice the largest that there can be, or two
/// hundred of a thousand images each.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What a listing takes beside its images, in bytes, so that empty ones are bounded, too.
const OVERHEAD: usize = 1024;
/// What stands before the characters of a name and of a hash in memory, in bytes.
const SHARED: usize = 2 * size_of::<usize>();

/// The listings that have been made.
pub struct ListingCache(RefreshingCache<Generation, Arc<Listing>, StorageCallError>);

/// The images of a tenant's root folder, sorted by name.
#[derive(Debug)]
pub struct Listing(Box<[Listed]>);

/// What is kept of an image that was listed.
#[derive(Debug)]
pub(in crate::app) struct Listed {
    pub(in crate::app) name: ImageName,
    pub(in crate::app) content_hash: ContentHash,
    pub(in crate::app) revision: Box<str>,
}

impl From<StoredImage> for Listed {
    fn from(image: StoredImage) -> Self {
        let StoredImage {
            name,
            content_hash,
            revision,
            // A listing is for looking: neither is needed for that.
            file_id: _,
            size: _,
            last_modified: _,
        } = image;
        Self {
            name,
            content_hash,
            revision: revision.into(),
        }
    }
}

impl Listing {
    fn new(images: Vec<StoredImage>) -> Self {
        Self(images.into_iter().map(Listed::from).collect())
    }

    /// What it takes in memory, in bytes.
    fn bytes(&self) -> usize {
        let of_image = |image: &Listed| {
            let texts = image.name.as_str().len() + image.content_hash.heap_bytes();
            size_of::<Listed>() + 2 * SHARED + texts + image.revision.len()
        };
        OVERHEAD + self.0.iter().map(of_image).sum::<usize>()
    }

    /// The names of the images, sorted.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &ImageName> + Clone {
        self.0.iter().map(|image| &image.name)
    }

    /// What storage said of an image, if it is listed under this very name.
    pub(in crate::app) fn find(&self, name: &ImageName) -> Option<&Listed> {
        let found = self.0.binary_search_by(|image| image.name.cmp(name));
        found.ok().and_then(|index| self.0.get(index))
    }
}

impl ListingCache {
    /// An empty cache.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::of_bytes(MAX_BYTES, clock)
    }

    fn of_bytes(max_bytes: usize, clock: Arc<dyn Clock>) -> Self {
        let entries = TimedCache::new("listing", max_bytes, clock);
        Self(RefreshingCache::new(entries, FLIGHT_LIMIT))
    }

    /// The tenant's images: as they were listed a moment ago, or listed now, once for all who ask
    /// meanwhile. A failure is not kept.
    ///
    /// # Errors
    /// [`StorageCallError`].
    pub async fn get(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
    ) -> Result<Arc<Listing>, StorageCallError> {
        let list = |_| {
            let (tenant, request_id) = (Arc::clone(tenant), request_id.clone());
            async move {
                let images = within_limit(tenant.images(&request_id).list()).await?;
                let listing = Arc::new(Listing::new(images));
                let bytes = listing.bytes();
                Ok(Loaded::new(listing, FRESH).with_weight(bytes))
            }
        };
        self.0.get(&tenant.storage().generation(), list).await
    }

    /// The tenant's images as they were listed a moment ago, if they were.
    pub(in crate::app) fn get_cached(&self, tenant: &Tenant) -> Option<Arc<Listing>> {
        self.0.entries().get(&tenant.storage().generation())
    }

    /// Drops what has expired.
    pub fn sweep(&self) {
        self.0.entries().sweep();
    }
}

#[cfg(test)]
mod tests;
