//! A bounded cache in memory, whose entries each have a life time of their own.

use std::{
    borrow::Borrow,
    hash::Hash,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use cached::{BuildError, ShardedLruCache};

use crate::ports::Clock;

/// A least-recently-used cache with a deadline for each entry.
///
/// The deadline is ours, and not that of the library's expiring stores: those read the machine's
/// clock, which tests cannot stop, and drop an entry the moment it has expired, which leaves
/// nothing to serve when a refresh fails.
pub(super) struct TimedCache<K, V> {
    entries: ShardedLruCache<K, Entry<V>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    deadline: Instant,
}

impl<K: Hash + Eq + Clone, V: Clone> TimedCache<K, V> {
    /// A cache of at most `bound` entries.
    pub(super) fn new(bound: NonZeroUsize, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        // One shard makes the bound exact; more would each round it up to 16.
        let entries = ShardedLruCache::builder()
            .max_size(bound.get())
            .shards(1)
            .build()?;
        Ok(Self { entries, clock })
    }

    /// The value of a key, while it lives. One that has expired is dropped.
    pub(super) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entry = self.entries.get(key)?;
        if self.clock.now() < entry.deadline {
            return Some(entry.value);
        }
        self.entries.remove(key);
        None
    }

    /// Keeps a value for `life`, in the place of the one before.
    pub(super) fn set(&self, key: K, value: V, life: Duration) {
        let deadline = self.clock.now() + life;
        self.entries.set(key, Entry { value, deadline });
    }

    /// Drops a value.
    pub(super) fn forget<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MockClock;
    use std::sync::Mutex;

    fn stopped_clock() -> (Arc<Mutex<Instant>>, Arc<dyn Clock>) {
        #[expect(
            clippy::disallowed_methods,
            reason = "somewhere a stopped clock has to start"
        )]
        let now = Arc::new(Mutex::new(Instant::now()));
        let mut clock = MockClock::new();
        let shown = Arc::clone(&now);
        clock.expect_now().returning(move || *shown.lock().unwrap());
        (now, Arc::new(clock))
    }

    #[test]
    fn an_entry_lives_as_long_as_it_was_given() {
        let (now, clock) = stopped_clock();
        let cache = TimedCache::new(NonZeroUsize::MIN, clock).unwrap();
        cache.set("a", 1, Duration::from_secs(10));
        *now.lock().unwrap() += Duration::from_millis(9_999);
        assert_eq!(cache.get("a"), Some(1));
        *now.lock().unwrap() += Duration::from_millis(1);
        assert_eq!(cache.get("a"), None);
    }

    #[test]
    fn the_least_recently_used_entry_makes_room() {
        let (_, clock) = stopped_clock();
        let cache = TimedCache::new(NonZeroUsize::new(2).unwrap(), clock).unwrap();
        for key in ["a", "b"] {
            cache.set(key, key, Duration::from_secs(1));
        }
        assert!(cache.get("a").is_some());
        cache.set("c", "c", Duration::from_secs(1));
        assert_eq!(
            (cache.get("a"), cache.get("b"), cache.get("c")),
            (Some("a"), None, Some("c"))
        );
        cache.forget("a");
        assert_eq!(cache.get("a"), None);
    }
}
