//! The metrics of the ledger's operations, whichever database does them: how long each took, and
//! whether the database failed it. Used by `ledger.rs`, which puts it around what it opens.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;

use crate::{
    domain::{
        idempotency::{Begun, ChosenImage, KeyedRequest},
        image::{ContentHash, ImageName},
        ledger::{Claim, Entry, EntryQuery, Lease, Settlement},
        platform::Platform,
        publication::Failure,
        tenant::TenantName,
    },
    ports::{Clock, IdempotencyStore, Ledger, LedgerError, LedgerReader},
};

/// Every operation that is measured, by the name that the metrics have for it.
pub const OPERATIONS: [&str; 14] = [
    "claim",
    "renew",
    "intend",
    "settle",
    "pass_over",
    "release",
    "list",
    "entries_of",
    "count_unknown",
    "probe",
    "key_begin",
    "key_choose",
    "key_finish",
    "key_abandon",
];

/// A ledger whose operations are measured.
pub(super) struct Metered<L> {
    ledger: Arc<L>,
    clock: Arc<dyn Clock>,
}

impl<L> Metered<L> {
    /// Measures the operations of a ledger by the clock.
    pub(super) fn new(ledger: Arc<L>, clock: Arc<dyn Clock>) -> Self {
        Self { ledger, clock }
    }

    /// Runs an operation. A lease that is lost is an answer: only a database that fails is an error.
    async fn measure<T>(
        &self,
        operation: &'static str,
        running: impl Future<Output = Result<T, LedgerError>> + Send,
    ) -> Result<T, LedgerError> {
        let started = self.clock.now();
        let result = running.await;
        let took = self.clock.now().saturating_duration_since(started);
        metrics::histogram!(
            "publisher_ledger_operation_duration_seconds", "operation" => operation
        )
        .record(took);
        if let Err(LedgerError::Unavailable(_)) = &result {
            metrics::counter!("publisher_ledger_errors_total", "operation" => operation)
                .increment(1);
        }
        result
    }
}

#[async_trait]
impl<L: Ledger> Ledger for Metered<L> {
    async fn claim(&self, lease: &Lease, platforms: &[Platform]) -> Result<Claim, LedgerError> {
        self.measure("claim", self.ledger.claim(lease, platforms))
            .await
    }

    async fn renew(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.measure("renew", self.ledger.renew(lease)).await
    }

    async fn record_intent(
        &self,
        lease: &Lease,
        image: &ImageName,
        platforms: &[Platform],
    ) -> Result<(), LedgerError> {
        self.measure("intend", self.ledger.record_intent(lease, image, platforms))
            .await
    }

    async fn record_outcome(
        &self,
        lease: &Lease,
        platform: Platform,
        settlement: &Settlement,
    ) -> Result<(), LedgerError> {
        let recording = self.ledger.record_outcome(lease, platform, settlement);
        self.measure("settle", recording).await
    }

    async fn pass_over(
        &self,
        tenant: &TenantName,
        image: &ImageName,
        content_hash: &ContentHash,
        failure: &Failure,
    ) -> Result<(), LedgerError> {
        let passing = self.ledger.pass_over(tenant, image, content_hash, failure);
        self.measure("pass_over", passing).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.measure("release", self.ledger.release(lease)).await
    }
}

#[async_trait]
impl<L: LedgerReader> LedgerReader for Metered<L> {
    async fn list(
        &self,
        tenant: &TenantName,
        query: &EntryQuery,
    ) -> Result<Vec<Entry>, LedgerError> {
        self.measure("list", self.ledger.list(tenant, query)).await
    }

    async fn entries_of(
        &self,
        tenant: &TenantName,
        contents: &[ContentHash],
    ) -> Result<Vec<Entry>, LedgerError> {
        self.measure("entries_of", self.ledger.entries_of(tenant, contents))
            .await
    }

    async fn count_unknown(&self) -> Result<u64, LedgerError> {
        self.measure("count_unknown", self.ledger.count_unknown())
            .await
    }

