//! A bounded cache in memory whose entries have a life time of their own, are worth refreshing
//! before it ends, and may be kept for a while after it, for want of anything better.

use std::{
    borrow::Borrow,
    hash::Hash,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use cached::{BuildError, ShardedLruCache};
use parking_lot::Mutex;

use super::cache_metrics::Counts;
use crate::ports::Clock;

/// The part of its life after which an entry is worth refreshing: the last tenth.
const LAST_PART: u32 = 10;
/// How long nobody tries again after a refresh has failed; it doubles up to the longest.
const FIRST_COOL_DOWN: Duration = Duration::from_secs(5);
const LONGEST_COOL_DOWN: Duration = Duration::from_mins(1);

/// A least-recently-used cache with deadlines for each entry.
///
/// The deadlines are ours, and not those of the library's expiring stores: these read the
/// machine's clock, which tests cannot stop, and drop an entry the moment it has expired, which
/// leaves nothing to serve when a refresh fails.
pub(in crate::app) struct TimedCache<K, V> {
    entries: ShardedLruCache<K, Entry<V>>,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    life: Life,
    /// Shared by all copies: noting a failure must not put an old entry into the place of a new
    /// one. Looked at only when a refresh is due.
    tries: Arc<Mutex<Tries>>,
}

/// When an entry is worth refreshing, when it has expired, and when it is no longer kept.
#[derive(Clone, Copy)]
struct Life {
    refresh_from: Instant,
    deadline: Instant,
    kept_until: Instant,
}

/// The refreshes of an entry that have failed, and when the next one may be tried.
#[derive(Clone, Copy)]
struct Tries {
    failures: u32,
    next: Instant,
}

/// What a look into the cache has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) struct Found<V> {
    pub(in crate::app) value: V,
    /// Its life is over; it is here for want of anything better.
    pub(in crate::app) is_expired: bool,
    /// Whether it should be refreshed.
    pub(in crate::app) refresh: Refresh,
}

/// Whether an entry should be refreshed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Refresh {
    /// It is young, or a refresh has failed a moment ago.
    NotDue,
    /// It should, and no refresh of it has failed so far.
    Due,
    /// It should, and the last refresh has failed.
    DueAgain,
}

impl<K: Hash + Eq + Clone, V: Clone> TimedCache<K, V> {
    /// A cache of at most `bound` entries, counted under `name`.
    pub(in crate::app) fn new(
        name: &'static str,
        bound: NonZeroUsize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        Self::with_counts(Counts::of(name), bound, clock)
    }

    /// The same for notes that are no cache to those who watch the metrics.
    pub(in crate::app) fn uncounted(
        bound: NonZeroUsize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        Self::with_counts(Counts::none(), bound, clock)
    }

    fn with_counts(
        counts: Counts,
        bound: NonZeroUsize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let evictions = counts.evictions();
        // One shard makes the bound exact; more would each round it up to 16.
        let entries = ShardedLruCache::builder()
            .max_size(bound.get())
            .shards(1)
            .on_evict(move |_, _| evictions.increment(1))
            .build()?;
        Ok(Self {
            entries,
            clock,
            counts,
        })
    }

