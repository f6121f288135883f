//! Publishing on mocked ports, with every call counted.

mod archived;
mod captions;
mod content_hashes;
mod dry_runs;
mod entries;
mod follow_ups;
mod given;
mod kept;
mod ledger;
mod limits;
mod look_ups;
mod metadata;
mod next;
mod refusals;
mod repeats;
mod resumed;
mod sidecars;
mod staging;

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use bytes::Bytes;

use self::entries::{entry, entry_of, reader_of};
use super::*;
use crate::{
    adapters::storages,
    app::{
        tenancy::listing_cache::ListingCache,
        usecases::{
            fixtures::{
                TenantFixture, clock, empty_ledger, image_name, image_work, jpeg, moved,
                request_id, rotating_store, standing, stored, text_of,
            },
            steps::ImageWork,
        },
    },
    domain::{
        analysis::Analysis,
        caption::WrittenCaptions,
        content_hashes::ComputedHashes,
        ledger::{Claim, Entry, EntryState, Lease, Prior, PriorState},
        platform::Platform,
        publication::{FailureReason, PlanError, PostId, PublishedPost},
        sidecar::SidecarName,
    },
    ports::{
        CaptionError, FetchedImage, Folder, ImageProcessingError, LedgerError, MockLedger,
        MockLedgerReader, MockPublisher, PublishError, Publisher, SidecarFile,
    },
};

fn seen() -> Analysis {
    Analysis {
        description: "A knot.".to_owned(),
        tags: vec!["rope".to_owned()],
        ..Analysis::default()
    }
}

fn written() -> WrittenCaptions {
    let by_platform = BTreeMap::from([
        (Platform::Telegram, vec!["For Telegram".to_owned()]),
        (Platform::Email, vec!["For e-mail".to_owned()]),
    ]);
    WrittenCaptions {
        by_platform,
        sd_caption: Some("sd words".to_owned()),
    }
}

/// Ports on which everything goes well, once.
fn lucky() -> TenantFixture {
    let mut fixture = captioned();
    expect_filing(&mut fixture);
    fixture
}

/// An image, and captions for it.
fn captioned() -> TenantFixture {
    let mut fixture = with_image();
    fixture
        .writer
        .expect_analyze()
        .times(1)
        .returning(|_| Ok(seen()));
    fixture
        .writer
        .expect_write()
        .times(1)
        .returning(|_| Ok(written()));
    fixture
}

fn with_image() -> TenantFixture {
    let mut fixture = with_found();
    let fetched = FetchedImage {
        stored: stored("a.jpg", &jpeg()),
        bytes: jpeg(),
    };
    fixture
        .images
        .expect_fetch()
        .times(1)
        .returning(move |_| Ok(fetched.clone()));
    fixture
}

/// An image that is there, and is not to be fetched.
fn with_found() -> TenantFixture {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_find()
        .times(1)
        .returning(|_| Ok(stored("a.jpg", &jpeg())));
    fixture
}

fn expect_filing(fixture: &mut TenantFixture) {
    fixture
        .images
        .expect_read_sidecar()
        .times(2)
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_write_sidecar()
        .times(1)
        .returning(|_, _, _, _| Ok(()));
    fixture
        .images
        .expect_move_to()
        .times(1)
        .withf(|_, _, folder, _| *folder == Folder::Archive)
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
}

fn both_publish(fixture: &mut TenantFixture) {
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("1").into()));
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
}

async fn publish(
    fixture: TenantFixture,
    request: PublicationRequest,
) -> Result<PublicationReport, PublishImageError> {
    publish_with(empty_ledger(), fixture, request).await
}

async fn publish_with(
    ledger: MockLedger,
    fixture: TenantFixture,
    request: PublicationRequest,
) -> Result<PublicationReport, PublishImageError> {
    let reader = if request.dry_run {
        reader_of(Vec::new())
    } else {
        MockLedgerReader::new()
    };
    publish_by(ledger, reader, fixture, request).await
}

async fn publish_by(
    ledger: MockLedger,
    reader: MockLedgerReader,
    fixture: TenantFixture,
    request: PublicationRequest,
) -> Result<PublicationReport, PublishImageError> {
    let target = Target::Image(image_name());
    usecase(ledger, reader)
        .run(
            fixture.build(),
            target,
            request,
            request_id(),
            Attempt::without_key(),
        )
        .await
}

fn usecase(ledger: MockLedger, reader: MockLedgerReader) -> PublishImage {
    publish_image(image_work(Arc::new(ledger)), reader)
}

fn publish_image(work: ImageWork, reader: MockLedgerReader) -> PublishImage {
    let listings = Arc::new(ListingCache::new(clock()));
    PublishImage::new(work, Arc::new(reader), listings)
}

/// All hashes of a file of which storage lists the SHA-256.
fn hashes_of(bytes: &Bytes) -> ComputedHashes {
    let listed = stored("a.jpg", bytes).content_hash;
    ComputedHashes::of(listed, bytes, &storages::hash_kinds()).unwrap()
}

