//! What every ledger does, whatever database is behind it.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::{Backstage, everything, lease_of, tenant};
use crate::{
    domain::{
        content_hash::ContentHash,
        image::ImageName,
        ledger::{Claim, Entry, EntryQuery, EntryState, Lease, Prior, PriorState, Settlement},
        platform::Platform::{self, Email, Telegram},
        publication::{Failure, FailureReason, PublishedPost},
    },
    ports::LedgerError,
};

pub(super) fn name(name: &str) -> ImageName {
    ImageName::new(name).unwrap()
}

pub(super) fn published(id: &str) -> Settlement {
    Settlement::Published(PublishedPost::new(id))
}

pub(super) fn failed() -> Settlement {
    Settlement::Failed(Failure::new(FailureReason::Rejected, "no"))
}

pub(super) fn unknown() -> Settlement {
    Settlement::Unknown("reset".to_owned())
}

/// Claims as a new holder, who must get the lease.
pub(super) async fn claim(
    ledger: &impl Backstage,
    who: &str,
    image: &str,
) -> (Lease, BTreeMap<Platform, PriorState>) {
    let lease = lease_of(who, image);
    match ledger.claim(&lease, &Platform::ALL).await.unwrap() {
        Claim::Held(prior) => (lease, prior.platforms),
        Claim::HeldByOther => panic!("somebody else has the lease"),
    }
}

/// One whole attempt on Telegram.
pub(super) async fn attempt(
    ledger: &impl Backstage,
    who: &str,
    image: &str,
    came_of_it: &Settlement,
) {
    let (lease, _) = claim(ledger, who, image).await;
    record_intent(ledger, &lease, &format!("{image}.jpg"), &[Telegram]).await;
    let recorded = ledger.record_outcome(&lease, Telegram, came_of_it).await;
    recorded.unwrap();
    ledger.release(&lease).await.unwrap();
}

async fn record_intent(ledger: &impl Backstage, lease: &Lease, image: &str, on: &[Platform]) {
    try_intent(ledger, lease, image, on).await.unwrap();
}

async fn try_intent(
    ledger: &impl Backstage,
    lease: &Lease,
    image: &str,
    on: &[Platform],
) -> Result<(), LedgerError> {
    let (image, keys, none) = (name(image), [].into(), [].into());
    ledger.record_intent(lease, &image, on, &keys, &none).await
}

async fn known(ledger: &impl Backstage, who: &str, image: &str) -> BTreeMap<Platform, PriorState> {
    let (lease, known) = claim(ledger, who, image).await;
    ledger.release(&lease).await.unwrap();
    known
}

pub(super) async fn list(ledger: &impl Backstage, who: &str) -> Vec<Entry> {
    ledger.list(&tenant(who), &everything()).await.unwrap()
}

pub(super) async fn one_of_fifty_concurrent_claims_gets_the_lease(ledger: &impl Backstage) {
    let claims = (0..50).map(|_| async {
        let lease = lease_of("alice", "image");
        ledger.claim(&lease, &Platform::ALL).await.unwrap()
    });
    let claims = join_all(claims).await;
    let held = claims.iter().filter(|claim| **claim != Claim::HeldByOther);
    assert_eq!(held.count(), 1);
}

pub(super) async fn a_lease_is_held_for_one_tenant_and_one_image(ledger: &impl Backstage) {
    let (lease, _) = claim(ledger, "alice", "image").await;
    claim(ledger, "bob", "image").await;
    claim(ledger, "alice", "another").await;
    let second = ledger
        .claim(&lease_of("alice", "image"), &[])
        .await
        .unwrap();
    assert_eq!(second, Claim::HeldByOther);
    ledger.release(&lease).await.unwrap();
    claim(ledger, "alice", "image").await;
}

pub(super) async fn what_is_known_is_told_with_the_lease(ledger: &impl Backstage) {
    assert!(known(ledger, "alice", "image").await.is_empty());
    attempt(ledger, "alice", "image", &failed()).await;
    assert_eq!(
        known(ledger, "alice", "image").await,
        [(Telegram, PriorState::Failed)].into()
    );
    attempt(ledger, "alice", "image", &unknown()).await;
    assert_eq!(
        known(ledger, "alice", "image").await,
        [(Telegram, PriorState::Unknown)].into()
    );
    attempt(ledger, "alice", "image", &published("1")).await;
    let expected = PriorState::Published(PublishedPost::new("1"));
    assert_eq!(
        known(ledger, "alice", "image").await,
        [(Telegram, expected)].into()
    );
    let email_only = ledger
        .claim(&lease_of("alice", "image"), &[Email])
        .await
        .unwrap();
    assert_eq!(email_only, Claim::Held(Prior::default()));
}

