//! Fetching thumbnails, which storage makes, or the service itself where storage makes none; all callers share them.
//!
//! A thumbnail is cached under the hash of the content that it was made of, so that it stays true when the image is
//! moved or replaced. The hash of an image's content is cached for as long as a listing is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::steps::own_thumbnail::ThumbnailMaker;
use crate::{
    app::{
        runtime::{
            single_flight::SingleFlight,
            timed_cache::{Found, Loaded, TimedCache},
        },
        tenancy::{
            listing_cache::ListingCache,
            storage::Generation,
            storage_call::{FLIGHT_LIMIT, FRESH, StorageCallError, within_limit},
            tenant::Tenant,
        },
    },
    domain::{
        content_hash::ContentHash, image::ImageName, request_id::RequestId, tenant::TenantName,
        thumbnail::ThumbnailSize,
    },
    ports::{Clock, Thumbnail},
};

/// How long a thumbnail is cached at most.
const LIFE: Duration = Duration::from_hours(1);
/// The number of images whose content hash is cached.
const MAX_SEEN: usize = 10_000;
/// The size of an entry beside its picture, in bytes: names, hashes, and the maps.
const OVERHEAD: usize = 1024;

/// The contents whose thumbnail the caller has, in the size that it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfNoneMatch {
    /// None.
    Absent,
    /// Any content.
    Any,
    /// Those with these hashes.
    Hashes(Vec<String>),
}

/// The answer to a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThumbnailAnswer {
    /// The thumbnail.
    New(Thumbnail),
    /// The caller has the thumbnail of this content, which is still the image's.
    Unchanged(ContentHash),
}

/// Fetches thumbnails; clones share the cache.
#[derive(Clone)]
pub struct FetchThumbnail {
    listings: Arc<ListingCache>,
    maker: ThumbnailMaker,
    memory: Arc<Memory>,
    finds: Arc<SingleFlight<Place, Result<ContentHash, StorageCallError>>>,
    makes: Arc<SingleFlight<(Place, ThumbnailSize), Result<Thumbnail, StorageCallError>>>,
}

/// An image, until this service changes its folder.
type Place = (Generation, ImageName);

struct Memory {
    thumbnails: TimedCache<(TenantName, ContentHash, ThumbnailSize), Thumbnail>,
    hashes: TimedCache<Place, ContentHash>,
    clock: Arc<dyn Clock>,
}

