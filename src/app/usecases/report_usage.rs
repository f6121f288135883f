//! Sending usage events to the orchestrator's billing, in the background. Nothing waits for it: events wait in the
//! outbox, which all replicas share, and this takes them from there, a few at a time.
//!
//! Where billing is away, one event at a time tries it, at growing intervals; the others stay due, and are sent as soon
//! as one is taken. An event whose tenant is unknown, or which is not accepted as it is, waits by itself, and keeps no
//! other from being sent.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    app::runtime::{
        error_chain::ErrorChain,
        usage_recorder::{UsageOutcome, UsageRecorder},
    },
    domain::{request_id::RequestId, usage::UsageEvent},
    ports::{ClaimedUsage, UsageOutbox, UsageReportError, UsageReporter, UsageSettlement},
};

/// How many events are sent at a time.
const BATCH: u32 = 8;
/// How long nothing is looked for where nothing is due; an event that is added here ends it.
const IDLE: Duration = Duration::from_secs(30);
/// The wait after a failure, doubled after each one that follows.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest such wait: billing that is back has every event this much later, and what it takes to send them.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// The same for an event that fails by itself: its tenant is unknown, or it is not accepted as it is.
const FIRST_OWN_WAIT: Duration = Duration::from_mins(1);
const LONGEST_OWN_WAIT: Duration = Duration::from_hours(1);
/// How long such an event is kept.
const OWN_FAILURE_KEPT_FOR: Duration = Duration::from_hours(24);
/// How often calls to storage are gathered.
const GATHERED_EVERY: Duration = Duration::from_mins(5);
/// How often the outbox is counted and kept within its limit.
const COUNTED_EVERY: Duration = Duration::from_secs(30);
/// How long what is being sent may take when the process ends.
const ENDING: Duration = Duration::from_secs(1);

/// Sends usage events.
#[derive(Clone)]
pub struct ReportUsage {
    outbox: Arc<dyn UsageOutbox>,
    reporter: Arc<dyn UsageReporter>,
    recorder: Arc<UsageRecorder>,
    keep: u32,
}

/// What a round came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Nothing is due.
    Idle,
    /// Events were sent, or waits of their own have begun for them.
    Sent,
    /// Billing takes no event now, or the ledger is away.
    Failed {
        /// When billing asked to be called again.
        retry_after: Option<Duration>,
    },
}

impl ReportUsage {
    /// Sends what is in `outbox`, of which at most `keep` events are kept, and what `recorder` adds.
    #[must_use]
    pub fn new(
        outbox: Arc<dyn UsageOutbox>,
        reporter: Arc<dyn UsageReporter>,
        recorder: Arc<UsageRecorder>,
        keep: u32,
    ) -> Self {
        Self {
            outbox,
            reporter,
            recorder,
            keep,
        }
    }

    /// Sends events until `end`. What is being sent then has a second; what has no answer by then is sent again
    /// later, under the same key.
    pub async fn run(self, end: CancellationToken) {
        tokio::join!(
            self.send_until(&end),
            end.run_until_cancelled(self.gather()),
            end.run_until_cancelled(self.watch()),
        );
    }

    async fn send_until(&self, end: &CancellationToken) {
        let mut failures = 0;
        while !end.is_cancelled() {
            self.recorder.write_backlog().await;
            // A probe while billing is away.
            let limit = if failures == 0 { BATCH } else { 1 };
            let wait = match self.round(limit, end).await {
                Round::Sent => {
                    failures = 0;
                    continue;
                }
                Round::Idle => IDLE,
                Round::Failed { retry_after } => {
                    let wait = doubled(FIRST_WAIT, failures, LONGEST_WAIT);
                    failures += 1;
                    wait.max(retry_after.unwrap_or_default())
                }
            };
            let is_failing = failures > 0;
            tokio::select! {
                () = end.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
                () = self.recorder.added(), if !is_failing => {}
            }
        }
    }

