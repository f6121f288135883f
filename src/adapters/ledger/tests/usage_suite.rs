//! The outbox of usage events, whatever database is behind it.

use std::{collections::BTreeMap, num::NonZeroU64, time::Duration};

use super::{Backstage, tenant};
use crate::{
    domain::usage::{UsageEvent, UsageKey, UsageMetric},
    ports::{ClaimedUsage, OutboxState, UsageSettlement},
};

const MINUTE: Duration = Duration::from_mins(1);

pub(super) fn event(key: &str) -> UsageEvent {
    UsageEvent {
        tenant: tenant("alice"),
        metric: UsageMetric::AiTokens,
        key: UsageKey::new(key).unwrap(),
        quantity: NonZeroU64::new(7).unwrap(),
        occurred_at: std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
    }
}

async fn keys(ledger: &impl Backstage, limit: u32) -> Vec<String> {
    let claimed = ledger.claim_due(limit).await.unwrap();
    let keys = claimed.iter().map(|it| it.event.key.to_string());
    keys.collect()
}

async fn only(ledger: &impl Backstage) -> ClaimedUsage {
    let mut claimed = ledger.claim_due(10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

fn later(wait: Duration) -> UsageSettlement {
    UsageSettlement::Later {
        wait,
        is_own_failure: false,
    }
}

/// Lets claims and waits end.
async fn pass(ledger: &impl Backstage, time: Duration) {
    let millis = time.as_millis();
    ledger
        .run(&format!(
            "UPDATE ledger_usage SET due_at = due_at - {millis}, added_at = added_at - {millis},
                unknown_since = unknown_since - {millis}"
        ))
        .await;
}

pub(super) async fn an_event_is_added_once_and_claimed_by_one(ledger: &impl Backstage) {
    for key in ["a", "b", "a"] {
        ledger.add(&event(key)).await.unwrap();
    }
    let bobs = UsageEvent {
        tenant: tenant("bob"),
        metric: UsageMetric::StorageRequests,
        ..event("a")
    };
    ledger.add(&bobs).await.unwrap();
    let state = ledger.state().await.unwrap();
    assert_eq!(state.entries, 3);
    assert!(state.oldest.unwrap() < MINUTE);
    let first = ledger.claim_due(2).await.unwrap();
    let events: Vec<_> = first.iter().map(|it| it.event.clone()).collect();
    assert_eq!(events, [event("a"), event("b")]);
    assert!(
        first
            .iter()
            .all(|it| it.attempts == 1 && it.own_failure_for.is_none())
    );
    assert_eq!(only(ledger).await.event, bobs);
    assert!(keys(ledger, 10).await.is_empty(), "all are claimed");
}

pub(super) async fn an_event_that_is_done_is_gone_and_one_that_stays_is_due_later(
    ledger: &impl Backstage,
) {
    for key in ["done", "stays"] {
        ledger.add(&event(key)).await.unwrap();
    }
    let claimed = ledger.claim_due(10).await.unwrap();
    ledger
        .settle(&claimed[0], UsageSettlement::Done)
        .await
        .unwrap();
    ledger.settle(&claimed[1], later(2 * MINUTE)).await.unwrap();
    pass(ledger, MINUTE).await;
    assert!(keys(ledger, 10).await.is_empty());
    pass(ledger, MINUTE).await;
    let again = only(ledger).await;
    assert_eq!((again.event, again.attempts), (event("stays"), 2));
    assert_eq!(ledger.state().await.unwrap().entries, 1);
    ledger.add(&event("done")).await.unwrap();
    assert_eq!(
        only(ledger).await.event,
        event("done"),
        "its row is forgotten"
    );
}

pub(super) async fn a_claim_that_nobody_ended_is_over_by_itself(ledger: &impl Backstage) {
    ledger.add(&event("a")).await.unwrap();
    let first = only(ledger).await;
    pass(ledger, Duration::from_secs(50)).await;
    assert!(keys(ledger, 10).await.is_empty());
    pass(ledger, Duration::from_secs(10)).await;
    let second = only(ledger).await;
    assert_ne!(first.claim, second.claim);
    assert_eq!(second.attempts, 2);
}

pub(super) async fn who_lost_the_claim_settles_nothing(ledger: &impl Backstage) {
    ledger.add(&event("a")).await.unwrap();
    let lost = only(ledger).await;
    pass(ledger, MINUTE).await;
    let held = only(ledger).await;
    ledger.settle(&lost, UsageSettlement::Done).await.unwrap();
    ledger.settle(&lost, later(Duration::ZERO)).await.unwrap();
    assert!(keys(ledger, 10).await.is_empty(), "the other claim holds");
    ledger.settle(&held, UsageSettlement::Done).await.unwrap();
    assert_eq!(ledger.state().await.unwrap(), OutboxState::default());
}

pub(super) async fn the_time_since_a_tenant_is_unknown_is_kept(ledger: &impl Backstage) {
    ledger.add(&event("a")).await.unwrap();
    let unknown = UsageSettlement::Later {
        wait: MINUTE,
        is_own_failure: true,
    };
    for settlement in [unknown, later(MINUTE), unknown] {
        let claimed = only(ledger).await;
        ledger.settle(&claimed, settlement).await.unwrap();
        pass(ledger, MINUTE).await;
    }
    let own_failure_for = only(ledger).await.own_failure_for.unwrap();
    assert!(
        own_failure_for >= 3 * MINUTE && own_failure_for < 4 * MINUTE,
        "{own_failure_for:?}"
    );
}

pub(super) async fn the_oldest_beyond_the_limit_are_dropped(ledger: &impl Backstage) {
    insert(ledger, 1203).await;
    assert_eq!(ledger.trim(2000).await.unwrap(), 0);
    assert_eq!(ledger.trim(1203).await.unwrap(), 0);
    assert_eq!(ledger.trim(2).await.unwrap(), 1201);
    assert_eq!(keys(ledger, 10).await, ["key-1202", "key-1203"]);
    assert_eq!(ledger.trim(0).await.unwrap(), 2);
}

pub(super) async fn two_claimants_get_five_hundred_events_once_each(ledger: &impl Backstage) {
    insert(ledger, 500).await;
    let claimant = async || {
        let mut got = Vec::new();
        loop {
            let claimed = ledger.claim_due(8).await.unwrap();
            if claimed.is_empty() {
                return got;
            }
            for claimed in claimed {
                ledger
                    .settle(&claimed, UsageSettlement::Done)
                    .await
                    .unwrap();
                got.push(claimed.event.key.to_string());
            }
        }
    };
    let (one, other) = tokio::join!(claimant(), claimant());
    assert!(!one.is_empty() && !other.is_empty());
    let mut counts = BTreeMap::new();
    for key in one.into_iter().chain(other) {
        *counts.entry(key).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 500);
    assert!(counts.values().all(|count| *count == 1));
}

/// So many events, without a call for each.
pub(super) async fn insert(ledger: &impl Backstage, count: u32) {
    ledger
        .run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO ledger_usage
                (tenant, event_key, metric, quantity, occurred_at, added_at, due_at)
                SELECT 'alice', 'key-' || i, 'ai_tokens', 7, 1, i, i FROM n ORDER BY i"
        ))
        .await;
}
