//! The lease on an image, held for as long as the work under it takes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use scopeguard::ScopeGuard;

use super::{deferred_writes::DeferredWrite, heartbeat::RenewedLease};
use crate::{
    app::{runtime::error_chain::ErrorChain, usecases::background_tasks::BackgroundTasks},
    domain::{
        image::{ContentHash, ImageName},
        ledger::{Claim, Lease, PriorState, Settlement},
        platform::Platform,
        publication::{Failure, FailureReason},
        tenant::TenantName,
    },
    ports::{Ledger, LedgerError},
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

/// A lease that is held, and renewed until [`release`](Self::release). One that is dropped is released in the
/// background. In both cases, the writes that were deferred under it are made first.
pub(super) struct HeldLease(ScopeGuard<Held, fn(Held)>);

struct Held {
    lease: Arc<RenewedLease>,
    tasks: BackgroundTasks,
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

    /// Takes the lease on an image, and learns its prior state on these platforms. An image with an outcome
    /// that the ledger does not have yet is still held.
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
            Claim::Held(prior) => Some((Self::new(Arc::clone(ledger), tasks, lease), prior)),
            Claim::HeldByOther => None,
        })
    }

    /// Holds a lease that a claim has brought.
    pub(super) fn new(ledger: Arc<dyn Ledger>, tasks: &BackgroundTasks, lease: Lease) -> Self {
        let held = Held {
            lease: Arc::new(RenewedLease::new(ledger, lease)),
            tasks: tasks.clone(),
        };
        Self(scopeguard::guard(held, Held::release_later))
    }

    /// Records that the image is about to be sent. Not repeated: nothing is lost yet.
    pub(super) async fn record_intent(
        &self,
        image: &ImageName,
        platforms: &[Platform],
    ) -> Result<(), LedgerError> {
        let Held { lease, tasks } = &*self.0;
        let written = lease
            .ledger()
            .record_intent(lease.lease(), image, platforms);
        let written = written.await;
        if let Err(LedgerError::Unavailable(_)) = &written {
            // It may be written all the same, and would be taken for a post that nobody knows the end of.
            for &platform in platforms {
                tasks.defer(DeferredWrite::IntentInDoubt {
                    lease: Arc::clone(lease),
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
                if self.0.tasks.defer(write) {
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
            lease: Arc::clone(&self.0.lease),
            platform,
            settlement: settlement.clone(),
        }
    }

    async fn try_to_record(
        &self,
        platform: Platform,
        settlement: &Settlement,
    ) -> Result<(), LedgerError> {
        let lease = &self.0.lease;
        for pause in RECORD_PAUSES {
            match lease.record_outcome(platform, settlement).await {
                Err(LedgerError::Unavailable(_)) => tokio::time::sleep(pause).await,
                ended => return ended,
            }
        }
        lease.record_outcome(platform, settlement).await
    }

    /// Releases the lease, once everything that was deferred under it is written.
    pub(super) async fn release(self) {
        let Held { lease, tasks } = ScopeGuard::into_inner(self.0);
        let Some(lease) = Arc::into_inner(lease) else {
            // The last deferred write releases it.
            return;
        };
        let write = DeferredWrite::release_of(lease);
        if let Err(error) = write.attempt().await {
            tracing::warn!(
                error = %ErrorChain(&error),
                "a lease could not be released; retrying in the background"
            );
            tasks.defer(write);
        }
    }
}

impl Held {
    fn release_later(self) {
        // A process that ends drops its tasks without a runtime, and its leases end by themselves.
        if tokio::runtime::Handle::try_current().is_ok()
            && let Some(lease) = Arc::into_inner(self.lease)
        {
            self.tasks.defer(DeferredWrite::release_of(lease));
        }
    }
}