pub(super) async fn a_lease_that_is_not_given_back_can_be_taken_once_it_has_expired(
    ledger: &impl Backstage,
) {
    claim(ledger, "alice", "image").await;
    ledger.expire_leases().await;
    claim(ledger, "alice", "image").await;
    let third = ledger
        .claim(&lease_of("alice", "image"), &[])
        .await
        .unwrap();
    assert_eq!(third, Claim::HeldByOther);
}

pub(super) async fn a_renewed_lease_does_not_expire(ledger: &impl Backstage) {
    let (lease, _) = claim(ledger, "alice", "image").await;
    ledger.expire_leases().await;
    ledger.renew(&lease).await.unwrap();
    let second = ledger
        .claim(&lease_of("alice", "image"), &[])
        .await
        .unwrap();
    assert_eq!(second, Claim::HeldByOther);
}

pub(super) async fn a_holder_who_lost_the_lease_begins_nothing(ledger: &impl Backstage) {
    let (lost, _) = claim(ledger, "alice", "image").await;
    record_intent(ledger, &lost, "image.jpg", &[Telegram]).await;
    ledger.expire_leases().await;
    let (lease, _) = claim(ledger, "alice", "image").await;
    for refused in [
        ledger.renew(&lost).await,
        try_intent(ledger, &lost, "image.jpg", &[Email]).await,
    ] {
        assert!(
            matches!(refused, Err(LedgerError::LeaseLost)),
            "{refused:?}"
        );
    }
    ledger.release(&lost).await.unwrap();
    ledger
        .renew(&lease)
        .await
        .expect("it is not the lost holder's to give back");
    assert_eq!(list(ledger, "alice").await.len(), 1);
    ledger.release(&lease).await.unwrap();
    let refused = ledger.renew(&lease).await;
    assert!(
        matches!(refused, Err(LedgerError::LeaseLost)),
        "{refused:?}"
    );
}

pub(super) async fn an_intent_that_nobody_works_on_is_unknown(ledger: &impl Backstage) {
    let (lease, _) = claim(ledger, "alice", "image").await;
    record_intent(ledger, &lease, "image.jpg", &[Telegram, Email]).await;
    ledger
        .record_outcome(&lease, Email, &published("2"))
        .await
        .unwrap();
    let states = |entries: Vec<Entry>| -> BTreeMap<_, _> {
        entries
            .into_iter()
            .map(|entry| (entry.platform.unwrap(), entry.state))
            .collect()
    };
    let now = states(list(ledger, "alice").await);
    assert_eq!(
        now,
        [
            (Telegram, EntryState::InProgress),
            (Email, EntryState::Published)
        ]
        .into()
    );
    ledger.expire_leases().await;
    let then = states(list(ledger, "alice").await);
    assert_eq!(
        then,
        [
            (Telegram, EntryState::Unknown),
            (Email, EntryState::Published)
        ]
        .into()
    );
    let expected = [
        (Telegram, PriorState::Unknown),
        (Email, PriorState::Published(PublishedPost::new("2"))),
    ];
    assert_eq!(known(ledger, "alice", "image").await, expected.into());
}

pub(super) async fn a_failed_repetition_changes_nothing_of_what_was_known(ledger: &impl Backstage) {
    let published_one = PriorState::Published(PublishedPost::new("1"));
    attempt(ledger, "alice", "image", &published("1")).await;
    attempt(ledger, "alice", "image", &failed()).await;
    let now = known(ledger, "alice", "image").await;
    assert_eq!(now, [(Telegram, published_one.clone())].into());
    assert_eq!(list(ledger, "alice").await[0].error.as_deref(), Some("no"));

    attempt(ledger, "alice", "image", &unknown()).await;
    assert_eq!(
        known(ledger, "alice", "image").await,
        [(Telegram, PriorState::Unknown)].into()
    );
    attempt(ledger, "alice", "image", &failed()).await;
    let now = known(ledger, "alice", "image").await;
    assert_eq!(
        now,
        [(Telegram, published_one)].into(),
        "the first post is still there"
    );

    attempt(ledger, "alice", "doubtful", &unknown()).await;
    attempt(ledger, "alice", "doubtful", &failed()).await;
    assert_eq!(
        known(ledger, "alice", "doubtful").await,
        [(Telegram, PriorState::Unknown)].into()
    );
}

pub(super) async fn the_same_settlement_can_be_written_twice(ledger: &impl Backstage) {
    attempt(ledger, "alice", "image", &published("1")).await;
    let (lease, _) = claim(ledger, "alice", "image").await;
    record_intent(ledger, &lease, "image.jpg", &[Telegram]).await;
    for _ in 0..2 {
        ledger
            .record_outcome(&lease, Telegram, &failed())
            .await
            .unwrap();
    }
    let entry = list(ledger, "alice").await.remove(0);
    assert_eq!(entry.state, EntryState::Published);
    assert_eq!(entry.post, Some(PublishedPost::new("1")));
}

