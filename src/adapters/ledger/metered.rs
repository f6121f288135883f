//! The limits and the metrics of the ledger's operations: how long each took, and whether the database
//! failed it.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::ports::{Clock, LedgerError};

/// The names of all operations that are measured, as in the metrics.
pub const OPERATIONS: [&str; 48] = [
    "claim",
    "renew",
    "record_intent",
    "record_outcome",
    "record_look_up",
    "pass_over",
    "release",
    "list",
    "find",
    "entries_of",
    "count_unknown",
    "probe",
    "key_begin",
    "key_add_job",
    "key_choose",
    "key_finish",
    "key_abandon",
    "usage_add",
    "usage_claim",
    "usage_settle",
    "usage_state",
    "voice_load",
    "voice_store",
    "voice_forget",
    "captions_recent",
    "captions_kept",
    "job_add",
    "job_find",
    "job_list",
    "job_alter",
    "job_now",
    "job_count",
    "job_claim",
    "job_renew",
    "job_choose",
    "job_finish",
    "schedule_get",
    "schedule_passed",
    "schedule_put",
    "event_add",
    "event_last",
    "event_pages",
    "slot_take",
    "slot_renew",
    "slot_release",
    "rate_take",
    "rate_look",
    "rate_forget",
];
/// How long one operation may take, waiting for a connection included.
const LIMIT: Duration = Duration::from_secs(10);

/// Runs an operation within its limit, and measures it by the clock. A lost lease is an answer: only a
/// database that fails counts as an error.
pub(super) async fn measured<T>(
    clock: &Arc<dyn Clock>,
    operation: &'static str,
    running: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    let started = clock.now();
    let result = bounded(running).await;
    let took = clock.now().saturating_duration_since(started);
    metrics::histogram!("publisher_ledger_operation_duration_seconds", "operation" => operation)
        .record(took);
    if let Err(LedgerError::Unavailable(_)) = &result {
        metrics::counter!("publisher_ledger_errors_total", "operation" => operation).increment(1);
    }
    result
}

/// Ends an operation that exceeds its limit. What it has written is rolled back.
pub(super) async fn bounded<T>(
    operation: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    let hung = || format!("the database did not answer within {} s", LIMIT.as_secs());
    timeout(LIMIT, operation)
        .await
        .unwrap_or_else(|_| Err(LedgerError::Unavailable(hung().into())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::adapters::clock::SystemClock;

    fn lines_of(text: &str) -> Vec<&str> {
        let is_of_ours = |line: &&str| {
            line.starts_with("publisher_ledger_errors_total")
                || line.contains("_seconds_sum")
                || line.contains("_seconds_count")
        };
        let mut lines: Vec<_> = text.lines().filter(is_of_ours).collect();
        lines.sort_unstable();
        lines
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_is_timed_and_what_the_database_fails_is_counted() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let failing = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Err::<(), _>(LedgerError::Unavailable("the disk is gone".into()))
        };
        measured(&clock, "probe", failing).await.unwrap_err();
        let counting = async { Ok(0) };
        measured(&clock, "count_unknown", counting).await.unwrap();
        let lost = async { Err::<(), _>(LedgerError::LeaseLost) };
        measured(&clock, "renew", lost).await.unwrap_err();
        let hung = std::future::pending::<Result<(), _>>();
        measured(&clock, "list", hung).await.unwrap_err();
        assert_eq!(
            lines_of(&recorder.handle().render()),
            [
                r#"publisher_ledger_errors_total{operation="list"} 1"#,
                r#"publisher_ledger_errors_total{operation="probe"} 1"#,
                r#"publisher_ledger_operation_duration_seconds_count{operation="count_unknown"} 1"#,
                r#"publisher_ledger_operation_duration_seconds_count{operation="list"} 1"#,
                r#"publisher_ledger_operation_duration_seconds_count{operation="probe"} 1"#,
                r#"publisher_ledger_operation_duration_seconds_count{operation="renew"} 1"#,
                r#"publisher_ledger_operation_duration_seconds_sum{operation="count_unknown"} 0"#,
                r#"publisher_ledger_operation_duration_seconds_sum{operation="list"} 10"#,
                r#"publisher_ledger_operation_duration_seconds_sum{operation="probe"} 3"#,
                r#"publisher_ledger_operation_duration_seconds_sum{operation="renew"} 0"#,
            ]
        );
    }

    /// A new operation needs its name in the list, so that it is counted from the start.
    #[test]
    fn what_is_measured_is_among_the_operations() {
        let sources = [
            include_str!("statements.rs"),
            include_str!("reader.rs"),
            include_str!("requests.rs"),
            include_str!("usage.rs"),
            include_str!("voice.rs"),
            include_str!("captions.rs"),
            include_str!("jobs.rs"),
            include_str!("jobs/queue.rs"),
            include_str!("jobs/schedules.rs"),
            include_str!("jobs/events.rs"),
            include_str!("jobs/slots.rs"),
            include_str!("rates.rs"),
        ]
        .concat();
        let measured = sources.split("measured(&self.clock, \"").skip(1);
        let measured: Vec<_> = measured
            .map(|rest| rest.split_once('"').unwrap().0)
            .collect();
        assert_eq!(measured.len(), OPERATIONS.len());
        assert_eq!(BTreeSet::from_iter(measured), BTreeSet::from(OPERATIONS));
    }
}
