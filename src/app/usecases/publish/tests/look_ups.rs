//! A platform that may have the image is asked before anything is sent.

use std::time::SystemTime;

use super::*;
use crate::{
    domain::{
        content_hashes::ContentHashes,
        idempotency::{ChosenImage, Fingerprint, IdempotencyKey, KeyedRequest},
        ledger::{Entry, EntryState, Position, Settlement},
        publication::{LookupKey, Outcome, PostUrl},
    },
    ports::{LookUp, MockIdempotencyStore},
};

fn key(key: &str) -> LookupKey {
    LookupKey::new(key)
}

fn post() -> PublishedPost {
    PublishedPost {
        url: PostUrl::parse("https://example.org/1"),
        ..PublishedPost::new("1")
    }
}

fn request() -> PublicationRequest {
    PublicationRequest {
        platforms: Some(vec![Platform::Telegram]),
        ..PublicationRequest::default()
    }
}

/// What is known of Telegram.
fn known(state: PriorState, of: Option<&str>) -> Prior {
    Prior {
        platforms: [(Platform::Telegram, state)].into(),
        keys: of
            .map(|of| (Platform::Telegram, key(of)))
            .into_iter()
            .collect(),
        passed_over: None,
    }
}

/// A ledger in which an attempt with the key `lost` has had no answer on Telegram.
fn in_doubt() -> MockLedger {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .returning(|_, _| Ok(Claim::Held(known(PriorState::Unknown, Some("lost")))));
    ledger.expect_release().times(1).returning(|_| Ok(()));
    ledger
}

/// Expects what Telegram says of an attempt to be recorded; this is known then.
fn expecting(
    ledger: &mut MockLedger,
    of: &'static str,
    is_recorded: fn(&Settlement) -> bool,
    then: Prior,
) {
    ledger
        .expect_record_look_up()
        .times(1)
        .withf(move |_, platform, key, settlement| {
            *platform == Platform::Telegram && key.as_str() == of && is_recorded(settlement)
        })
        .returning(move |_, _, _, _| Ok(then.clone()));
}

fn is_failed(settlement: &Settlement) -> bool {
    matches!(settlement, Settlement::Failed(failure) if failure.reason == FailureReason::Unavailable)
}

fn telegram_says(fixture: &mut TenantFixture, of: &'static str, found: LookUp) {
    fixture
        .telegram
        .expect_look_up()
        .times(1)
        .withf(move |key| key.as_str() == of)
        .returning(move |_| Ok(found.clone()));
}

/// An image that is sent to nobody.
fn unsent() -> TenantFixture {
    let mut fixture = with_image();
    fixture.telegram.expect_stage().never();
    fixture.telegram.expect_publish().never();
    fixture.writer.expect_analyze().never();
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
}

