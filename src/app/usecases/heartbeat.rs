//! The heartbeat of a lease: a lease is renewed for as long as anything in this process works under it.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::{
    app::runtime::error_chain::ErrorChain,
    domain::{
        ledger::{Lease, Settlement},
        platform::Platform,
    },
    ports::{LEASE_RENEWED_EVERY, Ledger, LedgerError},
};

/// A lease that is renewed until this is dropped.
pub(super) struct RenewedLease {
    ledger: Arc<dyn Ledger>,
    lease: Lease,
    heartbeat: JoinHandle<()>,
}

impl RenewedLease {
    /// Starts the heartbeat of a lease that a claim has brought.
    pub(super) fn new(ledger: Arc<dyn Ledger>, lease: Lease) -> Self {
        let heartbeat = renew(Arc::clone(&ledger), lease.clone());
        Self {
            ledger,
            lease,
            heartbeat: tokio::spawn(heartbeat.in_current_span()),
        }
    }

    /// Ends the heartbeat, and returns what the lease is released with.
    pub(super) fn stop(self) -> (Arc<dyn Ledger>, Lease) {
        (Arc::clone(&self.ledger), self.lease.clone())
    }

    /// The ledger that the lease is of.
    pub(super) fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    /// Records an outcome, in one attempt.
    pub(super) async fn record_outcome(
        &self,
        platform: Platform,
        settlement: &Settlement,
    ) -> Result<(), LedgerError> {
        let recorded = self
            .ledger
            .record_outcome(&self.lease, platform, settlement);
        recorded.await
    }

    /// The lease.
    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl Drop for RenewedLease {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

async fn renew(ledger: Arc<dyn Ledger>, lease: Lease) {
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