    async fn probe(&self) -> Result<(), LedgerError> {
        self.measure("probe", self.ledger.probe()).await
    }
}

#[async_trait]
impl<L: IdempotencyStore> IdempotencyStore for Metered<L> {
    async fn begin(&self, request: &KeyedRequest) -> Result<Begun, LedgerError> {
        self.measure("key_begin", self.ledger.begin(request)).await
    }

    async fn choose(&self, request: &KeyedRequest, image: &ChosenImage) -> Result<(), LedgerError> {
        self.measure("key_choose", self.ledger.choose(request, image))
            .await
    }

    async fn finish(&self, request: &KeyedRequest, answer: &str) -> Result<(), LedgerError> {
        self.measure("key_finish", self.ledger.finish(request, answer))
            .await
    }

    async fn abandon(
        &self,
        request: &KeyedRequest,
        may_have_sent: bool,
    ) -> Result<(), LedgerError> {
        let abandoning = self.ledger.abandon(request, may_have_sent);
        self.measure("key_abandon", abandoning).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::{
        adapters::clock::SystemClock,
        ports::{MockLedger, MockLedgerReader},
    };

    /// A ledger that takes three seconds for a probe, and fails.
    struct Slow;

    #[async_trait]
    impl LedgerReader for Slow {
        async fn list(&self, _: &TenantName, _: &EntryQuery) -> Result<Vec<Entry>, LedgerError> {
            Ok(Vec::new())
        }

        async fn entries_of(
            &self,
            _: &TenantName,
            _: &[ContentHash],
        ) -> Result<Vec<Entry>, LedgerError> {
            Ok(Vec::new())
        }

        async fn count_unknown(&self) -> Result<u64, LedgerError> {
            Ok(0)
        }

        async fn probe(&self) -> Result<(), LedgerError> {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Err(LedgerError::Unavailable("the disk is gone".into()))
        }
    }

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
        let ledger = Metered::new(Arc::new(Slow), Arc::new(SystemClock));
        ledger.probe().await.unwrap_err();
        ledger.count_unknown().await.unwrap();
        assert_eq!(
            lines_of(&recorder.handle().render()),
            [
                r#"publisher_ledger_errors_total{operation="probe"} 1"#,
                r#"publisher_ledger_operation_duration_seconds_count{operation="count_unknown"} 1"#,
                r#"publisher_ledger_operation_duration_seconds_count{operation="probe"} 1"#,
                r#"publisher_ledger_operation_duration_seconds_sum{operation="count_unknown"} 0"#,
                r#"publisher_ledger_operation_duration_seconds_sum{operation="probe"} 3"#,
            ]
        );
    }

    #[tokio::test]
    async fn a_lost_lease_is_no_error_of_the_ledger() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let mut ledger = MockLedger::new();
        ledger
            .expect_renew()
            .times(1)
            .returning(|_| Err(LedgerError::LeaseLost));
        let ledger = Metered::new(Arc::new(ledger), Arc::new(SystemClock));
        let tenant = TenantName::new("alice").unwrap();
        let lease = Lease::for_new_holder(tenant, ContentHash::of(b"image"));
        ledger.renew(&lease).await.unwrap_err();
        let text = recorder.handle().render();
        assert!(!text.contains("errors_total"), "{text}");
        assert!(text.contains(r#"_count{operation="renew"} 1"#), "{text}");
    }

    /// Whoever adds an operation adds its name, so that it is counted from the start.
    #[tokio::test]
    async fn what_is_measured_is_among_the_operations() {
        let source = include_str!("metered.rs");
        let (source, _) = source.split_once("mod tests {").unwrap();
        let measured = source.split(".measure(\"").skip(1);
        let measured: Vec<_> = measured
            .map(|rest| rest.split_once('"').unwrap().0)
            .collect();
        assert_eq!(measured, OPERATIONS);
        let mut reader = MockLedgerReader::new();
        reader.expect_probe().times(1).returning(|| Ok(()));
        let ledger = Metered::new(Arc::new(reader), Arc::new(SystemClock));
        ledger.probe().await.unwrap();
    }
}