    /// The value of a key, while it lives.
    pub(in crate::app) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.look(key).filter(|found| !found.is_expired);
        self.count(found.as_ref().map(|_| false));
        found.map(|found| found.value)
    }

    /// The value of a key, while it lives and need not be refreshed. Whoever finds nothing here looks
    /// it up, which is what is counted then.
    pub(in crate::app) fn fresh<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let is_fresh = |found: &Found<V>| !found.is_expired && found.refresh == Refresh::NotDue;
        let found = self.look(key).filter(is_fresh)?;
        self.count(Some(false));
        Some(found.value)
    }

    /// The value of a key, even after its life, and whether it should be refreshed.
    pub(in crate::app) fn look_up<Q>(&self, key: &Q) -> Option<Found<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.look(key);
        self.count(found.as_ref().map(|found| found.is_expired));
        found
    }

    /// The same, without counting it as a use.
    pub(in crate::app) fn look<Q>(&self, key: &Q) -> Option<Found<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let Entry { value, life, tries } = self.entries.get(key)?;
        let now = self.clock.now();
        if now >= life.kept_until {
            self.forget(key);
            return None;
        }
        let refresh = if now < life.refresh_from {
            Refresh::NotDue
        } else {
            match *tries.lock() {
                Tries { next, .. } if now < next => Refresh::NotDue,
                Tries { failures: 0, .. } => Refresh::Due,
                Tries { .. } => Refresh::DueAgain,
            }
        };
        Some(Found {
            value,
            is_expired: now >= life.deadline,
            refresh,
        })
    }

    /// Keeps a value for `life`, in the place of the one before.
    pub(in crate::app) fn set(&self, key: K, value: V, life: Duration) {
        self.set_with_grace(key, value, life, Duration::ZERO);
    }

    /// Keeps a value for `life`, and for `grace` after it.
    pub(in crate::app) fn set_with_grace(&self, key: K, value: V, life: Duration, grace: Duration) {
        let now = self.clock.now();
        let deadline = now + life;
        let life = Life {
            refresh_from: deadline.checked_sub(life / LAST_PART).unwrap_or(deadline),
            deadline,
            kept_until: deadline + grace,
        };
        let tries = Arc::new(Mutex::new(Tries {
            failures: 0,
            next: now,
        }));
        self.entries.set(key, Entry { value, life, tries });
        self.count_entries();
    }

    /// Notes that a refresh has failed: the next one is due only after a cool-down of 5 s, which
    /// doubles with each failure up to 60 s. What many callers see fail is one failure, and an
    /// entry that has just been replaced has none.
    pub(in crate::app) fn note_failure(&self, key: &K) {
        let Some(Entry { life, tries, .. }) = self.entries.peek(key) else {
            return;
        };
        let now = self.clock.now();
        let mut tries = tries.lock();
        let is_young = now < life.refresh_from;
        let is_noted = tries.failures > 0 && now < tries.next;
        if is_young || is_noted {
            return;
        }
        let doublings = tries.failures.min(LONGEST_COOL_DOWN.as_secs().ilog2());
        let cool_down = (FIRST_COOL_DOWN * 2_u32.pow(doublings)).min(LONGEST_COOL_DOWN);
        tries.failures = tries.failures.saturating_add(1);
        tries.next = now + cool_down;
    }

    /// Drops a value.
    pub(in crate::app) fn forget<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.remove(key);
        self.count_entries();
    }

    /// Drops what `keep` does not want.
    pub(in crate::app) fn retain(&self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.entries.retain(|key, entry| keep(key, &entry.value));
        self.count_entries();
    }

    /// Drops what is no longer kept, so that nothing stays in memory because nobody asks for it.
    pub(in crate::app) fn sweep(&self) {
        let now = self.clock.now();
        self.entries.retain(|_, entry| now < entry.life.kept_until);
        self.count_entries();
    }

    fn count(&self, expired: Option<bool>) {
        self.counts.request(expired);
    }

    fn count_entries(&self) {
        self.counts.entries(self.entries.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::usecases::fixtures::clock;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    fn cache(bound: usize) -> TimedCache<&'static str, u8> {
        TimedCache::new("test", NonZeroUsize::new(bound).unwrap(), clock()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_lives_as_long_as_it_was_given() {
        let cache = cache(1);
        cache.set("a", 1, 10 * SECOND);
        advance(Duration::from_millis(9_999)).await;
        assert_eq!(cache.get("a"), Some(1));
        advance(Duration::from_millis(1)).await;
        assert_eq!(cache.get("a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_least_recently_used_entry_makes_room() {
        let cache = cache(2);
        cache.set("a", 1, SECOND);
        cache.set("b", 2, SECOND);
        assert!(cache.get("a").is_some());
        cache.set("c", 3, SECOND);
        assert_eq!(
            (cache.get("a"), cache.get("b"), cache.get("c")),
            (Some(1), None, Some(3))
        );
        cache.forget("a");
        assert_eq!(cache.get("a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_due_in_the_last_tenth_of_its_life() {
        let cache = cache(1);
        cache.set("a", 1, 100 * SECOND);
        advance(89 * SECOND).await;
        assert_eq!(cache.look("a").unwrap().refresh, Refresh::NotDue);
        advance(SECOND).await;
        let found = cache.look("a").unwrap();
        assert_eq!((found.is_expired, found.refresh), (false, Refresh::Due));
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_entry_is_found_within_its_grace_and_no_longer() {
        let cache = cache(1);
        cache.set_with_grace("a", 1, SECOND, 10 * SECOND);
        advance(SECOND).await;
        assert!(cache.look_up("a").unwrap().is_expired);
        advance(10 * SECOND).await;
        assert_eq!(cache.look_up("a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_put_the_next_try_off_for_longer_and_longer() {
        let cache = cache(1);
        cache.set_with_grace("a", 1, SECOND, 1_000 * SECOND);
        advance(SECOND).await;
        for seconds in [5, 10, 20, 40, 60, 60] {
            cache.note_failure(&"a");
            advance(Duration::from_millis(seconds * 1_000 - 1)).await;
            assert_eq!(
                cache.look("a").unwrap().refresh,
                Refresh::NotDue,
                "{seconds}"
            );
            advance(Duration::from_millis(1)).await;
            assert_eq!(
                cache.look("a").unwrap().refresh,
                Refresh::DueAgain,
                "{seconds}"
            );
        }
        cache.note_failure(&"nobody");
    }

    #[tokio::test(start_paused = true)]
    async fn what_many_see_fail_is_one_failure() {
        let cache = cache(1);
        cache.set_with_grace("a", 1, SECOND, 1_000 * SECOND);
        advance(SECOND).await;
        for _ in 0..100 {
            cache.note_failure(&"a");
        }
        advance(5 * SECOND).await;
        assert_eq!(cache.look("a").unwrap().refresh, Refresh::DueAgain);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_asks_for_is_swept_away() {
        let cache = cache(2);
        cache.set("a", 1, SECOND);
        cache.set("b", 2, 3 * SECOND);
        advance(SECOND).await;
        cache.sweep();
        assert_eq!(cache.entries.len(), 1);
        cache.retain(|_, value| *value != 2);
        assert_eq!(cache.entries.len(), 0);
    }
}
