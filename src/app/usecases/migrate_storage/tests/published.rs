//! What the ledger is told of images that are at the target.

use std::time::SystemTime;

use super::*;
use crate::{
    domain::ledger::{Claim, Entry, EntryState, Position, Prior},
    ports::{MockLedger, MockLedgerReader},
};

/// A reader that knows an image by these hashes.
fn reader(known: Vec<ContentHash>) -> MockLedgerReader {
    let mut reader = MockLedgerReader::new();
    reader
        .expect_entries_of()
        .times(1)
        .returning(move |_, asked| {
            let found = asked.iter().filter(|hash| known.contains(hash));
            Ok(found.map(|hash| (hash.clone(), vec![entry()])).collect())
        });
    reader
}

fn entry() -> Entry {
    Entry {
        position: Position {
            started_ms: 0,
            id: 1,
        },
        image: Some(name("a.jpg")),
        content_hash: ContentHash::of(b"a"),
        platform: None,
        state: EntryState::Skipped,
        post: None,
        reason: None,
        error: None,
        key: None,
        started: SystemTime::UNIX_EPOCH,
        ended: None,
    }
}

/// A ledger whose image is in use for so many claims, and is then claimed by all of these hashes and released.
fn ledger(in_use: usize, claims: usize, hashes: Vec<ContentHash>) -> MockLedger {
    let mut ledger = MockLedger::new();
    let mut left = in_use;
    let has_all = move |lease: &crate::domain::ledger::Lease| {
        let mut hashes = hashes.iter();
        lease.tenant().as_str() == "alice" && hashes.all(|hash| lease.hashes().contains(hash))
    };
    let is_released = has_all.clone();
    ledger
        .expect_claim()
        .withf(move |lease, _| has_all(lease))
        .times(claims)
        .returning(move |_, _| {
            if left == 0 {
                return Ok(Claim::Held(Prior::default()));
            }
            left -= 1;
            Ok(Claim::HeldByOther)
        });
    ledger
        .expect_release()
        .withf(is_released)
        .times(claims - in_use)
        .returning(|_| Ok(()));
    ledger
}

fn before(reader: MockLedgerReader, ledger: MockLedger) -> PublishedBefore {
    PublishedBefore {
        reader: Arc::new(reader),
        leases: fixtures::leases(Arc::new(ledger)),
    }
}

fn all_hashes(bytes: &Bytes) -> Vec<ContentHash> {
    let kinds = storages::hash_kinds();
    kinds.iter().map(|kind| (kind.of)(bytes)).collect()
}

fn counts(written: usize, known: usize, in_use: usize) -> LedgerCounts {
    LedgerCounts {
        written,
        known,
        in_use,
    }
}

/// The copy of an image that the target lists under an `ETag` which is of no bytes.
fn copying(bytes: &Bytes) -> (MigrateStorage, ContentHash) {
    let etag = ContentHash::new(HashKind::Etag, "in-parts-2").unwrap();
    let found = StoredImage {
        content_hash: etag.clone(),
        ..stored("a.jpg", bytes, SHA256)
    };
    let mut target = target_taking(found.clone());
    let back = FetchedImage {
        stored: found,
        bytes: bytes.clone(),
    };
    target
        .expect_fetch()
        .times(1)
        .return_once(move |_| Ok(back));
    let source = without_sidecars(source_of(bytes, 1));
    (migration(source, target), etag)
}

#[tokio::test]
async fn a_copy_of_what_was_published_is_known_by_all_hashes_and_by_what_the_target_lists() {
    let bytes = image("a");
    let (mut migration, etag) = copying(&bytes);
    let mut all = all_hashes(&bytes);
    all.push(etag);
    let known = vec![(dropbox_hash().of)(&bytes)];
    migration.ledger = Some(before(reader(known), ledger(0, 1, all)));
    let (outcomes, summary) = run(&migration).await;
    assert_eq!(outcomes["a.jpg"], copied(&bytes));
    assert_eq!(summary.ledger, counts(1, 0, 0));
    assert!(summary.is_complete());
}

#[tokio::test]
async fn an_image_that_is_at_the_target_already_is_told_of_as_well() {
    let bytes = image("a");
    let source = without_sidecars(source_of(&bytes, 1));
    let target = listing(vec![stored("a.jpg", &bytes, SHA256)]);
    let mut migration = migration(source, target);
    let known = vec![(dropbox_hash().of)(&bytes)];
    migration.ledger = Some(before(reader(known), ledger(0, 1, all_hashes(&bytes))));
    let (outcomes, summary) = run(&migration).await;
    assert_eq!(outcomes["a.jpg"], Outcome::Present);
    assert_eq!(summary.ledger, counts(1, 0, 0));
}

#[tokio::test]
async fn nothing_is_written_for_an_image_that_is_not_known_or_known_by_all_hashes() {
    let bytes = image("a");
    for (known, expected) in [
        (Vec::new(), counts(0, 0, 0)),
        (all_hashes(&bytes), counts(0, 1, 0)),
    ] {
        let source = without_sidecars(source_of(&bytes, 1));
        let mut migration = migration(source, target_taking(stored("a.jpg", &bytes, SHA256)));
        migration.ledger = Some(before(reader(known), ledger(0, 0, Vec::new())));
        let (_, summary) = run(&migration).await;
        assert_eq!(summary.ledger, expected);
    }
}

#[tokio::test]
async fn nothing_is_asked_of_an_image_that_is_another_one_at_the_target() {
    let bytes = image("a");
    let source = source_of(&bytes, 1);
    let mut migration = migration(source, listing(vec![stored("a.jpg", &image("b"), SHA256)]));
    migration.ledger = Some(before(MockLedgerReader::new(), MockLedger::new()));
    let (outcomes, summary) = run(&migration).await;
    assert_eq!(outcomes["a.jpg"], Outcome::Different);
    assert_eq!(summary.ledger, LedgerCounts::default());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_a_service_has_is_waited_for() {
    let bytes = image("a");
    let known = vec![(dropbox_hash().of)(&bytes)];
    for (in_use, claims, expected) in [(3, 4, counts(1, 0, 0)), (18, 18, counts(0, 0, 1))] {
        let source = without_sidecars(source_of(&bytes, 1));
        let mut migration = migration(source, target_taking(stored("a.jpg", &bytes, SHA256)));
        let ledger = ledger(in_use, claims, all_hashes(&bytes));
        migration.ledger = Some(before(reader(known.clone()), ledger));
        let (_, summary) = run(&migration).await;
        assert_eq!(summary.ledger, expected);
        assert_eq!(summary.is_complete(), expected.in_use == 0);
    }
}

#[tokio::test]
async fn a_ledger_that_fails_stops_the_run() {
    let bytes = image("a");
    let source = without_sidecars(source_of(&bytes, 1));
    let mut migration = migration(source, target_taking(stored("a.jpg", &bytes, SHA256)));
    let mut reader = MockLedgerReader::new();
    reader
        .expect_entries_of()
        .times(1)
        .returning(|_, _| Err(LedgerError::Unavailable("it is full".into())));
    migration.ledger = Some(before(reader, MockLedger::new()));
    let stopped = migration.run(&|_| {}).await.unwrap_err();
    assert!(matches!(
        stopped,
        Stopped::Ledger(LedgerError::Unavailable(_))
    ));
}
