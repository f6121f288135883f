//! Writes to the ledger that failed because it was away, tried again in the background until they
//! are made: what a platform has answered is known to this process alone until then. Used through
//! `background_tasks`.
//!
//! One task makes them, in the order in which they were deferred, and lives as long as there are
//! any. Their number is bounded, and a process that ends waits for them within its grace.

use std::{collections::VecDeque, error::Error, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::heartbeat::RenewedLease;
use crate::{
    app::runtime::error_chain::ErrorChain,
    domain::{
        idempotency::KeyedRequest,
        image::{ContentHash, ImageName},
        ledger::{Lease, Settlement},
        platform::Platform,
        publication::{Failure, PostId},
        tenant::TenantName,
    },
    ports::{IdempotencyStore, Ledger, LedgerError},
};

/// How many outcomes may wait: more than requests can be under way with the default settings.
const MAX_OUTCOMES: usize = 4096;
/// How many other writes may wait.
const MAX_OTHERS: usize = 4096;
/// The pause before the first attempt, doubled after each one that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause: a ledger that is back knows everything this much later.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The writes of this process that wait for the ledger; clones share them.
#[derive(Clone, Default)]
pub(super) struct DeferredWrites(Arc<Shared>);

#[derive(Default)]
struct Shared {
    backlog: Mutex<Backlog>,
    /// Ends the pause of the worker.
    hurry: Notify,
}

#[derive(Default)]
struct Backlog {
    /// The first one is being made. Only the worker takes writes out.
    waiting: VecDeque<Arc<DeferredWrite>>,
    has_worker: bool,
    is_ending: bool,
}

/// A write that waits for the ledger.
pub(super) enum DeferredWrite {
    /// The outcome of an attempt, whose lease is held until it is written.
    Outcome {
        lease: Arc<RenewedLease>,
        platform: Platform,
        settlement: Settlement,
    },
    /// Nothing was sent, because the ledger did not confirm the intent: it may be there all the same.
    IntentInDoubt {
        lease: Arc<RenewedLease>,
        platform: Platform,
        failure: Failure,
    },
    /// A lease that nothing is done under any more.
    Release {
        ledger: Arc<dyn Ledger>,
        lease: Lease,
    },
    /// An image that was passed over.
    PassedOver {
        ledger: Arc<dyn Ledger>,
        tenant: TenantName,
        image: ImageName,
        content_hash: ContentHash,
        failure: Failure,
    },
    /// What the next request under a key is answered with.
    Answer {
        store: Arc<dyn IdempotencyStore>,
        request: KeyedRequest,
        answer: String,
    },
    /// A key that nothing is done under any more.
    Abandon {
        store: Arc<dyn IdempotencyStore>,
        request: KeyedRequest,
        may_have_sent: bool,
    },
}

impl DeferredWrites {
    /// Defers a write; without room for it, gives it back. Where it is the first one, `spawn` is given the
    /// work of making it and all that follow.
    pub(super) fn defer(
        &self,
        write: DeferredWrite,
        spawn: impl FnOnce(BoxFuture<'static, ()>),
    ) -> Result<(), Box<DeferredWrite>> {
        let mut backlog = self.0.backlog.lock();
        let is_outcome = write.is_outcome();
        let alike = backlog.waiting.iter();
        let alike = alike.filter(|other| other.is_outcome() == is_outcome);
        let most = if is_outcome { MAX_OUTCOMES } else { MAX_OTHERS };
        if alike.count() >= most {
            return Err(Box::new(write));
        }
        backlog.waiting.push_back(Arc::new(write));
        if !std::mem::replace(&mut backlog.has_worker, true) {
            drop(backlog);
            spawn(self.clone().work().boxed());
        }
        Ok(())
    }

    /// Whether an outcome of this image waits: the ledger does not know yet what this process knows.
    pub(super) fn has_outcome_of(&self, tenant: &TenantName, content_hash: &ContentHash) -> bool {
        let is_of_image =
            |lease: &Lease| lease.tenant() == tenant && lease.content_hash() == content_hash;
        self.0.backlog.lock().waiting.iter().any(|write| {
            matches!(&**write, DeferredWrite::Outcome { lease, .. } if is_of_image(lease.lease()))
        })
    }

    /// Has what waits tried at once, and leaves out what ends with the process anyway.
    pub(super) fn end(&self) {
        self.0.backlog.lock().is_ending = true;
        self.0.hurry.notify_one();
    }

    /// Says in the log what is lost when the process ends now.
    pub(super) fn report_unwritten(&self) {
        let backlog = self.0.backlog.lock();
        let lost = backlog.waiting.iter();
        for write in lost.filter(|write| !write.ends_with_process()) {
            write.report_lost("the process ends");
        }
    }

    /// Makes the writes until none is left.
    async fn work(self) {
        let mut pause = FIRST_PAUSE;
        self.pause(pause).await;
        while let Some(write) = self.first() {
            match write.attempt().await {
                Err(LedgerError::Unavailable(error)) => {
                    tracing::debug!(error = %ErrorChain(&*error), "the ledger is still away");
                    // Another one may go through: each fault of one write alone costs a pause.
                    self.0.backlog.lock().waiting.rotate_left(1);
                    self.pause(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                ended => {
                    write.report(ended.is_ok());
                    self.finish(write);
                    pause = FIRST_PAUSE;
                }
            }
        }
    }

    /// The write to be made next. Without any, the worker ends.
    fn first(&self) -> Option<Arc<DeferredWrite>> {
        let mut backlog = self.0.backlog.lock();
        if backlog.is_ending {
            backlog.waiting.retain(|write| !write.ends_with_process());
        }
        let first = backlog.waiting.front().cloned();
        backlog.has_worker = first.is_some();
        first
    }

    /// Takes out the first write, which is done with. The last one of an attempt gives the lease back.
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
        // A hurry is over in no time, and the pauses between attempts stay.
        let _ = tokio::time::timeout(pause, self.0.hurry.notified()).await;
    }
}

impl DeferredWrite {
    /// What releases a lease. It is renewed no longer.
    pub(super) fn release_of(lease: RenewedLease) -> Self {
        let (ledger, lease) = lease.stop();
        Self::Release { ledger, lease }
    }

    /// Tries to make it, once.
    pub(super) async fn attempt(&self) -> Result<(), LedgerError> {
        match self {
            Self::Outcome {
                lease,
                platform,
                settlement,
            } => lease.record_outcome(*platform, settlement).await,
            Self::IntentInDoubt {
                lease,
                platform,
                failure,
            } => {
                let nothing_sent = Settlement::Failed(failure.clone());
                match lease.record_outcome(*platform, &nothing_sent).await {
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
                content_hash,
                failure,
            } => ledger.pass_over(tenant, image, content_hash, failure).await,
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

    /// Nobody else can find it out.
    fn is_outcome(&self) -> bool {
        matches!(self, Self::Outcome { .. })
    }

    /// The ledger sees by itself that the process is gone.
    fn ends_with_process(&self) -> bool {
        matches!(self, Self::Release { .. } | Self::Abandon { .. })
    }

    /// Says that an outcome could not be written yet: should the process be killed, the log has it.
    pub(super) fn report_deferred(&self, error: &(dyn Error + 'static)) {
        if let Self::Outcome {
            lease,
            platform,
            settlement,
        } = self
        {
            let facts = OutcomeFacts::of(settlement);
            tracing::error!(
                tenant = %lease.lease().tenant(),
                platform = platform.as_str(),
                content_hash = lease.lease().content_hash().as_str(),
                outcome = facts.outcome,
                post_id = facts.post_id,
                error = %ErrorChain(error),
                "the outcome of a post could not be recorded in the ledger; retrying in the background"
            );
        }
    }

    /// Says that it was made, or that there is nothing to be made any more.
    fn report(&self, is_written: bool) {
        match self {
            Self::Outcome {
                lease,
                platform,
                settlement,
            } if is_written => {
                let facts = OutcomeFacts::of(settlement);
                tracing::info!(
                    tenant = %lease.lease().tenant(),
                    platform = platform.as_str(),
                    content_hash = lease.lease().content_hash().as_str(),
                    outcome = facts.outcome,
                    post_id = facts.post_id,
                    "the ledger is back, and the outcome of a post is recorded"
                );
            }
            Self::Outcome { .. } => {
                self.report_lost("another attempt on this image has begun since");
            }
            _ => {}
        }
    }

    /// Says that it is not made, and why. The outcome of a post is told as a whole: nobody else knows it.
    pub(super) fn report_lost(&self, why: &'static str) {
        match self {
            Self::Outcome {
                lease,
                platform,
                settlement,
            } => {
                let facts = OutcomeFacts::of(settlement);
                tracing::error!(
                    tenant = %lease.lease().tenant(),
                    platform = platform.as_str(),
                    content_hash = lease.lease().content_hash().as_str(),
                    outcome = facts.outcome,
                    post_id = facts.post_id,
                    error = why,
                    "the outcome of a post is not recorded in the ledger"
                );
            }
            Self::IntentInDoubt {
                lease, platform, ..
            } => tracing::error!(
                tenant = %lease.lease().tenant(),
                platform = platform.as_str(),
                content_hash = lease.lease().content_hash().as_str(),
                error = why,
                "nothing was sent, and the ledger may count the image as unknown"
            ),
            Self::PassedOver {
                tenant,
                content_hash,
                ..
            } => tracing::warn!(
                %tenant,
                content_hash = content_hash.as_str(),
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
                content_hash = lease.content_hash().as_str(),
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

/// What the log says of an outcome.
struct OutcomeFacts<'a> {
    outcome: &'static str,
    post_id: Option<&'a str>,
}

impl<'a> OutcomeFacts<'a> {
    fn of(settlement: &'a Settlement) -> Self {
        let (outcome, post_id) = match settlement {
            Settlement::Published(id) => ("published", Some(without_host(id))),
            // What a platform has written is the tenant's business.
            Settlement::Failed(_) => ("failed", None),
            Settlement::Unknown(_) => ("unknown", None),
        };
        Self { outcome, post_id }
    }
}

/// A post id as the log may have it: that of a mail ends in a host of the tenant's.
fn without_host(id: &PostId) -> &str {
    let (id, _) = id.as_str().split_once('@').unwrap_or((id.as_str(), ""));
    id.trim_start_matches('<')
}

#[cfg(test)]
mod tests;