    /// Claims events and sends them side by side.
    async fn round(&self, limit: u32, end: &CancellationToken) -> Round {
        let claimed = match self.outbox.claim_due(limit).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::debug!(error = %ErrorChain(&error), "usage events cannot be read");
                return Round::Failed { retry_after: None };
            }
        };
        if claimed.is_empty() {
            return Round::Idle;
        }
        let sending = join_all(claimed.iter().map(|claimed| self.send(claimed)));
        let over = async {
            end.cancelled().await;
            tokio::time::sleep(ENDING).await;
        };
        tokio::select! {
            biased;
            rounds = sending => overall(&rounds),
            () = over => {
                for claimed in &claimed {
                    self.settle(claimed, later(Duration::ZERO)).await;
                }
                Round::Idle
            }
        }
    }

    /// Sends one event and ends its claim.
    async fn send(&self, claimed: &ClaimedUsage) -> Round {
        let ClaimedUsage {
            event,
            attempts,
            own_failure_for,
            ..
        } = claimed;
        let request_id = RequestId::from(Uuid::new_v4());
        let reported = self.reporter.report(event, &request_id).await;
        let tries = attempts.saturating_sub(1);
        let (settlement, outcome, round) = match reported {
            Ok(()) => (UsageSettlement::Done, Some(UsageOutcome::Sent), Round::Sent),
            Err(UsageReportError::Refused) => {
                report_dropped(event, "the orchestrator refuses it");
                (
                    UsageSettlement::Done,
                    Some(UsageOutcome::Refused),
                    Round::Sent,
                )
            }
            Err(error @ (UsageReportError::UnknownTenant | UsageReportError::NotAccepted))
                if own_failure_for.is_some_and(|time| time >= OWN_FAILURE_KEPT_FOR) =>
            {
                let (outcome, why) = if matches!(error, UsageReportError::UnknownTenant) {
                    let why = "the orchestrator has not known the tenant for a day";
                    (UsageOutcome::UnknownTenant, why)
                } else {
                    let why = "the orchestrator has not accepted it for a day";
                    (UsageOutcome::Refused, why)
                };
                report_dropped(event, why);
                (UsageSettlement::Done, Some(outcome), Round::Sent)
            }
            // The call has logged it.
            Err(UsageReportError::UnknownTenant | UsageReportError::NotAccepted) => {
                let settlement = UsageSettlement::Later {
                    wait: doubled(FIRST_OWN_WAIT, tries, LONGEST_OWN_WAIT),
                    is_own_failure: true,
                };
                (settlement, None, Round::Sent)
            }
            // The call has logged the cause.
            Err(UsageReportError::Unauthorized(_)) => {
                let wait = doubled(FIRST_WAIT, tries, LONGEST_WAIT);
                (later(wait), None, Round::Failed { retry_after: None })
            }
            Err(UsageReportError::Unavailable { retry_after, .. }) => {
                let wait = doubled(FIRST_WAIT, tries, LONGEST_WAIT);
                let wait = wait.max(retry_after.unwrap_or_default());
                (later(wait), None, Round::Failed { retry_after })
            }
        };
        self.settle(claimed, settlement).await;
        if let Some(outcome) = outcome {
            outcome.count(1);
        }
        round
    }

    /// A claim that cannot be ended ends by itself; the event is sent again then, under the same key.
    async fn settle(&self, claimed: &ClaimedUsage, settlement: UsageSettlement) {
        if let Err(error) = self.outbox.settle(claimed, settlement).await {
            let error = ErrorChain(&error);
            tracing::warn!(%error, "a usage event could not be settled; it is sent again");
        }
    }

    async fn gather(&self) {
        loop {
            tokio::time::sleep(GATHERED_EVERY).await;
            self.recorder.gather_all_storage_calls().await;
        }
    }

    /// Keeps the gauges up to date, and the outbox within its limit.
    async fn watch(&self) {
        let entries = metrics::gauge!("publisher_usage_outbox_entries");
        let oldest = metrics::gauge!("publisher_usage_outbox_oldest_seconds");
        loop {
            // A ledger that is away is told of by the watch of the ledger.
            if let Ok(dropped) = self.outbox.trim(self.keep).await
                && dropped > 0
            {
                UsageOutcome::Overflow.count(dropped);
                tracing::error!(
                    dropped,
                    limit = self.keep,
                    "the oldest usage events were dropped: more wait than USAGE_OUTBOX_MAX"
                );
            }
            if let Ok(state) = self.outbox.state().await {
                entries.set(u32::try_from(state.entries).unwrap_or(u32::MAX));
                oldest.set(state.oldest.unwrap_or_default());
            }
            tokio::time::sleep(COUNTED_EVERY).await;
        }
    }
}

fn later(wait: Duration) -> UsageSettlement {
    UsageSettlement::Later {
        wait,
        is_own_failure: false,
    }
}

/// The wait after so many failures before.
fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(failures);
    first.saturating_mul(factor).min(longest)
}

/// One event that billing takes shows that it takes events.
fn overall(rounds: &[Round]) -> Round {
    if rounds.contains(&Round::Sent) {
        return Round::Sent;
    }
    let waits = rounds.iter().filter_map(|round| match round {
        Round::Failed { retry_after } => *retry_after,
        Round::Idle | Round::Sent => None,
    });
    Round::Failed {
        retry_after: waits.max(),
    }
}

fn report_dropped(event: &UsageEvent, why: &'static str) {
    tracing::error!(
        tenant = %event.tenant,
        metric = event.metric.as_str(),
        quantity = event.quantity,
        key = %event.key,
        error = why,
        "a usage event is dropped"
    );
}

#[cfg(test)]
mod tests;
