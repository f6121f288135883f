//! What is refused, and how much has been done by then.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{
    adapters::platforms::spec,
    app::usecases::fixtures::{claimed, credential},
    domain::{
        credential::Provider, ledger::Settlement, publication::FailureReason, tenant::TenantName,
    },
    ports::{CredentialError, MockCredentialStore, MockPublishSlots, PublishSlot},
};

#[tokio::test]
async fn what_the_config_does_not_allow_is_refused_before_anything_is_fetched() {
    let mut fixture = TenantFixture::new();
    fixture.document["publishers"] = serde_json::json!([]);
    fixture.images.expect_find().never();
    let refused = publish(fixture, PublicationRequest::default()).await;
    assert!(matches!(
        refused,
        Err(PublishImageError::Plan(PlanError::NoPlatform))
    ));
}

#[tokio::test]
async fn a_file_that_is_no_image_is_refused_before_a_call_is_paid_for() {
    let mut fixture = TenantFixture::new();
    let bytes = Bytes::from_static(b"<html>");
    let fetched = FetchedImage {
        stored: stored("a.jpg", &bytes),
        bytes,
    };
    let found = fetched.stored.clone();
    fixture
        .images
        .expect_find()
        .returning(move |_| Ok(found.clone()));
    fixture
        .images
        .expect_fetch()
        .returning(move |_| Ok(fetched.clone()));
    fixture.writer.expect_analyze().never();
    let refused = publish(fixture, PublicationRequest::default()).await;
    assert!(matches!(
        refused,
        Err(PublishImageError::Image(
            ImageProcessingError::UnknownFormat(_)
        ))
    ));
}

#[tokio::test]
async fn an_image_that_is_too_large_is_refused_before_it_is_fetched() {
    let mut fixture = TenantFixture::new();
    fixture.images.expect_find().returning(|_| {
        let mut found = stored("a.jpg", &jpeg());
        found.size = crate::domain::image::MAX_IMAGE_BYTES + 1;
        Ok(found)
    });
    fixture.images.expect_fetch().never();
    let refused = publish(fixture, PublicationRequest::default()).await;
    assert!(matches!(
        refused,
        Err(PublishImageError::Storage(ImageStoreError::TooLarge))
    ));
}

#[tokio::test]
async fn an_image_that_was_replaced_between_the_claim_and_the_fetch_is_not_sent() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_find()
        .returning(|_| Ok(stored("a.jpg", &Bytes::from_static(b"earlier"))));
    fixture.images.expect_fetch().times(1).returning(|_| {
        Ok(FetchedImage {
            stored: stored("a.jpg", &jpeg()),
            bytes: jpeg(),
        })
    });
    fixture.writer.expect_analyze().never();
    let refused = publish(fixture, PublicationRequest::default()).await;
    assert!(matches!(refused, Err(PublishImageError::Replaced(_))));
}

#[tokio::test]
async fn a_tenant_has_only_so_many_publications_at_a_time() {
    let mut fixture = TenantFixture::new();
    fixture.images.expect_find().never();
    let usecase = usecase(MockLedger::new(), MockLedgerReader::new());
    let tenant = fixture.build();
    let _taken = usecase
        .work
        .capacity
        .publications
        .try_acquire(tenant.name())
        .unwrap();
    let refused = usecase.run(
        tenant,
        Target::Image(image_name()),
        PublicationRequest::default(),
        request_id(),
        Attempt::without_key(),
    );
    assert!(matches!(refused.await, Err(PublishImageError::TooMany)));
}

/// Publishes over slots of all processes, of which the tenant may have one.
async fn publish_over(
    slots: MockPublishSlots,
    fixture: TenantFixture,
    request: PublicationRequest,
) -> Result<PublicationReport, PublishImageError> {
    let mut usecase = usecase(MockLedger::new(), MockLedgerReader::new());
    let limit = usecase.work.capacity.publications.clone();
    usecase.work.capacity.publications = limit.over_all_processes(Arc::new(slots));
    let target = Target::Image(image_name());
    let attempt = Attempt::without_key();
    usecase
        .run(fixture.build(), target, request, request_id(), attempt)
        .await
}

#[tokio::test]
async fn a_publication_without_a_slot_among_all_processes_does_nothing() {
    let mut fixture = TenantFixture::new();
    fixture.images.expect_find().never();
    let mut slots = MockPublishSlots::new();
    slots
        .expect_take_slot()
        .times(1)
        .withf(|tenant, max| tenant.as_str() == "alice" && *max == 1)
        .returning(|_, _| Ok(None));
    slots.expect_release_slot().never();
    let refused = publish_over(slots, fixture, PublicationRequest::default()).await;
    assert!(matches!(refused, Err(PublishImageError::TooMany)));
}

