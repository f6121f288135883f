//! What tenants use, on its way into the outbox: AI tokens as they are used, and calls to storage, which are
//! gathered first. Adapters reach it through `ports::UsageSink` and `ports::StorageMeter`.
//!
//! An event that the outbox does not take waits in memory, bounded, and is written when the ledger is back.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU64,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::{sync::Notify, time::timeout};
use uuid::Uuid;

use super::error_chain::ErrorChain;
use crate::{
    domain::{
        tenant::TenantName,
        usage::{UsageEvent, UsageKey, UsageMetric},
        words::words,
    },
    ports::{Clock, LedgerError, StorageMeter, UsageOutbox, UsageSink},
};

/// How long a caller waits for the outbox: a ledger that takes longer is as good as away.
const WRITE_LIMIT: Duration = Duration::from_secs(2);
/// The most events that wait in memory.
const MAX_BACKLOG: usize = 4096;

words! {
    /// What a usage event came to, by its name in the metric.
    pub enum UsageOutcome {
        /// The orchestrator has taken it.
        Sent = "sent",
        /// The orchestrator refuses its body or metric, or has not accepted it for a day.
        Refused = "refused",
        /// The orchestrator has not known the tenant for a day.
        UnknownTenant = "unknown_tenant",
        /// It was among the oldest beyond the limit of the outbox.
        Overflow = "overflow",
        /// The ledger did not take it before too many waited, or before the process ended.
        Unwritten = "unwritten",
    }
}

impl UsageOutcome {
    /// Registers all outcomes at 0.
    pub fn register() {
        for outcome in Self::ALL {
            outcome.count(0);
        }
    }

    /// Counts so many events.
    pub(in crate::app) fn count(self, events: u64) {
        metrics::counter!("publisher_usage_events_total", "outcome" => self.as_str())
            .increment(events);
    }
}

/// Records what tenants use.
pub struct UsageRecorder {
    outbox: OnceLock<Arc<dyn UsageOutbox>>,
    clock: Arc<dyn Clock>,
    backlog: Mutex<VecDeque<UsageEvent>>,
    /// Calls to storage since the last event of each tenant.
    calls: Mutex<HashMap<TenantName, u64>>,
    added: Notify,
}

impl UsageRecorder {
    /// A recorder that keeps events in memory until it has an outbox.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            outbox: OnceLock::new(),
            clock,
            backlog: Mutex::default(),
            calls: Mutex::default(),
            added: Notify::new(),
        }
    }

    /// Writes to this outbox from now on. The first one stays.
    pub fn attach(&self, outbox: Arc<dyn UsageOutbox>) {
        // A second outbox would be a second ledger: there is one in each process.
        let _ = self.outbox.set(outbox);
    }

    /// Waits until an event has been added.
    pub(in crate::app) async fn added(&self) {
        self.added.notified().await;
    }

    /// Makes an event of the calls that this tenant's storage has had since the last one; none for no call.
    pub async fn gather_storage_calls(&self, tenant: &TenantName) {
        let calls = self.calls.lock().remove(tenant);
        if let Some(calls) = calls.and_then(NonZeroU64::new) {
            self.record_storage_calls(tenant.clone(), calls).await;
        }
    }

    /// The same for all tenants.
    pub async fn gather_all_storage_calls(&self) {
        let calls = std::mem::take(&mut *self.calls.lock());
        for (tenant, calls) in calls {
            if let Some(calls) = NonZeroU64::new(calls) {
                self.record_storage_calls(tenant, calls).await;
            }
        }
    }

    async fn record_storage_calls(&self, tenant: TenantName, calls: NonZeroU64) {
        let occurred_at = self.clock.utc();
        let time = OffsetDateTime::from(occurred_at);
        let (date, hour, id) = (time.date(), time.hour(), Uuid::new_v4());
        // Of visible ASCII, as the tenant's name is: the other key is never taken.
        let key = UsageKey::new(&format!("r2ops:{tenant}:{date}:{hour:02}:{id}"));
        self.record(UsageEvent {
            tenant,
            metric: UsageMetric::StorageRequests,
            key: key.unwrap_or_else(|| UsageKey::of_completion(None)),
            quantity: calls,
            occurred_at,
        })
        .await;
    }

    /// Writes the events that wait in memory. The first that cannot be written ends it.
    pub async fn write_backlog(&self) {
        loop {
            let first = self.backlog.lock().front().cloned();
            let Some(event) = first else { return };
            if self.write(&event).await.is_err() {
                return;
            }
            self.backlog
                .lock()
                .retain(|other| other.key != event.key || other.tenant != event.tenant);
        }
    }

    /// Writes all there is, at the end of the process, and logs what is lost.
    pub async fn finish(&self) {
        self.gather_all_storage_calls().await;
        self.write_backlog().await;
        for event in self.backlog.lock().drain(..) {
            report_lost(&event, "the process ends");
        }
    }

    async fn write(&self, event: &UsageEvent) -> Result<(), LedgerError> {
        let away = |why: &str| LedgerError::Unavailable(why.into());
        let outbox = self.outbox.get();
        let outbox = outbox.ok_or_else(|| away("the ledger is not open yet"))?;
        let written = timeout(WRITE_LIMIT, outbox.add(event)).await;
        written.unwrap_or_else(|_| Err(away("the ledger did not answer in time")))?;
        self.added.notify_one();
        Ok(())
    }

    fn defer(&self, event: UsageEvent) {
        let mut backlog = self.backlog.lock();
        if backlog.len() < MAX_BACKLOG {
            backlog.push_back(event);
            self.added.notify_one();
        } else {
            report_lost(&event, "too many events wait for the ledger");
        }
    }
}

fn report_lost(event: &UsageEvent, why: &'static str) {
    UsageOutcome::Unwritten.count(1);
    tracing::error!(
        tenant = %event.tenant,
        metric = event.metric.as_str(),
        quantity = event.quantity,
        key = %event.key,
        error = why,
        "a usage event is lost"
    );
}

#[async_trait]
impl UsageSink for UsageRecorder {
    async fn record(&self, event: UsageEvent) {
        if let Err(error) = self.write(&event).await {
            tracing::warn!(
                tenant = %event.tenant,
                error = %ErrorChain(&error),
                "a usage event could not be written; retrying in the background"
            );
            self.defer(event);
        }
    }
}

impl StorageMeter for UsageRecorder {
    fn count(&self, tenant: &TenantName) {
        let mut calls = self.calls.lock();
        if let Some(count) = calls.get_mut(tenant) {
            *count += 1;
        } else {
            calls.insert(tenant.clone(), 1);
        }
    }
}

#[cfg(test)]
mod tests;
