//! Which image is published when nobody names one.

use super::*;
use crate::app::usecases::fixtures::claimed;
use crate::domain::{
    image::{ContentHash, ImageName, StoredImage},
    ledger::{Entry, EntryState, Position},
    publication::FailureReason,
};

/// The file of this name, whose content is its name, and a JPEG after all.
fn file(name: &str) -> FetchedImage {
    let bytes: Bytes = [&*jpeg(), name.as_bytes()].concat().into();
    FetchedImage {
        stored: stored(name, &bytes),
        bytes,
    }
}

fn listing(names: &[&str]) -> Vec<StoredImage> {
    names.iter().map(|name| file(name).stored).collect()
}

/// Images of these names; those that are asked for are fetched as [`file`] makes them.
fn with_images(names: &'static [&str]) -> TenantFixture {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_list()
        .times(1)
        .returning(|| Ok(listing(names)));
    fixture
        .images
        .expect_fetch()
        .returning(|name| Ok(file(name.as_str())));
    fixture
}

fn entry(name: &str, state: EntryState, started_ms: i64) -> Entry {
    Entry {
        position: Position {
            started_ms,
            id: started_ms,
        },
        image: ImageName::new(name).unwrap(),
        content_hash: file(name).stored.content_hash,
        platform: Some(Platform::Telegram),
        state,
        post_id: None,
        reason: None,
        error: None,
        started: std::time::SystemTime::UNIX_EPOCH,
        ended: None,
    }
}

fn knowing(entries: Vec<Entry>) -> MockLedgerReader {
    let mut reader = MockLedgerReader::new();
    reader
        .expect_entries_of()
        .times(1..)
        .returning(move |_, contents| {
            let wanted = |entry: &&Entry| contents.contains(&entry.content_hash);
            Ok(entries.iter().filter(wanted).cloned().collect())
        });
    reader
}

async fn next(
    ledger: MockLedger,
    reader: MockLedgerReader,
    mut fixture: TenantFixture,
    dry_run: bool,
) -> PublicationReport {
    fixture
        .telegram
        .expect_publish()
        .returning(|_| Ok(PostId::new("1").into()));
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_write_sidecar()
        .returning(|_, _, _| Ok(()));
    fixture
        .images
        .expect_move_to()
        .returning(|_, _, _| Ok(moved("a.jpg")));
    let request = PublicationRequest {
        platforms: Some(vec![Platform::Telegram]),
        caption: Some("Mine".to_owned()),
        dry_run,
        ..PublicationRequest::default()
    };
    usecase(ledger, reader)
        .run(
            fixture.build(),
            Target::Next,
            request,
            request_id(),
            Attempt::without_key(),
        )
        .await
        .unwrap()
}

fn chosen(report: &PublicationReport) -> Option<&str> {
    report.image.as_ref().map(ImageName::as_str)
}

