//! How much is published at a time: images of one tenant, and images in memory. How many requests are
//! answered at a time is in `request_places`.

use std::{collections::HashMap, hash::Hash, num::NonZeroUsize, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::memory_budget::MemoryBudget;
use crate::domain::{image::MAX_IMAGE_BYTES, tenant::TenantName};

/// What the room is counted in, in bytes, so that a permit's number fits.
const UNIT: u64 = 1024;
/// The longest wait for room: a client waits as long, and then rather hears that it was in vain.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Everything that bounds publishing.
#[derive(Debug, Clone)]
pub struct Capacity {
    /// How many publications of one tenant run at a time.
    pub slots: PublishSlots,
    /// How many images are in memory.
    pub room: ImageRoom,
}

/// Lets each tenant publish so many images at a time, so that none takes all there is.
pub type PublishSlots = Slots<TenantName>;

/// Lets each key have so many slots at a time.
#[derive(Debug, Clone)]
pub struct Slots<K> {
    max: NonZeroUsize,
    taken: Taken<K>,
}

type Taken<K> = Arc<Mutex<HashMap<K, usize>>>;

/// The right to do one thing now; given back on drop.
#[derive(Debug)]
pub struct Slot<K: Eq + Hash> {
    key: K,
    taken: Taken<K>,
}

impl<K: Eq + Hash + Clone> Slots<K> {
    /// Lets each key have `max` at a time.
    #[must_use]
    pub fn new(max: NonZeroUsize) -> Self {
        Self {
            max,
            taken: Arc::default(),
        }
    }

    /// A slot, unless the key has all of its own.
    #[must_use]
    pub fn take(&self, key: &K) -> Option<Slot<K>> {
        let mut taken = self.taken.lock();
        let count = taken.entry(key.clone()).or_default();
        if *count >= self.max.get() {
            return None;
        }
        *count += 1;
        Some(Slot {
            key: key.clone(),
            taken: Arc::clone(&self.taken),
        })
    }
}

impl<K: Eq + Hash> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        if let Some(count) = taken.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

/// Keeps the images in memory within bounds: who wants to fetch one waits until it has room, in its
/// tenant's share and in all there is.
#[derive(Debug, Clone)]
pub struct ImageRoom {
    units: Arc<Semaphore>,
    size: u32,
    share: u32,
    largest_file: u64,
    /// The shares of the tenants that have images in memory, or wait for it.
    shares: Arc<Mutex<HashMap<TenantName, Arc<Semaphore>>>>,
}

/// Room for one image; given back on drop.
#[derive(Debug)]
pub struct ImageStay {
    _units: OwnedSemaphorePermit,
    _share: Share,
}

/// What a tenant has, or waits for, of its share.
#[derive(Debug)]
struct Share {
    units: Option<OwnedSemaphorePermit>,
    room: ImageRoom,
    tenant: TenantName,
}

/// There was no room for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many images are being worked on")]
pub struct NoRoom;

impl ImageRoom {
    /// All of the room for the one tenant that there is.
    #[must_use]
    pub fn for_one_tenant(budget: MemoryBudget) -> Self {
        Self::of(budget.files(), budget.files()).taking(budget.largest_file())
    }

    /// Room that tenants share: none has more than half, so that one whose models or platforms are
    /// slow keeps no other waiting.
    #[must_use]
    pub fn for_many_tenants(budget: MemoryBudget) -> Self {
        Self::of(budget.files(), budget.files() / 2).taking(budget.largest_file())
    }

    fn taking(self, largest_file: u64) -> Self {
        Self {
            largest_file,
            ..self
        }
    }

    /// The largest file that is taken, in bytes.
    #[must_use]
    pub fn largest_file(&self) -> u64 {
        self.largest_file
    }

    fn of(bytes: u64, share: u64) -> Self {
        let size = units(bytes);
        Self {
            units: semaphore(size),
            size,
            share: units(share),
            largest_file: MAX_IMAGE_BYTES,
            shares: Arc::default(),
        }
    }

    /// Waits for room for an image of so many bytes, 30 s at most. First come, first served, within
    /// a tenant and among tenants, so that a large one is not passed by small ones for ever. An
    /// image larger than a share has all of it.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub async fn enter(&self, tenant: &TenantName, bytes: u64) -> Result<ImageStay, NoRoom> {
        let units = units(bytes.max(1));
        let entered = async {
            let share = self.share_of(tenant, units.min(self.share)).await?;
            let all = Arc::clone(&self.units).acquire_many_owned(units.min(self.size));
            // The semaphores are never closed.
            let units = all.await.map_err(|_| NoRoom)?;
            Ok(ImageStay {
                _units: units,
                _share: share,
            })
        };
        let entered = tokio::time::timeout(MAX_WAIT, entered).await;
        entered.unwrap_or(Err(NoRoom))
    }

    async fn share_of(&self, tenant: &TenantName, units: u32) -> Result<Share, NoRoom> {
        let mut share = Share {
            units: None,
            room: self.clone(),
            tenant: tenant.clone(),
        };
        let whole = {
            let mut shares = self.shares.lock();
            let whole = shares.entry(tenant.clone());
            Arc::clone(whole.or_insert_with(|| semaphore(self.share)))
        };
        let units = whole.acquire_many_owned(units).await;
        share.units = Some(units.map_err(|_| NoRoom)?);
        Ok(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.units = None;
        let mut shares = self.room.shares.lock();
        // Who holds or waits for a part of it has a reference of its own.
        if (shares.get(&self.tenant)).is_some_and(|share| Arc::strong_count(share) == 1) {
            shares.remove(&self.tenant);
        }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn semaphore(units: u32) -> Arc<Semaphore> {
    let permits = usize::try_from(units).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantName {
        TenantName::new(name).unwrap()
    }

    #[test]
    fn a_tenant_has_so_many_slots_and_takes_none_of_others() {
        let slots = PublishSlots::new(NonZeroUsize::new(2).unwrap());
        let alice = tenant("alice");
        let (first, _second) = (slots.take(&alice).unwrap(), slots.take(&alice).unwrap());
        assert!(slots.take(&alice).is_none());
        assert!(slots.take(&tenant("bob")).is_some());
        drop(first);
        assert!(slots.take(&alice).is_some());
    }

    #[test]
    fn who_publishes_nothing_is_not_remembered() {
        let slots = PublishSlots::new(NonZeroUsize::MIN);
        drop(slots.take(&tenant("alice")));
        assert!(slots.taken.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_and_is_told_after_half_a_minute() {
        let (room, alice) = (ImageRoom::of(10 * UNIT, 10 * UNIT), tenant("alice"));
        let stay = room.enter(&alice, 8 * UNIT).await.unwrap();
        let small = room.enter(&alice, UNIT).await;
        assert!(small.is_ok(), "there is room for it beside");
        assert_eq!(room.enter(&alice, 4 * UNIT).await.unwrap_err(), NoRoom);
        let (entered, ()) = tokio::join!(room.enter(&alice, 4 * UNIT), async {
            tokio::time::sleep(Duration::from_secs(29)).await;
            drop(stay);
        });
        assert!(entered.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_has_no_more_than_its_share_and_keeps_nobody_waiting_for_more() {
        let room = ImageRoom::of(10 * UNIT, 5 * UNIT);
        let [alice, bob] = ["alice", "bob"].map(tenant);
        let stay = room.enter(&alice, 4 * UNIT).await.unwrap();
        let mut waiting = Box::pin(room.enter(&alice, 4 * UNIT));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        let other = room.enter(&bob, 5 * UNIT).await.unwrap();
        drop(stay);
        let second = waiting.await.unwrap();
        assert_eq!(room.enter(&bob, UNIT).await.unwrap_err(), NoRoom);
        drop((other, second));
        assert!(room.enter(&bob, 5 * UNIT).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_without_images_in_memory_are_not_remembered() {
        let room = ImageRoom::of(10 * UNIT, 5 * UNIT);
        let alice = tenant("alice");
        let stay = room.enter(&alice, 5 * UNIT).await.unwrap();
        assert_eq!(room.enter(&alice, UNIT).await.unwrap_err(), NoRoom);
        assert!(!room.shares.lock().is_empty());
        drop(stay);
        assert!(room.shares.lock().is_empty());
    }

    #[tokio::test]
    async fn an_image_larger_than_the_room_has_it_alone() {
        let (room, alice) = (ImageRoom::of(10 * UNIT, 5 * UNIT), tenant("alice"));
        let alone = room.enter(&alice, 100 * UNIT).await.unwrap();
        assert_eq!(room.units.available_permits(), 0);
        drop(alone);
        assert_eq!(room.units.available_permits(), 10);
    }
}
