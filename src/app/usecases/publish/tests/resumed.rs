//! Requests under a key: carried out once, answered as often as they come, and ended by the next
//! one when their process was killed.

use super::{archived::expect_archived, *};
use crate::{
    app::usecases::{
        fixtures::claimed,
        publish_once::{PublishAnswer, PublishOnce, PublishOnceError},
    },
    domain::{
        idempotency::{Begun, ChosenImage, IdempotencyKey},
        ledger::{Entry, EntryState, Position},
    },
    ports::MockIdempotencyStore,
};

fn beginning(begun: Begun) -> MockIdempotencyStore {
    let mut store = MockIdempotencyStore::new();
    store
        .expect_begin()
        .times(1)
        .returning(move |_| Ok(begun.clone()));
    store
}

fn in_no_folder(fixture: &mut TenantFixture) {
    for images in [&mut fixture.images, &mut *fixture.archive] {
        images
            .expect_find()
            .times(1)
            .returning(|_| Err(ImageStoreError::NotFound));
    }
}

fn chosen() -> ChosenImage {
    let image = stored("a.jpg", &jpeg());
    ChosenImage {
        name: image.name,
        hashes: image.content_hash.into(),
    }
}

fn forced() -> PublicationRequest {
    PublicationRequest {
        force: true,
        caption: Some("Mine".to_owned()),
        ..PublicationRequest::default()
    }
}

async fn run(
    store: MockIdempotencyStore,
    ledger: MockLedger,
    reader: MockLedgerReader,
    fixture: TenantFixture,
    target: Target,
) -> Result<PublishAnswer, PublishOnceError> {
    PublishOnce::new(usecase(ledger, reader), Arc::new(store))
        .run(
            fixture.build(),
            target,
            forced(),
            request_id(),
            Some(IdempotencyKey::new("key").unwrap()),
            |report| format!("{} results", report.results.len()),
        )
        .await
}

fn report(answer: Result<PublishAnswer, PublishOnceError>) -> PublicationReport {
    match answer.unwrap() {
        PublishAnswer::First(report) => report,
        replayed @ PublishAnswer::Replayed(_) => panic!("{replayed:?}"),
    }
}

#[tokio::test]
async fn the_image_is_noted_before_the_intent_and_the_answer_is_kept() {
    let mut fixture = with_image();
    expect_filing(&mut fixture);
    both_publish(&mut fixture);
    let mut order = mockall::Sequence::new();
    let mut store = beginning(Begun::First);
    store
        .expect_choose()
        .times(1)
        .withf(|_, image| image.name == chosen().name && image.hashes == *hashes_of(&jpeg()).get())
        .in_sequence(&mut order)
        .returning(|_, _| Ok(()));
    let mut ledger = claimed(BTreeMap::new());
    ledger
        .expect_record_intent()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _, _, _| Ok(()));
    ledger.expect_record_outcome().returning(|_, _, _| Ok(()));
    store
        .expect_finish()
        .times(1)
        .withf(|_, answer| answer == "2 results")
        .in_sequence(&mut order)
        .returning(|_, _| Ok(()));
    let target = Target::Image(image_name());
    let answer = run(store, ledger, MockLedgerReader::new(), fixture, target).await;
    assert_eq!(outcomes(&report(answer)), ["published", "published"]);
}

#[tokio::test]
async fn a_request_that_is_running_answered_or_another_touches_nothing() {
    for (begun, expected) in [
        (Begun::Running, "Err(Running)"),
        (Begun::Mismatch, "Err(Mismatch)"),
        (
            Begun::Answered("as before".to_owned()),
            "Ok(Replayed(\"as before\"))",
        ),
    ] {
        let mut fixture = TenantFixture::new();
        fixture.images.expect_find().never();
        let target = Target::Image(image_name());
        let answer = run(
            beginning(begun),
            MockLedger::new(),
            MockLedgerReader::new(),
            fixture,
            target,
        );
        assert_eq!(format!("{:?}", answer.await), expected);
    }
}

#[tokio::test]
async fn a_request_that_failed_gives_its_key_back_because_nothing_was_sent() {
    let mut fixture = TenantFixture::new();
    in_no_folder(&mut fixture);
    let mut store = beginning(Begun::First);
    store
        .expect_abandon()
        .times(1)
        .withf(|_, may_have_sent| !may_have_sent)
        .returning(|_, _| Ok(()));
    let target = Target::Image(image_name());
    let answer = run(
        store,
        MockLedger::new(),
        MockLedgerReader::new(),
        fixture,
        target,
    );
    assert!(matches!(
        answer.await,
        Err(PublishOnceError::Publish(PublishImageError::Storage(
            ImageStoreError::NotFound
        )))
    ));
}

#[tokio::test]
async fn a_ledger_that_cannot_take_the_key_sends_nothing() {
    let mut fixture = TenantFixture::new();
    fixture.images.expect_find().never();
    let mut store = MockIdempotencyStore::new();
    store
        .expect_begin()
        .returning(|_| Err(LedgerError::Unavailable("full".into())));
    let target = Target::Image(image_name());
    let answer = run(
        store,
        MockLedger::new(),
        MockLedgerReader::new(),
        fixture,
        target,
    );
    assert!(matches!(
        answer.await,
        Err(PublishOnceError::Publish(PublishImageError::Ledger(_)))
    ));
}

