//! How many things of one key run at a time: publications of one tenant, in this process and in all that share a ledger.

use std::{collections::HashMap, hash::Hash, num::NonZeroUsize, sync::Arc};

use parking_lot::Mutex;

use super::{held_slot::HeldSlot, memory_budget::MemoryBudget};
use crate::{domain::tenant::TenantName, ports::PublishSlots};

/// Everything that bounds publishing.
#[derive(Debug, Clone)]
pub struct Capacity {
    /// How many publications of one tenant run at a time.
    pub publications: PublishLimit,
    /// How many bytes of images are in memory.
    pub memory: MemoryBudget,
}

impl Capacity {
    /// Puts the limits together.
    #[must_use]
    pub fn new(publications: PublishLimit, memory: MemoryBudget) -> Self {
        Self {
            publications,
            memory,
        }
    }
}

/// Limits how many images each tenant publishes and analyzes at a time, so that no tenant takes the whole capacity.
#[derive(Clone)]
pub struct PublishLimit {
    own: KeyedLimit<TenantName>,
    slots: Option<Arc<dyn PublishSlots>>,
}

/// The right to publish one image of a tenant now; given back by [`release`](Self::release), or in the background when it is
/// dropped.
pub(in crate::app) struct PublishPermit {
    own: Permit<TenantName>,
    /// `None` while the process's own count decides.
    slot: Option<HeldSlot>,
}

impl PublishLimit {
    /// A limit of `max` images at a time for each tenant, in this process.
    #[must_use]
    pub fn new(max: NonZeroUsize) -> Self {
        Self {
            own: KeyedLimit::new(max),
            slots: None,
        }
    }

    /// The most images of a tenant at a time.
    #[must_use]
    pub fn max(&self) -> NonZeroUsize {
        self.own.max
    }

    /// The same limit over all processes that take these slots. Where they cannot be had, this process's own count decides,
    /// which the slots have to log.
    #[must_use]
    pub fn over_all_processes(self, slots: Arc<dyn PublishSlots>) -> Self {
        Self {
            slots: Some(slots),
            ..self
        }
    }

    /// A permit of this process, unless the tenant has all of its own.
    pub(in crate::app) fn try_acquire(&self, tenant: &TenantName) -> Option<PublishPermit> {
        let own = self.own.try_acquire(tenant)?;
        Some(PublishPermit { own, slot: None })
    }

    /// The permit of a job that was claimed. All processes count it by its claim, so that it is never refused here.
    pub(in crate::app) fn of_claimed_job(&self, tenant: &TenantName) -> PublishPermit {
        PublishPermit {
            own: self.own.acquire_beyond(tenant),
            slot: None,
        }
    }

    /// Makes a permit of this process one of all processes; `None` if the tenant has all of its own. A call that is aborted
    /// may leave a slot that ends by itself.
    pub(in crate::app) async fn among_all(&self, permit: PublishPermit) -> Option<PublishPermit> {
        let Some(slots) = &self.slots else {
            return Some(permit);
        };
        let max = u32::try_from(self.own.max.get()).unwrap_or(u32::MAX);
        let slot = match HeldSlot::take(slots, &permit.own.key, max).await {
            Ok(taken) => Some(taken?),
            // The permit of this process is what there is; that the slots are away is in the log already.
            Err(_) => None,
        };
        Some(PublishPermit { slot, ..permit })
    }
}

impl PublishPermit {
    /// Gives the permit back.
    pub(in crate::app) async fn release(self) {
        let Self { own, slot } = self;
        // Before the slot: whoever gets the slot must get a permit, too.
        drop(own);
        if let Some(slot) = slot {
            slot.release().await;
        }
    }
}

impl std::fmt::Debug for PublishLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublishLimit")
            .field("own", &self.own)
            .field("is_shared", &self.slots.is_some())
            .finish()
    }
}

/// A limit of permits for each key.
#[derive(Debug, Clone)]
pub struct KeyedLimit<K> {
    max: NonZeroUsize,
    taken: Taken<K>,
}

type Taken<K> = Arc<Mutex<HashMap<K, usize>>>;

/// The right to do one thing now; given back on drop.
#[derive(Debug)]
pub struct Permit<K: Eq + Hash> {
    key: K,
    taken: Taken<K>,
}

impl<K: Eq + Hash + Clone> KeyedLimit<K> {
    /// A limit of `max` permits at a time for each key.
    #[must_use]
    pub fn new(max: NonZeroUsize) -> Self {
        Self {
            max,
            taken: Arc::default(),
        }
    }

    /// A permit, unless the key has all of its own.
    #[must_use]
    pub fn try_acquire(&self, key: &K) -> Option<Permit<K>> {
        let mut taken = self.taken.lock();
        let count = taken.entry(key.clone()).or_default();
        if *count >= self.max.get() {
            return None;
        }
        *count += 1;
        Some(self.permit(key))
    }

    /// A permit also if the key has all of its own.
    fn acquire_beyond(&self, key: &K) -> Permit<K> {
        *self.taken.lock().entry(key.clone()).or_default() += 1;
        self.permit(key)
    }

    fn permit(&self, key: &K) -> Permit<K> {
        Permit {
            key: key.clone(),
            taken: Arc::clone(&self.taken),
        }
    }
}