impl FetchThumbnail {
    /// A use case that caches thumbnails up to `max_bytes` together, none with 0. Content hashes are looked up in
    /// `listings` first; `maker` makes the thumbnails that storage does not make.
    #[must_use]
    pub fn new(
        listings: Arc<ListingCache>,
        maker: ThumbnailMaker,
        max_bytes: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            listings,
            maker,
            memory: Arc::new(Memory {
                thumbnails: TimedCache::new("thumbnail", max_bytes, Arc::clone(&clock)),
                hashes: TimedCache::uncounted(MAX_SEEN, Arc::clone(&clock)),
                clock,
            }),
            finds: Arc::new(SingleFlight::new(FLIGHT_LIMIT)),
            makes: Arc::new(SingleFlight::new(FLIGHT_LIMIT)),
        }
    }

    /// The thumbnail of an image, unless the caller has it.
    ///
    /// # Errors
    /// [`StorageCallError`].
    pub async fn run(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        name: &ImageName,
        size: ThumbnailSize,
        if_none_match: &IfNoneMatch,
    ) -> Result<ThumbnailAnswer, StorageCallError> {
        if *if_none_match != IfNoneMatch::Absent {
            let hash = self.hash_of(tenant, request_id, name).await?;
            let has_it = match if_none_match {
                IfNoneMatch::Hashes(hashes) => hashes.contains(&hash.to_string()),
                _ => true,
            };
            if has_it {
                return Ok(ThumbnailAnswer::Unchanged(hash));
            }
        }
        let made = self.thumbnail(tenant, request_id, name, size).await?;
        Ok(ThumbnailAnswer::New(made))
    }

    /// The hash of an image's content, at most a few seconds old.
    async fn hash_of(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        name: &ImageName,
    ) -> Result<ContentHash, StorageCallError> {
        if let Some(hash) = self.cached_hash(tenant, name) {
            return Ok(hash);
        }
        let place = (tenant.storage().generation(), name.clone());
        let (memory, tenant) = (Arc::clone(&self.memory), Arc::clone(tenant));
        let (request_id, key) = (request_id.clone(), place.clone());
        let find = || async move {
            let started = memory.clock.now();
            let found = within_limit(tenant.images(&request_id).find(&place.1)).await?;
            memory.set_hash(place, &found.content_hash, started);
            Ok(found.content_hash)
        };
        self.finds.run(key, find).await?
    }

    /// The thumbnail of an image: cached, or made now, once for all who wait.
    async fn thumbnail(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        name: &ImageName,
        size: ThumbnailSize,
    ) -> Result<Thumbnail, StorageCallError> {
        let mut hash = self.cached_hash(tenant, name);
        let place = (tenant.storage().generation(), name.clone());
        // Where a cached thumbnail may still be true, asking for the hash costs storage less than a thumbnail.
        if hash.is_none()
            && let Some(seen) = self.memory.hashes.peek(&place)
            && self.memory.peek(tenant, &seen.value, size).is_some()
        {
            hash = Some(self.hash_of(tenant, request_id, name).await?);
        }
        let thumbnails = &self.memory.thumbnails;
        let cached = if let Some(hash) = hash {
            thumbnails.get(&(tenant.name().clone(), hash, size))
        } else {
            thumbnails.count(None);
            None
        };
        if let Some(thumbnail) = cached {
            return Ok(thumbnail);
        }
        let (memory, tenant) = (Arc::clone(&self.memory), Arc::clone(tenant));
        let (request_id, key) = (request_id.clone(), (place.clone(), size));
        let maker = self.maker.clone();
        let make = || async move {
            // Another flight may have ended since the lookup above.
            if let Some(seen) = memory.hashes.peek(&place).and_then(Found::live)
                && let Some(made) = memory.peek(&tenant, &seen, size)
            {
                return Ok(made);
            }
            let started = memory.clock.now();
            let images = tenant.images(&request_id);
            let mut made = match within_limit(images.thumbnail(&place.1, size)).await? {
                Some(made) => made,
                None => maker.make(images, &place.1, size).await?,
            };
            // The buffer of a download may be larger than its content.
            made.jpeg = Bytes::copy_from_slice(&made.jpeg);
            let hash = made.stored.content_hash.clone();
            memory.set_hash(place, &hash, started);
            let bytes = made.jpeg.len() + OVERHEAD;
            let key = (tenant.name().clone(), hash, size);
            let loaded = Loaded::new(made.clone(), LIFE).with_weight(bytes);
            memory.thumbnails.set(key, loaded);
            Ok(made)
        };
        self.makes.run(key, make).await?
    }

    /// The hash of an image's content, if storage told it a moment ago.
    fn cached_hash(&self, tenant: &Tenant, name: &ImageName) -> Option<ContentHash> {
        let listing = self.listings.get_cached(tenant);
        if let Some(listed) = listing.as_ref().and_then(|listing| listing.find(name)) {
            return Some(listed.content_hash().clone());
        }
        let place = (tenant.storage().generation(), name.clone());
        self.memory.hashes.peek(&place).and_then(Found::live)
    }

    /// Drops expired entries from the cache.
    pub fn sweep(&self) {
        self.memory.thumbnails.sweep();
        self.memory.hashes.sweep();
    }
}

impl Memory {
    fn peek(&self, tenant: &Tenant, hash: &ContentHash, size: ThumbnailSize) -> Option<Thumbnail> {
        let key = (tenant.name().clone(), hash.clone(), size);
        self.thumbnails.peek(&key).and_then(Found::live)
    }

    /// Caches the hash that storage told in a call that started at `started`.
    fn set_hash(&self, place: Place, hash: &ContentHash, started: Instant) {
        let age = self.clock.now().saturating_duration_since(started);
        let life = FRESH.saturating_sub(age);
        let loaded = Loaded::new(hash.clone(), life).with_stale_ttl(LIFE);
        self.hashes.set(place, loaded);
    }
}

#[cfg(test)]
mod tests;
