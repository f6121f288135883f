//! What goes with time, and what stays, whatever database is behind it.

use std::time::Duration;

use super::{
    Backstage, kept_for,
    request_suite::{chosen, request_of},
    suite::{attempt, claim, failed, list, name, published, unknown},
    tenant,
};
use crate::{
    domain::{
        content_hash::ContentHash,
        idempotency::Begun,
        publication::{Failure, FailureReason},
    },
    ports::Swept,
};

const DAY: Duration = Duration::from_hours(24);

pub(super) async fn texts_go_and_what_says_that_an_image_was_posted_stays(ledger: &impl Backstage) {
    for image in ["old", "new"] {
        attempt(ledger, "alice", &format!("{image} posted"), &published("1")).await;
        attempt(ledger, "alice", &format!("{image} failed"), &failed()).await;
        attempt(ledger, "alice", &format!("{image} unknown"), &unknown()).await;
        let hash = ContentHash::of(format!("{image} broken").as_bytes());
        let broken = Failure::new(FailureReason::ImageUnsuitable, "it is broken");
        let file = name(&format!("{image} broken.jpg"));
        let alice = tenant("alice");
        ledger
            .pass_over(&alice, &file, &hash.into(), &broken)
            .await
            .unwrap();
        if image == "old" {
            let three_days = 3 * 24 * 60 * 60 * 1000;
            ledger
                .run(&format!(
                    "UPDATE ledger_entries SET started_at = started_at - {three_days},
                        ended_at = ended_at - {three_days};
                     UPDATE ledger_passed_over SET noted_at = noted_at - {three_days}"
                ))
                .await;
        }
    }
    let before = list(ledger, "alice").await;
    assert_eq!(before.len(), 8);
    assert_eq!(
        ledger.sweep(kept_for(None)).await.unwrap(),
        Swept::default()
    );
    assert_eq!(
        list(ledger, "alice").await,
        before,
        "texts are kept for good"
    );

    let swept = ledger.sweep(kept_for(Some(2 * DAY))).await.unwrap();
    assert_eq!(swept.texts, 3);
    let after = list(ledger, "alice").await;
    let expected = before.into_iter().map(|mut entry| {
        if !entry.filename().starts_with("new") {
            entry.error = None;
        }
        entry
    });
    assert_eq!(after, expected.collect::<Vec<_>>());
    let (_, known) = claim(ledger, "alice", "old posted").await;
    assert_eq!(known.len(), 1);
    let swept = ledger.sweep(kept_for(Some(2 * DAY))).await.unwrap();
    assert_eq!(swept, Swept::default(), "nothing is left to be swept");
}

pub(super) async fn leases_of_the_dead_and_old_keys_go_and_no_others(ledger: &impl Backstage) {
    let (dead, living) = (request_of("dead", "a.jpg"), request_of("living", "a.jpg"));
    claim(ledger, "alice", "dead").await;
    assert_eq!(ledger.begin(&dead).await.unwrap(), Begun::First);
    ledger.choose(&dead, &chosen()).await.unwrap();
    let hours = 25 * 60 * 60 * 1000;
    ledger
        .run(&format!(
            "UPDATE ledger_leases SET expires_at = expires_at - {hours};
             UPDATE ledger_requests SET created_at = created_at - {hours}"
        ))
        .await;
    claim(ledger, "alice", "living").await;
    // Its holder may still write under it, and so it stays for an hour.
    claim(ledger, "alice", "late").await;
    ledger
        .run(&format!(
            "UPDATE ledger_leases SET expires_at = expires_at - 120000 WHERE content_hash = '{}'",
            ContentHash::of(b"late")
        ))
        .await;
    let swept = ledger.sweep(kept_for(None)).await.unwrap();
    let expected = Swept {
        leases: 1,
        keys: 1,
        texts: 0,
        captions: 0,
    };
    assert_eq!(swept, expected);
    assert_eq!(ledger.leases().await, 2);
    assert_eq!(ledger.begin(&living).await.unwrap(), Begun::First);
    assert_eq!(
        ledger.sweep(kept_for(None)).await.unwrap(),
        Swept::default()
    );
    assert_eq!(ledger.begin(&living).await.unwrap(), Begun::Running);
}

pub(super) async fn more_rows_than_one_statement_is_about_are_swept(ledger: &impl Backstage) {
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1201)";
    ledger
        .run(&format!(
            "{numbers} INSERT INTO ledger_leases
                SELECT 'bulk', CAST(i AS TEXT), 'nobody', 0, 0 FROM n;
             {numbers} INSERT INTO ledger_requests
                (tenant, key_hash, fingerprint, session, expires_at, answer, created_at)
                SELECT 'bulk', CAST(i AS TEXT), 'same', 0, 0, '{{}}', 0 FROM n;
             {numbers} INSERT INTO ledger_entries
                (tenant, content_hash, platform, filename, state, error, holder, started_at)
                SELECT 'bulk', CAST(i AS TEXT), 'email', 'a.jpg', 'failed',
                    CASE WHEN i % 2 = 0 THEN 'text' END, 'nobody', 0 FROM n;
             DELETE FROM ledger_entries WHERE id % 7 = 0"
        ))
        .await;
    let texts = "SELECT count(*) FROM ledger_entries WHERE error IS NOT NULL";
    let count = ledger.number(texts).await;
    let swept = ledger.sweep(kept_for(Some(DAY))).await.unwrap();
    let expected = Swept {
        leases: 1201,
        keys: 1201,
        texts: u64::try_from(count).unwrap(),
        captions: 0,
    };
    assert_eq!(swept, expected);
    assert!(count > 500);
    for table in ["ledger_leases", "ledger_requests"] {
        assert_eq!(
            ledger
                .number(&format!("SELECT count(*) FROM {table}"))
                .await,
            0
        );
    }
    assert_eq!(ledger.number(texts).await, 0);
}
