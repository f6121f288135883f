//! A cache that loads what it does not have: once for all callers that ask at the same time, again before
//! the time to live of a value ends, and with a backoff while that fails.

use std::{hash::Hash, sync::Arc, time::Duration};

use futures_util::future::{Either, ready};
use parking_lot::Mutex;

use super::{
    refresh_backoff::Refresh,
    single_flight::{Aborted, Call, SingleFlight},
    timed_cache::{Found, Loaded, TimedCache},
};

/// How long the first requests for an expired value wait for a new one, before they are served with the
/// old one. Long enough for a source that is well, too short to be noticed with one that is not; once a
/// refresh has failed, no request waits.
const BRIEF_WAIT: Duration = Duration::from_millis(100);

/// A [`TimedCache`] and the calls that fill it. A failure is shared by those who wait for it, and not kept.
pub(in crate::app) struct RefreshingCache<K, V, E> {
    entries: Arc<TimedCache<K, V>>,
    calls: SingleFlight<K, Result<V, LoadError<E>>>,
    replaced: Arc<Replaced>,
}

/// The number of values that were replaced by [`RefreshingCache::replace`]. A call that began before the last of them may
/// have loaded what was true before, and is not kept. Held while a value is set.
#[derive(Default)]
struct Replaced(Mutex<u64>);

impl Replaced {
    fn count(&self) -> u64 {
        *self.0.lock()
    }

    /// Sets a value, unless one was replaced since `count`.
    fn set_unless_since<K: Eq + Hash + Clone, V: Clone>(
        &self,
        count: u64,
        entries: &TimedCache<K, V>,
        key: K,
        loaded: Loaded<V>,
    ) {
        let current = self.0.lock();
        if *current == count {
            entries.set(key, loaded);
        }
    }
}

/// A value of the cache.
#[derive(Debug, Clone)]
pub(in crate::app) struct Cached<V> {
    pub(in crate::app) value: V,
    /// Its time to live is over, and no other could be loaded.
    pub(in crate::app) is_stale: bool,
}

/// Why no value was loaded.
#[derive(Debug, Clone)]
pub(in crate::app) enum LoadError<E> {
    /// Nothing speaks against the value before. The next refresh backs off.
    Failed(E),
    /// The value before must not be served any more.
    Outdated(E),
}

impl<E> LoadError<E> {
    fn into_inner(self) -> E {
        match self {
            Self::Failed(error) | Self::Outdated(error) => error,
        }
    }
}

impl<E> From<E> for LoadError<E> {
    fn from(error: E) -> Self {
        Self::Failed(error)
    }
}

impl<K, V, E> RefreshingCache<K, V, E>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + From<Aborted> + Send + Sync + 'static,
{
    /// A cache whose calls end after `limit` at the latest.
    pub(in crate::app) fn new(entries: TimedCache<K, V>, limit: Duration) -> Self {
        Self {
            entries: Arc::new(entries),
            calls: SingleFlight::new(limit),
            replaced: Arc::default(),
        }
    }

    /// Keeps a value that the caller knows to be the present one, since it has just made it so. Calls that are under way
    /// do not replace it.
    pub(in crate::app) fn replace(&self, key: K, loaded: Loaded<V>) {
        let mut count = self.replaced.0.lock();
        *count += 1;
        self.entries.set(key, loaded);
    }

    /// The value of a key, loaded if there is none. `load` gets the value before.
    pub(in crate::app) async fn get<F, Fut>(&self, key: &K, load: F) -> Result<V, E>
    where
        F: FnOnce(Option<V>) -> Fut,
        Fut: Future<Output = Result<Loaded<V>, LoadError<E>>> + Send + 'static,
    {
        match self.entries.get_with_status(key) {
            Some(found) => {
                let refreshed = self.refresh_if_due(key, found, load).await;
                refreshed.map(|cached| cached.value)
            }
            None => self.load(key, load).await,
        }
    }

    /// The value that was found, refreshed if that is due: in the background, but for the first
    /// requests for an expired one, which wait briefly.
    pub(in crate::app) async fn refresh_if_due<F, Fut>(
        &self,
        key: &K,
        found: Found<V>,
        load: F,
    ) -> Result<Cached<V>, E>
    where
        F: FnOnce(Option<V>) -> Fut,
        Fut: Future<Output = Result<Loaded<V>, LoadError<E>>> + Send + 'static,
    {
        let Found {
            value,
            is_expired: is_stale,
            refresh,
        } = found;
        match (is_stale, refresh) {
            (_, Refresh::NotDue) => {}
            (false, _) | (true, Refresh::DueAgain) => drop(self.start(key, load)),
            (true, Refresh::Due) => {
                let call = self.start(key, load).join();
                match tokio::time::timeout(BRIEF_WAIT, call).await {
                    Ok(Ok(Ok(value))) => {
                        let is_stale = false;
                        return Ok(Cached { value, is_stale });
                    }
                    Ok(Ok(Err(LoadError::Outdated(error)))) => return Err(error),
                    Ok(Ok(Err(LoadError::Failed(_))) | Err(Aborted)) => {}
                    // As good as failed: later requests do not wait.
                    Err(_) => self.entries.record_failure(key),
                }
            }
        }
        Ok(Cached { value, is_stale })
    }

    /// A new value of the key.
    pub(in crate::app) async fn load<F, Fut>(&self, key: &K, load: F) -> Result<V, E>
    where
        F: FnOnce(Option<V>) -> Fut,
        Fut: Future<Output = Result<Loaded<V>, LoadError<E>>> + Send + 'static,
    {
        self.start(key, load)
            .join()
            .await?
            .map_err(LoadError::into_inner)
    }

    /// What there is, without a load.
    pub(in crate::app) fn entries(&self) -> &TimedCache<K, V> {
        &self.entries
    }

    fn start<F, Fut>(&self, key: &K, load: F) -> Call<Result<V, LoadError<E>>>
    where
        F: FnOnce(Option<V>) -> Fut,
        Fut: Future<Output = Result<Loaded<V>, LoadError<E>>> + Send + 'static,
    {
        self.calls
            .start(key.clone(), || match self.entries.peek(key) {
                // Another call has ended since the caller looked.
                Some(found) if found.is_fresh() => Either::Left(ready(Ok(found.value))),
                before => {
                    let loading = load(before.map(|found| found.value));
                    let (entries, key) = (Arc::clone(&self.entries), key.clone());
                    let (replaced, count) = (Arc::clone(&self.replaced), self.replaced.count());
                    Either::Right(async move {
                        let loaded = loading.await.inspect_err(|error| match error {
                            LoadError::Failed(_) => entries.record_failure(&key),
                            LoadError::Outdated(_) => entries.evict(&key),
                        })?;
                        let value = loaded.value.clone();
                        replaced.set_unless_since(count, &entries, key, loaded);
                        Ok(value)
                    })
                }
            })
    }
}

#[cfg(test)]
mod tests;
