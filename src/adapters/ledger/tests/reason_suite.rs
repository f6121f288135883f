//! What every ledger says of images that a platform does not have, whatever database is behind it.

use super::{
    Backstage, everything,
    suite::{attempt, claim, failed, list, name, published, unknown},
    tenant,
};
use crate::domain::{
    content_hash::ContentHash,
    ledger::{Entry, EntryQuery, EntryState, Settlement},
    platform::Platform::{Email, Telegram},
    publication::{Failure, FailureReason},
};

pub(super) async fn an_attempt_is_listed_with_its_reason_as_long_as_the_platform_does_not_have_the_image(
    ledger: &impl Backstage,
) {
    use FailureReason::{LostAnswer, RateLimited};
    let reasons = async || -> Vec<_> {
        let entries = list(ledger, "alice").await;
        entries.iter().map(|it| (it.state, it.reason)).collect()
    };
    let limited = Settlement::Failed(Failure::new(RateLimited, "later"));
    attempt(ledger, "alice", "image", &limited).await;
    assert_eq!(reasons().await, [(EntryState::Failed, Some(RateLimited))]);
    attempt(ledger, "alice", "image", &unknown()).await;
    assert_eq!(reasons().await, [(EntryState::Unknown, Some(LostAnswer))]);
    // A forced repetition that fails does not answer what became of the one before.
    attempt(ledger, "alice", "image", &limited).await;
    assert_eq!(reasons().await, [(EntryState::Unknown, Some(LostAnswer))]);
    attempt(ledger, "alice", "image", &published("1")).await;
    assert_eq!(reasons().await, [(EntryState::Published, None)]);
    attempt(ledger, "alice", "image", &limited).await;
    assert_eq!(reasons().await, [(EntryState::Published, None)]);

    let (lease, _) = claim(ledger, "alice", "image").await;
    let file = name("image.jpg");
    ledger
        .record_intent(&lease, &file, &[Email], &[].into(), &[].into())
        .await
        .unwrap();
    assert_eq!(reasons().await[0], (EntryState::InProgress, None));
    ledger.release(&lease).await.unwrap();
    assert_eq!(
        reasons().await[0],
        (EntryState::Unknown, Some(LostAnswer)),
        "its end was not written down"
    );
}

pub(super) async fn what_nobody_can_tell_is_counted(ledger: &impl Backstage) {
    let count = async || ledger.count_unknown().await.unwrap();
    assert_eq!(count().await, 0);
    attempt(ledger, "alice", "published", &published("1")).await;
    attempt(ledger, "alice", "failed", &failed()).await;
    attempt(ledger, "alice", "unknown", &unknown()).await;
    attempt(ledger, "bob", "unknown", &unknown()).await;
    assert_eq!(count().await, 2, "of all tenants");
    let (lease, _) = claim(ledger, "alice", "intent").await;
    let file = name("intent.jpg");
    ledger
        .record_intent(&lease, &file, &[Telegram, Email], &[].into(), &[].into())
        .await
        .unwrap();
    assert_eq!(count().await, 2, "somebody is at it");
    ledger.release(&lease).await.unwrap();
    assert_eq!(count().await, 4, "nobody is any more");
    attempt(ledger, "bob", "unknown", &published("2")).await;
    assert_eq!(count().await, 3, "it was published again");
}

pub(super) async fn an_image_that_was_passed_over_is_listed_among_the_others_until_it_is_taken_up(
    ledger: &impl Backstage,
) {
    let unsuitable = |text: &str| Failure::new(FailureReason::ImageUnsuitable, text);
    let pass_over = async |who: &str, image: &str, text: &str| {
        let hash = ContentHash::of(image.as_bytes());
        let (tenant, file) = (tenant(who), name(&format!("{image}.jpg")));
        ledger
            .pass_over(&tenant, &file, &hash.into(), &unsuitable(text))
            .await
            .unwrap();
    };
    attempt(ledger, "alice", "first", &failed()).await;
    pass_over("alice", "heic", "no\0 image").await;
    attempt(ledger, "alice", "second", &published("1")).await;
    pass_over("alice", "refused", "the model refused it").await;
    pass_over("bob", "heic", "no image").await;

    let files = |entries: &[Entry]| -> Vec<String> {
        let file = |entry: &Entry| entry.filename().to_owned();
        entries.iter().map(file).collect()
    };
    let all = list(ledger, "alice").await;
    let newest_first = ["refused.jpg", "second.jpg", "heic.jpg", "first.jpg"];
    assert_eq!(files(&all), newest_first);
    let heic = &all[2];
    assert_eq!((heic.platform, heic.state), (None, EntryState::Skipped));
    assert_eq!(heic.reason, Some(FailureReason::ImageUnsuitable));
    assert_eq!(heic.error.as_deref(), Some("no image"));

    let query = async |query: EntryQuery| ledger.list(&tenant("alice"), &query).await.unwrap();
    let mut after = None;
    for expected in newest_first {
        let page = query(EntryQuery {
            limit: 1,
            after,
            ..everything()
        })
        .await;
        assert_eq!(files(&page), [expected], "page by page");
        after = Some(page[0].position);
    }
    assert!(
        query(EntryQuery {
            after,
            ..everything()
        })
        .await
        .is_empty()
    );
    let skipped = EntryState::Skipped;
    let skipped = query(EntryQuery {
        state: Some(skipped),
        ..everything()
    })
    .await;
    assert_eq!(files(&skipped), ["refused.jpg", "heic.jpg"]);
    let failed = EntryState::Failed;
    let failed = query(EntryQuery {
        state: Some(failed),
        ..everything()
    })
    .await;
    assert_eq!(files(&failed), ["first.jpg"]);
    let telegram = query(EntryQuery {
        platform: Some(Telegram),
        ..everything()
    })
    .await;
    assert_eq!(files(&telegram), ["second.jpg", "first.jpg"]);
    let named = EntryQuery {
        image: Some(name("heic.jpg")),
        ..everything()
    };
    assert_eq!(files(&query(named).await), ["heic.jpg"]);
    let of = [ContentHash::of(b"heic"), ContentHash::of(b"first")];
    let of = ledger.entries_of(&tenant("alice"), &of).await.unwrap();
    assert_eq!(of.len(), 2);

    // Found again, it is in the list once; sent, it is passed over no more.
    pass_over("alice", "heic", "still no image").await;
    let all = list(ledger, "alice").await;
    assert_eq!(files(&all)[0], "heic.jpg");
    assert_eq!(all.len(), 4);
    attempt(ledger, "alice", "heic", &published("2")).await;
    let all = list(ledger, "alice").await;
    let states: Vec<_> = all.iter().map(|it| it.state).collect();
    assert_eq!(files(&all)[0], "heic.jpg");
    assert_eq!(states[0], EntryState::Published);
    assert_eq!(all.len(), 4);
    assert_eq!(list(ledger, "bob").await.len(), 1);
}

pub(super) async fn a_probe_writes_and_leaves_nothing(ledger: &impl Backstage) {
    ledger.probe().await.unwrap();
    ledger.probe().await.unwrap();
    assert_eq!(ledger.leases().await, 0);
}
