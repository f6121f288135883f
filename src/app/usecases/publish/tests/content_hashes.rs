//! Images that the ledger knows by another hash than that of the listing.

use std::collections::HashMap;

use super::{next::*, *};
use crate::{app::usecases::fixtures::claimed, domain::content_hashes::ContentHashes};

const ON_TELEGRAM: (Platform, EntryState) = (Platform::Telegram, EntryState::Published);

fn published() -> Prior {
    let both = Platform::ALL.map(|it| (it, PriorState::Published(PublishedPost::new("1"))));
    Prior::from(BTreeMap::from(both))
}

/// A ledger that knows nothing by the hash of a listing, and this by all hashes of the file.
fn knowing_by_all(bytes: &Bytes, claim: Claim) -> MockLedger {
    let all = hashes_of(bytes);
    let listed = ContentHashes::from(all.get().listed().clone());
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .withf(move |lease, _| *lease.hashes() == listed)
        .returning(|_, _| Ok(Claim::Held(Prior::default())));
    ledger
        .expect_claim()
        .times(1)
        .withf(move |lease, platforms| lease.hashes() == all.get() && *platforms == Platform::ALL)
        .returning(move |_, _| Ok(claim.clone()));
    ledger
}

fn sends_and_pays_nothing(fixture: &mut TenantFixture) {
    fixture.telegram.expect_publish().never();
    fixture.email.expect_publish().never();
    fixture.writer.expect_analyze().never();
    fixture.writer.expect_write().never();
}

#[tokio::test]
async fn an_image_that_is_published_in_another_storage_is_not_sent_or_paid_for_and_is_archived() {
    let mut fixture = with_image();
    sends_and_pays_nothing(&mut fixture);
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    let mut ledger = knowing_by_all(&jpeg(), Claim::Held(published()));
    ledger.expect_record_intent().never();
    let all = hashes_of(&jpeg());
    ledger
        .expect_release()
        .times(1)
        .withf(move |lease| lease.hashes() == all.get())
        .returning(|_| Ok(()));
    let report = publish_with(ledger, fixture, PublicationRequest::default()).await;
    let report = report.unwrap();
    assert_eq!(
        outcomes(&report),
        ["already_published", "already_published"]
    );
    assert!(report.archived && report.warnings.is_empty());
}

