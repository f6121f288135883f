//! The stages of this process that wait to be written.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::domain::{job::StageEvent, tenant::TenantName, words::words};

/// The most stages that wait: those of hundreds of publications.
const MAX_WAITING: usize = 4096;

words! {
    /// Why stages are lost, by its name in the metric `publisher_job_stages_lost_total`.
    pub enum LostStages {
        /// Too many waited already.
        Overflow = "overflow",
        /// The ledger did not take them.
        Unwritten = "unwritten",
    }
}

impl LostStages {
    /// Registers all reasons at 0.
    pub fn register() {
        for reason in Self::ALL {
            reason.count(0);
        }
    }

    /// Counts so many stages.
    pub(super) fn count(self, stages: usize) {
        metrics::counter!("publisher_job_stages_lost_total", "reason" => self.as_str())
            .increment(stages as u64);
    }
}

/// The stages of each tenant, in their order.
#[derive(Default)]
pub(super) struct Stages(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    by_tenant: HashMap<TenantName, Vec<StageEvent>>,
    count: usize,
}

impl Stages {
    /// Adds a stage; it is lost if too many wait. Returns whether it is the first that waits.
    pub(super) fn push(&self, tenant: &TenantName, event: StageEvent) -> bool {
        let mut waiting = self.0.lock();
        if waiting.count >= MAX_WAITING {
            drop(waiting);
            LostStages::Overflow.count(1);
            return false;
        }
        waiting.count += 1;
        if let Some(events) = waiting.by_tenant.get_mut(tenant) {
            events.push(event);
        } else {
            waiting.by_tenant.insert(tenant.clone(), vec![event]);
        }
        waiting.count == 1
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().count == 0
    }

    /// Takes those of a tenant out.
    pub(super) fn take_of(&self, tenant: &TenantName) -> Option<Vec<StageEvent>> {
        let mut waiting = self.0.lock();
        let stages = waiting.by_tenant.remove(tenant)?;
        waiting.count -= stages.len();
        Some(stages)
    }

    /// Takes all out.
    pub(super) fn take(&self) -> HashMap<TenantName, Vec<StageEvent>> {
        std::mem::take(&mut *self.0.lock()).by_tenant
    }
}
