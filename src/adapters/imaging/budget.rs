//! The limit of images that are processed at a time: the number of cores, and a memory budget.

use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The memory of one permit of the semaphore, in bytes.
const GRAIN: u64 = 1024;

/// The memory and the cores for images. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    bytes: u64,
    memory: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// Admits one image at a time that needs more than half of the memory: two do not fit, and the second would
    /// keep all later ones waiting.
    large: Arc<Semaphore>,
}

/// The right to work on one image, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    _large: Option<OwnedSemaphorePermit>,
    _memory: OwnedSemaphorePermit,
    _core: OwnedSemaphorePermit,
}

/// An image needs more memory than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BudgetExceeded;

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        let grains = usize::try_from(bytes / GRAIN).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            bytes,
            memory: Arc::new(Semaphore::new(grains.min(Semaphore::MAX_PERMITS))),
            cores: Arc::new(Semaphore::new(cores)),
            large: Arc::new(Semaphore::new(1)),
        }
    }

    /// All of the memory, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Waits for this much memory, and for a core. The core comes last, so that none is held by an image that waits
    /// for memory.
    ///
    /// # Errors
    /// [`BudgetExceeded`], at once.
    pub(super) async fn acquire(&self, bytes: u64) -> Result<Permit, BudgetExceeded> {
        if bytes > self.bytes {
            return Err(BudgetExceeded);
        }
        let grains = u32::try_from(bytes / GRAIN).map_err(|_| BudgetExceeded)?;
        // No semaphore is ever closed, so none of these fails.
        let closed = |_| BudgetExceeded;
        let large = if bytes > self.bytes / 2 {
            let door = Arc::clone(&self.large);
            Some(door.acquire_owned().await.map_err(closed)?)
        } else {
            None
        };
        let memory = Arc::clone(&self.memory).acquire_many_owned(grains).await;
        let core = Arc::clone(&self.cores).acquire_owned();
        Ok(Permit {
            _large: large,
            _memory: memory.map_err(closed)?,
            _core: core.await.map_err(closed)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use futures_util::poll;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[tokio::test]
    async fn small_images_pass_by_the_large_ones_that_wait_for_each_other() {
        let mut budget = Budget::new(10 * MIB);
        budget.cores = Arc::new(Semaphore::new(10));
        let first = budget.acquire(7 * MIB).await.unwrap();
        let mut second = pin!(budget.acquire(6 * MIB));
        assert!(poll!(second.as_mut()).is_pending());
        let small = (budget.acquire(MIB).await, budget.acquire(2 * MIB).await);
        assert!(small.0.is_ok() && small.1.is_ok());
        assert!(is_pending(budget.acquire(MIB)).await, "nothing is left");
        drop(first);
        assert!(poll!(second.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn no_more_are_worked_on_than_there_are_cores() {
        let mut budget = Budget::new(10 * MIB);
        budget.cores = Arc::new(Semaphore::new(1));
        let first = budget.acquire(MIB).await.unwrap();
        assert!(is_pending(budget.acquire(MIB)).await);
        drop(first);
        assert!(budget.acquire(MIB).await.is_ok());
    }

    #[tokio::test]
    async fn what_will_never_fit_is_told_at_once() {
        let budget = Budget::new(10 * MIB);
        let _all = budget.acquire(10 * MIB).await.unwrap();
        let refused = budget.acquire(10 * MIB + 1).await;
        assert_eq!(refused.map(|_| ()), Err(BudgetExceeded));
    }

    async fn is_pending(work: impl Future) -> bool {
        matches!(poll!(pin!(work)), Poll::Pending)
    }
}
