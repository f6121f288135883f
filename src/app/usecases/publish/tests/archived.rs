//! A named image that one platform has taken and another has not: it is in the archive.

use super::*;
use crate::app::usecases::fixtures::claimed;

/// The image in the archive, where it is read, and its sidecar is written; it is not moved.
pub(super) fn expect_archived(fixture: &mut TenantFixture) {
    let archive = &mut fixture.archive;
    archive
        .expect_find()
        .times(1)
        .returning(|_| Ok(stored("a.jpg", &jpeg())));
    let fetched = FetchedImage {
        stored: stored("a.jpg", &jpeg()),
        bytes: jpeg(),
    };
    archive
        .expect_fetch()
        .times(1)
        .returning(move |_| Ok(fetched.clone()));
    archive
        .expect_read_sidecar()
        .times(2)
        .returning(|_, _| Ok(SidecarFile::Missing));
    archive
        .expect_write_sidecar()
        .times(1)
        .returning(|_, _, _, _| Ok(()));
    archive.expect_move_to().never();
    fixture.images.expect_move_to().never();
}

fn not_in_root() -> TenantFixture {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_find()
        .times(1)
        .returning(|_| Err(ImageStoreError::NotFound));
    fixture
}

fn captions(fixture: &mut TenantFixture) {
    let writer = &mut fixture.writer;
    writer.expect_analyze().times(1).returning(|_| Ok(seen()));
    writer.expect_write().times(1).returning(|_| Ok(written()));
}

fn knowing(known: &[(Platform, PriorState)]) -> MockLedger {
    let mut ledger = claimed(known.iter().cloned().collect());
    ledger
        .expect_record_intent()
        .returning(|_, _, _, _, _| Ok(()));
    ledger.expect_record_outcome().returning(|_, _, _| Ok(()));
    ledger
}

#[tokio::test]
async fn only_the_platforms_that_lack_it_get_it_and_it_stays_there() {
    let mut fixture = not_in_root();
    expect_archived(&mut fixture);
    captions(&mut fixture);
    fixture.telegram.expect_publish().never();
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let known = [
        (
            Platform::Telegram,
            PriorState::Published(PublishedPost::new("1")),
        ),
        (Platform::Email, PriorState::Failed),
    ];
    let request = PublicationRequest::default();
    let report = publish_with(knowing(&known), fixture, request).await;
    let report = report.unwrap();
    assert_eq!(outcomes(&report), ["already_published", "published"]);
    assert!(report.archived && report.warnings.is_empty());
}

#[tokio::test]
async fn what_is_unknown_is_sent_by_force_alone() {
    let known = [(Platform::Telegram, PriorState::Unknown)];
    let request = |force| PublicationRequest {
        platforms: Some(vec![Platform::Telegram]),
        force,
        ..PublicationRequest::default()
    };
    let mut fixture = not_in_root();
    let archive = &mut fixture.archive;
    archive
        .expect_find()
        .times(1)
        .returning(|_| Ok(stored("a.jpg", &jpeg())));
    let report = publish_with(knowing(&known), fixture, request(false)).await;
    let report = report.unwrap();
    assert_eq!(outcomes(&report), ["unknown"]);
    assert!(report.archived);

    let mut fixture = not_in_root();
    expect_archived(&mut fixture);
    captions(&mut fixture);
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("1").into()));
    let report = publish_with(knowing(&known), fixture, request(true)).await;
    assert_eq!(outcomes(&report.unwrap()), ["published"]);
}

/// It is there because a platform has taken it: which one, the ledger cannot tell.
#[tokio::test]
async fn an_image_that_the_ledger_knows_nothing_of_is_unknown_everywhere() {
    let mut fixture = not_in_root();
    let archive = &mut fixture.archive;
    archive
        .expect_find()
        .times(1)
        .returning(|_| Ok(stored("a.jpg", &jpeg())));
    let fetched = FetchedImage {
        stored: stored("a.jpg", &jpeg()),
        bytes: jpeg(),
    };
    // By its other hashes, too.
    archive
        .expect_fetch()
        .times(1)
        .returning(move |_| Ok(fetched.clone()));
    let mut ledger = claimed(BTreeMap::new());
    ledger.expect_record_intent().never();
    let report = publish_with(ledger, fixture, PublicationRequest::default()).await;
    let report = report.unwrap();
    assert_eq!(outcomes(&report), ["unknown", "unknown"]);
    assert!(report.archived);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_sent_from_there() {
    let mut fixture = not_in_root();
    captions(&mut fixture);
    let fetched = FetchedImage {
        stored: stored("a.jpg", &jpeg()),
        bytes: jpeg(),
    };
    let archive = &mut fixture.archive;
    archive
        .expect_find()
        .times(1)
        .returning(|_| Ok(stored("a.jpg", &jpeg())));
    archive
        .expect_fetch()
        .times(1)
        .returning(move |_| Ok(fetched.clone()));
    archive
        .expect_read_sidecar()
        .times(2)
        .returning(|_, _| Ok(SidecarFile::Missing));
    let request = PublicationRequest {
        dry_run: true,
        ..PublicationRequest::default()
    };
    let failed = vec![entry(Platform::Telegram, EntryState::Failed)];
    let report = publish_by(MockLedger::new(), reader_of(failed), fixture, request).await;
    let report = report.unwrap();
    assert_eq!(outcomes(&report), ["skipped", "skipped"]);
    assert!(report.archived);
}

#[tokio::test]
async fn an_image_in_neither_folder_is_not_found_and_a_failure_of_storage_is_none_of_that() {
    for (root, archive) in [(true, true), (true, false), (false, true)] {
        let missing = |is_missing: bool| {
            move |_: &crate::domain::image::ImageName| {
                Err(if is_missing {
                    ImageStoreError::NotFound
                } else {
                    ImageStoreError::Timeout("slow".into())
                })
            }
        };
        let mut fixture = TenantFixture::new();
        fixture
            .images
            .expect_find()
            .times(1)
            .returning(missing(root));
        fixture
            .archive
            .expect_find()
            .times(usize::from(root))
            .returning(missing(archive));
        let refused = publish(fixture, PublicationRequest::default()).await;
        let is_not_found = matches!(
            refused,
            Err(PublishImageError::Storage(ImageStoreError::NotFound))
        );
        assert_eq!(is_not_found, root && archive, "{refused:?}");
    }
}
