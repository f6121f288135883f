//! How many things of one key run at a time: publications of one tenant.

use std::{collections::HashMap, hash::Hash, num::NonZeroUsize, sync::Arc};

use parking_lot::Mutex;

use super::memory_budget::MemoryBudget;
use crate::domain::tenant::TenantName;

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

/// Limits how many images each tenant publishes at a time, so that no tenant takes the whole capacity.
pub type PublishLimit = KeyedLimit<TenantName>;

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

    /// The most permits of a key.
    #[must_use]
    pub fn max(&self) -> NonZeroUsize {
        self.max
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
        Some(Permit {
            key: key.clone(),
            taken: Arc::clone(&self.taken),
        })
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
    use super::*;

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
        assert!(limit.taken.lock().is_empty());
    }
}
