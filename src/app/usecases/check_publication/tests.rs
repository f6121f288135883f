//! Checking on mocked ports, with every call counted.

use std::{
    sync::Mutex,
    time::{Duration, SystemTime},
};

use super::*;
use crate::{
    app::usecases::fixtures::{TenantFixture, image_name, leases, request_id, rotating_store},
    domain::{
        content_hash::ContentHash,
        ledger::{Claim, Position, Prior, PriorState, Settlement},
        publication::PublishedPost,
    },
    ports::{CredentialError, LookUp, MockCredentialStore, MockLedger, MockLedgerReader},
};

fn key() -> LookupKey {
    LookupKey::new("k")
}

fn entry(state: EntryState) -> Entry {
    Entry {
        position: Position {
            started_ms: 1,
            id: 7,
        },
        image: Some(image_name()),
        content_hash: ContentHash::of(b"image"),
        platform: Some(Platform::Telegram),
        state,
        post: None,
        reason: None,
        error: Some("lost".to_owned()),
        key: Some(key()),
        started: SystemTime::UNIX_EPOCH,
        ended: None,
    }
}

/// A reader that finds these entries, one after the other.
fn finding(entries: impl IntoIterator<Item = Entry>) -> MockLedgerReader {
    let entries: Vec<_> = entries.into_iter().collect();
    let count = entries.len();
    let entries = Mutex::new(entries.into_iter());
    let mut reader = MockLedgerReader::new();
    reader
        .expect_find()
        .times(count)
        .withf(|tenant, id| tenant.as_str() == "alice" && *id == 7)
        .returning(move |_, _| Ok(entries.lock().unwrap().next()));
    reader
}

/// A ledger that grants the lease once.
fn claimed() -> MockLedger {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .withf(|lease, _| *lease.hashes().listed() == ContentHash::of(b"image"))
        .returning(|_, _| Ok(Claim::Held(Prior::default())));
    ledger.expect_release().times(1).returning(|_| Ok(()));
    ledger
}

fn known(state: PriorState) -> Prior {
    Prior::from(std::collections::BTreeMap::from([(
        Platform::Telegram,
        state,
    )]))
}

fn recording(ledger: &mut MockLedger, is_recorded: fn(&Settlement) -> bool, then: PriorState) {
    ledger
        .expect_record_look_up()
        .times(1)
        .withf(move |_, platform, of, settlement| {
            *platform == Platform::Telegram && *of == key() && is_recorded(settlement)
        })
        .returning(move |_, _, _, _| Ok(known(then.clone())));
}

/// Telegram answers so; it never gets a post.
fn asked(times: usize, answer: fn() -> Result<LookUp, PublishError>) -> TenantFixture {
    let mut fixture = TenantFixture::new();
    fixture.telegram.expect_publish().never();
    fixture
        .telegram
        .expect_look_up()
        .times(times)
        .withf(|of| *of == key())
        .returning(move |_| answer());
    fixture
}

async fn check(
    ledger: MockLedger,
    reader: MockLedgerReader,
    fixture: TenantFixture,
) -> Result<Entry, CheckPublicationError> {
    let usecase = CheckPublication::new(leases(Arc::new(ledger)), Arc::new(reader));
    usecase.run(fixture.build(), 7, request_id()).await
}

#[tokio::test]
async fn what_the_platform_says_is_recorded_and_answered() {
    fn post() -> PublishedPost {
        PublishedPost::new("1")
    }
    let mut ledger = claimed();
    let is_post = |it: &Settlement| *it == Settlement::Published(post());
    recording(&mut ledger, is_post, PriorState::Published(post()));
    let published = Entry {
        post: Some(post()),
        ..entry(EntryState::Published)
    };
    let reader = finding([
        entry(EntryState::Unknown),
        entry(EntryState::Unknown),
        published.clone(),
    ]);
    let fixture = asked(1, || Ok(LookUp::Posted(post())));
    assert_eq!(check(ledger, reader, fixture).await.unwrap(), published);

    let mut ledger = claimed();
    let is_failed = |it: &Settlement| matches!(it, Settlement::Failed(_));
    recording(&mut ledger, is_failed, PriorState::Failed);
    let reader = finding([EntryState::Unknown, EntryState::Unknown, EntryState::Failed].map(entry));
    let fixture = asked(1, || Ok(LookUp::NotPosted));
    let answered = check(ledger, reader, fixture).await.unwrap();
    assert_eq!(answered.state, EntryState::Failed);
}

#[tokio::test]
async fn an_entry_that_nobody_can_settle_stays_unknown_and_says_so() {
    let mut ledger = claimed();
    let is_unknown = |it: &Settlement| matches!(it, Settlement::Unknown(_));
    recording(&mut ledger, is_unknown, PriorState::Unknown);
    let reader = finding([EntryState::Unknown; 3].map(entry));
    let fixture = asked(1, || Ok(LookUp::Undetermined));
    let answered = check(ledger, reader, fixture).await.unwrap();
    assert_eq!(answered.state, EntryState::Unknown);

    // The post of the last attempt is not there; one before it may be.
    let mut ledger = claimed();
    recording(&mut ledger, |_| true, PriorState::Unknown);
    let reader = finding([EntryState::Unknown; 3].map(entry));
    let fixture = asked(1, || Ok(LookUp::NotPosted));
    let answered = check(ledger, reader, fixture).await.unwrap();
    let error = answered.error.unwrap();
    assert_eq!(error, "lost; an earlier attempt cannot be looked up");
}

