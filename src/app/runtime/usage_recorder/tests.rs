use std::{collections::BTreeSet, time::SystemTime};

use mockall::predicate::eq;

use super::*;
use crate::ports::{MockClock, MockUsageOutbox};

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of the test is tokio's, which is paused"
)]
fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

fn tenant(name: &str) -> TenantName {
    TenantName::new(name).unwrap()
}

fn event(key: &str) -> UsageEvent {
    UsageEvent {
        tenant: tenant("alice"),
        metric: UsageMetric::AiTokens,
        key: UsageKey::new(key).unwrap(),
        quantity: NonZeroU64::MIN,
        occurred_at: SystemTime::UNIX_EPOCH,
    }
}

fn recorder() -> UsageRecorder {
    let mut clock = MockClock::new();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    clock.expect_utc().return_const(at);
    UsageRecorder::new(Arc::new(clock))
}

fn recorder_on(outbox: MockUsageOutbox) -> UsageRecorder {
    let recorder = recorder();
    recorder.attach(Arc::new(outbox));
    recorder
}

fn away() -> LedgerError {
    LedgerError::Unavailable("away".into())
}

#[tokio::test]
async fn an_event_is_written_before_its_caller_goes_on() {
    let mut outbox = MockUsageOutbox::new();
    outbox
        .expect_add()
        .with(eq(event("a")))
        .times(1)
        .returning(|_| Ok(()));
    let recorder = recorder_on(outbox);
    recorder.record(event("a")).await;
    recorder.added().await;
    recorder.write_backlog().await;
}

#[tokio::test]
async fn events_that_the_ledger_does_not_take_wait_in_their_order() {
    let mut outbox = MockUsageOutbox::new();
    let mut order = mockall::Sequence::new();
    for (key, is_away) in [
        ("a", true),
        ("b", true),
        ("a", true),
        ("a", false),
        ("b", false),
    ] {
        let add = outbox.expect_add().with(eq(event(key))).times(1);
        let add = add.in_sequence(&mut order);
        add.returning(move |_| if is_away { Err(away()) } else { Ok(()) });
    }
    let recorder = recorder_on(outbox);
    recorder.record(event("a")).await;
    recorder.record(event("b")).await;
    recorder.write_backlog().await;
    recorder.write_backlog().await;
    recorder.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_hangs_holds_nobody_up_for_long() {
    struct Hanging;

    #[async_trait]
    impl UsageOutbox for Hanging {
        async fn add(&self, _: &UsageEvent) -> Result<(), LedgerError> {
            std::future::pending().await
        }
        async fn claim_due(&self, _: u32) -> Result<Vec<crate::ports::ClaimedUsage>, LedgerError> {
            unreachable!("nothing is claimed")
        }
        async fn settle(
            &self,
            _: &crate::ports::ClaimedUsage,
            _: crate::ports::UsageSettlement,
        ) -> Result<(), LedgerError> {
            unreachable!("nothing is settled")
        }
        async fn trim(&self, _: u32) -> Result<u64, LedgerError> {
            unreachable!("nothing is trimmed")
        }
        async fn state(&self) -> Result<crate::ports::OutboxState, LedgerError> {
            unreachable!("nothing is counted")
        }
    }

    let recorder = recorder();
    recorder.attach(Arc::new(Hanging));
    let started = now();
    recorder.record(event("a")).await;
    assert_eq!(started.elapsed(), WRITE_LIMIT);
    assert_eq!(recorder.backlog.lock().len(), 1);
}

#[tokio::test]
async fn what_is_recorded_before_there_is_an_outbox_is_written_then_and_no_more_than_fits() {
    let recorder = recorder();
    for number in 0..=MAX_BACKLOG {
        recorder.record(event(&number.to_string())).await;
    }
    assert_eq!(recorder.backlog.lock().len(), MAX_BACKLOG);
    let mut outbox = MockUsageOutbox::new();
    outbox.expect_add().times(MAX_BACKLOG).returning(|_| Ok(()));
    recorder.attach(Arc::new(outbox));
    recorder.write_backlog().await;
    assert!(recorder.backlog.lock().is_empty());
}

#[tokio::test]
async fn calls_to_storage_are_gathered_tenant_by_tenant_under_a_key_for_each_batch() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let mut outbox = MockUsageOutbox::new();
    let taken = Arc::clone(&written);
    outbox.expect_add().returning(move |event| {
        taken.lock().push(event.clone());
        Ok(())
    });
    let recorder = recorder_on(outbox);
    for name in ["alice", "bob", "alice"] {
        recorder.count(&tenant(name));
    }
    recorder.gather_storage_calls(&tenant("alice")).await;
    recorder.gather_storage_calls(&tenant("alice")).await;
    recorder.count(&tenant("alice"));
    recorder.finish().await;
    let mut events = written.lock().clone();
    events.sort_by_key(|event| event.tenant.clone());
    let counts: Vec<_> = events
        .iter()
        .map(|event| (event.tenant.as_str(), event.quantity.get()))
        .collect();
    assert_eq!(counts, [("alice", 2), ("alice", 1), ("bob", 1)]);
    let keys: BTreeSet<_> = events.iter().map(|event| event.key.as_str()).collect();
    assert_eq!(keys.len(), 3);
    for event in &events {
        let start = format!("r2ops:{}:2023-11-14:22:", event.tenant);
        assert!(event.key.as_str().starts_with(&start), "{}", event.key);
        assert_eq!(event.metric, UsageMetric::StorageRequests);
    }
}

#[tokio::test]
async fn a_batch_that_was_not_written_keeps_its_key() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let mut outbox = MockUsageOutbox::new();
    let seen = Arc::clone(&keys);
    outbox.expect_add().times(2).returning(move |event| {
        let mut seen = seen.lock();
        seen.push((event.key.clone(), event.quantity));
        if seen.len() == 1 { Err(away()) } else { Ok(()) }
    });
    let recorder = recorder_on(outbox);
    recorder.count(&tenant("alice"));
    recorder.gather_all_storage_calls().await;
    recorder.finish().await;
    let keys = keys.lock();
    assert_eq!(keys[0], keys[1]);
}