fn outcomes(report: &PublicationReport) -> Vec<&'static str> {
    report
        .results
        .iter()
        .map(|result| result.outcome.as_str())
        .collect()
}

#[tokio::test]
async fn an_image_goes_to_every_platform_with_one_vision_and_one_caption_call() {
    let mut fixture = lucky();
    both_publish(&mut fixture);
    let report = publish(fixture, PublicationRequest::default()).await;
    let report = report.unwrap();
    assert_eq!(outcomes(&report), ["published", "published"]);
    assert_eq!(report.results[0].caption, "For Telegram\n\n#tenant");
    assert_eq!(report.results[1].caption, "For e-mail");
    assert!(report.archived && report.any_success() && report.warnings.is_empty());
}

#[tokio::test]
async fn a_connection_is_begun_before_captions_are_written_and_used() {
    let mut fixture = with_image();
    expect_filing(&mut fixture);
    let mut in_order = mockall::Sequence::new();
    let mut connection = MockPublisher::new();
    connection.expect_stage().returning(|_, _| Ok(None));
    connection
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let connection: Arc<dyn Publisher> = Arc::new(connection);
    fixture
        .email
        .expect_connecting()
        .times(1)
        .in_sequence(&mut in_order)
        .return_once(move || Some(connection));
    fixture.email.expect_publish().never();
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("1").into()));
    fixture
        .writer
        .expect_analyze()
        .times(1)
        .in_sequence(&mut in_order)
        .returning(|_| Ok(seen()));
    fixture
        .writer
        .expect_write()
        .times(1)
        .returning(|_| Ok(written()));
    let report = publish(fixture, PublicationRequest::default()).await;
    assert_eq!(outcomes(&report.unwrap()), ["published", "published"]);
}

#[tokio::test]
async fn a_platform_that_fails_stops_no_other_and_the_image_is_archived() {
    let mut fixture = lucky();
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Err(PublishError::Rejected("no".to_owned())));
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let report = publish(fixture, PublicationRequest::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), ["failed", "published"]);
    assert!(report.archived);
}

#[tokio::test]
async fn an_uncertain_outcome_is_unknown_is_not_repeated_and_archives_nothing() {
    let mut fixture = captioned();
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_write_sidecar()
        .returning(|_, _, _, _| Ok(()));
    fixture.images.expect_move_to().never();
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Err(PublishError::Unknown("reset".into())));
    let request = PublicationRequest {
        platforms: Some(vec![Platform::Telegram]),
        ..PublicationRequest::default()
    };
    let report = publish(fixture, request).await.unwrap();
    assert_eq!(outcomes(&report), ["unknown"]);
    assert!(!report.archived && !report.any_success());
}

#[tokio::test]
async fn a_refused_credential_is_resolved_once_more() {
    let mut fixture = lucky();
    fixture.store = rotating_store();
    let mut refusals = mockall::Sequence::new();
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .in_sequence(&mut refusals)
        .returning(|_, _| Err(PublishError::unauthorized("401")));
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .in_sequence(&mut refusals)
        .returning(|_, _| Ok(PostId::new("1").into()));
    fixture
        .email
        .expect_publish()
        .returning(|_, _| Ok(PostId::new("2").into()));
    let report = publish(fixture, PublicationRequest::default())
        .await
        .unwrap();
    assert_eq!(outcomes(&report), ["published", "published"]);
}

#[tokio::test]
async fn an_image_that_a_platform_cannot_process_is_encoded_anew_once() {
    let unprocessable = || {
        Err(PublishError::ImageUnsuitable(
            "cannot be processed".to_owned(),
        ))
    };
    for (second, outcome) in [(true, "published"), (false, "failed")] {
        let mut fixture = with_image();
        fixture.writer.expect_analyze().returning(|_| Ok(seen()));
        fixture.writer.expect_write().returning(|_| Ok(written()));
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
        let mut attempts = mockall::Sequence::new();
        let telegram = &mut fixture.telegram;
        telegram
            .expect_publish()
            .times(1)
            .in_sequence(&mut attempts)
            .withf(|post, _| *post.image.bytes() == jpeg())
            .returning(move |_, _| unprocessable());
        telegram
            .expect_publish()
            .times(1)
            .in_sequence(&mut attempts)
            .withf(|post, _| *post.image.bytes() != jpeg() && post.caption.contains("For Telegram"))
            .returning(move |_, _| {
                if second {
                    Ok(PostId::new("1").into())
                } else {
                    unprocessable()
                }
            });
        let request = PublicationRequest {
            platforms: Some(vec![Platform::Telegram]),
            ..PublicationRequest::default()
        };
        let report = publish(fixture, request).await.unwrap();
        assert_eq!(outcomes(&report), [outcome]);
        let reason = (!second).then_some(FailureReason::ImageUnsuitable);
        assert_eq!(report.results[0].outcome.reason(), reason);
    }
}
