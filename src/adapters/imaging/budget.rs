//! How many images are worked on at the same time: as many as there are cores, and as fit into
//! the memory that is set aside for them.

use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one permit of memory stands for, in bytes: fine enough, and few enough for a semaphore.
const GRAIN: u64 = 1024;

/// The memory and the cores for images of the whole process. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    bytes: u64,
    memory: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// One at a time of those that need more than half: two of them never fit side by side, and
    /// one that waits for memory would keep all that come after it waiting, too.
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

    /// Waits until an image that takes this much memory can be worked on. The core comes last:
    /// nobody holds one while waiting for memory.
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
