//! Counting jobs, for the metrics, at intervals.

use std::{sync::Arc, time::Duration};

use crate::{
    app::runtime::error_chain::ErrorChain,
    ports::{JobCounts, JobStore},
};

/// How often jobs are counted: that reads a narrow index as a whole.
const COUNTED_EVERY: Duration = Duration::from_mins(1);

/// Counts the jobs of all tenants, also where this process carries none out: others may have ended.
pub struct WatchJobs {
    jobs: Arc<dyn JobStore>,
}

impl WatchJobs {
    /// A use case that counts these jobs.
    #[must_use]
    pub fn new(jobs: Arc<dyn JobStore>) -> Self {
        Self { jobs }
    }

    /// Counts at intervals, without end.
    pub async fn run(self) {
        let overdue = metrics::gauge!("publisher_jobs_overdue_seconds");
        loop {
            match self.jobs.count_jobs().await {
                Ok(JobCounts {
                    by_status,
                    overdue: since,
                }) => {
                    for (status, count) in by_status {
                        let count = u32::try_from(count).unwrap_or(u32::MAX);
                        metrics::gauge!("publisher_jobs", "status" => status.as_str()).set(count);
                    }
                    overdue.set(since);
                }
                // A ledger that is away is told of by the watch of the ledger.
                Err(error) => {
                    tracing::debug!(error = %ErrorChain(&error), "jobs cannot be counted");
                }
            }
            tokio::time::sleep(COUNTED_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::{
        domain::job::JobStatus,
        ports::{LedgerError, MockJobStore},
    };

    #[tokio::test(start_paused = true)]
    async fn jobs_are_counted_every_minute_and_again_after_a_failure() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let mut jobs = MockJobStore::new();
        let mut calls = 0;
        jobs.expect_count_jobs().times(3).returning(move || {
            calls += 1;
            if calls == 1 {
                return Err(LedgerError::Unavailable("away".into()));
            }
            Ok(JobCounts {
                by_status: [(JobStatus::Missed, 7)].into(),
                overdue: Duration::from_secs(90),
            })
        });
        let watch = WatchJobs::new(Arc::new(jobs)).run();
        let limit = COUNTED_EVERY * 2 + Duration::from_secs(1);
        let ended = tokio::time::timeout(limit, watch).await;
        ended.expect_err("it goes on without end");
        let text = recorder.handle().render();
        for line in [
            r#"publisher_jobs{status="missed"} 7"#,
            "publisher_jobs_overdue_seconds 90",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
