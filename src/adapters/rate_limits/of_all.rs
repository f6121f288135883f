//! Turns that all processes count together.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;

use super::{fallbacks::count_fallbacks, outage::Outage, own::OwnRates};
use crate::ports::{Clock, LedgerError, RateKey, RateLimit, RateLimits, SharedRates, TooLate};

/// The count of all processes; where it cannot be had, this process's own, which knows what this process has taken. Once
/// the count of all is back, it does not know what was taken meanwhile.
pub struct RatesOfAll {
    own: OwnRates,
    shared: OnceLock<Arc<dyn SharedRates>>,
    outage: Outage,
}

impl RatesOfAll {
    /// The count of this process alone, until [`share`](Self::share).
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            own: OwnRates::new(Arc::clone(&clock)),
            shared: OnceLock::new(),
            outage: Outage::new("rates", clock),
        }
    }

    /// Asks this count from now on, if there is one: a ledger in a file has none. A second one is not taken. The clients
    /// that count turns are there before the ledger is open.
    pub fn share(&self, shared: Option<Arc<dyn SharedRates>>) {
        if let Some(shared) = shared {
            self.shared.get_or_init(|| shared);
        }
    }

    /// What the count of all says; `None` where this process's own decides.
    async fn ask<T>(
        &self,
        limit: &RateLimit,
        call: impl Future<Output = Result<T, LedgerError>> + Send,
    ) -> Option<T> {
        let answer = self.outage.ask(call).await;
        if answer.is_err() {
            count_fallbacks(limit.name, 1);
        }
        answer.ok()
    }
}

#[async_trait]
impl RateLimits for RatesOfAll {
    async fn take(&self, limit: &RateLimit, key: &RateKey) -> Result<Duration, TooLate> {
        if let Some(shared) = self.shared.get()
            && let Some(taken) = self.ask(limit, shared.take(limit, key)).await
        {
            return taken.inspect(|wait| self.own.record(limit, key, *wait));
        }
        self.own.take(limit, key).await
    }

    async fn look(&self, limit: &RateLimit, key: &RateKey) -> Result<(), TooLate> {
        if let Some(shared) = self.shared.get()
            && let Some(found) = self.ask(limit, shared.look(limit, key)).await
        {
            return found;
        }
        self.own.look(limit, key).await
    }

    async fn forget(&self, limit: &RateLimit, key: &RateKey) {
        self.own.forget(limit, key).await;
        if let Some(shared) = self.shared.get() {
            // Turns that are not forgotten there count until they are old; the log says that it is away.
            self.ask(limit, shared.forget(limit, key)).await;
        }
    }
}