#[tokio::test]
async fn who_is_publishing_the_content_under_another_hash_is_left_to_it() {
    let mut fixture = with_image();
    sends_and_pays_nothing(&mut fixture);
    let mut ledger = knowing_by_all(&jpeg(), Claim::HeldByOther);
    ledger.expect_release().times(1).returning(|_| Ok(()));
    let refused = publish_with(ledger, fixture, PublicationRequest::default()).await;
    assert!(
        matches!(refused, Err(PublishImageError::InProgress)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_ledger_that_cannot_be_asked_by_the_other_hashes_sends_nothing() {
    let mut fixture = with_image();
    sends_and_pays_nothing(&mut fixture);
    let mut ledger = MockLedger::new();
    let mut claims = mockall::Sequence::new();
    ledger
        .expect_claim()
        .times(1)
        .in_sequence(&mut claims)
        .returning(|_, _| Ok(Claim::Held(Prior::default())));
    ledger
        .expect_claim()
        .times(1)
        .in_sequence(&mut claims)
        .returning(|_, _| Err(LedgerError::Unavailable("away".into())));
    let all = hashes_of(&jpeg());
    // The claim may be written all the same.
    ledger
        .expect_release()
        .times(1)
        .withf(move |lease| lease.hashes() == all.get())
        .returning(|_| Ok(()));
    let refused = publish_with(ledger, fixture, PublicationRequest::default()).await;
    assert!(
        matches!(refused, Err(PublishImageError::Ledger(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn other_bytes_than_the_listed_ones_are_not_published_under_its_hash() {
    let mut fixture = with_found();
    sends_and_pays_nothing(&mut fixture);
    fixture.images.expect_fetch().times(1).returning(|_| {
        let bytes: Bytes = [&*jpeg(), b"more"].concat().into();
        Ok(FetchedImage {
            stored: stored("a.jpg", &jpeg()),
            bytes,
        })
    });
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .returning(|_, _| Ok(Claim::Held(Prior::default())));
    ledger.expect_release().times(1).returning(|_| Ok(()));
    let refused = publish_with(ledger, fixture, PublicationRequest::default()).await;
    assert!(
        matches!(refused, Err(PublishImageError::Replaced(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_next_image_is_the_first_that_is_unpublished_by_all_of_its_hashes() {
    let unsuitable = Prior {
        passed_over: Some(FailureReason::ImageUnsuitable),
        ..Prior::default()
    };
    for known in [published(), unsuitable] {
        let mut fixture = with_images(&["a.jpg", "b.jpg"]);
        fixture.writer.expect_analyze().never();
        fixture
            .telegram
            .expect_publish()
            .times(1)
            .returning(|_, _| Ok(PostId::new("1").into()));
        let mut ledger = knowing_by_all(&file("a.jpg").bytes, Claim::Held(known));
        // Of b.jpg.
        ledger
            .expect_claim()
            .times(2)
            .returning(|_, _| Ok(Claim::Held(Prior::default())));
        ledger.expect_release().times(2).returning(|_| Ok(()));
        ledger.expect_pass_over().never();
        ledger
            .expect_record_intent()
            .times(1)
            .withf(|_, image, _, _, _| image.as_str() == "b.jpg")
            .returning(|_, _, _, _, _| Ok(()));
        ledger
            .expect_record_outcome()
            .times(1)
            .returning(|_, _, _| Ok(()));
        let report = next(ledger, knowing(Vec::new()), fixture, false).await;
        assert_eq!(chosen(&report), Some("b.jpg"));
        assert_eq!(outcomes(&report), ["published"]);
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    }
}

#[tokio::test]
async fn a_folder_full_of_images_that_are_known_by_other_hashes_is_read_in_portions() {
    let mut fixture = TenantFixture::new();
    let name = |number: u32| format!("{number:03}.jpg");
    fixture
        .images
        .expect_list()
        .returning(move || Ok((0..150).map(|number| file(&name(number)).stored).collect()));
    fixture
        .images
        .expect_fetch()
        .times(100)
        .returning(|name| Ok(file(name.as_str())));
    let mut ledger = MockLedger::new();
    ledger.expect_claim().times(200).returning(|lease, _| {
        let is_listed = lease.hashes().as_slice().len() == 1;
        let prior = if is_listed {
            Prior::default()
        } else {
            published()
        };
        Ok(Claim::Held(prior))
    });
    ledger.expect_release().times(100).returning(|_| Ok(()));
    let report = next(ledger, knowing(Vec::new()), fixture, false).await;
    assert_eq!(chosen(&report), None);
    let go_on = "other images were not tried; publish again to go on with them";
    assert_eq!(report.warnings, [go_on]);
}

#[tokio::test]
async fn a_dry_run_knows_the_next_image_by_all_of_its_hashes() {
    let fixture = with_images(&["a.jpg", "b.jpg"]);
    let of_a = hashes_of(&file("a.jpg").bytes);
    let mut reader = MockLedgerReader::new();
    reader
        .expect_entries_of()
        .times(3)
        .returning(move |_, contents| {
            // The listing; then the hashes of one image.
            let [_, second, _] = of_a.get().as_slice() else {
                panic!()
            };
            let known = contents.contains(second);
            let entries = known.then(|| (second.clone(), vec![entry_of(second, ON_TELEGRAM)]));
            Ok(entries.into_iter().collect::<HashMap<_, _>>())
        });
    let report = next(MockLedger::new(), reader, fixture, true).await;
    assert_eq!(chosen(&report), Some("b.jpg"));
}

#[tokio::test]
async fn an_archived_image_is_known_by_all_of_its_hashes() {
    let mut fixture = TenantFixture::new();
    sends_and_pays_nothing(&mut fixture);
    fixture
        .images
        .expect_find()
        .returning(|_| Err(ImageStoreError::NotFound));
    fixture
        .archive
        .expect_find()
        .returning(|_| Ok(stored("a.jpg", &jpeg())));
    fixture.archive.expect_fetch().times(1).returning(|_| {
        Ok(FetchedImage {
            stored: stored("a.jpg", &jpeg()),
            bytes: jpeg(),
        })
    });
    let mut ledger = knowing_by_all(&jpeg(), Claim::Held(published()));
    ledger.expect_release().times(1).returning(|_| Ok(()));
    let report = publish_with(ledger, fixture, PublicationRequest::default()).await;
    let report = report.unwrap();
    assert_eq!(
        outcomes(&report),
        ["already_published", "already_published"]
    );
    assert!(report.archived);
}

/// The captions of an earlier attempt are for the image, whichever storage it was in.
#[tokio::test]
async fn what_failed_in_another_storage_is_tried_again_where_the_image_is_now() {
    let mut fixture = lucky();
    both_publish(&mut fixture);
    let failed = Platform::ALL.map(|it| (it, PriorState::Failed));
    let mut ledger = claimed(BTreeMap::from(failed));
    ledger
        .expect_record_intent()
        .times(1)
        .withf(|lease, _, platforms, _, _| {
            lease.hashes() == hashes_of(&jpeg()).get()
                && *platforms == [Platform::Telegram, Platform::Email]
        })
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(2)
        .returning(|_, _, _| Ok(()));
    let report = publish_with(ledger, fixture, PublicationRequest::default()).await;
    assert_eq!(outcomes(&report.unwrap()), ["published", "published"]);
}
