//! How many bytes of images are in memory at a time, for all tenants and for each. How the memory for
//! images is divided is in `image_memory`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::{image::MAX_IMAGE_BYTES, image_memory::ImageMemory, tenant::TenantName};

/// The unit of the semaphores, in bytes, so that a number of permits fits.
const UNIT: u64 = 1024;
/// The longest wait for memory: a client waits as long, and then is refused.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The memory that the files of images may take. A fetch waits until the image fits into its tenant's share
/// and into the whole.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    units: Arc<Semaphore>,
    size: u32,
    share: u32,
    largest_file: u64,
    max_wait: Duration,
    /// The shares of the tenants that have images in memory, or wait for memory.
    shares: Arc<Mutex<HashMap<TenantName, Arc<Semaphore>>>>,
}

/// Memory for one image; given back on drop.
#[derive(Debug)]
pub struct MemoryPermit {
    _units: OwnedSemaphorePermit,
    _share: Share,
}

/// What a tenant has, or waits for, of its share.
#[derive(Debug)]
struct Share {
    units: Option<OwnedSemaphorePermit>,
    budget: MemoryBudget,
    tenant: TenantName,
}

/// No memory became free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many images are being worked on")]
pub struct Exhausted;

impl MemoryBudget {
    /// A budget that one tenant has as a whole.
    #[must_use]
    pub fn for_one_tenant(memory: ImageMemory) -> Self {
        Self::of(memory.files(), memory.files()).taking(memory.largest_file())
    }

    /// A budget that tenants share: none has more than half, so that one whose models or platforms are
    /// slow keeps no other waiting.
    #[must_use]
    pub fn for_many_tenants(memory: ImageMemory) -> Self {
        Self::of(memory.files(), memory.files() / 2).taking(memory.largest_file())
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
            max_wait: MAX_WAIT,
            shares: Arc::default(),
        }
    }

    /// A budget of at most so many bytes for one kind of work, divided among tenants as this one, with a longest wait
    /// of its own. Its permits are beside those of this budget, and not instead of them.
    #[must_use]
    pub fn portion(&self, bytes: u64, max_wait: Duration) -> Self {
        let size = units(bytes).min(self.size);
        let is_shared = self.share < self.size;
        let share = if is_shared { size / 2 } else { size };
        Self {
            max_wait,
            ..Self::of(u64::from(size) * UNIT, u64::from(share) * UNIT)
        }
    }

    /// Waits for memory for an image of so many bytes, 30 s at most. First come, first served, within
    /// a tenant and among tenants, so that a large one is not passed by small ones for ever. An
    /// image larger than a share has all of it.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub async fn acquire(
        &self,
        tenant: &TenantName,
        bytes: u64,
    ) -> Result<MemoryPermit, Exhausted> {
        let units = units(bytes.max(1));
        let acquired = async {
            let share = self.share_of(tenant, units.min(self.share)).await?;
            let all = Arc::clone(&self.units).acquire_many_owned(units.min(self.size));
            // The semaphores are never closed.
            let units = all.await.map_err(|_| Exhausted)?;
            Ok(MemoryPermit {
                _units: units,
                _share: share,
            })
        };
        let acquired = tokio::time::timeout(self.max_wait, acquired).await;
        acquired.unwrap_or(Err(Exhausted))
    }

    async fn share_of(&self, tenant: &TenantName, units: u32) -> Result<Share, Exhausted> {
        let mut share = Share {
            units: None,
            budget: self.clone(),
            tenant: tenant.clone(),
        };
        let whole = {
            let mut shares = self.shares.lock();
            let whole = shares.entry(tenant.clone());
            Arc::clone(whole.or_insert_with(|| semaphore(self.share)))
        };
        let units = whole.acquire_many_owned(units).await;
        share.units = Some(units.map_err(|_| Exhausted)?);
        Ok(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.units = None;
        let mut shares = self.budget.shares.lock();
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

    #[tokio::test(start_paused = true)]
    async fn an_image_waits_for_memory_half_a_minute_at_most() {
        let (budget, alice) = (MemoryBudget::of(10 * UNIT, 10 * UNIT), tenant("alice"));
        let permit = budget.acquire(&alice, 8 * UNIT).await.unwrap();
        let small = budget.acquire(&alice, UNIT).await;
        assert!(small.is_ok(), "it fits beside the first");
        assert_eq!(
            budget.acquire(&alice, 4 * UNIT).await.unwrap_err(),
            Exhausted
        );
        let (acquired, ()) = tokio::join!(budget.acquire(&alice, 4 * UNIT), async {
            tokio::time::sleep(Duration::from_secs(29)).await;
            drop(permit);
        });
        assert!(acquired.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_has_no_more_than_its_share_and_keeps_nobody_waiting_for_more() {
        let budget = MemoryBudget::of(10 * UNIT, 5 * UNIT);
        let [alice, bob] = ["alice", "bob"].map(tenant);
        let permit = budget.acquire(&alice, 4 * UNIT).await.unwrap();
        let mut waiting = Box::pin(budget.acquire(&alice, 4 * UNIT));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        let other = budget.acquire(&bob, 5 * UNIT).await.unwrap();
        drop(permit);
        let second = waiting.await.unwrap();
        assert_eq!(budget.acquire(&bob, UNIT).await.unwrap_err(), Exhausted);
        drop((other, second));
        assert!(budget.acquire(&bob, 5 * UNIT).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_without_images_in_memory_are_not_remembered() {
        let budget = MemoryBudget::of(10 * UNIT, 5 * UNIT);
        let alice = tenant("alice");
        let permit = budget.acquire(&alice, 5 * UNIT).await.unwrap();
        assert_eq!(budget.acquire(&alice, UNIT).await.unwrap_err(), Exhausted);
        assert!(!budget.shares.lock().is_empty());
        drop(permit);
        assert!(budget.shares.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_portion_is_divided_as_the_whole_and_has_a_wait_of_its_own() {
        let [alice, bob] = ["alice", "bob"].map(tenant);
        let minutes = Duration::from_mins(2);
        let alone = MemoryBudget::of(10 * UNIT, 10 * UNIT).portion(4 * UNIT, minutes);
        let whole = alone.acquire(&alice, 4 * UNIT).await.unwrap();
        let (waited, ()) = tokio::join!(alone.acquire(&alice, 4 * UNIT), async {
            tokio::time::sleep(minutes.mul_f32(0.9)).await;
            drop(whole);
        });
        assert!(waited.is_ok());

        let shared = MemoryBudget::of(10 * UNIT, 5 * UNIT).portion(4 * UNIT, minutes);
        let _half = shared.acquire(&alice, 2 * UNIT).await.unwrap();
        assert!(shared.acquire(&alice, UNIT).await.is_err());
        assert!(shared.acquire(&bob, 2 * UNIT).await.is_ok());
    }

    #[tokio::test]
    async fn an_image_larger_than_the_budget_has_it_alone() {
        let (budget, alice) = (MemoryBudget::of(10 * UNIT, 5 * UNIT), tenant("alice"));
        let alone = budget.acquire(&alice, 100 * UNIT).await.unwrap();
        assert_eq!(budget.units.available_permits(), 0);
        drop(alone);
        assert_eq!(budget.units.available_permits(), 10);
    }
}
