//! What tenants' root folders hold, listed once for all who ask within a few seconds.
//!
//! A listing is kept under the edition of its folder, and so ends with the storage that it was made
//! of (a new config, another credential) and with every move of ours, also one that happens while
//! the listing is being made. What others change in the folder is seen when its life is over.

use std::{sync::Arc, time::Duration};

use super::{storage::Edition, tenant::Tenant};
use crate::{
    app::runtime::{single_flight::SingleFlight, sized_cache::SizedCache},
    domain::{
        image::{ContentHash, ImageName, StoredImage},
        request_id::RequestId,
    },
    ports::{Clock, ImageStoreError},
};

/// How long a listing is shown: a page that shows a folder asks for its list, a random image and
/// dozens of thumbnails at once, and five seconds later a person may look for what they have just
/// put there.
const LIFE: Duration = Duration::from_secs(5);
/// What all that are kept take together, in bytes (64 MiB): twice the largest that there can be, or two
/// hundred of a thousand images each.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What a listing takes beside its images, in bytes, so that empty ones are bounded, too.
const OVERHEAD: usize = 1024;
/// What stands before the characters of a name and of a hash in memory, in bytes.
const SHARED: usize = 2 * size_of::<usize>();
/// The longest that making one may take: enough for a quarter of a million images, at a second for
/// each page of two thousand.
const LIST_LIMIT: Duration = Duration::from_mins(2);
/// That, and slack: what takes longer has gone wrong here.
const FLIGHT_LIMIT: Duration = Duration::from_secs(125);

/// The listings that have been made.
pub struct Listings {
    kept: Arc<SizedCache<Edition, Arc<Listing>>>,
    flights: SingleFlight<Edition, Result<Arc<Listing>, ListingError>>,
}

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

/// Why there is no listing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ListingError {
    /// Storage did not give it. All who have waited for it share the reason.
    #[error(transparent)]
    Storage(Arc<ImageStoreError>),
    /// Storage has taken too long.
    #[error("the images were not listed in time")]
    Unfinished,
    /// It ended unexpectedly.
    #[error("the listing ended without a result")]
    Lost,
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
            let texts = image.name.as_str().len() + image.content_hash.as_str().len();
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

impl Listings {
    /// Without any listing yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::of_bytes(MAX_BYTES, clock)
    }

    fn of_bytes(max_bytes: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            kept: Arc::new(SizedCache::new("listing", max_bytes, clock)),
            flights: SingleFlight::new(FLIGHT_LIMIT),
        }
    }

    /// The tenant's images: as they were listed a moment ago, or listed now, once for all who ask
    /// meanwhile. A failure is not kept.
    ///
    /// # Errors
    /// [`ListingError`].
    pub async fn of(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
    ) -> Result<Arc<Listing>, ListingError> {
        if let Some(listing) = self.kept_of(tenant) {
            return Ok(listing);
        }
        let edition = tenant.storage().edition();
        let (kept, tenant) = (Arc::clone(&self.kept), Arc::clone(tenant));
        let request_id = request_id.clone();
        let list = || async move {
            if let Some(found) = kept.peek(&edition) {
                return Ok(found);
            }
            let images = tenant.images(&request_id);
            let images = tokio::time::timeout(LIST_LIMIT, images.list());
            let images = images.await.map_err(|_| ListingError::Unfinished)?;
            let images = images.map_err(|error| ListingError::Storage(Arc::new(error)))?;
            let listing = Arc::new(Listing::new(images));
            kept.set(&edition, Arc::clone(&listing), listing.bytes(), LIFE);
            Ok(listing)
        };
        let landed = self.flights.run(edition, list).await;
        landed.unwrap_or(Err(ListingError::Lost))
    }

    /// The tenant's images as they were listed a moment ago, if they were.
    pub(in crate::app) fn kept_of(&self, tenant: &Tenant) -> Option<Arc<Listing>> {
        self.kept.get(&tenant.storage().edition())
    }

    /// Drops what has expired.
    pub fn sweep(&self) {
        self.kept.sweep();
    }
}

#[cfg(test)]
mod tests;
