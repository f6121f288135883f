//! Deleting what the ledger does not need any more, at intervals.

use std::{sync::Arc, time::Duration};

use crate::{
    app::runtime::error_chain::ErrorChain,
    ports::{JobQueue, KeptFor, LedgerRetention, Swept},
};

/// The time between the start and the first sweep, which keeps the start free of it.
const FIRST_AFTER: Duration = Duration::from_mins(1);
/// The time between two sweeps.
const EVERY: Duration = Duration::from_hours(1);

/// Sweeps the ledger.
pub struct SweepLedger {
    ledger: Arc<dyn LedgerRetention>,
    jobs: Arc<dyn JobQueue>,
    kept_for: KeptFor,
    jobs_kept_for: Duration,
}

impl SweepLedger {
    /// A use case that sweeps `ledger` of what is older than it is kept, and `jobs` of those that ended so long ago.
    #[must_use]
    pub fn new(
        ledger: Arc<dyn LedgerRetention>,
        jobs: Arc<dyn JobQueue>,
        (kept_for, jobs_kept_for): (KeptFor, Duration),
    ) -> Self {
        Self {
            ledger,
            jobs,
            kept_for,
            jobs_kept_for,
        }
    }

    /// Sweeps at intervals, without end. A sweep that fails is logged, and the next one deletes the rest.
    pub async fn run(self) {
        tokio::time::sleep(FIRST_AFTER).await;
        loop {
            match self.ledger.sweep(self.kept_for).await {
                Ok(swept) if swept == Swept::default() => {}
                Ok(Swept {
                    leases,
                    keys,
                    texts,
                    captions,
                }) => tracing::info!(leases, keys, texts, captions, "ledger swept"),
                Err(error) => tracing::warn!(
                    error = %ErrorChain(&error),
                    "the ledger could not be swept; the next sweep makes up for it"
                ),
            }
            match self.jobs.sweep_jobs(self.jobs_kept_for).await {
                Ok(0) => {}
                Ok(jobs) => tracing::info!(jobs, "jobs swept"),
                Err(error) => tracing::warn!(
                    error = %ErrorChain(&error),
                    "jobs could not be swept; the next sweep makes up for it"
                ),
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{LedgerError, MockJobQueue, MockLedgerRetention};

    const KEPT_FOR: KeptFor = KeptFor {
        texts: Some(Duration::from_hours(48)),
        captions: Duration::from_hours(24),
    };

    const JOBS_KEPT_FOR: Duration = Duration::from_hours(72);

    fn sweeping(ledger: MockLedgerRetention, jobs: MockJobQueue) -> impl Future<Output = ()> {
        let kept_for = (KEPT_FOR, JOBS_KEPT_FOR);
        SweepLedger::new(Arc::new(ledger), Arc::new(jobs), kept_for).run()
    }

    #[tokio::test(start_paused = true)]
    async fn a_sweep_that_fails_is_made_up_for_by_the_next_one() {
        let mut ledger = MockLedgerRetention::new();
        let mut sweeps = 0;
        ledger.expect_sweep().times(3).returning(move |kept_for| {
            assert_eq!(kept_for, KEPT_FOR);
            sweeps += 1;
            if sweeps == 1 {
                return Err(LedgerError::Unavailable("away".into()));
            }
            Ok(Swept {
                keys: 1,
                ..Swept::default()
            })
        });
        let mut jobs = MockJobQueue::new();
        jobs.expect_sweep_jobs()
            .times(3)
            .withf(|kept_for| *kept_for == JOBS_KEPT_FOR)
            .returning(|_| Err(LedgerError::Unavailable("away".into())));
        let sweeping = sweeping(ledger, jobs);
        let limit = FIRST_AFTER + EVERY * 2 + Duration::from_secs(1);
        let ended = tokio::time::timeout(limit, sweeping).await;
        ended.expect_err("it goes on without end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_is_not_burdened_with_a_sweep() {
        let mut ledger = MockLedgerRetention::new();
        ledger.expect_sweep().never();
        let sweeping = sweeping(ledger, MockJobQueue::new());
        let ended = tokio::time::timeout(FIRST_AFTER / 2, sweeping).await;
        ended.expect_err("it goes on without end");
    }
}
