//! The heartbeat of a lease: a lease is renewed for as long as anything in this process works under it.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::error_chain::ErrorChain;
use crate::{
    domain::ledger::Lease,
    ports::{LEASE_RENEWED_EVERY, Ledger, LedgerError},
};

/// A lease that is renewed until this is dropped.
pub(in crate::app) struct RenewedLease {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) lease: Lease,
    _heartbeat: AbortOnDropHandle<()>,
}

impl RenewedLease {
    /// Starts the heartbeat of a lease that a claim returned.
    pub(super) fn new(ledger: Arc<dyn Ledger>, lease: Lease) -> Self {
        let heartbeat = renew(Arc::clone(&ledger), lease.clone()).in_current_span();
        Self {
            ledger,
            lease,
            _heartbeat: AbortOnDropHandle::new(tokio::spawn(heartbeat)),
        }
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
