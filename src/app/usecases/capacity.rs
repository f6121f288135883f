//! How much is published at a time: images of one tenant, and images in memory. How many requests are
//! answered at a time is in `request_places`.

use std::{
    collections::HashMap,
    hash::Hash,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::tenant::TenantName;

/// The files that are in memory at a time, all tenants together, in bytes (96 MiB): ten from a
/// camera, or one of the largest beside a few. What is decoded of them is bounded by `imaging`;
/// `tests/service/load.rs` says what it comes to in all.
const IMAGE_ROOM: u64 = 96 * 1024 * 1024;
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
        let mut taken = lock(&self.taken);
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
        let mut taken = lock(&self.taken);
        if let Some(count) = taken.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

/// Keeps the images in memory within bounds: who wants to fetch one waits until it has room.
#[derive(Debug, Clone)]
pub struct ImageRoom {
    units: Arc<Semaphore>,
    size: u32,
}

/// Room for one image; given back on drop.
#[derive(Debug)]
pub struct ImageStay {
    _units: OwnedSemaphorePermit,
}

/// There was no room for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many images are being worked on")]
pub struct NoRoom;

impl Default for ImageRoom {
    fn default() -> Self {
        Self::of(IMAGE_ROOM)
    }
}

impl ImageRoom {
    fn of(bytes: u64) -> Self {
        let size = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX);
        Self {
            units: Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(usize::MAX))),
            size,
        }
    }

    /// Waits for room for an image of so many bytes, 30 s at most. First come, first served, so
    /// that a large one is not passed by small ones for ever.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub async fn enter(&self, bytes: u64) -> Result<ImageStay, NoRoom> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.units).acquire_many_owned(units.min(self.size));
        match tokio::time::timeout(MAX_WAIT, permit).await {
            Ok(Ok(units)) => Ok(ImageStay { _units: units }),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(NoRoom),
        }
    }
}

/// Nothing under the lock can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(lock(&slots.taken).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_and_is_told_after_half_a_minute() {
        let room = ImageRoom::of(10 * UNIT);
        let stay = room.enter(8 * UNIT).await.unwrap();
        let small = room.enter(UNIT).await;
        assert!(small.is_ok(), "there is room for it beside");
        assert_eq!(room.enter(4 * UNIT).await.unwrap_err(), NoRoom);
        let (entered, ()) = tokio::join!(room.enter(4 * UNIT), async {
            tokio::time::sleep(Duration::from_secs(29)).await;
            drop(stay);
        });
        assert!(entered.is_ok());
    }

    #[tokio::test]
    async fn an_image_larger_than_the_room_has_it_alone() {
        let room = ImageRoom::of(10 * UNIT);
        let alone = room.enter(100 * UNIT).await.unwrap();
        assert_eq!(room.units.available_permits(), 0);
        drop(alone);
        assert_eq!(room.units.available_permits(), 10);
    }
}
