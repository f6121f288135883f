//! What the ledger is told, and what it keeps from being sent.

use super::*;
use crate::{
    app::{
        runtime::held_lease::HeldLease,
        usecases::fixtures::{claimed, leases},
    },
    domain::ledger::Settlement,
};

fn knowing(telegram: PriorState, email: PriorState) -> MockLedger {
    claimed([(Platform::Telegram, telegram), (Platform::Email, email)].into())
}

fn published(id: &str) -> PriorState {
    PriorState::Published(PublishedPost::new(id))
}

fn unavailable<T>() -> Result<T, LedgerError> {
    Err(LedgerError::Unavailable("the disk is full".into()))
}

fn forced() -> PublicationRequest {
    PublicationRequest {
        force: true,
        ..PublicationRequest::default()
    }
}

#[tokio::test]
async fn an_intent_for_all_platforms_comes_before_the_first_call_and_each_outcome_after_its_own() {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let mut fixture = lucky();
    let note = |what: &'static str| {
        let steps = Arc::clone(&steps);
        move || steps.lock().unwrap().push(what)
    };
    let (telegram, email) = (note("telegram"), note("email"));
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(move |_, _| {
            telegram();
            Ok(PostId::new("1").into())
        });
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(move |_, _| {
            email();
            Err(PublishError::Rejected("no".to_owned()))
        });
    let mut ledger = claimed(BTreeMap::new());
    let (intent, settled, failed) = (note("intent"), note("published"), note("failed"));
    ledger
        .expect_record_intent()
        .times(1)
        .withf(|_, image, platforms, _, _| {
            image.as_str() == "a.jpg" && *platforms == [Platform::Telegram, Platform::Email]
        })
        .returning(move |_, _, _, _, _| {
            intent();
            Ok(())
        });
    ledger
        .expect_record_outcome()
        .times(2)
        .returning(move |_, _, settlement| {
            match settlement {
                Settlement::Published(post) if post.id.as_str() == "1" => settled(),
                Settlement::Failed(reason) if reason.text.contains("no") => failed(),
                other => panic!("{other:?}"),
            }
            Ok(())
        });
    publish_with(ledger, fixture, PublicationRequest::default())
        .await
        .unwrap();
    let steps = steps.lock().unwrap().clone();
    assert_eq!(steps[0], "intent");
    let at = |what: &str| steps.iter().position(|step| *step == what).unwrap();
    assert!(
        at("telegram") < at("published") && at("email") < at("failed"),
        "{steps:?}"
    );
}

#[tokio::test]
async fn nothing_is_paid_for_or_sent_when_no_platform_is_left_and_the_image_is_archived() {
    let mut fixture = with_found();
    fixture.images.expect_fetch().never();
    fixture.writer.expect_analyze().never();
    fixture
        .images
        .expect_read_sidecar()
        .times(2)
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture.images.expect_write_sidecar().never();
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    let mut ledger = knowing(published("1"), PriorState::Unknown);
    ledger.expect_record_intent().never();
    let report = publish_with(ledger, fixture, PublicationRequest::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), ["already_published", "unknown"]);
    assert!(report.archived && report.any_success());
}

#[tokio::test]
async fn only_what_failed_is_tried_again() {
    let mut fixture = lucky();
    fixture.telegram.expect_publish().never();
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let mut ledger = knowing(published("1"), PriorState::Failed);
    ledger
        .expect_record_intent()
        .times(1)
        .withf(|_, _, platforms, _, _| *platforms == [Platform::Email])
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Ok(()));
    let report = publish_with(ledger, fixture, PublicationRequest::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), ["already_published", "published"]);
}

#[tokio::test]
async fn force_sends_again_what_is_published_or_unknown() {
    let mut fixture = lucky();
    both_publish(&mut fixture);
    let mut ledger = knowing(published("0"), PriorState::Unknown);
    ledger
        .expect_record_intent()
        .times(1)
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(2)
        .returning(|_, _, _| Ok(()));
    let report = publish_with(ledger, fixture, forced()).await.unwrap();
    assert_eq!(outcomes(&report), ["published", "published"]);
}

#[tokio::test]
async fn a_ledger_that_cannot_be_asked_or_written_sends_nothing() {
    let mut cannot_claim = MockLedger::new();
    cannot_claim
        .expect_claim()
        .times(1)
        .returning(|_, _| unavailable());
    let refused = publish_with(cannot_claim, with_found(), forced()).await;
    assert!(
        matches!(refused, Err(PublishImageError::Ledger(_))),
        "{refused:?}"
    );

    let mut cannot_write = claimed(BTreeMap::new());
    cannot_write
        .expect_record_intent()
        .times(1)
        .returning(|_, _, _, _, _| unavailable());
    let refused = publish_with(cannot_write, captioned(), forced()).await;
    assert!(
        matches!(refused, Err(PublishImageError::Ledger(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_lease_that_is_held_or_lost_is_a_conflict() {
    let mut held = MockLedger::new();
    held.expect_claim().returning(|_, _| Ok(Claim::HeldByOther));
    let refused = publish_with(held, with_found(), forced()).await;
    assert!(matches!(refused, Err(PublishImageError::InProgress)));

    let mut lost = claimed(BTreeMap::new());
    lost.expect_record_intent()
        .returning(|_, _, _, _, _| Err(LedgerError::LeaseLost));
    let refused = publish_with(lost, captioned(), forced()).await;
    assert!(matches!(refused, Err(PublishImageError::InProgress)));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_written_is_answered_after_four_attempts_and_written_later() {
    let mut fixture = lucky();
    both_publish(&mut fixture);
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .returning(|_, _| Ok(Claim::Held(Prior::default())));
    ledger.expect_renew().returning(|_| Ok(()));
    ledger
        .expect_record_intent()
        .returning(|_, _, _, _, _| Ok(()));
    let mut order = mockall::Sequence::new();
    ledger
        .expect_record_outcome()
        .times(8)
        .in_sequence(&mut order)
        .returning(|_, _, _| unavailable());
    ledger
        .expect_record_outcome()
        .times(2)
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(()));
    ledger
        .expect_release()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(()));
    let usecase = usecase(ledger, MockLedgerReader::new());
    let report = usecase
        .run(
            fixture.build(),
            Target::Image(image_name()),
            PublicationRequest::default(),
            request_id(),
            Attempt::without_key(),
        )
        .await
        .unwrap();
    assert_eq!(outcomes(&report), ["published", "published"]);
    assert_eq!(report.warnings.len(), 2);
    assert!(
        report.warnings[0].contains("counts it as unknown until it can be told"),
        "{:?}",
        report.warnings
    );
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(usecase.tasks().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_for_as_long_as_a_publication_takes_and_given_back_once() {
    let mut ledger = MockLedger::new();
    ledger.expect_renew().times(6).returning(|_| Ok(()));
    ledger.expect_release().times(1).returning(|_| Ok(()));
    let lease = Lease::for_new_holder(
        crate::domain::tenant::TenantName::new("alice").unwrap(),
        crate::domain::content_hash::ContentHash::of(b"image"),
    );
    let held = HeldLease::new(&leases(Arc::new(ledger)), lease);
    tokio::time::sleep(Duration::from_secs(61)).await;
    held.release().await;
    tokio::time::sleep(Duration::from_secs(61)).await;
}

#[tokio::test]
async fn a_dry_run_tells_the_ledger_nothing() {
    let request = PublicationRequest {
        dry_run: true,
        ..PublicationRequest::default()
    };
    let report = publish_with(MockLedger::new(), captioned(), request)
        .await
        .unwrap();
    assert_eq!(outcomes(&report), ["skipped", "skipped"]);
}