fn text_of_unknown(report: &PublicationReport) -> &str {
    match &report.results[0].outcome {
        Outcome::Unknown(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_post_that_is_found_is_published_and_the_image_is_archived() {
    let mut fixture = unsent();
    telegram_says(&mut fixture, "lost", LookUp::Posted(post()));
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    let mut ledger = in_doubt();
    let is_post = |settlement: &Settlement| *settlement == Settlement::Published(post());
    let then = known(PriorState::Published(post()), None);
    expecting(&mut ledger, "lost", is_post, then);
    ledger.expect_record_intent().never();
    let report = publish_with(ledger, fixture, request()).await.unwrap();
    let outcome = &report.results[0].outcome;
    assert_eq!(*outcome, Outcome::AlreadyPublished(post()));
    assert!(report.archived);
}

#[tokio::test]
async fn a_post_that_is_not_there_is_sent_under_its_key() {
    let mut fixture = lucky();
    telegram_says(&mut fixture, "lost", LookUp::NotPosted);
    fixture
        .telegram
        .expect_stage()
        .times(1)
        .withf(|_, earlier| *earlier == Some(&key("lost")))
        .returning(|_, earlier| Ok(earlier.cloned()));
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .withf(|_, of| *of == Some(&key("lost")))
        .returning(|_, _| Ok(post().into()));
    let mut ledger = in_doubt();
    let then = known(PriorState::Failed, Some("lost"));
    expecting(&mut ledger, "lost", is_failed, then);
    ledger
        .expect_record_intent()
        .times(1)
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Ok(()));
    let report = publish_with(ledger, fixture, request()).await.unwrap();
    assert_eq!(outcomes(&report), ["published"]);
}

#[tokio::test]
async fn a_post_of_which_the_platform_cannot_tell_stays_unknown() {
    let mut fixture = unsent();
    telegram_says(&mut fixture, "lost", LookUp::Undetermined);
    let mut ledger = in_doubt();
    let is_unknown = |settlement: &Settlement| matches!(settlement, Settlement::Unknown(_));
    let then = known(PriorState::Unknown, Some("lost"));
    expecting(&mut ledger, "lost", is_unknown, then);
    let report = publish_with(ledger, fixture, request()).await.unwrap();
    let text = text_of_unknown(&report);
    assert!(text.contains("(the platform cannot tell)"), "{text}");
    assert!(!report.archived);
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_asked_again_another_day() {
    let mut fixture = unsent();
    fixture
        .telegram
        .expect_look_up()
        .times(1)
        .returning(|_| Err(PublishError::unavailable("reset by 10.0.0.7")));
    let mut ledger = in_doubt();
    ledger.expect_record_look_up().never();
    let report = publish_with(ledger, fixture, request()).await.unwrap();
    let text = text_of_unknown(&report);
    assert!(text.contains("not available at the moment"), "{text}");
    assert!(!text.contains("10.0.0.7"), "{text}");
}

#[tokio::test]
async fn a_credential_that_is_refused_by_the_question_is_resolved_once_more() {
    let mut fixture = unsent();
    fixture.store = rotating_store();
    let mut answers = mockall::Sequence::new();
    fixture
        .telegram
        .expect_look_up()
        .times(1)
        .in_sequence(&mut answers)
        .returning(|_| Err(PublishError::unauthorized("401")));
    fixture
        .telegram
        .expect_look_up()
        .times(1)
        .in_sequence(&mut answers)
        .returning(|_| Ok(LookUp::Posted(post())));
    fixture
        .images
        .expect_move_to()
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    let mut ledger = in_doubt();
    let then = known(PriorState::Published(post()), None);
    expecting(&mut ledger, "lost", |_| true, then);
    let report = publish_with(ledger, fixture, request()).await.unwrap();
    assert_eq!(outcomes(&report), ["already_published"]);
}

#[tokio::test]
async fn an_attempt_in_doubt_before_the_last_one_is_asked_about_too() {
    for (keyed, state) in [(true, "already_published"), (false, "unknown")] {
        let mut fixture = unsent();
        telegram_says(&mut fixture, "lost", LookUp::NotPosted);
        let mut ledger = in_doubt();
        let before = known(PriorState::Unknown, keyed.then_some("before"));
        expecting(&mut ledger, "lost", is_failed, before);
        if keyed {
            telegram_says(&mut fixture, "before", LookUp::Posted(post()));
            let then = known(PriorState::Published(post()), None);
            expecting(&mut ledger, "before", |_| true, then);
            fixture
                .images
                .expect_move_to()
                .returning(|_, _, _, _| Ok(moved("a.jpg")));
        }
        let report = publish_with(ledger, fixture, request()).await.unwrap();
        assert_eq!(outcomes(&report), [state]);
        if !keyed {
            let text = text_of_unknown(&report);
            assert!(
                text.contains("an earlier attempt cannot be looked up"),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn what_the_ledger_does_not_take_ends_the_publication_and_nothing_is_sent() {
    let mut fixture = unsent();
    telegram_says(&mut fixture, "lost", LookUp::NotPosted);
    let mut ledger = in_doubt();
    ledger
        .expect_record_look_up()
        .times(1)
        .returning(|_, _, _, _| Err(LedgerError::Unavailable("full".into())));
    let refused = publish_with(ledger, fixture, request()).await;
    assert!(
        matches!(refused, Err(PublishImageError::Ledger(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn neither_force_nor_a_dry_run_asks() {
    let mut fixture = lucky();
    fixture.telegram.expect_look_up().never();
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(post().into()));
    let mut ledger = in_doubt();
    ledger.expect_record_look_up().never();
    ledger
        .expect_record_intent()
        .times(1)
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Ok(()));
    let forced = PublicationRequest {
        force: true,
        ..request()
    };
    let report = publish_with(ledger, fixture, forced).await.unwrap();
    assert_eq!(outcomes(&report), ["published"]);

    let mut fixture = with_image();
    fixture.telegram.expect_look_up().never();
    let dry = PublicationRequest {
        dry_run: true,
        ..request()
    };
    let in_doubt = vec![entry(EntryState::Unknown)];
    let report = publish_by(MockLedger::new(), reader_of(in_doubt), fixture, dry).await;
    assert_eq!(outcomes(&report.unwrap()), ["unknown"]);
}

fn entry(state: EntryState) -> Entry {
    Entry {
        position: Position {
            started_ms: 1,
            id: 1,
        },
        image: Some(image_name()),
        content_hash: stored("a.jpg", &jpeg()).content_hash,
        platform: Some(Platform::Telegram),
        state,
        post: (state == EntryState::Published).then(post),
        reason: None,
        error: None,
        key: Some(key("lost")),
        started: SystemTime::UNIX_EPOCH,
        ended: None,
    }
}

#[tokio::test]
async fn an_image_that_is_gone_is_asked_about_when_its_request_is_resumed() {
    let hashes: ContentHashes = stored("a.jpg", &jpeg()).content_hash.into();
    let mut fixture = TenantFixture::new();
    let nowhere = || Err(ImageStoreError::NotFound);
    fixture.images.expect_find().returning(move |_| nowhere());
    fixture.archive.expect_find().returning(move |_| nowhere());
    fixture.telegram.expect_publish().never();
    telegram_says(&mut fixture, "lost", LookUp::Posted(post()));
    let mut ledger = in_doubt();
    let then = known(PriorState::Published(post()), None);
    expecting(&mut ledger, "lost", |_| true, then);
    let mut reader = MockLedgerReader::new();
    let mut reads = mockall::Sequence::new();
    for state in [EntryState::Unknown, EntryState::Published] {
        let content = hashes.listed().clone();
        reader
            .expect_entries_of()
            .times(1)
            .in_sequence(&mut reads)
            .returning(move |_, _| Ok([(content.clone(), vec![entry(state)])].into()));
    }
    let target = Target::Image(image_name());
    let tenant = fixture.build();
    let idempotency_key = IdempotencyKey::new("key").unwrap();
    let fingerprint = Fingerprint::of(&target, &request());
    let keyed = KeyedRequest::new(tenant.name().clone(), &idempotency_key, fingerprint);
    let chosen = ChosenImage {
        name: image_name(),
        hashes,
    };
    let store = Arc::new(MockIdempotencyStore::new());
    let attempt = Attempt::under_key(store, keyed, Some(chosen));
    let usecase = usecase(ledger, reader);
    let run = usecase.run(tenant, target, request(), request_id(), attempt);
    let report = run.await.unwrap();
    let outcome = &report.results[0].outcome;
    assert_eq!(*outcome, Outcome::AlreadyPublished(post()));
}
