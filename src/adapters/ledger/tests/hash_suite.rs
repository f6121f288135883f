//! One content that is known by several hashes, whatever database is behind the ledger.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::{
    Backstage, kept_for,
    merge_suite::record,
    suite::{failed, list, name, published},
    tenant,
};
use crate::{
    adapters::{
        ledger::{
            hashes,
            merge::{Batch, HashRecord, Standing},
        },
        storages::hash_kinds,
    },
    domain::{
        content_hash::ContentHash,
        content_hashes::{ComputedHashes, ContentHashes},
        ledger::{Claim, EntryState, Lease, Prior, PriorState, Settlement},
        platform::Platform::{self, Email, Telegram},
        publication::{Failure, FailureReason, PublishedPost},
        storage::HashKind,
    },
    ports::LedgerError,
};

/// The hash of an image of one kind.
pub(super) fn hash(kind: HashKind, image: &str) -> ContentHash {
    let kinds = hash_kinds();
    let function = kinds.iter().find(|it| it.kind == kind).unwrap();
    (function.of)(image.as_bytes())
}

/// All hashes of an image, in storage that lists one of this kind.
pub(super) fn all(listed: HashKind, image: &str) -> ContentHashes {
    let listed = hash(listed, image);
    let all = ComputedHashes::of(listed, image.as_bytes(), &hash_kinds());
    all.unwrap().into()
}

/// All hashes of an image, in storage that lists this `ETag`.
fn all_with(etag: &str, image: &str) -> ContentHashes {
    let listed = ContentHash::new(HashKind::Etag, etag).unwrap();
    let all = ComputedHashes::of(listed, image.as_bytes(), &hash_kinds());
    all.unwrap().into()
}

fn lease(hashes: impl Into<ContentHashes>) -> Lease {
    Lease::for_new_holder(tenant("alice"), hashes)
}

async fn claim(ledger: &impl Backstage, lease: &Lease) -> Claim {
    ledger.claim(lease, &Platform::ALL).await.unwrap()
}

/// What is known by these hashes.
pub(super) async fn prior(ledger: &impl Backstage, hashes: impl Into<ContentHashes>) -> Prior {
    let lease = lease(hashes);
    let Claim::Held(prior) = claim(ledger, &lease).await else {
        panic!("somebody has the lease")
    };
    ledger.release(&lease).await.unwrap();
    prior
}

/// One whole attempt, as a publication makes it: by the listed hash first.
pub(super) async fn attempt(
    ledger: &impl Backstage,
    hashes: &ContentHashes,
    platform: Platform,
    came_of_it: &Settlement,
) {
    let lease = lease(hashes.listed().clone());
    assert_ne!(claim(ledger, &lease).await, Claim::HeldByOther);
    let lease = lease.extended_to(hashes.clone());
    assert_ne!(claim(ledger, &lease).await, Claim::HeldByOther);
    let file = name("a.jpg");
    ledger
        .record_intent(&lease, &file, &[platform], &[].into(), &[].into())
        .await
        .unwrap();
    let recorded = ledger.record_outcome(&lease, platform, came_of_it).await;
    recorded.unwrap();
    ledger.release(&lease).await.unwrap();
    assert_eq!(ledger.leases().await, 0);
}

fn on_telegram(id: &str) -> Prior {
    let telegram = (Telegram, PriorState::Published(PublishedPost::new(id)));
    Prior::from(BTreeMap::from([telegram]))
}

pub(super) async fn an_image_is_found_by_each_of_its_hashes(ledger: &impl Backstage) {
    for listed in HashKind::ALL {
        let image = listed.as_str();
        attempt(ledger, &all(listed, image), Telegram, &published("1")).await;
        for kind in HashKind::ALL {
            let hash = hash(kind, image);
            assert_eq!(prior(ledger, hash.clone()).await, on_telegram("1"));
            let asked = [hash.clone(), self::hash(kind, "another")];
            let entries = ledger.entries_of(&tenant("alice"), &asked).await.unwrap();
            assert_eq!(entries.len(), 1, "{hash:?}");
            assert_eq!(entries[&hash].len(), 1);
        }
    }
    let shown: Vec<_> = list(ledger, "alice").await;
    let shown: Vec<_> = shown.iter().map(|it| it.content_hash.clone()).collect();
    let expected = [
        hash(HashKind::Sha256, "etag"),
        hash(HashKind::Dropbox, "dropbox"),
        hash(HashKind::Sha256, "sha256"),
    ];
    assert_eq!(shown, expected);
    let others = ledger
        .entries_of(&tenant("bob"), all(HashKind::Etag, "etag").as_slice())
        .await;
    assert!(others.unwrap().is_empty());
}

