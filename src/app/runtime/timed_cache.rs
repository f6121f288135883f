//! A bounded cache in memory whose entries have a time to live, and may be kept for a while after it.

use std::{
    borrow::Borrow,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use cached::{Cached as _, LruCache};
use parking_lot::Mutex;

use super::{
    cache_metrics::Counts,
    refresh_backoff::{Refresh, RefreshBackoff},
};
use crate::ports::Clock;

/// The part of its time to live in which an entry is due for a refresh: the last tenth.
const LAST_PART: u32 = 10;

/// A least-recently-used cache whose entries together weigh no more than a bound. Unless it is told
/// otherwise, an entry weighs 1, and the bound is the number of entries.
///
/// The deadlines are ours, and not those of the library's expiring stores: these read the
/// machine's clock, which tests cannot stop, and drop an entry the moment it has expired, which
/// leaves nothing to serve when a refresh fails.
pub(in crate::app) struct TimedCache<K, V> {
    entries: Mutex<LruCache<K, Entry<V>>>,
    weight: Arc<AtomicUsize>,
    max_weight: usize,
    has_refreshes: bool,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

struct Entry<V> {
    value: V,
    refresh_at: Instant,
    deadline: Instant,
    evict_at: Instant,
    backoff: RefreshBackoff,
    _weight: Weight,
}

/// The weight of an entry, counted for as long as the entry exists.
struct Weight(usize, Arc<AtomicUsize>);

impl Weight {
    fn new(weight: usize, sum: &Arc<AtomicUsize>) -> Self {
        sum.fetch_add(weight, Ordering::Relaxed);
        Self(weight, Arc::clone(sum))
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.1.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// A value, and how long it is kept.
#[derive(Clone)]
pub(in crate::app) struct Loaded<V> {
    pub(super) value: V,
    ttl: Duration,
    stale_ttl: Duration,
    weight: usize,
}

impl<V> Loaded<V> {
    /// A value that is kept for `ttl`; with zero it is not kept.
    pub(in crate::app) fn new(value: V, ttl: Duration) -> Self {
        Self {
            value,
            ttl,
            stale_ttl: Duration::ZERO,
            weight: 1,
        }
    }

    /// The same, kept for `stale_ttl` after its time to live.
    pub(in crate::app) fn with_stale_ttl(self, stale_ttl: Duration) -> Self {
        Self { stale_ttl, ..self }
    }

    /// The same with a weight, for a cache that is bounded by bytes.
    pub(in crate::app) fn with_weight(self, weight: usize) -> Self {
        Self { weight, ..self }
    }
}

/// An entry of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) struct Found<V> {
    pub(in crate::app) value: V,
    /// Its time to live is over.
    pub(in crate::app) is_expired: bool,
    pub(in crate::app) refresh: Refresh,
}

impl<V> Found<V> {
    /// Whether it lives, and no refresh is due.
    pub(in crate::app) fn is_fresh(&self) -> bool {
        !self.is_expired && self.refresh == Refresh::NotDue
    }

    /// The value, if it lives.
    pub(in crate::app) fn live(self) -> Option<V> {
        (!self.is_expired).then_some(self.value)
    }
}

impl<K: Hash + Eq + Clone, V: Clone> TimedCache<K, V> {
    /// A cache of at most `max_weight`, counted under `name`.
    pub(in crate::app) fn new(
        name: &'static str,
        max_weight: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            counts: Counts::of(name),
            ..Self::uncounted(max_weight, clock)
        }
    }

    /// A cache that is in no metric.
    pub(in crate::app) fn uncounted(max_weight: usize, clock: Arc<dyn Clock>) -> Self {
        let mut entries = LruCache::new(1);
        // The bound is the weight, which is ours to keep.
        entries.set_max_size(usize::MAX);
        Self {
            entries: Mutex::new(entries),
            weight: Arc::default(),
            max_weight,
            has_refreshes: false,
            clock,
            counts: Counts::none(),
        }
    }

    /// The same cache, whose entries are due for a refresh in the last tenth of their time to live.
    pub(in crate::app) fn with_refreshes(self) -> Self {
        Self {
            has_refreshes: true,
            ..self
        }
    }

    /// The value of a key, while it lives.
    pub(in crate::app) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.peek(key).and_then(Found::live);
        self.counts.request(found.as_ref().map(|_| false));
        found
    }

    /// The value of a key, while it lives and no refresh is due. What is not found is not counted: the
    /// caller asks for it in another way.
    pub(in crate::app) fn get_fresh<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.peek(key).filter(Found::is_fresh)?;
        self.counts.request(Some(false));
        Some(found.value)
    }

    /// The entry of a key, even after its time to live.
    pub(in crate::app) fn get_with_status<Q>(&self, key: &Q) -> Option<Found<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.peek(key);
        self.counts.request(found.as_ref().map(|it| it.is_expired));
        found
    }

    /// The same, without counting it as a request.
    pub(in crate::app) fn peek<Q>(&self, key: &Q) -> Option<Found<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let now = self.clock.now();
        let mut entries = self.entries.lock();
        let entry = entries.cache_get(key)?;
        if now >= entry.evict_at {
            drop(entries.cache_remove(key));
            self.count_entries(&entries);
            return None;
        }
        Some(Found {
            value: entry.value.clone(),
            is_expired: now >= entry.deadline,
            refresh: if now < entry.refresh_at {
                Refresh::NotDue
            } else {
                entry.backoff.at(now)
            },
        })
    }

    /// Counts a request that was answered after a [`TimedCache::peek`]: `None` is a miss, else whether what was served
    /// was stale.
    pub(in crate::app) fn count(&self, stale: Option<bool>) {
        self.counts.request(stale);
    }

    /// Keeps a value in place of the one before.
    pub(in crate::app) fn set(&self, key: K, loaded: Loaded<V>) {
        let Loaded {
            value,
            ttl,
            stale_ttl,
            weight,
        } = loaded;
        let now = self.clock.now();
        let deadline = now + ttl;
        let refresh_at = if self.has_refreshes {
            deadline.checked_sub(ttl / LAST_PART).unwrap_or(deadline)
        } else {
            deadline
        };
        let evict_at = deadline + stale_ttl;
        let mut entries = self.entries.lock();
        if weight > self.max_weight || evict_at == now {
            drop(entries.cache_remove(&key));
        } else {
            let entry = Entry {
                value,
                refresh_at,
                deadline,
                evict_at,
                backoff: RefreshBackoff::default(),
                _weight: Weight::new(weight, &self.weight),
            };
            entries.cache_set(key, entry);
            // The newest entry fits, so that one is left at the least.
            while self.weight.load(Ordering::Relaxed) > self.max_weight && entries.cache_size() > 1
            {
                let fewer = entries.cache_size() - 1;
                entries.set_max_size(fewer);
                entries.set_max_size(usize::MAX);
            }
        }
        self.count_entries(&entries);
    }

    /// Records that a refresh has failed. Failures that many callers see at the same time count as one,
    /// and an entry that has just been replaced has none.
    pub(in crate::app) fn record_failure(&self, key: &K) {
        let now = self.clock.now();
        if let Some(entry) = self.entries.lock().cache_get_mut(key)
            && now >= entry.refresh_at
        {
            entry.backoff.record_failure(now);
        }
    }

    /// Drops a value.
    pub(in crate::app) fn evict<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut entries = self.entries.lock();
        drop(entries.cache_remove(key));
        self.count_entries(&entries);
    }

    /// Drops what `keep` does not want.
    pub(in crate::app) fn retain(&self, mut keep: impl FnMut(&K, &V) -> bool) {
        let mut entries = self.entries.lock();
        entries.retain(|key, entry| keep(key, &entry.value));
        self.count_entries(&entries);
    }

    /// Drops what is no longer kept, so that nothing stays in memory because no request asks for it.
    pub(in crate::app) fn sweep(&self) {
        let now = self.clock.now();
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| now < entry.evict_at);
        self.count_entries(&entries);
    }

    /// The weight of all entries together.
    #[cfg(test)]
    pub(in crate::app) fn weight(&self) -> usize {
        self.weight.load(Ordering::Relaxed)
    }

    fn count_entries(&self, entries: &LruCache<K, Entry<V>>) {
        self.counts
            .entries(entries.cache_size(), entries.cache_evictions());
    }
}

#[cfg(test)]
mod tests;
