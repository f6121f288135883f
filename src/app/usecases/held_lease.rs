//! The right to work on an image, kept for as long as the work takes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::deferred_writes::DeferredWrite;
use crate::{
    app::{runtime::error_chain::ErrorChain, usecases::background_tasks::BackgroundTasks},
    domain::{
        image::{ContentHash, ImageName},
        ledger::{Claim, Lease, PriorState, Settlement},
        platform::Platform,
        publication::{Failure, FailureReason},
        tenant::TenantName,
    },
    ports::{LEASE_RENEWED_EVERY, Ledger, LedgerError},
};

/// The pauses between attempts to write down what came of a post: the post cannot be taken back,
/// so the ledger gets a while to come back.
const RECORD_PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// What the ledger says of an image that was not sent because the ledger did not confirm the intent.
const NOTHING_SENT: &str = "nothing was sent: the ledger could not be written";

/// A lease that is held, and renewed until this is given back or dropped, and what was deferred of
/// it is written. One that is dropped ends by itself.
pub(super) struct HeldLease {
    held: Arc<HeldByAttempt>,
    tasks: BackgroundTasks,
}

/// A lease that is renewed until this is dropped.
pub(super) struct HeldByAttempt {
    ledger: Arc<dyn Ledger>,
    lease: Lease,
    heartbeat: JoinHandle<()>,
}

/// Where an outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// In the ledger.
    Now,
    /// In this process, which goes on trying to write it.
    Later,
    /// Nowhere: another attempt has begun since, or too many outcomes wait already. The log has it.
    Never,
}

impl HeldLease {
    /// Takes the lease on an image for work that publishes nothing; `None` if another holder has it.
    pub(super) async fn take(
        ledger: &Arc<dyn Ledger>,
        tasks: &BackgroundTasks,
        tenant: TenantName,
        content_hash: ContentHash,
    ) -> Result<Option<Self>, LedgerError> {
        let taken = Self::claim(ledger, tasks, tenant, content_hash, &[]).await?;
        Ok(taken.map(|(lease, _)| lease))
    }

    /// Takes the lease on an image, and learns what is known of it on these platforms. An image of which
    /// this process knows more than the ledger, because that was away, is still held.
    pub(super) async fn claim(
        ledger: &Arc<dyn Ledger>,
        tasks: &BackgroundTasks,
        tenant: TenantName,
        content_hash: ContentHash,
        platforms: &[Platform],
    ) -> Result<Option<(Self, BTreeMap<Platform, PriorState>)>, LedgerError> {
        if tasks.deferred().has_outcome_of(&tenant, &content_hash) {
            return Ok(None);
        }
        let lease = Lease::for_new_holder(tenant, content_hash);
        let claimed = ledger.claim(&lease, platforms).await;
        if let Err(LedgerError::Unavailable(_)) = &claimed {
            // It may be taken all the same: only the answer may be lost.
            tasks.defer(DeferredWrite::Release {
                ledger: Arc::clone(ledger),
                lease: lease.clone(),
            });
        }
        Ok(match claimed? {
            Claim::Held(known) => Some((Self::keep(Arc::clone(ledger), tasks, lease), known)),
            Claim::HeldByOther => None,
        })
    }

    /// Keeps a lease that a claim has brought.
    pub(super) fn keep(ledger: Arc<dyn Ledger>, tasks: &BackgroundTasks, lease: Lease) -> Self {
        let heartbeat = keep_renewed(Arc::clone(&ledger), lease.clone());
        let held = HeldByAttempt {
            ledger,
            lease,
            heartbeat: tokio::spawn(heartbeat.in_current_span()),
        };
        Self {
            held: Arc::new(held),
            tasks: tasks.clone(),
        }
    }

    /// Records that the image is about to be sent. Not repeated: nothing is lost yet.
    pub(super) async fn record_intent(
        &self,
        image: &ImageName,
        platforms: &[Platform],
    ) -> Result<(), LedgerError> {
        let HeldByAttempt { ledger, lease, .. } = &*self.held;
        let written = ledger.record_intent(lease, image, platforms).await;
        if let Err(LedgerError::Unavailable(_)) = &written {
            // It may be written all the same, and would be taken for a post that nobody knows the end of.
            for &platform in platforms {
                self.tasks.defer(DeferredWrite::IntentInDoubt {
                    held: Arc::clone(&self.held),
                    platform,
                    failure: Failure::new(FailureReason::Unavailable, NOTHING_SENT),
                });
            }
        }
        written
    }

    /// Records the outcome of a post: in up to four attempts, and from then on in the background.
    pub(super) async fn record_outcome(
        &self,
        platform: Platform,
        settlement: &Settlement,
    ) -> Recorded {
        let Err(error) = self.try_to_record(platform, settlement).await else {
            return Recorded::Now;
        };
        let write = self.outcome(platform, settlement);
        match error {
            LedgerError::LeaseLost => {
                write.report_lost("another attempt on this image has begun since");
                Recorded::Never
            }
            LedgerError::Unavailable(error) => {
                write.report_deferred(&*error);
                if self.tasks.defer(write) {
                    Recorded::Later
                } else {
                    Recorded::Never
                }
            }
        }
    }

    /// An outcome that is to be written later.
    pub(super) fn outcome(&self, platform: Platform, settlement: &Settlement) -> DeferredWrite {
        DeferredWrite::Outcome {
            held: Arc::clone(&self.held),
            platform,
            settlement: settlement.clone(),
        }
    }

    async fn try_to_record(
        &self,
        platform: Platform,
        settlement: &Settlement,
    ) -> Result<(), LedgerError> {
        let HeldByAttempt { ledger, lease, .. } = &*self.held;
        for pause in RECORD_PAUSES {
            match ledger.record_outcome(lease, platform, settlement).await {
                Err(LedgerError::Unavailable(_)) => tokio::time::sleep(pause).await,
                ended => return ended,
            }
        }
        ledger.record_outcome(lease, platform, settlement).await
    }

    /// Gives it back, once everything that was deferred of it is written.
    pub(super) async fn release(self) {
        let Self { held, tasks } = self;
        let Some(held) = Arc::into_inner(held) else {
            // The last deferred write gives it back.
            return;
        };
        held.heartbeat.abort();
        if let Err(error) = held.ledger.release(&held.lease).await {
            tracing::warn!(
                error = %ErrorChain(&error),
                "a lease could not be given back; retrying in the background"
            );
            tasks.defer(held.into_release());
        }
    }
}

impl HeldByAttempt {
    pub(super) fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// What gives it back. It is renewed no longer.
    pub(super) fn into_release(self) -> DeferredWrite {
        DeferredWrite::Release {
            ledger: Arc::clone(&self.ledger),
            lease: self.lease.clone(),
        }
    }
}

impl Drop for HeldByAttempt {
    fn drop(&mut self) {
        self.heartbeat.abort();
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
