//! Publications at a time that all processes count together.

use std::sync::Arc;

use async_trait::async_trait;

use super::{fallbacks::count_fallbacks, outage::Outage};
use crate::{
    domain::tenant::TenantName,
    ports::{Clock, LedgerError, PublishSlot, PublishSlots},
};

/// The limit's name in metrics.
pub const PUBLISHES: &str = "publishes";

/// The slots of the ledger, which are not asked for while it does not answer: then each process's own count decides, and
/// the log and a metric say so.
pub struct SlotsOfAll {
    shared: Arc<dyn PublishSlots>,
    outage: Outage,
}

impl SlotsOfAll {
    /// These slots.
    #[must_use]
    pub fn new(shared: Arc<dyn PublishSlots>, clock: Arc<dyn Clock>) -> Self {
        Self {
            shared,
            outage: Outage::new("publications", clock),
        }
    }
}

#[async_trait]
impl PublishSlots for SlotsOfAll {
    async fn take_slot(
        &self,
        tenant: &TenantName,
        max: u32,
    ) -> Result<Option<PublishSlot>, LedgerError> {
        let taken = self.outage.ask(self.shared.take_slot(tenant, max)).await;
        taken.inspect_err(|_| count_fallbacks(PUBLISHES, 1))
    }

    // Both are called also while the ledger did not answer a moment ago: a slot that is held must not end in the first
    // moment after the outage, and one that is not needed would keep others out until it ends.

    async fn renew_slot(&self, slot: &PublishSlot) -> Result<(), LedgerError> {
        self.outage.insist(self.shared.renew_slot(slot)).await
    }

    async fn release_slot(&self, slot: &PublishSlot) -> Result<(), LedgerError> {
        self.outage.insist(self.shared.release_slot(slot)).await
    }
}
