//! A cache in memory that is bounded by the bytes of its entries, and not by their number.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::cache_metrics::Counts;
use crate::ports::Clock;

/// A least-recently-used cache whose entries have a life time and a size. All sizes together stay within a
/// bound; an entry that is larger than the bound is not kept.
pub(in crate::app) struct SizedCache<K, V> {
    entries: Mutex<Entries<K, V>>,
    max_bytes: usize,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    /// The keys by when they were last used, the oldest first.
    by_use: BTreeMap<u64, K>,
    bytes: usize,
    uses: u64,
}

struct Entry<V> {
    value: V,
    bytes: usize,
    deadline: Instant,
    last_use: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> SizedCache<K, V> {
    /// A cache of at most so many bytes, counted under `name`. With 0 it keeps nothing.
    pub(in crate::app) fn new(name: &'static str, max_bytes: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            entries: Mutex::new(Entries {
                by_key: HashMap::new(),
                by_use: BTreeMap::new(),
                bytes: 0,
                uses: 0,
            }),
            max_bytes,
            clock,
            counts: Counts::of(name),
        }
    }

    /// The value of a key, while it lives.
    pub(in crate::app) fn get(&self, key: &K) -> Option<V> {
        let found = self.peek(key);
        self.counts.request(found.as_ref().map(|_| false));
        found
    }

    /// Counts a request for which nothing could be looked up.
    pub(in crate::app) fn count_miss(&self) {
        self.counts.request(None);
    }

    /// The same as [`Self::get`], without counting it as a request.
    pub(in crate::app) fn peek(&self, key: &K) -> Option<V> {
        let now = self.clock.now();
        let mut entries = self.entries.lock();
        let entry = entries.by_key.get(key)?;
        if now >= entry.deadline {
            entries.remove(key);
            self.counts.entries(entries.by_key.len());
            return None;
        }
        let value = entry.value.clone();
        entries.mark_used(key);
        Some(value)
    }

    /// Keeps a value of so many bytes for `life`, in the place of the one before.
    pub(in crate::app) fn set(&self, key: &K, value: V, bytes: usize, life: Duration) {
        let mut entries = self.entries.lock();
        entries.remove(key);
        if bytes <= self.max_bytes {
            let mut evicted = 0;
            while entries.bytes > self.max_bytes - bytes && entries.remove_oldest() {
                evicted += 1;
            }
            self.counts.evictions().increment(evicted);
            let entry = Entry {
                value,
                bytes,
                deadline: self.clock.now() + life,
                last_use: 0,
            };
            entries.bytes += bytes;
            entries.by_key.insert(key.clone(), entry);
            entries.mark_used(key);
        }
        self.counts.entries(entries.by_key.len());
    }

    /// Drops what has expired, so that nothing stays in memory because no request asks for it.
    pub(in crate::app) fn sweep(&self) {
        let now = self.clock.now();
        let mut entries = self.entries.lock();
        let expired: Vec<K> = entries
            .by_key
            .iter()
            .filter(|(_, entry)| now >= entry.deadline)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &expired {
            entries.remove(key);
        }
        self.counts.entries(entries.by_key.len());
    }

    /// The bytes of all entries together.
    #[cfg(test)]
    pub(in crate::app) fn bytes(&self) -> usize {
        self.entries.lock().bytes
    }
}

impl<K: Hash + Eq + Clone, V> Entries<K, V> {
    fn mark_used(&mut self, key: &K) {
        self.uses += 1;
        if let Some(entry) = self.by_key.get_mut(key) {
            self.by_use.remove(&entry.last_use);
            entry.last_use = self.uses;
            self.by_use.insert(self.uses, key.clone());
        }
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.by_key.remove(key) {
            self.by_use.remove(&entry.last_use);
            self.bytes -= entry.bytes;
        }
    }

    /// Whether there was one.
    fn remove_oldest(&mut self) -> bool {
        let oldest = self.by_use.first_key_value().map(|(_, key)| key.clone());
        if let Some(key) = &oldest {
            self.remove(key);
        }
        oldest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::advance;

    use super::*;
    use crate::app::usecases::fixtures::clock;

    const LIFE: Duration = Duration::from_secs(10);

    fn cache(max_bytes: usize) -> SizedCache<u8, usize> {
        SizedCache::new("test", max_bytes, clock())
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_lives_as_long_as_it_was_given_and_is_swept_away() {
        let cache = cache(10);
        cache.set(&1, 7, 4, LIFE);
        cache.set(&2, 8, 4, 2 * LIFE);
        advance(Duration::from_millis(9_999)).await;
        assert_eq!(cache.get(&1), Some(7));
        advance(Duration::from_millis(1)).await;
        assert_eq!((cache.get(&1), cache.get(&2)), (None, Some(8)));
        assert_eq!(cache.bytes(), 4);
        advance(LIFE).await;
        cache.sweep();
        assert_eq!(cache.bytes(), 0);
        assert!(cache.entries.lock().by_use.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_least_recently_used_entries_make_room_for_a_large_one() {
        let cache = cache(10);
        for key in 1..=3 {
            cache.set(&key, 0, 3, LIFE);
        }
        assert_eq!(cache.get(&1), Some(0));
        cache.set(&4, 0, 5, LIFE);
        assert_eq!((cache.get(&2), cache.get(&3)), (None, None));
        assert_eq!((cache.get(&1), cache.get(&4)), (Some(0), Some(0)));
        cache.set(&5, 0, 11, LIFE);
        assert_eq!((cache.get(&5), cache.bytes()), (None, 8));
        cache.set(&1, 9, 4, LIFE);
        assert_eq!((cache.get(&1), cache.bytes()), (Some(9), 9));
    }

    #[tokio::test(start_paused = true)]
    async fn a_bound_of_nothing_keeps_nothing() {
        let cache = cache(0);
        cache.set(&1, 1, 1, LIFE);
        assert_eq!(cache.get(&1), None);
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_entries_and_within_the_bound(
            steps in prop::collection::vec((0..6_u8, 0..12_usize, any::<bool>()), 0..80),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _guard = runtime.enter();
            let cache = cache(20);
            for (key, bytes, is_set) in steps {
                if is_set {
                    cache.set(&key, bytes, bytes, LIFE);
                } else if let Some(value) = cache.get(&key) {
                    prop_assert!(value <= 20);
                }
                let entries = cache.entries.lock();
                let sum: usize = entries.by_key.values().map(|entry| entry.bytes).sum();
                prop_assert_eq!(entries.bytes, sum);
                prop_assert!(sum <= 20);
                prop_assert_eq!(entries.by_use.len(), entries.by_key.len());
            }
        }
    }
}
