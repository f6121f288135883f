//! An image at random, none a second time before all have been shown.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use cached::BuildError;
use parking_lot::Mutex;

use super::{
    describe_image::{DescribeImage, ImageDetails},
    looks::LookError,
};
use crate::{
    app::{
        runtime::timed_cache::TimedCache,
        tenancy::{
            listing_cache::{ListingError, Listings},
            tenant::Tenant,
        },
    },
    domain::{
        request_id::RequestId,
        secret::CredentialsRef,
        shuffle_bag::ShuffleBag,
        tenant::TenantName,
        tenant_config::{StoragePath, StorageSettings},
    },
    ports::Clock,
};

/// How long it is remembered what a tenant has been shown: who comes back after a day takes an
/// image of yesterday for a new one.
const MEMORY: Duration = Duration::from_hours(24);
/// For how many tenants: as many as are kept with their clients by default.
const MAX_TENANTS: usize = 1_000;
/// How many images that have just vanished are passed over for one request.
const MAX_DRAWS: usize = 5;

/// Where chance comes from: any number, each as likely as the next.
pub type Chance = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Draws images. Many may draw at once, and each gets another image.
pub struct RandomImage {
    listings: Arc<Listings>,
    describe: DescribeImage,
    // Locked to find a bag or to add one, so that two who come first share theirs.
    bags: Mutex<TimedCache<Place, Arc<Mutex<ShuffleBag>>>>,
    chance: Chance,
}

/// Which images are drawn from. Two hosts of one tenant may have different folders: what was shown of
/// the one says nothing of a file of the same name in the other.
type Place = (TenantName, CredentialsRef, StoragePath);

/// Why no image was drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawImageError {
    /// There is none.
    #[error("there is no image")]
    NoImage,
    /// Nobody knows which there are.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// Storage did not give the one that was drawn.
    #[error(transparent)]
    Storage(LookError),
}

impl RandomImage {
    /// Draws from what `listings` has or gets, and has `describe` say what was drawn.
    ///
    /// # Errors
    /// The memory cannot be that large.
    pub fn new(
        listings: Arc<Listings>,
        describe: DescribeImage,
        clock: Arc<dyn Clock>,
        chance: Chance,
    ) -> Result<Self, BuildError> {
        let bound = NonZeroUsize::new(MAX_TENANTS).unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            listings,
            describe,
            bags: Mutex::new(TimedCache::uncounted(bound, clock)?),
            chance,
        })
    }

    /// Draws an image and describes it. One that has vanished since it was listed is passed over.
    ///
    /// # Errors
    /// [`DrawImageError`].
    pub async fn run(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
    ) -> Result<Arc<ImageDetails>, DrawImageError> {
        let bag = self.bag_of(tenant);
        for _ in 0..MAX_DRAWS {
            let listing = self.listings.of(tenant, request_id).await?;
            let drawn = bag.lock().draw(listing.names(), (self.chance)());
            let name = drawn.ok_or(DrawImageError::NoImage)?;
            match self.describe.run(tenant, request_id, &name).await {
                Ok(details) => return Ok(details),
                // What is listed is not what is there.
                Err(error) if error.is_not_found() => tenant.storage().begin_edition(),
                Err(error) => {
                    bag.lock().put_back(&name);
                    return Err(DrawImageError::Storage(error));
                }
            }
        }
        Err(DrawImageError::NoImage)
    }

    fn bag_of(&self, tenant: &Tenant) -> Arc<Mutex<ShuffleBag>> {
        let StorageSettings {
            credentials_ref,
            paths,
        } = &tenant.settings().storage;
        let place = (
            tenant.name().clone(),
            credentials_ref.clone(),
            paths.root.clone(),
        );
        let bags = self.bags.lock();
        let bag: Arc<Mutex<ShuffleBag>> = bags.get(&place).unwrap_or_default();
        bags.set(place, Arc::clone(&bag), MEMORY);
        bag
    }
}

#[cfg(test)]
mod tests;