pub(super) async fn an_intent_is_written_for_all_platforms_or_for_none(ledger: &impl Backstage) {
    ledger.refuse_email().await;
    let (lease, _) = claim(ledger, "alice", "image").await;
    let refused = try_intent(ledger, &lease, "image.jpg", &Platform::ALL).await;
    assert!(
        matches!(refused, Err(LedgerError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(list(ledger, "alice").await.is_empty());
}

pub(super) async fn tenants_never_see_each_others_entries(ledger: &impl Backstage) {
    attempt(ledger, "alice", "image", &published("1")).await;
    assert!(known(ledger, "bob", "image").await.is_empty());
    assert!(list(ledger, "bob").await.is_empty());
    let (lease, _) = claim(ledger, "bob", "image").await;
    let refused = ledger.record_outcome(&lease, Telegram, &failed()).await;
    assert!(
        matches!(refused, Err(LedgerError::LeaseLost)),
        "{refused:?}"
    );
    assert_eq!(list(ledger, "alice").await[0].state, EntryState::Published);
}

pub(super) async fn entries_are_listed_newest_first_page_by_page(ledger: &impl Backstage) {
    for image in ["a", "b", "c", "d", "e"] {
        attempt(ledger, "alice", image, &published(image)).await;
    }
    attempt(ledger, "alice", "b", &published("b2")).await;
    let mut query = EntryQuery {
        limit: 2,
        ..everything()
    };
    let mut seen = Vec::new();
    loop {
        let page = ledger.list(&tenant("alice"), &query).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        query.after = Some(last.position);
        seen.extend(
            page.into_iter()
                .map(|entry| entry.post.unwrap().id.as_str().to_owned()),
        );
    }
    assert_eq!(seen[0], "b2", "what was tried last is first");
    let rest: Vec<_> = seen.iter().map(String::as_str).skip(1).collect();
    assert_eq!(rest, ["e", "d", "c", "a"]);
}

pub(super) async fn entries_are_filtered_by_image_platform_and_state(ledger: &impl Backstage) {
    for (image, came_of_it) in [("a", published("1")), ("b", failed()), ("c", unknown())] {
        attempt(ledger, "alice", image, &came_of_it).await;
    }
    let (lease, _) = claim(ledger, "alice", "d").await;
    record_intent(ledger, &lease, "d.jpg", &[Email]).await;
    let names = async |query: EntryQuery| -> Vec<String> {
        let entries = ledger.list(&tenant("alice"), &query).await.unwrap();
        entries
            .iter()
            .map(|entry| entry.filename().to_owned())
            .collect()
    };
    let image = Some(name("b.jpg"));
    assert_eq!(
        names(EntryQuery {
            image,
            ..everything()
        })
        .await,
        ["b.jpg"]
    );
    let platform = Some(Email);
    assert_eq!(
        names(EntryQuery {
            platform,
            ..everything()
        })
        .await,
        ["d.jpg"]
    );
    for (state, expected) in [
        (EntryState::Published, "a.jpg"),
        (EntryState::Failed, "b.jpg"),
        (EntryState::Unknown, "c.jpg"),
        (EntryState::InProgress, "d.jpg"),
    ] {
        let state = Some(state);
        assert_eq!(
            names(EntryQuery {
                state,
                ..everything()
            })
            .await,
            [expected]
        );
    }
}

pub(super) async fn entries_are_found_by_their_contents(ledger: &impl Backstage) {
    for image in ["a", "b", "c"] {
        attempt(ledger, "alice", image, &published(image)).await;
    }
    attempt(ledger, "bob", "d", &published("d")).await;
    let contents = ["c", "a", "d", "never tried"].map(|it| ContentHash::of(it.as_bytes()));
    let who = tenant("alice");
    let entries = ledger.entries_of(&who, &contents).await.unwrap();
    assert_eq!(entries.len(), 2);
    for (content, image) in contents.iter().zip(["c.jpg", "a.jpg"]) {
        assert_eq!(entries[content][0].filename(), image);
    }
    assert!(ledger.entries_of(&who, &[]).await.unwrap().is_empty());
}

pub(super) async fn texts_from_outside_are_kept_as_far_as_the_database_can(
    ledger: &impl Backstage,
) {
    let (lease, _) = claim(ledger, "alice", "image").await;
    record_intent(ledger, &lease, "café-夜 '\".jpg", &[Telegram]).await;
    let hostile = Settlement::Failed(Failure::new(
        FailureReason::Rejected,
        "a\0b '; DROP TABLE ledger_entries; --",
    ));
    let recorded = ledger.record_outcome(&lease, Telegram, &hostile).await;
    recorded.unwrap();
    let entry = list(ledger, "alice").await.remove(0);
    assert_eq!(entry.filename(), "café-夜 '\".jpg");
    assert_eq!(
        entry.error.as_deref(),
        Some("ab '; DROP TABLE ledger_entries; --")
    );
    assert!(entry.ended.is_some_and(|ended| ended >= entry.started));
}