#[tokio::test]
async fn the_first_that_was_never_tried_is_published() {
    use EntryState::{Failed, Published, Unknown};
    let fixture = with_images(&["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]);
    let reader = knowing(vec![
        entry("a.jpg", Published, 1),
        entry("b.jpg", Failed, 2),
        entry("c.jpg", Unknown, 3),
    ]);
    let report = next(empty_ledger(), reader, fixture, false).await;
    assert_eq!(chosen(&report), Some("d.jpg"));
    assert_eq!(outcomes(&report), ["published"]);
}

#[tokio::test]
async fn what_failed_comes_after_the_others_by_its_last_attempt() {
    use EntryState::{Failed, Published};
    let fixture = with_images(&["a.jpg", "b.jpg", "c.jpg"]);
    let reader = knowing(vec![
        entry("a.jpg", Failed, 7),
        entry("b.jpg", Published, 2),
        entry("c.jpg", Failed, 3),
    ]);
    let report = next(empty_ledger(), reader, fixture, false).await;
    assert_eq!(chosen(&report), Some("c.jpg"));
}

#[tokio::test]
async fn nothing_left_is_a_normal_answer() {
    let fixture = with_images(&["a.jpg"]);
    let reader = knowing(vec![entry("a.jpg", EntryState::Unknown, 1)]);
    let mut ledger = MockLedger::new();
    ledger.expect_claim().never();
    let report = next(ledger, reader, fixture, false).await;
    assert_eq!(chosen(&report), None);
    assert!(report.results.is_empty() && !report.any_success());
}

#[tokio::test]
async fn an_image_that_somebody_else_has_taken_or_published_meanwhile_is_left_to_him() {
    let fixture = with_images(&["a.jpg", "b.jpg", "c.jpg"]);
    let mut ledger = MockLedger::new();
    let mut claims = mockall::Sequence::new();
    for claim in [
        Claim::HeldByOther,
        Claim::Held([(Platform::Telegram, Known::Published(PostId::new("7")))].into()),
        Claim::Held(BTreeMap::new()),
    ] {
        ledger
            .expect_claim()
            .times(1)
            .in_sequence(&mut claims)
            .returning(move |_, _| Ok(claim.clone()));
    }
    ledger.expect_release().times(2).returning(|_| Ok(()));
    ledger.expect_intend().times(1).returning(|_, _, _| Ok(()));
    ledger.expect_settle().times(1).returning(|_, _, _| Ok(()));
    let report = next(ledger, knowing(Vec::new()), fixture, false).await;
    assert_eq!(chosen(&report), Some("c.jpg"));
}

#[tokio::test]
async fn files_that_are_no_images_are_passed_over_and_told() {
    let mut fixture = TenantFixture::new();
    fixture.images.expect_list().returning(|| {
        let mut images = listing(&["a.jpg", "b.jpg", "c.jpg"]);
        images[0].content_hash = ContentHash::of(b"<html>");
        images[1].size = crate::domain::image::MAX_IMAGE_BYTES + 1;
        Ok(images)
    });
    fixture.images.expect_fetch().times(2).returning(|name| {
        Ok(match name.as_str() {
            "a.jpg" => FetchedImage {
                stored: stored("a.jpg", &Bytes::from_static(b"<html>")),
                bytes: Bytes::from_static(b"<html>"),
            },
            other => file(other),
        })
    });
    let mut ledger = empty_ledger();
    ledger
        .expect_pass_over()
        .times(2)
        .withf(|_, image, _, failure| {
            ["a.jpg", "b.jpg"].contains(&image.as_str())
                && failure.reason == FailureReason::ImageUnsuitable
        })
        .returning(|_, _, _, _| Ok(()));
    let report = next(ledger, knowing(Vec::new()), fixture, false).await;
    assert_eq!(chosen(&report), Some("c.jpg"));
    assert_eq!(report.warnings.len(), 2, "{:?}", report.warnings);
    assert!(report.warnings[0].starts_with("a.jpg was passed over"));
}

#[tokio::test]
async fn a_folder_full_of_files_that_are_no_images_ends_the_search() {
    let mut fixture = TenantFixture::new();
    fixture.images.expect_list().returning(|| {
        let broken = |number: u32| {
            let mut image = file(&format!("{number:02}.jpg")).stored;
            image.size = u64::MAX;
            image
        };
        Ok((0..150).map(broken).collect())
    });
    fixture.images.expect_fetch().never();
    let mut ledger = empty_ledger();
    ledger
        .expect_pass_over()
        .times(100)
        .returning(|_, _, _, _| Ok(()));
    let report = next(ledger, knowing(Vec::new()), fixture, false).await;
    assert_eq!(chosen(&report), None);
    assert_eq!(report.warnings.len(), 12);
    assert!(report.warnings[10].starts_with("90 more images"));
    assert!(report.warnings[11].contains("publish again"));
}

#[tokio::test]
async fn a_dry_run_says_which_image_it_would_be_and_claims_nothing() {
    let fixture = with_images(&["a.jpg", "b.jpg"]);
    let reader = knowing(vec![entry("a.jpg", EntryState::Published, 1)]);
    let report = next(MockLedger::new(), reader, fixture, true).await;
    assert_eq!(chosen(&report), Some("b.jpg"));
    assert_eq!(outcomes(&report), ["skipped"]);
}

#[tokio::test]
async fn a_ledger_of_many_images_is_asked_in_portions_until_one_is_found() {
    let mut fixture = TenantFixture::new();
    let name = |number: usize| format!("{number:04}.jpg");
    fixture.images.expect_list().returning(move || {
        let all = (0..1_200).map(|number| file(&name(number)).stored);
        Ok(all.collect())
    });
    fixture
        .images
        .expect_fetch()
        .returning(|name| Ok(file(name.as_str())));
    let mut reader = MockLedgerReader::new();
    reader
        .expect_entries_of()
        .times(2)
        .returning(move |_, contents| {
            let known = (0..700).map(|number| entry(&name(number), EntryState::Published, 1));
            let wanted = |entry: &Entry| contents.contains(&entry.content_hash);
            Ok(known.filter(wanted).collect())
        });
    let report = next(empty_ledger(), reader, fixture, false).await;
    assert_eq!(chosen(&report), Some("0700.jpg"));
}

/// Publishes the next image to Telegram with a caption that has to be written.
async fn next_with_captions(
    ledger: MockLedger,
    mut fixture: TenantFixture,
) -> Result<PublicationReport, PublishImageError> {
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_write_sidecar()
        .returning(|_, _, _| Ok(()));
    fixture
        .images
        .expect_move_to()
        .returning(|_, _, _| Ok(moved("a.jpg")));
    let request = PublicationRequest {
        platforms: Some(vec![Platform::Telegram]),
        ..PublicationRequest::default()
    };
    let (target, attempt) = (Target::Next, Attempt::without_key());
    let usecase = usecase(ledger, knowing(Vec::new()));
    let publish = usecase.run(fixture.build(), target, request, request_id(), attempt);
    publish.await
}

#[tokio::test]
async fn an_image_that_the_model_refuses_is_paid_for_once_remembered_and_passed_over() {
    let mut fixture = with_images(&["a.jpg", "b.jpg"]);
    let mut answers = mockall::Sequence::new();
    let refused = || CaptionError::ImageRefused {
        detail: "it refuses to",
    };
    fixture
        .writer
        .expect_analyse()
        // The second is the closer look.
        .times(2)
        .in_sequence(&mut answers)
        .returning(move |_| Err(refused()));
    fixture
        .writer
        .expect_analyse()
        .times(1)
        .in_sequence(&mut answers)
        .returning(|_| Ok(seen()));
    fixture.writer.expect_write().returning(|_| Ok(written()));
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_| Ok(PostId::new("1").into()));
    let mut ledger = empty_ledger();
    ledger
        .expect_pass_over()
        .times(1)
        .withf(|tenant, image, hash, failure| {
            tenant.as_str() == "alice"
                && image.as_str() == "a.jpg"
                && *hash == file("a.jpg").stored.content_hash
                && failure.reason == FailureReason::ImageUnsuitable
                && failure.text.contains("it refuses to")
        })
        .returning(|_, _, _, _| Ok(()));
    let report = next_with_captions(ledger, fixture).await.unwrap();
    assert_eq!(chosen(&report), Some("b.jpg"));
    assert!(report.warnings[0].starts_with("a.jpg was passed over: "));
}

#[tokio::test]
async fn what_would_be_wrong_with_any_image_ends_the_request_and_is_not_held_against_this_one() {
    let failures: [fn() -> CaptionError; 4] = [
        || CaptionError::Misconfigured {
            detail: "the model gpt-0 does not exist".to_owned(),
        },
        || CaptionError::QuotaExhausted,
        || CaptionError::Timeout("10 s".into()),
        || CaptionError::Unavailable("500".into()),
    ];
    for failure in failures {
        let mut fixture = with_images(&["a.jpg", "b.jpg"]);
        fixture
            .writer
            .expect_analyse()
            .times(1)
            .returning(move |_| Err(failure()));
        let mut ledger = claimed(BTreeMap::new());
        ledger.expect_pass_over().never();
        let ended = next_with_captions(ledger, fixture).await;
        assert!(
            matches!(ended, Err(PublishImageError::Captions(_))),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn a_model_whose_answers_are_of_no_use_is_paid_for_a_few_images_at_most() {
    let mut fixture = TenantFixture::new();
    let name = |number: usize| format!("{number:02}.jpg");
    fixture.images.expect_list().returning(move || {
        let all = (0..30).map(|number| file(&name(number)).stored);
        Ok(all.collect())
    });
    fixture
        .images
        .expect_fetch()
        .returning(|name| Ok(file(name.as_str())));
    // Each image has a closer look, too.
    fixture
        .writer
        .expect_analyse()
        .times(20)
        .returning(|_| Err(CaptionError::Unusable("no analysis")));
    let mut ledger = claimed(BTreeMap::new());
    ledger
        .expect_pass_over()
        .times(10)
        .withf(|_, _, _, failure| failure.reason == FailureReason::Unavailable)
        .returning(|_, _, _, _| Ok(()));
    let report = next_with_captions(ledger, fixture).await.unwrap();
    assert_eq!(chosen(&report), None);
    assert_eq!(report.warnings.len(), 11, "{:?}", report.warnings);
}

#[tokio::test]
async fn a_ledger_that_cannot_remember_what_is_passed_over_ends_the_request() {
    let mut fixture = with_images(&["a.jpg", "b.jpg"]);
    let refused = || CaptionError::ImageRefused {
        detail: "it refuses to",
    };
    fixture
        .writer
        .expect_analyse()
        .times(2)
        .returning(move |_| Err(refused()));
    let mut ledger = claimed(BTreeMap::new());
    let full = || LedgerError::Unavailable("the disk is full".into());
    ledger
        .expect_pass_over()
        .times(1)
        .returning(move |_, _, _, _| Err(full()));
    let ended = next_with_captions(ledger, fixture).await;
    assert!(
        matches!(ended, Err(PublishImageError::Ledger(_))),
        "{ended:?}"
    );
}

#[tokio::test]
async fn what_is_known_to_be_unsuitable_is_neither_fetched_nor_tried_and_its_number_is_told() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_list()
        .returning(|| Ok(listing(&["a.jpg", "b.jpg"])));
    fixture.images.expect_fetch().never();
    let unsuitable = |entry: Entry| Entry {
        reason: Some(FailureReason::ImageUnsuitable),
        ..entry
    };
    let reader = knowing(vec![
        unsuitable(Entry {
            platform: None,
            ..entry("a.jpg", EntryState::Skipped, 1)
        }),
        unsuitable(entry("b.jpg", EntryState::Failed, 2)),
    ]);
    let report = next(MockLedger::new(), reader, fixture, false).await;
    assert_eq!(chosen(&report), None);
    assert!(report.warnings[0].starts_with("2 images are left out"));
}

#[tokio::test]
async fn an_image_that_no_platform_can_take_is_passed_over_without_another_record() {
    let mut fixture = with_images(&["a.jpg", "b.jpg"]);
    let mut answers = mockall::Sequence::new();
    fixture
        .telegram
        .expect_publish()
        // The second is a copy that was encoded anew.
        .times(2)
        .in_sequence(&mut answers)
        .returning(|_| {
            Err(PublishError::ImageUnsuitable(
                "cannot be processed".to_owned(),
            ))
        });
    let mut ledger = claimed(BTreeMap::new());
    ledger.expect_intend().times(2).returning(|_, _, _| Ok(()));
    ledger.expect_settle().times(2).returning(|_, _, _| Ok(()));
    ledger.expect_pass_over().never();
    let report = next(ledger, knowing(Vec::new()), fixture, false).await;
    assert_eq!(chosen(&report), Some("b.jpg"));
    assert!(
        report.warnings[0].contains("cannot be processed"),
        "{:?}",
        report.warnings
    );
}
