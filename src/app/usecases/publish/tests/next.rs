//! Which image is published when nobody names one.

use std::collections::HashMap;

use super::*;
use crate::{
    app::usecases::fixtures::claimed,
    domain::{
        content_hash::ContentHash,
        image::{ImageName, StoredImage},
        ledger::{Entry, EntryState, Position},
        publication::{FailureReason, PublishedPost},
    },
};

/// The file of this name, whose content is its name, and a JPEG after all.
pub(super) fn file(name: &str) -> FetchedImage {
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
pub(super) fn with_images(names: &'static [&str]) -> TenantFixture {
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
        image: Some(ImageName::new(name).unwrap()),
        content_hash: file(name).stored.content_hash,
        platform: Some(Platform::Telegram),
        state,
        post: None,
        reason: None,
        error: None,
        key: None,
        started: std::time::SystemTime::UNIX_EPOCH,
        ended: None,
    }
}

pub(super) fn knowing(entries: Vec<Entry>) -> MockLedgerReader {
    let mut reader = MockLedgerReader::new();
    reader
        .expect_entries_of()
        .times(1..)
        .returning(move |_, contents| {
            let mut wanted = HashMap::<_, Vec<_>>::new();
            for entry in &entries {
                if contents.contains(&entry.content_hash) {
                    let of_content = wanted.entry(entry.content_hash.clone());
                    of_content.or_default().push(entry.clone());
                }
            }
            Ok(wanted)
        });
    reader
}

pub(super) async fn next(
    ledger: MockLedger,
    reader: MockLedgerReader,
    mut fixture: TenantFixture,
    dry_run: bool,
) -> PublicationReport {
    fixture
        .telegram
        .expect_publish()
        .returning(|_, _| Ok(PostId::new("1").into()));
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_write_sidecar()
        .returning(|_, _, _, _| Ok(()));
    fixture
        .images
        .expect_move_to()
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
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

pub(super) fn chosen(report: &PublicationReport) -> Option<&str> {
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
        Claim::Held(Prior::from(BTreeMap::from([(
            Platform::Telegram,
            PriorState::Published(PublishedPost::new("7")),
        )]))),
        Claim::Held(Prior::default()),
        // By the other hashes of the image.
        Claim::Held(Prior::default()),
    ] {
        ledger
            .expect_claim()
            .times(1)
            .in_sequence(&mut claims)
            .returning(move |_, _| Ok(claim.clone()));
    }
    ledger.expect_release().times(2).returning(|_| Ok(()));
    ledger
        .expect_record_intent()
        .times(1)
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Ok(()));
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
            let wanted = known.filter(|entry| contents.contains(&entry.content_hash));
            Ok(wanted
                .map(|entry| (entry.content_hash.clone(), vec![entry]))
                .collect())
        });
    let report = next(empty_ledger(), reader, fixture, false).await;
    assert_eq!(chosen(&report), Some("0700.jpg"));
}

#[path = "passed_over.rs"]
mod passed_over;