#[tokio::test]
async fn a_publication_gives_its_slot_back_before_it_is_answered() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_find()
        .times(1)
        .returning(|_| Err(ImageStoreError::NotFound));
    fixture
        .archive
        .expect_find()
        .returning(|_| Err(ImageStoreError::NotFound));
    let slot = || PublishSlot {
        tenant: TenantName::new("alice").unwrap(),
        token: "token".to_owned(),
    };
    let mut slots = MockPublishSlots::new();
    slots
        .expect_take_slot()
        .times(1)
        .returning(move |_, _| Ok(Some(slot())));
    let released = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&released);
    slots
        .expect_release_slot()
        .times(1)
        .returning(move |given| {
            assert_eq!(*given, slot());
            seen.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
    let request = PublicationRequest {
        dry_run: true,
        ..PublicationRequest::default()
    };
    let failed = publish_over(slots, fixture, request).await;
    assert!(matches!(
        failed,
        Err(PublishImageError::Storage(ImageStoreError::NotFound))
    ));
    assert_eq!(released.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_platform_whose_credential_cannot_be_had_is_skipped_and_not_written_down() {
    let mut fixture = lucky();
    fixture.store = store_without(spec(Platform::Telegram).provider);
    fixture.telegram.expect_publish().never();
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let mut ledger = claimed(BTreeMap::new());
    ledger
        .expect_record_intent()
        .times(1)
        .withf(|_, _, platforms, _, _| *platforms == [Platform::Email])
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Ok(()));
    let report = publish_with(ledger, fixture, PublicationRequest::default());
    let report = report.await.unwrap();
    assert_eq!(outcomes(&report), ["skipped", "published"]);
    let reason = report.results[0].outcome.reason();
    assert_eq!(reason, Some(FailureReason::Unavailable));
}

#[tokio::test]
async fn a_platform_that_refuses_a_credential_without_another_is_recorded_as_failed() {
    let mut fixture = lucky();
    let telegram = spec(Platform::Telegram).provider;
    let mut resolved = 0;
    fixture.store = MockCredentialStore::new();
    fixture.store.expect_resolve().returning(move |query| {
        resolved += u32::from(query.provider == telegram);
        if query.provider == telegram && resolved > 1 {
            return Err(CredentialError::Unavailable {
                retry_after: None,
                cause: "503".into(),
            });
        }
        Ok(credential(query.provider))
    });
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Err(PublishError::unauthorized("401")));
    fixture
        .email
        .expect_publish()
        .returning(|_, _| Ok(PostId::new("2").into()));
    let mut ledger = claimed(BTreeMap::new());
    ledger
        .expect_record_intent()
        .times(1)
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(2)
        .withf(|_, platform, settlement| {
            let is_failed = matches!(settlement, Settlement::Failed(_));
            is_failed == (*platform == Platform::Telegram)
        })
        .returning(|_, _, _| Ok(()));
    let report = publish_with(ledger, fixture, PublicationRequest::default());
    let report = report.await.unwrap();
    assert_eq!(outcomes(&report), ["skipped", "published"]);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}

#[tokio::test]
async fn nothing_is_paid_for_when_the_credential_of_no_platform_can_be_had() {
    let mut fixture = with_image();
    fixture.store = store_without(spec(Platform::Telegram).provider);
    fixture.writer.expect_analyze().never();
    let mut ledger = claimed(BTreeMap::new());
    ledger.expect_record_intent().never();
    let request = PublicationRequest {
        platforms: Some(vec![Platform::Telegram]),
        ..PublicationRequest::default()
    };
    let refused = publish_with(ledger, fixture, request).await;
    assert!(
        matches!(
            refused,
            Err(PublishImageError::NoPlatformAvailable { retry_after: Some(wait) })
                if wait == Duration::from_secs(7)
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_tenant_without_credit_is_told_so_if_no_platform_is_left() {
    for is_out_of_credit in [true, false] {
        let mut fixture = with_image();
        let mut store = MockCredentialStore::new();
        store.expect_resolve().returning(move |query| {
            if query.provider != spec(Platform::Telegram).provider {
                Ok(credential(query.provider))
            } else if is_out_of_credit {
                Err(CredentialError::OutOfCredit)
            } else {
                Err(CredentialError::NotFound)
            }
        });
        fixture.store = store;
        fixture.writer.expect_analyze().never();
        let mut ledger = claimed(BTreeMap::new());
        ledger.expect_record_intent().never();
        let request = PublicationRequest {
            platforms: Some(vec![Platform::Telegram]),
            ..PublicationRequest::default()
        };
        match publish_with(ledger, fixture, request).await {
            Err(PublishImageError::OutOfCredit) => assert!(is_out_of_credit),
            Err(PublishImageError::NoPlatformAvailable { .. }) => assert!(!is_out_of_credit),
            other => panic!("{other:?}"),
        }
    }
}

/// A store that has every credential but that of one provider.
fn store_without(missing: Provider) -> MockCredentialStore {
    let mut store = MockCredentialStore::new();
    store.expect_resolve().returning(move |query| {
        if query.provider == missing {
            return Err(CredentialError::Unavailable {
                retry_after: Some(Duration::from_secs(7)),
                cause: "503".into(),
            });
        }
        Ok(credential(query.provider))
    });
    store
}
