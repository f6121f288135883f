//! The turns of this process, in memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::ports::{Clock, RateKey, RateLimit, RateLimits, TooLate};

/// The most keys of one limit that are counted at a time, at about 200 bytes each and 16 for each turn.
const MAX_KEYS: usize = 10_000;

/// The count of this process: in no window are there more turns than the limit allows. Limits are counted apart.
pub struct OwnRates {
    clock: Arc<dyn Clock>,
    max_keys: usize,
    limits: Mutex<HashMap<&'static str, HashMap<RateKey, Turns>>>,
}

/// When the latest turns of a key were, or will be, taken, in order: no more than the limit allows in a window.
#[derive(Debug, Default)]
struct Turns(VecDeque<Instant>);

impl OwnRates {
    /// A count without turns.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            max_keys: MAX_KEYS,
            limits: Mutex::default(),
        }
    }

    /// The same for tests, with room for fewer keys.
    #[cfg(test)]
    pub(super) fn with_room_for(self, max_keys: usize) -> Self {
        Self { max_keys, ..self }
    }

    /// The keys of a limit that are counted.
    #[cfg(test)]
    pub(super) fn keys(&self, limit: &RateLimit) -> Vec<RateKey> {
        let limits = self.limits.lock();
        let keys = limits.get(limit.name).into_iter().flatten();
        keys.map(|(key, _)| key.clone()).collect()
    }

    /// Counts a turn that somebody else has given, so far off.
    pub(super) fn record(&self, limit: &RateLimit, key: &RateKey, wait: Duration) {
        let now = self.clock.now();
        let mut limits = self.limits.lock();
        let keys = limits.entry(limit.name).or_default();
        make_room(keys, key, limit, now, self.max_keys);
        let turns = keys.entry(key.clone()).or_default();
        turns.add(now + wait, limit);
    }
}

#[async_trait]
impl RateLimits for OwnRates {
    async fn take(&self, limit: &RateLimit, key: &RateKey) -> Result<Duration, TooLate> {
        let now = self.clock.now();
        let mut limits = self.limits.lock();
        let keys = limits.entry(limit.name).or_default();
        let wait = keys.get(key).map_or_else(
            || Turns::default().next(limit, now),
            |it| it.next(limit, now),
        )?;
        make_room(keys, key, limit, now, self.max_keys);
        let turns = keys.entry(key.clone()).or_default();
        turns.add(now + wait, limit);
        Ok(wait)
    }

    async fn look(&self, limit: &RateLimit, key: &RateKey) -> Result<(), TooLate> {
        let now = self.clock.now();
        let limits = self.limits.lock();
        let turns = limits.get(limit.name).and_then(|keys| keys.get(key));
        turns.map_or(Ok(()), |turns| turns.next(limit, now).map(drop))
    }

    async fn forget(&self, limit: &RateLimit, key: &RateKey) {
        if let Some(keys) = self.limits.lock().get_mut(limit.name) {
            keys.remove(key);
        }
    }
}

impl Turns {
    /// How far off the next free turn is.
    fn next(&self, limit: &RateLimit, now: Instant) -> Result<Duration, TooLate> {
        if limit.turns == 0 {
            return Err(TooLate { wait: limit.window });
        }
        let in_the_way = self.0.len().checked_sub(most(limit));
        let in_the_way = in_the_way.and_then(|index| self.0.get(index));
        let free_at = in_the_way.map_or(now, |turn| *turn + limit.window);
        let wait = free_at.saturating_duration_since(now);
        if wait > limit.longest_wait {
            return Err(TooLate { wait });
        }
        Ok(wait)
    }

    /// Adds a turn. Only the latest turns, as many as the limit allows, say when the next one is free.
    fn add(&mut self, at: Instant, limit: &RateLimit) {
        let index = self.0.partition_point(|turn| *turn <= at);
        self.0.insert(index, at);
        while self.0.len() > most(limit) {
            self.0.pop_front();
        }
    }

    fn latest(&self) -> Option<Instant> {
        self.0.back().copied()
    }
}

/// The most turns in a window.
fn most(limit: &RateLimit) -> usize {
    usize::try_from(limit.turns).unwrap_or(usize::MAX)
}

/// Makes room for a key: drops those whose turns no longer count, then the one whose latest turn is oldest. Turns of many
/// keys must neither fill the memory nor keep others from being counted.
fn make_room(
    keys: &mut HashMap<RateKey, Turns>,
    key: &RateKey,
    limit: &RateLimit,
    now: Instant,
    max: usize,
) {
    if keys.len() < max || keys.contains_key(key) {
        return;
    }
    keys.retain(|_, turns| turns.latest().is_some_and(|it| it + limit.window > now));
    if keys.len() < max {
        return;
    }
    let oldest = keys.iter().min_by_key(|(_, turns)| turns.latest());
    if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
        keys.remove(&oldest);
    }
}
