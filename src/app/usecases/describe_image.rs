//! Describing one image, without downloading it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::steps::sidecar::{FoundSidecars, read_files};
use crate::{
    app::{
        runtime::{
            error_chain::ErrorChain,
            single_flight::SingleFlight,
            timed_cache::{Loaded, TimedCache},
        },
        tenancy::{
            images::ShownImage,
            listing_cache::ListingCache,
            storage::Generation,
            storage_call::{FLIGHT_LIMIT, FRESH, StorageCallError, within_limit},
            tenant::Tenant,
        },
    },
    domain::{image::ImageName, request_id::RequestId, sidecar::Sidecar},
    ports::{Clock, SidecarFile},
};

/// How long a description is cached. Storage's links are valid for an hour at least; an edit of the sidecar shows after
/// this time.
const LIFE: Duration = Duration::from_mins(1);
/// The size of all cached descriptions, in bytes (16 MiB).
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The size of a description beside its texts, in bytes: names, hashes, and the maps.
const OVERHEAD: usize = 1024;

/// The description of an image.
#[derive(Debug)]
pub struct ImageDetails {
    /// The image as storage describes it, with a link to it.
    pub image: ShownImage,
    /// The image's sidecar.
    pub sidecar: FoundSidecar,
}

/// The result of reading a sidecar.
#[derive(Debug, PartialEq, Eq)]
pub enum FoundSidecar {
    /// The sidecar of the image as it is now.
    There(Sidecar),
    /// There is no such sidecar.
    NotThere,
    /// Storage failed. The log has the reason.
    Unknown,
}

/// Describes images. Callers who ask for the same image within a short time share the answer of storage.
#[derive(Clone)]
pub struct DescribeImage {
    listings: Arc<ListingCache>,
    kept: Arc<TimedCache<Place, Described>>,
    flights: Arc<SingleFlight<Place, Result<Arc<ImageDetails>, StorageCallError>>>,
    clock: Arc<dyn Clock>,
}

/// An image, until this service changes the folder or the sidecars in it.
type Place = (Generation, Generation, ImageName);

/// A cached description.
#[derive(Clone)]
struct Described {
    details: Arc<ImageDetails>,
    /// When storage was asked.
    asked_at: Instant,
}

impl DescribeImage {
    /// A use case without cached descriptions. `listings` tell whether an image has changed.
    #[must_use]
    pub fn new(listings: Arc<ListingCache>, clock: Arc<dyn Clock>) -> Self {
        let kept = TimedCache::new("image_details", MAX_BYTES, Arc::clone(&clock));
        Self {
            listings,
            kept: Arc::new(kept),
            flights: Arc::new(SingleFlight::new(FLIGHT_LIMIT)),
            clock,
        }
    }

    /// The description of an image. The image and its sidecar are fetched side by side; if only the sidecar fails, the
    /// image is described without it.
    ///
    /// # Errors
    /// [`StorageCallError`].
    pub async fn run(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        name: &ImageName,
    ) -> Result<Arc<ImageDetails>, StorageCallError> {
        let storage = tenant.storage();
        let place = (
            storage.generation(),
            storage.sidecar_generation(),
            name.clone(),
        );
        let kept = self.kept.get(&place);
        if let Some(kept) = kept.filter(|kept| self.is_true(kept, tenant, name)) {
            return Ok(kept.details);
        }
        let (memory, clock) = (Arc::clone(&self.kept), Arc::clone(&self.clock));
        let (tenant, request_id) = (Arc::clone(tenant), request_id.clone());
        let key = place.clone();
        let describe = || async move {
            let asked_at = clock.now();
            let is_fresh = |kept: &Described| asked_at < kept.asked_at + FRESH;
            let kept = memory.peek(&place).map(|found| found.value);
            if let Some(kept) = kept.filter(is_fresh) {
                return Ok(kept.details);
            }
            let (details, bytes) = ask_storage(&tenant, &request_id, &place.2).await?;
            let details = Arc::new(details);
            if details.sidecar != FoundSidecar::Unknown {
                let described = Described {
                    details: Arc::clone(&details),
                    asked_at,
                };
                let described = Loaded::new(described, LIFE).with_weight(bytes + OVERHEAD);
                memory.set(place, described);
            }
            Ok(details)
        };
        self.flights.run(key, describe).await?
    }

    /// Whether a description is still true: it is fresh, or a fresh listing has the same image.
    fn is_true(&self, kept: &Described, tenant: &Tenant, name: &ImageName) -> bool {
        if self.clock.now() < kept.asked_at + FRESH {
            return true;
        }
        let listing = self.listings.get_cached(tenant);
        let listed = listing.as_ref().and_then(|listing| listing.find(name));
        let stored = &kept.details.image.stored;
        listed.is_some_and(|listed| {
            listed.revision() == stored.revision && *listed.content_hash() == stored.content_hash
        })
    }

    /// Drops what has expired.
    pub fn sweep(&self) {
        self.kept.sweep();
    }
}

/// The description of an image from storage, with its size in bytes.
async fn ask_storage(
    tenant: &Tenant,
    request_id: &RequestId,
    name: &ImageName,
) -> Result<(ImageDetails, usize), StorageCallError> {
    let images = tenant.images(request_id);
    let image = within_limit(images.link(name));
    let files = async {
        Ok(read_files(images, name).await.inspect_err(|error| {
            tracing::warn!(
                tenant = %tenant.name(),
                error = %ErrorChain(error),
                "the sidecar could not be read"
            );
        }))
    };
    // A failure of the link ends the wait for the sidecar.
    let (image, files) = tokio::try_join!(image, files)?;
    let of_files = files.as_ref().map_or(0, |files| {
        let size = |file: &SidecarFile| match file {
            SidecarFile::Found { bytes, .. } => bytes.len(),
            _ => 0,
        };
        files.iter().map(size).sum()
    });
    let bytes = image.link.bytes() + of_files;
    let sidecar = files.map_or(FoundSidecar::Unknown, |files| {
        let found = FoundSidecars::of(files, &image.stored, tenant.content_hash(), None);
        let fitting = found.fitting().cloned();
        fitting.map_or(FoundSidecar::NotThere, FoundSidecar::There)
    });
    Ok((ImageDetails { image, sidecar }, bytes))
}

#[cfg(test)]
mod tests;
