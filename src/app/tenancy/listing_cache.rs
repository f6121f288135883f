//! What tenants' folders hold, read once for all who ask.
//!
//! A listing belongs to the storage that it was read from, and is never shown for another (a new config, another
//! credential). What this service changes in a folder is applied to the listing, which is not read anew for it. What
//! others change is seen with the next refresh:
//!
//! * where a refresh costs little ([`RefreshCost::Low`]), callers wait for it once the listing is five seconds old. It is
//!   one call where storage tells what has changed, and a full listing elsewhere;
//! * where it takes a call for every thousand images ([`RefreshCost::High`]), the folder is read behind the listing that
//!   is shown, at most once a minute, while callers ask for it.

mod kept;
mod reading;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(in crate::app) use self::reading::{ReadListing, read_whole, too_large};
use self::{
    kept::{Kept, Pending, State},
    reading::read_changes,
};
use super::{
    storage::{Generation, Storage},
    storage_call::{FLIGHT_LIMIT, FRESH, StorageCallError, within_limit},
    tenant::Tenant,
    write_log::OwnChange,
};
use crate::{
    app::runtime::{
        error_chain::ErrorChain,
        single_flight::{Call, SingleFlight},
        timed_cache::{Found, Loaded, TimedCache},
    },
    domain::{
        listing::{Listing, ListingChange},
        request_id::RequestId,
    },
    ports::{Clock, Folder, RefreshCost},
};

/// What all that are kept take together, in bytes (64 MiB): more than the largest that there can be, or four hundred
/// of a thousand images each.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What a listing takes beside its images, in bytes, so that empty ones are bounded, too.
const OVERHEAD: usize = 1024;
/// How long a listing is kept that one call brings up to date.
const KEPT_FOR: Duration = Duration::from_hours(1);
/// How long a listing that is read behind itself is shown before it is read again.
const SETTLED: Duration = Duration::from_mins(1);
/// How long it is shown, for want of a newer one.
const SHOWN: Duration = Duration::from_mins(3);
/// How many folders are read behind their listings at a time; the others are shown as they are meanwhile.
const MAX_IN_BACKGROUND: usize = 2;
/// How often a caller waits for a listing that a write of ours has overtaken.
const MAX_ROUNDS: usize = 3;

/// The listings that have been made; clones share them.
#[derive(Clone)]
pub struct ListingCache {
    entries: Arc<TimedCache<Place, Arc<Kept>>>,
    reads: Arc<SingleFlight<Place, Result<Arc<Kept>, StorageCallError>>>,
    in_background: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
}

/// A folder of a storage that was opened.
type Place = (Generation, Folder);