#[tokio::test]
async fn who_resumes_a_request_for_the_next_image_keeps_to_its_image_and_forces_nothing() {
    let mut fixture = with_image();
    fixture.images.expect_list().never();
    expect_filing(&mut fixture);
    fixture.telegram.expect_publish().never();
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let mut store = beginning(Begun::Resumed(chosen()));
    store.expect_choose().times(1).returning(|_, _| Ok(()));
    store.expect_finish().times(1).returning(|_, _| Ok(()));
    let known = PriorState::Published(PublishedPost::new("1"));
    let mut ledger = claimed([(Platform::Telegram, known)].into());
    ledger
        .expect_record_intent()
        .times(1)
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Ok(()));
    let answer = run(
        store,
        ledger,
        MockLedgerReader::new(),
        fixture,
        Target::Next,
    );
    let report = report(answer.await);
    assert_eq!(outcomes(&report), ["already_published", "published"]);
}

#[tokio::test]
async fn who_resumes_a_request_whose_image_is_nowhere_tells_what_the_ledger_knows() {
    let mut fixture = TenantFixture::new();
    in_no_folder(&mut fixture);
    let mut store = beginning(Begun::Resumed(chosen()));
    store.expect_finish().times(1).returning(|_, _| Ok(()));
    let entry = |platform, state, post_id: Option<&str>| Entry {
        position: Position {
            started_ms: 1,
            id: 1,
        },
        image: Some(image_name()),
        content_hash: chosen().hashes.listed().clone(),
        platform: Some(platform),
        state,
        post: post_id.map(PublishedPost::new),
        reason: None,
        error: None,
        key: None,
        started: std::time::SystemTime::UNIX_EPOCH,
        ended: None,
    };
    let mut reader = MockLedgerReader::new();
    reader.expect_entries_of().times(1).returning(move |_, _| {
        let entries = vec![
            entry(Platform::Telegram, EntryState::Published, Some("1")),
            entry(Platform::Email, EntryState::Unknown, None),
        ];
        Ok([(chosen().hashes.listed().clone(), entries)].into())
    });
    let answer = run(
        store,
        MockLedger::new(),
        reader,
        fixture,
        Target::Image(image_name()),
    );
    let report = report(answer.await);
    assert_eq!(outcomes(&report), ["already_published", "unknown"]);
    assert!(report.archived);
}

#[tokio::test]
async fn who_resumes_a_request_whose_image_is_archived_publishes_what_is_missing_from_there() {
    // Another image has its name in the root folder by now.
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_find()
        .times(1)
        .returning(|_| Ok(stored("a.jpg", &Bytes::from_static(b"another"))));
    expect_archived(&mut fixture);
    fixture.telegram.expect_publish().never();
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let mut store = beginning(Begun::Resumed(chosen()));
    store.expect_choose().times(1).returning(|_, _| Ok(()));
    store.expect_finish().times(1).returning(|_, _| Ok(()));
    let known = PriorState::Published(PublishedPost::new("1"));
    let mut ledger = claimed([(Platform::Telegram, known)].into());
    ledger
        .expect_record_intent()
        .times(1)
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Ok(()));
    let target = Target::Image(image_name());
    let answer = run(store, ledger, MockLedgerReader::new(), fixture, target);
    let report = report(answer.await);
    assert_eq!(outcomes(&report), ["already_published", "published"]);
    assert!(report.archived);
}

#[tokio::test(start_paused = true)]
async fn an_answer_and_a_key_that_the_ledger_did_not_take_are_tried_again() {
    let mut fixture = with_image();
    expect_filing(&mut fixture);
    both_publish(&mut fixture);
    let mut order = mockall::Sequence::new();
    let mut store = beginning(Begun::First);
    store.expect_choose().times(1).returning(|_, _| Ok(()));
    for failures in [true, true, false] {
        store
            .expect_finish()
            .times(1)
            .in_sequence(&mut order)
            .withf(|_, answer| answer == "2 results")
            .returning(move |_, _| {
                if failures {
                    return Err(LedgerError::Unavailable("away".into()));
                }
                Ok(())
            });
    }
    let target = Target::Image(image_name());
    let reader = MockLedgerReader::new();
    let answer = run(store, empty_ledger(), reader, fixture, target);
    assert_eq!(outcomes(&report(answer.await)), ["published", "published"]);
    tokio::time::sleep(Duration::from_mins(1)).await;

    let mut store = MockIdempotencyStore::new();
    store
        .expect_begin()
        .times(1)
        .returning(|_| Err(LedgerError::Unavailable("away".into())));
    // It may be taken all the same.
    store
        .expect_abandon()
        .times(1)
        .withf(|_, may_have_sent| *may_have_sent)
        .returning(|_, _| Ok(()));
    let (ledger, reader) = (MockLedger::new(), MockLedgerReader::new());
    let target = Target::Image(image_name());
    let refused = run(store, ledger, reader, TenantFixture::new(), target).await;
    assert!(matches!(
        refused,
        Err(PublishOnceError::Publish(PublishImageError::Ledger(_)))
    ));
    tokio::time::sleep(Duration::from_mins(1)).await;
}
