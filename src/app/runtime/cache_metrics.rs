//! What the metrics say of a cache, whichever kind of cache it is.

use metrics::{Counter, Gauge};

/// The counters of a cache, looked up once.
pub(in crate::app) struct Counts {
    hits: Counter,
    misses: Counter,
    stale: Counter,
    evictions: Counter,
    entries: Gauge,
}

impl Counts {
    /// Counts nothing.
    pub(in crate::app) fn none() -> Self {
        Self {
            hits: Counter::noop(),
            misses: Counter::noop(),
            stale: Counter::noop(),
            evictions: Counter::noop(),
            entries: Gauge::noop(),
        }
    }

    /// Counts under a name.
    pub(in crate::app) fn of(cache: &'static str) -> Self {
        let requests = |outcome: &'static str| metrics::counter!("publisher_cache_requests_total", "cache" => cache, "outcome" => outcome);
        Self {
            hits: requests("hit"),
            misses: requests("miss"),
            stale: requests("stale"),
            evictions: metrics::counter!("publisher_cache_evictions_total", "cache" => cache),
            entries: metrics::gauge!("publisher_cache_entries", "cache" => cache),
        }
    }

    /// Counts a look into the cache: `None` when nothing was found, else whether it had expired.
    pub(in crate::app) fn request(&self, expired: Option<bool>) {
        let counter = match expired {
            Some(false) => &self.hits,
            Some(true) => &self.stale,
            None => &self.misses,
        };
        counter.increment(1);
    }

    /// Records how many entries there are, and how many were dropped so far.
    pub(in crate::app) fn entries(&self, entries: usize, evictions: Option<u64>) {
        let entries = u32::try_from(entries).unwrap_or(u32::MAX);
        self.entries.set(entries);
        self.evictions.absolute(evictions.unwrap_or(0));
    }
}
