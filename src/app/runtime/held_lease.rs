//! The lease on an image, held for as long as the work under it takes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use scopeguard::ScopeGuard;

use super::{
    background_tasks::BackgroundTasks, deferred_writes::DeferredWrite, error_chain::ErrorChain,
    heartbeat::RenewedLease,
};
use crate::{
    domain::{
        caption_history::KeptCaption,
        content_hashes::ContentHashes,
        image::ImageName,
        ledger::{Claim, Lease, Prior, Settlement},
        platform::Platform,
        publication::LookupKey,
        tenant::TenantName,
    },
    ports::{Ledger, LedgerError},
};

/// The pauses between attempts to record an outcome. The post cannot be taken back, so the caller waits this
/// long for the ledger.
const RECORD_PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Claims leases in one ledger. Clones share the tasks that writes are deferred to.
#[derive(Clone)]
pub struct Leases {
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// The tasks that finish what the ledger did not take.
    pub tasks: BackgroundTasks,
}

/// A lease that is held, and renewed until [`release`](Self::release). One that is dropped is released in the
/// background. In both cases, the writes that were deferred under it are made first.
pub struct HeldLease(ScopeGuard<Held, fn(Held)>);

struct Held {
    lease: Arc<RenewedLease>,
    tasks: BackgroundTasks,
}

/// Where an outcome is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// In the ledger.
    Now,
    /// In this process, which retries the write.
    Later,
    /// In the log only: another attempt has begun since, or too many outcomes wait already.
    Never,
}

impl Leases {
    /// Claims the lease on an image, and returns what is known of it on these platforms; `None` if another holder has
    /// it. An image with an outcome that the ledger does not have yet is still held.
    pub(in crate::app) async fn claim(
        &self,
        tenant: TenantName,
        hashes: impl Into<ContentHashes>,
        platforms: &[Platform],
    ) -> Result<Option<(HeldLease, Prior)>, LedgerError> {
        let lease = Lease::for_new_holder(tenant, hashes);
        let claimed = self.claim_lease(&lease, platforms).await;
        if let Err(LedgerError::Unavailable(_)) = &claimed {
            // The lease may be taken all the same: only the answer may be lost.
            self.tasks.defer(DeferredWrite::Release {
                ledger: Arc::clone(&self.ledger),
                lease: lease.clone(),
            });
        }
        Ok(claimed?.map(|prior| (HeldLease::new(self, lease), prior)))
    }

    async fn claim_lease(
        &self,
        lease: &Lease,
        platforms: &[Platform],
    ) -> Result<Option<Prior>, LedgerError> {
        let deferred = self.tasks.deferred();
        if deferred.has_outcome_of(lease.tenant(), lease.hashes()) {
            return Ok(None);
        }
        Ok(match self.ledger.claim(lease, platforms).await? {
            Claim::Held(prior) => Some(prior),
            Claim::HeldByOther => None,
        })
    }
}

impl HeldLease {
    /// Holds a lease that a claim returned.
    pub(in crate::app) fn new(leases: &Leases, lease: Lease) -> Self {
        let held = Held {
            lease: Arc::new(RenewedLease::new(Arc::clone(&leases.ledger), lease)),
            tasks: leases.tasks.clone(),
        };
        Self(scopeguard::guard(held, Held::release_later))
    }

    /// Extends the lease to all hashes of the image, and returns what is known by any of them; `None` if another
    /// holder has one of them. The lease can only be released after that, and after an error.
    pub(in crate::app) async fn extend(
        &mut self,
        hashes: ContentHashes,
        platforms: &[Platform],
    ) -> Result<Option<Prior>, LedgerError> {
        let Held { lease: held, tasks } = &mut *self.0;
        let leases = Leases {
            ledger: Arc::clone(&held.ledger),
            tasks: tasks.clone(),
        };
        // Before the claim, so that all that it may have taken is released also when its answer is lost.
        let lease = held.lease.extended_to(hashes);
        *held = Arc::new(RenewedLease::new(Arc::clone(&leases.ledger), lease.clone()));
        leases.claim_lease(&lease, platforms).await
    }

    /// Records that the image is about to be sent, with the captions, in one attempt: nothing is lost yet.
    pub(in crate::app) async fn record_intent(
        &self,
        image: &ImageName,
        platforms: &[Platform],
        keys: &BTreeMap<Platform, LookupKey>,
        captions: &BTreeMap<Platform, KeptCaption>,
    ) -> Result<(), LedgerError> {
        let Held { lease, tasks } = &*self.0;
        let written = lease
            .ledger
            .record_intent(&lease.lease, image, platforms, keys, captions)
            .await;
        if let Err(LedgerError::Unavailable(_)) = &written {
            // The intent may be written all the same, and would be read as a post without an outcome.
            for &platform in platforms {
                tasks.defer(DeferredWrite::IntentInDoubt {
                    lease: Arc::clone(lease),
                    platform,
                });
            }
        }
        written
    }

    /// Records the outcome of a post, in up to four attempts, and from then on in the background.
    pub(in crate::app) async fn record_outcome(
        &self,
        platform: Platform,
        settlement: Settlement,
    ) -> Recorded {
        let write = self.outcome(platform, settlement);
        let mut pauses = RECORD_PAUSES.into_iter();
        let error = loop {
            match write.attempt().await {
                Ok(()) => return Recorded::Now,
                Err(LedgerError::LeaseLost) => {
                    write.report_superseded();
                    return Recorded::Never;
                }
                Err(LedgerError::Unavailable(error)) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => break error,
                },
            }
        };
        write.report_deferred(&*error);
        if self.0.tasks.defer(write) {
            Recorded::Later
        } else {
            Recorded::Never
        }
    }

    /// Records what a platform says of an earlier attempt, in one attempt: the platform can be asked again. Returns what
    /// is known of the image on the platform then.
    pub(in crate::app) async fn record_look_up(
        &self,
        platform: Platform,
        key: &LookupKey,
        settlement: &Settlement,
    ) -> Result<Prior, LedgerError> {
        let RenewedLease { ledger, lease, .. } = &*self.0.lease;
        let recorded = ledger.record_look_up(lease, platform, key, settlement);
        recorded.await
    }

    /// The write of an outcome.
    pub(super) fn outcome(&self, platform: Platform, settlement: Settlement) -> DeferredWrite {
        DeferredWrite::Outcome {
            lease: Arc::clone(&self.0.lease),
            platform,
            settlement,
        }
    }

    /// Releases the lease, once everything that was deferred under it is written.
    pub(in crate::app) async fn release(self) {
        let Held { lease, tasks } = ScopeGuard::into_inner(self.0);
        // Otherwise, the last deferred write releases it.
        if let Some(lease) = Arc::into_inner(lease)
            && let Err(error) = tasks.write(DeferredWrite::release_of(lease)).await
        {
            tracing::warn!(
                error = %ErrorChain(&error),
                "a lease could not be released; retrying in the background"
            );
        }
    }
}

impl Held {
    fn release_later(self) {
        // A process that ends drops its tasks without a runtime, and its leases expire.
        if tokio::runtime::Handle::try_current().is_ok()
            && let Some(lease) = Arc::into_inner(self.lease)
        {
            self.tasks.defer(DeferredWrite::release_of(lease));
        }
    }
}