impl<K: Eq + Hash> Drop for Permit<K> {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mockall::predicate::eq;

    use super::*;
    use crate::ports::{LedgerError, MockPublishSlots, PublishSlot, SLOT_RENEWED_EVERY};

    fn tenant(name: &str) -> TenantName {
        TenantName::new(name).unwrap()
    }

    #[test]
    fn a_tenant_has_so_many_permits_and_takes_none_of_others() {
        let limit = PublishLimit::new(NonZeroUsize::new(2).unwrap());
        let alice = tenant("alice");
        let (first, _second) = (
            limit.try_acquire(&alice).unwrap(),
            limit.try_acquire(&alice).unwrap(),
        );
        assert!(limit.try_acquire(&alice).is_none());
        assert!(limit.try_acquire(&tenant("bob")).is_some());
        drop(first);
        assert!(limit.try_acquire(&alice).is_some());
    }

    #[test]
    fn a_key_without_permits_is_not_remembered() {
        let limit = PublishLimit::new(NonZeroUsize::MIN);
        drop(limit.try_acquire(&tenant("alice")));
        assert!(limit.own.taken.lock().is_empty());
    }

    fn slot() -> PublishSlot {
        PublishSlot {
            tenant: tenant("alice"),
            token: "token".to_owned(),
        }
    }

    /// A limit of two over these slots.
    fn over(slots: MockPublishSlots) -> PublishLimit {
        PublishLimit::new(NonZeroUsize::new(2).unwrap()).over_all_processes(Arc::new(slots))
    }

    async fn acquire(limit: &PublishLimit) -> Option<PublishPermit> {
        limit.among_all(limit.try_acquire(&tenant("alice"))?).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_renewed_while_it_is_held_and_released_once() {
        let mut slots = MockPublishSlots::new();
        slots
            .expect_take_slot()
            .times(1)
            .with(eq(tenant("alice")), eq(2))
            .returning(|_, _| Ok(Some(slot())));
        slots.expect_renew_slot().times(3).returning(|renewed| {
            assert_eq!(*renewed, slot());
            Ok(())
        });
        slots.expect_release_slot().times(1).returning(|_| Ok(()));
        let limit = over(slots);
        let permit = acquire(&limit).await.unwrap();
        tokio::time::sleep(SLOT_RENEWED_EVERY * 3 + Duration::from_secs(1)).await;
        permit.release().await;
        tokio::time::sleep(SLOT_RENEWED_EVERY * 3).await;
        assert!(limit.own.taken.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_fails_is_made_again() {
        let mut slots = MockPublishSlots::new();
        slots.expect_take_slot().returning(|_, _| Ok(Some(slot())));
        let unavailable = |_: &PublishSlot| Err(LedgerError::Unavailable("away".into()));
        slots.expect_renew_slot().times(2).returning(unavailable);
        slots.expect_release_slot().times(1).returning(unavailable);
        let permit = acquire(&over(slots)).await.unwrap();
        tokio::time::sleep(SLOT_RENEWED_EVERY * 2 + Duration::from_secs(1)).await;
        permit.release().await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_slot_of_a_publication_that_is_aborted_is_released() {
        let mut slots = MockPublishSlots::new();
        slots.expect_take_slot().returning(|_, _| Ok(Some(slot())));
        slots.expect_renew_slot().never();
        let (released, release) = tokio::sync::oneshot::channel();
        let mut released = Some(released);
        slots.expect_release_slot().times(1).returning(move |_| {
            released.take().unwrap().send(()).unwrap();
            Ok(())
        });
        drop(acquire(&over(slots)).await.unwrap());
        release.await.unwrap();
    }

    #[tokio::test]
    async fn a_permit_without_a_slot_is_given_back() {
        let mut slots = MockPublishSlots::new();
        slots.expect_take_slot().times(1).returning(|_, _| Ok(None));
        slots.expect_release_slot().never();
        let limit = over(slots);
        assert!(acquire(&limit).await.is_none());
        assert!(limit.own.taken.lock().is_empty());
    }

    #[tokio::test]
    async fn where_slots_cannot_be_had_the_own_count_decides() {
        let mut slots = MockPublishSlots::new();
        slots
            .expect_take_slot()
            .times(2)
            .returning(|_, _| Err(LedgerError::Unavailable("away".into())));
        slots.expect_release_slot().never();
        let limit = over(slots);
        let (first, _second) = (acquire(&limit).await, acquire(&limit).await.unwrap());
        assert!(acquire(&limit).await.is_none(), "no slot is asked for");
        first.unwrap().release().await;
        assert!(limit.try_acquire(&tenant("alice")).is_some());
    }

    #[tokio::test]
    async fn a_claimed_job_takes_no_slot_and_is_never_refused_but_counted() {
        let mut slots = MockPublishSlots::new();
        slots.expect_take_slot().never();
        let limit = over(slots);
        let jobs: Vec<_> = (0..3)
            .map(|_| limit.of_claimed_job(&tenant("alice")))
            .collect();
        assert!(acquire(&limit).await.is_none());
        for job in jobs {
            job.release().await;
        }
        assert!(limit.own.taken.lock().is_empty());
    }
}
