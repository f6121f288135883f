//! A slot of a publication, held for as long as the publication runs.

use std::sync::Arc;

use scopeguard::ScopeGuard;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::error_chain::ErrorChain;
use crate::{
    domain::tenant::TenantName,
    ports::{LedgerError, PublishSlot, PublishSlots, SLOT_RENEWED_EVERY},
};

/// A slot that is held, and renewed until [`release`](Self::release). One that is dropped is released in the background.
pub(super) struct HeldSlot(ScopeGuard<Held, fn(Held)>);

struct Held {
    slots: Arc<dyn PublishSlots>,
    slot: PublishSlot,
    _heartbeat: AbortOnDropHandle<()>,
}

impl HeldSlot {
    /// Takes a slot; `None` if the tenant has `max` publications already. A call that is aborted may leave a slot that
    /// ends by itself.
    pub(super) async fn take(
        slots: &Arc<dyn PublishSlots>,
        tenant: &TenantName,
        max: u32,
    ) -> Result<Option<Self>, LedgerError> {
        let taken = slots.take_slot(tenant, max).await?;
        Ok(taken.map(|slot| {
            let heartbeat = renew(Arc::clone(slots), slot.clone()).in_current_span();
            let held = Held {
                slots: Arc::clone(slots),
                slot,
                _heartbeat: AbortOnDropHandle::new(tokio::spawn(heartbeat)),
            };
            Self(scopeguard::guard(held, Held::release_later))
        }))
    }

    /// Gives the slot back. One attempt: it ends by itself.
    pub(super) async fn release(self) {
        ScopeGuard::into_inner(self.0).release().await;
    }
}

impl Held {
    async fn release(self) {
        let Self {
            slots,
            slot,
            _heartbeat: heartbeat,
        } = self;
        // First, or a renewal under way could take the slot again.
        heartbeat.abort();
        // It returns once the task is gone; that it was aborted is no news.
        drop(heartbeat.await);
        if let Err(error) = slots.release_slot(&slot).await {
            tracing::warn!(
                error = %ErrorChain(&error),
                "the slot of a publication could not be released: it ends by itself"
            );
        }
    }

    fn release_later(self) {
        // A process that ends drops its tasks without a runtime, and its slots end by themselves.
        if tokio::runtime::Handle::try_current().is_ok() {
            tokio::spawn(self.release().in_current_span());
        }
    }
}

async fn renew(slots: Arc<dyn PublishSlots>, slot: PublishSlot) {
    loop {
        tokio::time::sleep(SLOT_RENEWED_EVERY).await;
        if let Err(error) = slots.renew_slot(&slot).await {
            tracing::debug!(error = %ErrorChain(&error), "the slot of a publication could not be renewed");
        }
    }
}