/// A row as the version before writes it, of an image in Dropbox.
pub(super) async fn what_the_version_before_wrote_is_found_and_learnt(ledger: &impl Backstage) {
    let key = hash(HashKind::Dropbox, "a");
    ledger
        .run(&format!(
            "INSERT INTO ledger_entries
                (tenant, content_hash, platform, filename, state, post_id, holder, started_at)
             VALUES ('alice', '{key}', 'telegram', 'a.jpg', 'published', '1', 'h', 1)"
        ))
        .await;
    assert_eq!(list(ledger, "alice").await[0].content_hash, key);
    let etag = hash(HashKind::Etag, "a");
    assert_eq!(prior(ledger, etag.clone()).await, Prior::default());
    assert_eq!(
        prior(ledger, all(HashKind::Etag, "a")).await,
        on_telegram("1")
    );
    // Nothing was sent, and yet the next listing knows the image.
    assert_eq!(prior(ledger, etag).await, on_telegram("1"));
    let sha256 = hash(HashKind::Sha256, "a");
    assert_eq!(prior(ledger, sha256).await, on_telegram("1"));
    assert_eq!(ledger.number("SELECT count(*) FROM ledger_hashes").await, 2);
}

/// What the version before reads is filled in as it understands it.
pub(super) async fn what_is_written_can_be_read_by_the_version_before(ledger: &impl Backstage) {
    attempt(ledger, &all(HashKind::Etag, "a"), Telegram, &published("1")).await;
    let unsuitable = Failure::new(FailureReason::ImageUnsuitable, "no");
    let etag = ContentHash::new(HashKind::Etag, "unread-2").unwrap();
    ledger
        .pass_over(&tenant("alice"), &name("b.jpg"), &etag.into(), &unsuitable)
        .await
        .unwrap();
    let key = hash(HashKind::Dropbox, "a");
    for (count, query) in [
        (
            1,
            format!("SELECT count(*) FROM ledger_entries WHERE content_hash = '{key}'"),
        ),
        (
            1,
            "SELECT count(*) FROM ledger_passed_over WHERE length(content_hash) = 64".to_owned(),
        ),
    ] {
        assert_eq!(ledger.number(&query).await, count, "{query}");
    }
    // It records an attempt of its own, and knows nothing of the other columns.
    ledger
        .run(&format!(
            "UPDATE ledger_entries SET state = 'intent', prior = 'published', holder = 'before',
                filename = 'b.jpg' WHERE content_hash = '{key}'"
        ))
        .await;
    let entry = list(ledger, "alice").await.remove(1);
    assert_eq!(entry.content_hash, hash(HashKind::Sha256, "a"));
    assert_eq!(entry.state, EntryState::Unknown);
}

pub(super) async fn leases_on_one_content_exclude_each_other_whichever_hash_they_began_with(
    ledger: &impl Backstage,
) {
    let [first, second] = ["one", "two-2"].map(|etag| all_with(etag, "a"));
    let [one, two] = [&first, &second].map(|hashes| lease(hashes.listed().clone()));
    assert_ne!(claim(ledger, &one).await, Claim::HeldByOther);
    assert_ne!(claim(ledger, &two).await, Claim::HeldByOther);
    let one = one.extended_to(first);
    assert_ne!(claim(ledger, &one).await, Claim::HeldByOther);
    let extended = two.extended_to(second);
    assert_eq!(claim(ledger, &extended).await, Claim::HeldByOther);
    ledger.renew(&one).await.unwrap();
    ledger
        .renew(&two)
        .await
        .expect("a claim that was refused changes nothing");
    assert_eq!(
        claim(ledger, &lease(hash(HashKind::Sha256, "a"))).await,
        Claim::HeldByOther
    );
    ledger.release(&one).await.unwrap();
    assert_ne!(claim(ledger, &extended).await, Claim::HeldByOther);
    ledger.release(&extended).await.unwrap();
    assert_eq!(ledger.leases().await, 0);
}

pub(super) async fn one_of_thirty_requests_for_one_content_under_different_hashes_gets_it(
    ledger: &impl Backstage,
) {
    let claims = (0..30).map(|number| async move {
        let hashes = all_with(&format!("etag-{number}"), "a");
        let lease = lease(hashes.listed().clone());
        assert_ne!(claim(ledger, &lease).await, Claim::HeldByOther);
        claim(ledger, &lease.extended_to(hashes)).await
    });
    let claims = join_all(claims).await;
    let held = claims.iter().filter(|claim| **claim != Claim::HeldByOther);
    assert_eq!(held.count(), 1);
}

