//! Outcomes that are written late, whatever database is behind the ledger.

use super::{
    Backstage, lease_of,
    suite::{claim, failed, list, name, published},
};
use crate::{
    domain::{
        ledger::{Claim, EntryState, PriorState},
        platform::Platform::{Email, Telegram},
        publication::PublishedPost,
    },
    ports::LedgerError,
};

pub(super) async fn an_outcome_is_written_after_the_lease_has_ended(ledger: &impl Backstage) {
    for is_released in [false, true] {
        let image = if is_released { "released" } else { "expired" };
        let (lease, _) = claim(ledger, "alice", image).await;
        let file = name("image.jpg");
        ledger
            .record_intent(&lease, &file, &[Telegram], &[].into(), &[].into())
            .await
            .unwrap();
        if is_released {
            ledger.release(&lease).await.unwrap();
        }
        ledger.expire_leases().await;
        assert_eq!(list(ledger, "alice").await[0].state, EntryState::Unknown);
        for _ in 0..2 {
            ledger
                .record_outcome(&lease, Telegram, &published("1"))
                .await
                .unwrap();
        }
        let entry = list(ledger, "alice").await.remove(0);
        assert_eq!(entry.state, EntryState::Published);
        assert_eq!(entry.post, Some(PublishedPost::new("1")));
    }
}

pub(super) async fn an_outcome_is_written_while_another_holder_has_the_lease(
    ledger: &impl Backstage,
) {
    let (lost, _) = claim(ledger, "alice", "image").await;
    let file = name("image.jpg");
    ledger
        .record_intent(&lost, &file, &[Telegram], &[].into(), &[].into())
        .await
        .unwrap();
    ledger.expire_leases().await;
    let (lease, known) = claim(ledger, "alice", "image").await;
    assert_eq!(known, [(Telegram, PriorState::Unknown)].into());
    // The other holder publishes to another platform, which is none of the first one's business.
    ledger
        .record_intent(&lease, &file, &[Email], &[].into(), &[].into())
        .await
        .unwrap();
    ledger
        .record_outcome(&lost, Telegram, &published("1"))
        .await
        .unwrap();
    let refused = ledger.record_outcome(&lost, Email, &failed()).await;
    assert!(
        matches!(refused, Err(LedgerError::LeaseLost)),
        "{refused:?}"
    );
    ledger.renew(&lease).await.expect("it is still held");
    ledger
        .record_outcome(&lease, Email, &published("2"))
        .await
        .unwrap();
    ledger.release(&lease).await.unwrap();
    let (_, known) = claim(ledger, "alice", "image").await;
    let expected = [
        (Telegram, PriorState::Published(PublishedPost::new("1"))),
        (Email, PriorState::Published(PublishedPost::new("2"))),
    ];
    assert_eq!(known, expected.into());
}

pub(super) async fn an_outcome_never_overwrites_what_a_later_attempt_has_begun(
    ledger: &impl Backstage,
) {
    let (lost, _) = claim(ledger, "alice", "image").await;
    let file = name("image.jpg");
    ledger
        .record_intent(&lost, &file, &[Telegram], &[].into(), &[].into())
        .await
        .unwrap();
    ledger.expire_leases().await;
    let (lease, _) = claim(ledger, "alice", "image").await;
    ledger
        .record_intent(&lease, &file, &[Telegram], &[].into(), &[].into())
        .await
        .unwrap();
    let refused = async || {
        let refused = ledger.record_outcome(&lost, Telegram, &failed()).await;
        assert!(
            matches!(refused, Err(LedgerError::LeaseLost)),
            "{refused:?}"
        );
    };
    refused().await;
    assert_eq!(list(ledger, "alice").await[0].state, EntryState::InProgress);
    ledger
        .record_outcome(&lease, Telegram, &published("2"))
        .await
        .unwrap();
    refused().await;
    let entry = list(ledger, "alice").await.remove(0);
    assert_eq!(entry.post, Some(PublishedPost::new("2")));
}

pub(super) async fn an_outcome_renews_the_lease_that_is_still_held(ledger: &impl Backstage) {
    let (lease, _) = claim(ledger, "alice", "image").await;
    let file = name("image.jpg");
    ledger
        .record_intent(&lease, &file, &[Telegram], &[].into(), &[].into())
        .await
        .unwrap();
    ledger.expire_leases().await;
    ledger
        .record_outcome(&lease, Telegram, &published("1"))
        .await
        .unwrap();
    let second = ledger.claim(&lease_of("alice", "image"), &[]).await;
    assert_eq!(second.unwrap(), Claim::HeldByOther);
}
