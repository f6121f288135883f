//! Thumbnails that storage has made, kept for all who look at the same images.
//!
//! A thumbnail is kept under the hash of the content that it was made of, so that it stays true whatever
//! becomes of the image; which content an image has is believed for as long as a listing is.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::Bytes;
use cached::BuildError;

use super::looks::{FLIGHT_LIMIT, FRESH, LookError, within_limit};
use crate::{
    app::{
        runtime::{single_flight::SingleFlight, sized_cache::SizedCache, timed_cache::TimedCache},
        tenancy::{listing_cache::Listings, storage::Edition, tenant::Tenant},
    },
    domain::{
        image::{ContentHash, ImageName},
        request_id::RequestId,
        tenant::TenantName,
        thumbnail::ThumbnailSize,
    },
    ports::{Clock, Thumbnail},
};

/// How long a thumbnail is kept that makes no room for others.
const LIFE: Duration = Duration::from_hours(1);
/// Of how many images it is remembered which content they had.
const MAX_SEEN: usize = 10_000;
/// What an entry takes beside its picture, in bytes: names, hashes, and the maps.
const OVERHEAD: usize = 1024;

/// The thumbnails that have been made.
pub struct Thumbnails {
    listings: Arc<Listings>,
    memory: Arc<Memory>,
    finds: SingleFlight<Place, Result<ContentHash, LookError>>,
    makes: SingleFlight<(Place, ThumbnailSize), Result<Thumbnail, LookError>>,
}

/// An image, as long as the folder that it stands in is not changed.
type Place = (Edition, ImageName);

struct Memory {
    kept: SizedCache<(TenantName, ContentHash, ThumbnailSize), Thumbnail>,
    seen: TimedCache<Place, ContentHash>,
    clock: Arc<dyn Clock>,
}

impl Thumbnails {
    /// Keeps thumbnails of so many bytes together, none with 0. Which images hold what is looked up in
    /// `listings` first.
    ///
    /// # Errors
    /// The cache cannot be made.
    pub fn new(
        listings: Arc<Listings>,
        max_bytes: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let max_seen = NonZeroUsize::new(MAX_SEEN).unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            listings,
            memory: Arc::new(Memory {
                kept: SizedCache::new("thumbnail", max_bytes, Arc::clone(&clock)),
                seen: TimedCache::uncounted(max_seen, Arc::clone(&clock))?,
                clock,
            }),
            finds: SingleFlight::new(FLIGHT_LIMIT),
            makes: SingleFlight::new(FLIGHT_LIMIT),
        })
    }

    /// The hash of an image's content, at most a few seconds old.
    pub(super) async fn hash_of(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        name: &ImageName,
    ) -> Result<ContentHash, LookError> {
        if let Some(hash) = self.known_hash(tenant, name) {
            return Ok(hash);
        }
        let place = (tenant.storage().edition(), name.clone());
        let (memory, tenant) = (Arc::clone(&self.memory), Arc::clone(tenant));
        let (request_id, key) = (request_id.clone(), place.clone());
        let find = || async move {
            let started = memory.clock.now();
            let images = tenant.images(&request_id);
            let found = within_limit(images.find(&place.1)).await?;
            memory.saw(place, &found.content_hash, started);
            Ok(found.content_hash)
        };
        let found = self.finds.run(key, find).await;
        found.unwrap_or(Err(LookError::Lost))
    }

    /// The thumbnail of an image: kept, or made now, once for all who ask meanwhile.
    pub(super) async fn of(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        name: &ImageName,
        size: ThumbnailSize,
    ) -> Result<Thumbnail, LookError> {
        let mut hash = self.known_hash(tenant, name);
        let place = (tenant.storage().edition(), name.clone());
        // A look costs storage less than a thumbnail, where one is kept that may still be true.
        if hash.is_none()
            && let Some(seen) = self.memory.seen.look(&place)
            && self.memory.peek(tenant, &seen.value, size).is_some()
        {
            hash = Some(self.hash_of(tenant, request_id, name).await?);
        }
        let kept = if let Some(hash) = hash {
            self.memory.kept.get(&(tenant.name().clone(), hash, size))
        } else {
            self.memory.kept.count_miss();
            None
        };
        if let Some(thumbnail) = kept {
            return Ok(thumbnail);
        }
        let (memory, tenant) = (Arc::clone(&self.memory), Arc::clone(tenant));
        let (request_id, key) = (request_id.clone(), (place.clone(), size));
        let make = || async move {
            // Another may have been made since the look above.
            if let Some(seen) = memory.seen.look(&place).filter(|seen| !seen.is_expired)
                && let Some(made) = memory.peek(&tenant, &seen.value, size)
            {
                return Ok(made);
            }
            let started = memory.clock.now();
            let images = tenant.images(&request_id);
            let mut made = within_limit(images.thumbnail(&place.1, size)).await?;
            // A buffer that was read into may be larger than what is in it.
            made.jpeg = Bytes::copy_from_slice(&made.jpeg);
            let hash = made.stored.content_hash.clone();
            memory.saw(place, &hash, started);
            let bytes = made.jpeg.len() + OVERHEAD;
            let key = (tenant.name().clone(), hash, size);
            memory.kept.set(&key, made.clone(), bytes, LIFE);
            Ok(made)
        };
        let outcome = self.makes.run(key, make).await;
        outcome.unwrap_or(Err(LookError::Lost))
    }

    /// The hash of an image's content as storage told it a moment ago, if it did.
    fn known_hash(&self, tenant: &Tenant, name: &ImageName) -> Option<ContentHash> {
        let listing = self.listings.kept_of(tenant);
        if let Some(listed) = listing.as_ref().and_then(|listing| listing.find(name)) {
            return Some(listed.content_hash.clone());
        }
        let place = (tenant.storage().edition(), name.clone());
        let seen = self.memory.seen.look(&place)?;
        (!seen.is_expired).then_some(seen.value)
    }

    /// Drops what has expired.
    pub fn sweep(&self) {
        self.memory.kept.sweep();
        self.memory.seen.sweep();
    }
}

impl Memory {
    fn peek(&self, tenant: &Tenant, hash: &ContentHash, size: ThumbnailSize) -> Option<Thumbnail> {
        self.kept.peek(&(tenant.name().clone(), hash.clone(), size))
    }

    /// Storage was asked at `started`, and what it said is believed for a moment from then.
    fn saw(&self, place: Place, hash: &ContentHash, started: std::time::Instant) {
        let age = self.clock.now().saturating_duration_since(started);
        let life = FRESH.saturating_sub(age);
        self.seen.set_with_grace(place, hash.clone(), life, LIFE);
    }
}
