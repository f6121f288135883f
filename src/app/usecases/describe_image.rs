//! What there is to know of one image, without a download.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join;

use super::{
    looks::{FLIGHT_LIMIT, FRESH, LookError, within_limit},
    sidecar::FoundSidecars,
};
use crate::{
    app::{
        runtime::{error_chain::ErrorChain, single_flight::SingleFlight, sized_cache::SizedCache},
        tenancy::{listing_cache::Listings, storage::Edition, tenant::Tenant},
    },
    domain::{
        image::ImageName,
        request_id::RequestId,
        sidecar::{Sidecar, SidecarName},
    },
    ports::{Clock, LinkedImage, SidecarFile},
};

/// How long a description is kept, in which the image is looked for in listings: storage's links last for an hour at
/// least, and a sidecar that a person has edited is seen after that.
const LIFE: Duration = Duration::from_mins(1);
/// What all descriptions take together, in bytes (16 MiB).
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// What one takes beside its texts, in bytes: names, hashes, and the maps.
const OVERHEAD: usize = 1024;

/// What there is to know of an image.
#[derive(Debug)]
pub struct ImageDetails {
    /// What storage says of it, and where it can be seen.
    pub image: LinkedImage,
    /// What its sidecar says of it.
    pub sidecar: FoundSidecar,
}

/// A sidecar that was looked for.
#[derive(Debug, PartialEq, Eq)]
pub enum FoundSidecar {
    /// It is there.
    There(Sidecar),
    /// There is none that is the image's as it is now.
    NotThere,
    /// Storage would not tell. The log says why.
    Unknown,
}

/// Describes images. What storage has said is shared by all who look at an image within a short while.
#[derive(Clone)]
pub struct DescribeImage {
    listings: Arc<Listings>,
    kept: Arc<SizedCache<Place, Described>>,
    flights: Arc<SingleFlight<Place, Result<Arc<ImageDetails>, LookError>>>,
    clock: Arc<dyn Clock>,
}

/// An image, as long as neither the folder nor the sidecars in it are changed by this service.
type Place = (Edition, Edition, ImageName);

/// An image that was described.
#[derive(Clone)]
struct Described {
    details: Arc<ImageDetails>,
    /// When storage was asked.
    asked_at: Instant,
}

impl DescribeImage {
    /// Describes what storage has, or has said a moment ago. What images hold is looked up in `listings`.
    #[must_use]
    pub fn new(listings: Arc<Listings>, clock: Arc<dyn Clock>) -> Self {
        let kept = SizedCache::new("image_details", MAX_BYTES, Arc::clone(&clock));
        Self {
            listings,
            kept: Arc::new(kept),
            flights: Arc::new(SingleFlight::new(FLIGHT_LIMIT)),
            clock,
        }
    }

    /// An image with what its sidecar says. The two are fetched side by side, and if it is
    /// only the sidecar that cannot be had, the image is shown without it.
    ///
    /// # Errors
    /// [`LookError`].
    pub async fn run(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        name: &ImageName,
    ) -> Result<Arc<ImageDetails>, LookError> {
        let storage = tenant.storage();
        let place = (storage.edition(), storage.sidecar_edition(), name.clone());
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
            if let Some(kept) = memory.peek(&place).filter(is_fresh) {
                return Ok(kept.details);
            }
            let (details, bytes) = ask_storage(&tenant, &request_id, &place.2).await?;
            let details = Arc::new(details);
            if details.sidecar != FoundSidecar::Unknown {
                let described = Described {
                    details: Arc::clone(&details),
                    asked_at,
                };
                memory.set(&place, described, bytes + OVERHEAD, LIFE);
            }
            Ok(details)
        };
        let described = self.flights.run(key, describe).await;
        described.unwrap_or(Err(LookError::Lost))
    }

    /// Whether an image is still what was described: for a moment at once, and after that while listings,
    /// which are no older than a moment, say that it has not changed.
    fn is_true(&self, kept: &Described, tenant: &Tenant, name: &ImageName) -> bool {
        if self.clock.now() < kept.asked_at + FRESH {
            return true;
        }
        let listing = self.listings.kept_of(tenant);
        let listed = listing.as_ref().and_then(|listing| listing.find(name));
        let stored = &kept.details.image.stored;
        listed.is_some_and(|listed| {
            *listed.revision == *stored.revision && listed.content_hash == stored.content_hash
        })
    }

    /// Drops what has expired.
    pub fn sweep(&self) {
        self.kept.sweep();
    }
}

/// What storage says of an image and of its sidecar, and how many bytes that takes.
async fn ask_storage(
    tenant: &Tenant,
    request_id: &RequestId,
    name: &ImageName,
) -> Result<(ImageDetails, usize), LookError> {
    let images = tenant.images(request_id);
    let image = within_limit(images.temporary_link(name));
    let files = async { Ok(files_beside(tenant, request_id, name).await) };
    // Ends with the link's failure: nobody waits for the sidecar of an image that is gone.
    let (image, files) = tokio::try_join!(image, files)?;
    let of_files = files.as_ref().map_or(0, |files| {
        let size = |file: &SidecarFile| match file {
            SidecarFile::Found { bytes, .. } => bytes.len(),
            _ => 0,
        };
        files.iter().map(size).sum()
    });
    let bytes = image.link.expose().len() + of_files;
    let sidecar = files.map_or(FoundSidecar::Unknown, |files| {
        let found = FoundSidecars::of(files, &image.stored, None);
        let believed = found.believed();
        believed.map_or(FoundSidecar::NotThere, FoundSidecar::There)
    });
    Ok((ImageDetails { image, sidecar }, bytes))
}

/// The files where the sidecar can be; `None` if storage would not tell.
async fn files_beside(
    tenant: &Tenant,
    request_id: &RequestId,
    name: &ImageName,
) -> Option<[SidecarFile; 2]> {
    let images = tenant.images(request_id);
    let read = try_join(
        images.read_sidecar(name, SidecarName::Full),
        images.read_sidecar(name, SidecarName::Stem),
    );
    match read.await {
        Ok((full, stem)) => Some([full, stem]),
        Err(error) => {
            tracing::warn!(
                tenant = %tenant.name(),
                error = %ErrorChain(&error),
                "the caption file could not be read"
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