impl ListingCache {
    /// An empty cache.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::of_bytes(MAX_BYTES, clock)
    }

    fn of_bytes(max_bytes: usize, clock: Arc<dyn Clock>) -> Self {
        let entries = TimedCache::new("listing", max_bytes, Arc::clone(&clock));
        Self {
            entries: Arc::new(entries),
            reads: Arc::new(SingleFlight::new(FLIGHT_LIMIT)),
            in_background: Arc::new(Semaphore::new(MAX_IN_BACKGROUND)),
            clock,
        }
    }

    /// The images of the tenant's root folder, read once for all who ask meanwhile. A failure is not kept.
    ///
    /// # Errors
    /// [`StorageCallError`]; also for a folder that was not read to its end.
    pub async fn get(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
    ) -> Result<Arc<Listing>, StorageCallError> {
        self.whole(tenant, request_id, FRESH).await
    }

    /// The same as it is now, where a refresh costs little.
    ///
    /// # Errors
    /// [`StorageCallError`]; also for a folder that was not read to its end.
    pub(in crate::app) async fn get_current(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
    ) -> Result<Arc<Listing>, StorageCallError> {
        self.whole(tenant, request_id, Duration::ZERO).await
    }

    async fn whole(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        max_age: Duration,
    ) -> Result<Arc<Listing>, StorageCallError> {
        let listing = self.read(tenant, Folder::Root, request_id, max_age).await?;
        if listing.is_truncated() {
            let root = &tenant.settings().storage.paths.root;
            return Err(StorageCallError::Storage(Arc::new(too_large(root))));
        }
        Ok(listing)
    }

    /// The images of any folder. One that was not read to its end is truncated.
    ///
    /// # Errors
    /// [`StorageCallError`].
    pub async fn get_in(
        &self,
        tenant: &Arc<Tenant>,
        folder: Folder,
        request_id: &RequestId,
    ) -> Result<Arc<Listing>, StorageCallError> {
        self.read(tenant, folder, request_id, FRESH).await
    }

    /// The images of the root folder, if storage told them a moment ago.
    pub(in crate::app) fn get_cached(&self, tenant: &Tenant) -> Option<Arc<Listing>> {
        let storage = tenant.storage();
        let place = (storage.id(), Folder::Root);
        let kept = self.entries.peek(&place).and_then(Found::live)?;
        if self.clock.now() >= kept.read_at + FRESH {
            return None;
        }
        let Pending {
            base,
            position,
            changes,
            next,
        } = kept.pending(&storage, Folder::Root)?;
        let gone = changes.into_iter().map(|change| match change {
            OwnChange::Gone(name) => Some(ListingChange::Gone(name.as_str().to_owned())),
            OwnChange::Written(_) | OwnChange::Unknown => None,
        });
        let gone: Option<Vec<_>> = gone.collect();
        Some(kept.apply(&base, position, gone?, next))
    }

    async fn read(
        &self,
        tenant: &Arc<Tenant>,
        folder: Folder,
        request_id: &RequestId,
        max_age: Duration,
    ) -> Result<Arc<Listing>, StorageCallError> {
        let storage = tenant.storage();
        let place = (storage.id(), folder);
        let before = self.entries.peek(&place).and_then(Found::live);
        if let Some(kept) = &before
            && let Some(listing) = kept.with_our_changes(&storage, folder).await
        {
            let is_shown = self.is_shown(kept, &listing, &storage, max_age);
            if let Some(is_settled) = is_shown {
                let is_read = !is_settled && self.refresh(tenant, place, request_id, kept);
                self.entries.count(Some(is_read));
                return Ok(listing);
            }
        }
        self.entries.count(None);
        let mut before = before;
        for _ in 1..MAX_ROUNDS {
            let kept = self.start(tenant, place, request_id, before, None);
            let kept = kept.join().await??;
            // A call that had begun before this request need not show what was written before it.
            if let Some(listing) = kept.with_our_changes(&tenant.storage(), folder).await {
                return Ok(listing);
            }
            before = Some(kept);
        }
        let kept = self.start(tenant, place, request_id, before, None);
        let kept = kept.join().await??;
        let listing = Arc::clone(&kept.state.lock().listing);
        Ok(listing)
    }

    /// Whether a listing is shown without waiting for another, and if so, whether it is also new enough that none is
    /// read behind it.
    fn is_shown(
        &self,
        kept: &Kept,
        listing: &Listing,
        storage: &Storage,
        max_age: Duration,
    ) -> Option<bool> {
        let age = self.clock.now().saturating_duration_since(kept.read_at);
        let refresh = if listing.is_truncated() {
            RefreshCost::High
        } else {
            storage.opened.images.listing_rules().refresh
        };
        match refresh {
            RefreshCost::Low => (age < max_age).then_some(true),
            RefreshCost::High => (age < SHOWN).then_some(age < SETTLED),
        }
    }

    /// Reads a folder behind the listing that is shown; false if that is not due again yet, or too many are read.
    fn refresh(
        &self,
        tenant: &Arc<Tenant>,
        place: Place,
        request_id: &RequestId,
        shown: &Arc<Kept>,
    ) -> bool {
        let now = self.clock.now();
        let Ok(permit) = Arc::clone(&self.in_background).try_acquire_owned() else {
            return false;
        };
        let mut state = shown.state.lock();
        let is_due = state.tried_at.is_none_or(|last| now >= last + SETTLED);
        if is_due {
            state.tried_at = Some(now);
            drop(state);
            let shown = Some(Arc::clone(shown));
            drop(self.start(tenant, place, request_id, shown, Some(permit)));
        }
        is_due
    }

    /// The call that reads a folder, or what has changed in it since the listing before.
    fn start(
        &self,
        tenant: &Arc<Tenant>,
        place: Place,
        request_id: &RequestId,
        before: Option<Arc<Kept>>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Call<Result<Arc<Kept>, StorageCallError>> {
        self.reads.start(place, || {
            let (cache, tenant, request_id) =
                (self.clone(), Arc::clone(tenant), request_id.clone());
            async move {
                let in_background = permit.is_some();
                let _permit = permit;
                let now = cache.entries.peek(&place).and_then(Found::live);
                let is_before = |now: &Arc<Kept>| {
                    before
                        .as_ref()
                        .is_some_and(|before| Arc::ptr_eq(before, now))
                };
                if let Some(newer) = now.filter(|now| !is_before(now)) {
                    // Another call has ended since the caller looked.
                    return Ok(newer);
                }
                let read = cache.read_now(&tenant, place, &request_id, before).await;
                if in_background && let Err(error) = &read {
                    tracing::warn!(
                        tenant = %tenant.name(), %request_id, error = %ErrorChain(error),
                        "the listing could not be refreshed"
                    );
                }
                read
            }
        })
    }

    async fn read_now(
        &self,
        tenant: &Tenant,
        (id, folder): Place,
        request_id: &RequestId,
        before: Option<Arc<Kept>>,
    ) -> Result<Arc<Kept>, StorageCallError> {
        let images = tenant.images(request_id).in_folder(folder);
        let read = |storage: Arc<Storage>| {
            // A cursor is good with its own storage only.
            let before = before.clone().filter(|_| storage.id() == id);
            async move {
                let position = storage.writes().position();
                let store = storage.store(folder);
                let changed = match before.and_then(|kept| kept.continued(&storage, folder)) {
                    Some((listing, cursor)) => read_changes(&*store, listing, cursor).await?,
                    None => None,
                };
                let read = match changed {
                    Some(read) => read,
                    None => read_whole(&*store).await?,
                };
                Ok((storage.id(), store.listing_rules(), read, position))
            }
        };
        let read = within_limit(images.with_storage(read)).await?;
        let (id, rules, ReadListing { listing, cursor }, position) = read;
        let bytes = listing.bytes() + OVERHEAD;
        let kept_for = match rules.refresh {
            RefreshCost::Low => KEPT_FOR,
            RefreshCost::High => SHOWN,
        };
        let kept = Arc::new(Kept {
            state: Mutex::new(State {
                listing: Arc::new(listing),
                position,
                tried_at: None,
            }),
            cursor,
            read_at: self.clock.now(),
        });
        let loaded = Loaded::new(Arc::clone(&kept), kept_for).with_weight(bytes);
        self.entries.set((id, folder), loaded);
        Ok(kept)
    }

    /// Drops what has expired.
    pub fn sweep(&self) {
        self.entries.sweep();
    }

    /// Begins no refresh in the background any more: the process is ending.
    pub fn close(&self) {
        self.in_background.close();
    }
}

#[cfg(test)]
mod tests;