pub(super) async fn who_lost_the_lease_on_one_hash_begins_nothing(ledger: &impl Backstage) {
    let lost = lease(all(HashKind::Etag, "a"));
    claim(ledger, &lost).await;
    ledger.expire_leases().await;
    let other = lease(hash(HashKind::Sha256, "a"));
    assert_ne!(claim(ledger, &other).await, Claim::HeldByOther);
    let file = name("a.jpg");
    for refused in [
        ledger.renew(&lost).await,
        ledger
            .record_intent(&lost, &file, &[Telegram], &[].into(), &[].into())
            .await,
    ] {
        assert!(
            matches!(refused, Err(LedgerError::LeaseLost)),
            "{refused:?}"
        );
    }
    assert!(list(ledger, "alice").await.is_empty());
    ledger.release(&lost).await.unwrap();
    ledger.renew(&other).await.unwrap();
}

pub(super) async fn an_image_that_was_passed_over_unread_is_known_by_its_etag_until_it_is_sent(
    ledger: &impl Backstage,
) {
    let hashes = all_with("unread-2", "a");
    let unread = ContentHashes::from(hashes.listed().clone());
    let unsuitable = Failure::new(FailureReason::ImageUnsuitable, "no");
    let (alice, file) = (tenant("alice"), name("a.jpg"));
    // The second time it was read, and is still one image.
    for hashes in [&unread, &hashes] {
        let passed = ledger.pass_over(&alice, &file, hashes, &unsuitable);
        passed.await.unwrap();
    }
    let entries = list(ledger, "alice").await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0].content_hash, hash(HashKind::Sha256, "a"));
    for hash in hashes.as_slice() {
        let known = prior(ledger, hash.clone()).await;
        assert_eq!(
            known.passed_over,
            Some(FailureReason::ImageUnsuitable),
            "{hash:?}"
        );
    }
    attempt(ledger, &all(HashKind::Dropbox, "a"), Email, &failed()).await;
    let known = prior(ledger, unread).await;
    assert_eq!((known.passed_over, known.platforms.len()), (None, 1));
}

/// What was imported by its SHA-256 alone stays one entry when its image turns up in Dropbox.
pub(super) async fn an_entry_keeps_its_key_and_its_certainty(ledger: &impl Backstage) {
    let imported = Batch {
        entries: vec![record("a", Standing::Published)],
        ..Batch::default()
    };
    ledger.merge(&imported).await.unwrap();
    let dropbox = all(HashKind::Dropbox, "a");
    assert_eq!(prior(ledger, dropbox.clone()).await, on_telegram("theirs"));
    let listed = dropbox.listed().clone();
    assert_eq!(prior(ledger, listed).await, on_telegram("theirs"));
    attempt(ledger, &dropbox, Telegram, &failed()).await;
    assert_eq!(prior(ledger, dropbox.clone()).await, on_telegram("theirs"));
    attempt(ledger, &dropbox, Telegram, &published("2")).await;
    let entries = list(ledger, "alice").await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0].content_hash, *dropbox.listed());
    assert_eq!(prior(ledger, dropbox).await, on_telegram("2"));
}

pub(super) async fn hashes_are_merged_and_stay_for_good(ledger: &impl Backstage) {
    let hash_of = |kind: &str, hash: String| HashRecord {
        tenant: "alice".to_owned(),
        kind: kind.to_owned(),
        hash,
        content_hash: hashes::key(&all(HashKind::Dropbox, "a")),
    };
    let mut entry = record("a", Standing::Published);
    entry.content_hash = hashes::key(&all(HashKind::Dropbox, "a"));
    let batch = Batch {
        entries: vec![entry],
        hashes: vec![
            hash_of("etag", hash(HashKind::Etag, "a").to_string()),
            hash_of("of-later", "f00d".to_owned()),
        ],
        ..Batch::default()
    };
    let merged = ledger.merge(&batch).await.unwrap();
    assert_eq!((merged.hashes.new, merged.hashes.known), (2, 0));
    let merged = ledger.merge(&batch).await.unwrap();
    assert_eq!((merged.hashes.new, merged.hashes.known), (0, 2));
    ledger
        .sweep(kept_for(Some(std::time::Duration::ZERO)))
        .await
        .unwrap();
    let etag = hash(HashKind::Etag, "a");
    assert_eq!(prior(ledger, etag).await, on_telegram("theirs"));
}
