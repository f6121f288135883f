//! The right to work on an image, kept for as long as the work takes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::error_chain::ErrorChain;
use crate::{
    domain::{
        image::{ContentHash, ImageName},
        ledger::{Claim, Known, Lease, Settlement},
        platform::Platform,
        tenant::TenantName,
    },
    ports::{LEASE_RENEWED_EVERY, Ledger, LedgerError},
};

/// The pauses between attempts to write down what came of a post: the post cannot be taken back,
/// so the ledger gets a while to come back.
const SETTLE_PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// A lease that is held, and renewed until this is given back or dropped. One that is dropped
/// ends by itself.
pub(super) struct HeldLease {
    ledger: Arc<dyn Ledger>,
    lease: Lease,
    keeper: JoinHandle<()>,
}

impl HeldLease {
    /// Takes the lease on an image for work that publishes nothing; `None` if somebody else has it.
    pub(super) async fn take(
        ledger: &Arc<dyn Ledger>,
        tenant: TenantName,
        content_hash: ContentHash,
    ) -> Result<Option<Self>, LedgerError> {
        let taken = Self::claim(ledger, tenant, content_hash, &[]).await?;
        Ok(taken.map(|(lease, _)| lease))
    }

    /// Takes the lease on an image, and learns what is known of it on these platforms.
    pub(super) async fn claim(
        ledger: &Arc<dyn Ledger>,
        tenant: TenantName,
        content_hash: ContentHash,
        platforms: &[Platform],
    ) -> Result<Option<(Self, BTreeMap<Platform, Known>)>, LedgerError> {
        let lease = Lease::for_new_holder(tenant, content_hash);
        Ok(match ledger.claim(&lease, platforms).await? {
            Claim::Held(known) => Some((Self::keep(Arc::clone(ledger), lease), known)),
            Claim::HeldByOther => None,
        })
    }

    /// Keeps a lease that a claim has brought.
    pub(super) fn keep(ledger: Arc<dyn Ledger>, lease: Lease) -> Self {
        let keeper = keep_renewed(Arc::clone(&ledger), lease.clone());
        Self {
            ledger,
            lease,
            keeper: tokio::spawn(keeper.in_current_span()),
        }
    }

    /// Writes down that the image is about to be sent. Not repeated: nothing is lost yet.
    pub(super) async fn intend(
        &self,
        image: &ImageName,
        platforms: &[Platform],
    ) -> Result<(), LedgerError> {
        self.ledger.intend(&self.lease, image, platforms).await
    }

    /// Writes down what came of it, in up to four attempts.
    pub(super) async fn settle(
        &self,
        platform: Platform,
        settlement: &Settlement,
    ) -> Result<(), LedgerError> {
        for pause in SETTLE_PAUSES {
            match self.ledger.settle(&self.lease, platform, settlement).await {
                Err(LedgerError::Unavailable(_)) => tokio::time::sleep(pause).await,
                ended => return ended,
            }
        }
        self.ledger.settle(&self.lease, platform, settlement).await
    }

    /// Gives it back.
    pub(super) async fn release(self) {
        self.keeper.abort();
        if let Err(error) = self.ledger.release(&self.lease).await {
            tracing::warn!(error = %ErrorChain(&error), "a lease could not be given back");
        }
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

async fn keep_renewed(ledger: Arc<dyn Ledger>, lease: Lease) {
    loop {
        tokio::time::sleep(LEASE_RENEWED_EVERY).await;
        let Err(error) = ledger.renew(&lease).await else {
            continue;
        };
        tracing::warn!(error = %ErrorChain(&error), "a lease could not be renewed");
        if matches!(error, LedgerError::LeaseLost) {
            return;
        }
    }
}