#[tokio::test]
async fn an_entry_that_is_settled_is_answered_as_it_is() {
    for state in [EntryState::Published, EntryState::Failed] {
        let fixture = asked(0, || Ok(LookUp::NotPosted));
        let answered = check(MockLedger::new(), finding([entry(state)]), fixture).await;
        assert_eq!(answered.unwrap(), entry(state));
        // Settled while the lease was taken.
        let reader = finding([entry(EntryState::Unknown), entry(state)]);
        let fixture = asked(0, || Ok(LookUp::NotPosted));
        let answered = check(claimed(), reader, fixture).await;
        assert_eq!(answered.unwrap(), entry(state));
    }
}

#[tokio::test]
async fn an_image_that_is_being_worked_on_is_a_conflict() {
    let fixture = || asked(0, || Ok(LookUp::NotPosted));
    let reader = finding([entry(EntryState::InProgress)]);
    let refused = check(MockLedger::new(), reader, fixture()).await;
    assert!(matches!(refused, Err(CheckPublicationError::InProgress)));
    let mut held = MockLedger::new();
    held.expect_claim()
        .times(1)
        .returning(|_, _| Ok(Claim::HeldByOther));
    let reader = finding([entry(EntryState::Unknown)]);
    let refused = check(held, reader, fixture()).await;
    assert!(matches!(refused, Err(CheckPublicationError::InProgress)));
}

#[tokio::test]
async fn what_cannot_be_asked_about_is_told_apart_from_what_is_not_there() {
    let fixture = || asked(0, || Ok(LookUp::NotPosted));
    let keyless = Entry {
        key: None,
        ..entry(EntryState::Unknown)
    };
    let skipped = Entry {
        platform: None,
        ..entry(EntryState::Skipped)
    };
    for entry in [keyless, skipped] {
        let refused = check(MockLedger::new(), finding([entry]), fixture()).await;
        assert!(
            matches!(refused, Err(CheckPublicationError::CannotBeAsked(_))),
            "{refused:?}"
        );
    }
    let mut off = fixture();
    off.document["publishers"] = serde_json::json!([]);
    let reader = finding([EntryState::Unknown; 3].map(entry));
    let refused = check(claimed(), reader, off).await;
    assert!(
        matches!(refused, Err(CheckPublicationError::CannotBeAsked(_))),
        "{refused:?}"
    );
    let mut reader = MockLedgerReader::new();
    reader.expect_find().times(1).returning(|_, _| Ok(None));
    let refused = check(MockLedger::new(), reader, fixture()).await;
    assert!(matches!(refused, Err(CheckPublicationError::NotFound)));
}

#[tokio::test]
async fn a_platform_that_is_not_reached_or_has_no_credential_changes_nothing() {
    let reader = || finding([EntryState::Unknown; 3].map(entry));
    let wait = Some(Duration::from_secs(9));
    let fixture = asked(1, || {
        let retry_after = Some(Duration::from_secs(9));
        Err(PublishError::RateLimited { retry_after })
    });
    let refused = check(claimed(), reader(), fixture).await;
    assert!(
        matches!(
            refused,
            Err(CheckPublicationError::Platform(PublishError::RateLimited { retry_after }))
                if retry_after == wait
        ),
        "{refused:?}"
    );
    let mut fixture = asked(0, || Ok(LookUp::NotPosted));
    fixture.store = MockCredentialStore::new();
    fixture.store.expect_resolve().returning(|_| {
        Err(CredentialError::Unavailable {
            retry_after: None,
            cause: "away".into(),
        })
    });
    let refused = check(claimed(), reader(), fixture).await;
    assert!(
        matches!(refused, Err(CheckPublicationError::NoCredential(_))),
        "{refused:?}"
    );
    // A credential that is refused is renewed once.
    let mut fixture = asked(2, || Err(PublishError::unauthorized("401")));
    fixture.store = rotating_store();
    let refused = check(claimed(), reader(), fixture).await;
    assert!(
        matches!(
            refused,
            Err(CheckPublicationError::Platform(
                PublishError::Unauthorized { .. }
            ))
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_ledger_that_is_away_is_an_error_of_its_own() {
    let away = || LedgerError::Unavailable("full".into());
    let mut ledger = claimed();
    ledger
        .expect_record_look_up()
        .times(1)
        .returning(move |_, _, _, _| Err(away()));
    let reader = finding([EntryState::Unknown; 2].map(entry));
    let fixture = asked(1, || Ok(LookUp::NotPosted));
    let refused = check(ledger, reader, fixture).await;
    assert!(matches!(refused, Err(CheckPublicationError::Ledger(_))));
}
