//! Writes to the ledger that failed because it was away. They are retried in the background until they
//! succeed: until then, only this process knows what a platform has answered. Used through `background_tasks`.
//!
//! One task makes the writes, in the order in which they were deferred, and runs as long as there are any. Their
//! number is bounded, and a process that ends waits for them within its drain timeout.

use std::{collections::VecDeque, error::Error, fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::{error_chain::ErrorChain, heartbeat::RenewedLease};
use crate::{
    domain::{
        content_hashes::ContentHashes,
        idempotency::KeyedRequest,
        image::ImageName,
        ledger::{Lease, Settlement},
        platform::Platform,
        publication::{Failure, FailureReason, PostId},
        tenant::TenantName,
    },
    ports::{IdempotencyStore, Ledger, LedgerError},
};

/// The most outcomes that wait, and the most other writes: more than there are requests under way with the
/// default settings.
const MAX_WAITING: usize = 4096;
/// The pause before the first attempt, doubled after each one that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause: a ledger that is back has every write this much later.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The writes of this process that wait for the ledger; clones share them.
#[derive(Clone, Default)]
pub(super) struct DeferredWrites(Arc<Shared>);

#[derive(Default)]
struct Shared {
    backlog: Mutex<Backlog>,
    /// Ends the worker's pause.
    hurry: Notify,
}

#[derive(Default)]
struct Backlog {
    /// The worker makes the first one. Only the worker takes writes out.
    waiting: VecDeque<Arc<DeferredWrite>>,
    has_worker: bool,
    is_ending: bool,
}

/// A write that waits for the ledger.
pub(in crate::app) enum DeferredWrite {
    /// The outcome of an attempt. The lease is held until it is written.
    Outcome {
        lease: Arc<RenewedLease>,
        platform: Platform,
        settlement: Settlement,
    },
    /// An intent that the ledger did not confirm, so that nothing was sent. It may be in the ledger all the same.
    IntentInDoubt {
        lease: Arc<RenewedLease>,
        platform: Platform,
    },
    /// The release of a lease.
    Release {
        ledger: Arc<dyn Ledger>,
        lease: Lease,
    },
    /// An image that was passed over.
    PassedOver {
        ledger: Arc<dyn Ledger>,
        tenant: TenantName,
        image: ImageName,
        hashes: ContentHashes,
        failure: Failure,
    },
    /// The answer to later requests under a key.
    Answer {
        store: Arc<dyn IdempotencyStore>,
        request: KeyedRequest,
        answer: String,
    },
    /// The release of a key.
    Abandon {
        store: Arc<dyn IdempotencyStore>,
        request: KeyedRequest,
        may_have_sent: bool,
    },
}

impl DeferredWrites {
    /// Defers a write, or returns it when too many wait. The first write starts the worker on `tasks`.
    pub(super) fn defer(
        &self,
        write: DeferredWrite,
        tasks: &TaskTracker,
    ) -> Result<(), Box<DeferredWrite>> {
        let mut backlog = self.0.backlog.lock();
        let is_outcome = write.is_outcome();
        let alike = backlog.waiting.iter();
        let alike = alike.filter(|other| other.is_outcome() == is_outcome);
        if alike.count() >= MAX_WAITING {
            return Err(Box::new(write));
        }
        backlog.waiting.push_back(Arc::new(write));
        if !std::mem::replace(&mut backlog.has_worker, true) {
            tasks.spawn(self.clone().work());
        }
        Ok(())
    }

    /// Whether an outcome of this image waits.
    pub(super) fn has_outcome_of(&self, tenant: &TenantName, hashes: &ContentHashes) -> bool {
        let is_of_image =
            |lease: &Lease| lease.tenant() == tenant && lease.hashes().overlaps(hashes);
        self.0.backlog.lock().waiting.iter().any(|write| {
            matches!(&**write, DeferredWrite::Outcome { lease, .. } if is_of_image(&lease.lease))
        })
    }

    /// Retries the writes at once, and drops those that the end of the process makes needless.
    pub(super) fn end(&self) {
        self.0.backlog.lock().is_ending = true;
        self.0.hurry.notify_one();
    }

    /// Logs the writes that are lost when the process ends now.
    pub(super) fn report_unwritten(&self) {
        let backlog = self.0.backlog.lock();
        let lost = backlog.waiting.iter();
        for write in lost.filter(|write| !write.ends_with_process()) {
            write.report_lost("the process ends");
        }
    }

    /// The worker: makes the writes until none is left.
    async fn work(self) {
        let mut pause = FIRST_PAUSE;
        self.pause(pause).await;
        while let Some(write) = self.first() {
            match write.attempt().await {
                Err(LedgerError::Unavailable(error)) => {
                    tracing::debug!(error = %ErrorChain(&*error), "the ledger is still away");
                    // Another write may succeed: a fault of one write alone costs one pause.
                    self.0.backlog.lock().waiting.rotate_left(1);
                    self.pause(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                ended => {
                    write.report_ended(ended.is_ok());
                    self.finish(write);
                    pause = FIRST_PAUSE;
                }
            }
        }
    }

    /// The next write; without one, the worker ends.
    fn first(&self) -> Option<Arc<DeferredWrite>> {
        let mut backlog = self.0.backlog.lock();
        if backlog.is_ending {
            backlog.waiting.retain(|write| !write.ends_with_process());
        }
        let first = backlog.waiting.front().cloned();
        backlog.has_worker = first.is_some();
        first
    }

    /// Takes out the first write, which is done. The last one under a lease releases the lease.
    fn finish(&self, write: Arc<DeferredWrite>) {
        let mut backlog = self.0.backlog.lock();
        backlog.waiting.pop_front();
        let lease = match Arc::into_inner(write) {
            Some(
                DeferredWrite::Outcome { lease, .. } | DeferredWrite::IntentInDoubt { lease, .. },
            ) => Arc::into_inner(lease),
            _ => None,
        };
        if let Some(lease) = lease {
            let release = DeferredWrite::release_of(lease);
            backlog.waiting.push_back(Arc::new(release));
        }
    }

    async fn pause(&self, pause: Duration) {
        // Only one pause is cut short: the pauses after it stay.
        let _ = tokio::time::timeout(pause, self.0.hurry.notified()).await;
    }
}

impl DeferredWrite {
    /// The release of a lease, which is no longer renewed.
    pub(super) fn release_of(lease: RenewedLease) -> Self {
        let RenewedLease { ledger, lease, .. } = lease;
        Self::Release { ledger, lease }
    }

    /// Makes the write, in one attempt.
    pub(super) async fn attempt(&self) -> Result<(), LedgerError> {
        match self {
            Self::Outcome {
                lease: held,
                platform,
                settlement,
            } => {
                let RenewedLease { ledger, lease, .. } = &**held;
                ledger.record_outcome(lease, *platform, settlement).await
            }
            Self::IntentInDoubt {
                lease: held,
                platform,
            } => {
                let RenewedLease { ledger, lease, .. } = &**held;
                let text = "nothing was sent: the ledger could not be written";
                let failure = Failure::new(FailureReason::Unavailable, text);
                let unsent = Settlement::Failed(failure);
                match ledger.record_outcome(lease, *platform, &unsent).await {
                    // The intent was not written.
                    Err(LedgerError::LeaseLost) => Ok(()),
                    written => written,
                }
            }
            Self::Release { ledger, lease } => ledger.release(lease).await,
            Self::PassedOver {
                ledger,
                tenant,
                image,
                hashes,
                failure,
            } => ledger.pass_over(tenant, image, hashes, failure).await,
            Self::Answer {
                store,
                request,
                answer,
            } => store.finish(request, answer).await,
            Self::Abandon {
                store,
                request,
                may_have_sent,
            } => store.abandon(request, *may_have_sent).await,
        }
    }

    /// Whether the write is the outcome of a post, which is known nowhere else.
    fn is_outcome(&self) -> bool {
        matches!(self, Self::Outcome { .. })
    }

    /// Whether the end of the process makes the write needless: leases and keys expire.
    fn ends_with_process(&self) -> bool {
        matches!(self, Self::Release { .. } | Self::Abandon { .. })
    }

    /// Logs that an outcome is not in the ledger yet: if the process is killed, the log has it.
    pub(super) fn report_deferred(&self, error: &(dyn Error + 'static)) {
        let event =
            "the outcome of a post could not be recorded in the ledger; retrying in the background";
        self.report_unrecorded(&ErrorChain(error), event);
    }

    /// Logs that an outcome is not recorded because its lease was lost.
    pub(super) fn report_superseded(&self) {
        self.report_lost("another attempt on this image has begun since");
    }

    /// Logs that a deferred write was made, or need not be made any more.
    fn report_ended(&self, is_written: bool) {
        let Self::Outcome {
            lease,
            platform,
            settlement,
        } = self
        else {
            return;
        };
        if !is_written {
            return self.report_superseded();
        }
        let (outcome, post_id) = facts(settlement);
        tracing::info!(
            tenant = %lease.lease.tenant(),
            platform = platform.as_str(),
            content_hash = %lease.lease.hashes().shown(),
            outcome,
            post_id,
            "the ledger is back, and the outcome of a post is recorded"
        );
    }

    /// Logs an outcome that is not in the ledger, with everything that the ledger should have.
    fn report_unrecorded(&self, error: &dyn fmt::Display, event: &'static str) {
        if let Self::Outcome {
            lease,
            platform,
            settlement,
        } = self
        {
            let (outcome, post_id) = facts(settlement);
            tracing::error!(
                tenant = %lease.lease.tenant(),
                platform = platform.as_str(),
                content_hash = %lease.lease.hashes().shown(),
                outcome,
                post_id,
                %error,
                "{event}"
            );
        }
    }

    /// Logs that the write is not made, and why.
    pub(super) fn report_lost(&self, why: &'static str) {
        match self {
            Self::Outcome { .. } => {
                let event = "the outcome of a post is not recorded in the ledger";
                self.report_unrecorded(&why, event);
            }
            Self::IntentInDoubt { lease, platform } => tracing::error!(
                tenant = %lease.lease.tenant(),
                platform = platform.as_str(),
                content_hash = %lease.lease.hashes().shown(),
                error = why,
                "nothing was sent, and the ledger may count the image as unknown"
            ),
            Self::PassedOver { tenant, hashes, .. } => tracing::warn!(
                %tenant,
                content_hash = %hashes.shown(),
                error = why,
                "an image that was passed over is not recorded in the ledger"
            ),
            Self::Answer { request, .. } => tracing::error!(
                tenant = %request.tenant(),
                error = why,
                "an answer is not kept under its idempotency key; the next request under it is \
                 carried out"
            ),
            Self::Release { lease, .. } => tracing::warn!(
                tenant = %lease.tenant(),
                content_hash = %lease.hashes().shown(),
                error = why,
                "a lease is not given back, and ends by itself"
            ),
            Self::Abandon { request, .. } => tracing::warn!(
                tenant = %request.tenant(),
                error = why,
                "an idempotency key is not given back, and ends by itself"
            ),
        }
    }
}

/// The outcome as the log has it, with the id of the post. The text of a platform is the tenant's, and not logged.
fn facts(settlement: &Settlement) -> (&'static str, Option<&str>) {
    match settlement {
        Settlement::Published(post) => ("published", Some(without_host(&post.id))),
        Settlement::Failed(_) => ("failed", None),
        Settlement::Unknown(_) => ("unknown", None),
    }
}

/// A post id without the host of the tenant that the id of a mail ends with.
fn without_host(id: &PostId) -> &str {
    let (id, _) = id.as_str().split_once('@').unwrap_or((id.as_str(), ""));
    id.trim_start_matches('<')
}

#[cfg(test)]
mod tests;
