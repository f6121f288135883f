//! A random image. Each image is shown once before any is shown again.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::describe_image::{DescribeImage, ImageDetails};
use crate::{
    app::{
        runtime::timed_cache::{Loaded, TimedCache},
        tenancy::{listing_cache::ListingCache, storage_call::StorageCallError, tenant::Tenant},
    },
    domain::{
        request_id::RequestId,
        secret::CredentialsRef,
        shuffle_bag::ShuffleBag,
        storage::StorageKind,
        tenant::TenantName,
        tenant_config::{StoragePath, StorageSettings},
    },
    ports::Clock,
};

/// How long it is remembered which images a tenant was shown.
const MEMORY: Duration = Duration::from_hours(24);
/// The number of tenants for which it is remembered: as many as keep their clients by default.
const MAX_TENANTS: usize = 1_000;
/// How many images that have vanished since the listing are passed over in one request.
const MAX_DRAWS: usize = 5;

/// A random number generator: returns any `u64`, each as likely as the next.
pub type Rng = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Shows random images. Concurrent requests get different images.
pub struct RandomImage {
    listings: Arc<ListingCache>,
    describe: DescribeImage,
    // Locked to find a shuffle or to add one, so that two first requests share theirs.
    shuffles: Mutex<TimedCache<Place, Arc<Mutex<ShuffleBag>>>>,
    rng: Rng,
}

/// The folder of the images. Two hosts of one tenant may have different folders.
type Place = (TenantName, StorageKind, Option<CredentialsRef>, StoragePath);

/// Why there is no random image.
#[derive(Debug, thiserror::Error)]
pub enum RandomImageError {
    /// The tenant has no image.
    #[error("there is no image")]
    NoImage,
    /// The images could not be listed.
    #[error(transparent)]
    Listing(StorageCallError),
    /// Storage did not give the image that was drawn.
    #[error(transparent)]
    Storage(StorageCallError),
}

impl RandomImage {
    /// A use case that draws from `listings` and describes what was drawn by `describe`.
    #[must_use]
    pub fn new(
        listings: Arc<ListingCache>,
        describe: DescribeImage,
        clock: Arc<dyn Clock>,
        rng: Rng,
    ) -> Self {
        Self {
            listings,
            describe,
            shuffles: Mutex::new(TimedCache::uncounted(MAX_TENANTS, clock)),
            rng,
        }
    }

    /// A random image with its description. An image that has vanished since the listing is passed over.
    ///
    /// # Errors
    /// [`RandomImageError`].
    pub async fn run(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
    ) -> Result<Arc<ImageDetails>, RandomImageError> {
        let shuffle = self.shuffle_of(tenant);
        for _ in 0..MAX_DRAWS {
            let listing = self.listings.get(tenant, request_id).await;
            let listing = listing.map_err(RandomImageError::Listing)?;
            let drawn = shuffle.lock().draw(listing.names(), (self.rng)());
            let name = drawn.ok_or(RandomImageError::NoImage)?;
            match self.describe.run(tenant, request_id, &name).await {
                Ok(details) => return Ok(details),
                // The listing is outdated.
                Err(error) if error.is_not_found() => {
                    tenant.images(request_id).record_gone(&name);
                }
                Err(error) => {
                    shuffle.lock().put_back(&name);
                    return Err(RandomImageError::Storage(error));
                }
            }
        }
        Err(RandomImageError::NoImage)
    }

    fn shuffle_of(&self, tenant: &Tenant) -> Arc<Mutex<ShuffleBag>> {
        let StorageSettings {
            kind,
            credentials_ref,
            paths,
        } = &tenant.settings().storage;
        let place = (
            tenant.name().clone(),
            *kind,
            credentials_ref.clone(),
            paths.root.clone(),
        );
        let shuffles = self.shuffles.lock();
        let shuffle: Arc<Mutex<ShuffleBag>> = shuffles.get(&place).unwrap_or_default();
        shuffles.set(place, Loaded::new(Arc::clone(&shuffle), MEMORY));
        shuffle
    }
}

#[cfg(test)]
mod tests;
