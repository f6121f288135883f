//! Images that are passed over, and what is remembered of them.

use super::*;

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
        .returning(|_, _, _, _| Ok(()));
    fixture
        .images
        .expect_move_to()
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
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
        .expect_analyze()
        // The second is the closer look.
        .times(2)
        .in_sequence(&mut answers)
        .returning(move |_| Err(refused()));
    fixture
        .writer
        .expect_analyze()
        .times(1)
        .in_sequence(&mut answers)
        .returning(|_| Ok(seen()));
    fixture.writer.expect_write().returning(|_| Ok(written()));
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("1").into()));
    let mut ledger = empty_ledger();
    ledger
        .expect_pass_over()
        .times(1)
        .withf(|tenant, image, hashes, failure| {
            tenant.as_str() == "alice"
                && image.as_str() == "a.jpg"
                && *hashes.listed() == file("a.jpg").stored.content_hash
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
            .expect_analyze()
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
async fn images_of_which_the_model_says_nothing_usable_are_remembered_and_paid_for_a_few_at_most() {
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
        .expect_analyze()
        .times(20)
        .returning(|_| Err(CaptionError::Unusable("no analysis")));
    let mut ledger = claimed(BTreeMap::new());
    ledger
        .expect_pass_over()
        .times(10)
        .withf(|_, _, _, failure| failure.reason == FailureReason::ImageUnsuitable)
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
        .expect_analyze()
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
        .returning(|_, _| {
            Err(PublishError::ImageUnsuitable(
                "cannot be processed".to_owned(),
            ))
        });
    let mut ledger = claimed(BTreeMap::new());
    ledger
        .expect_record_intent()
        .times(2)
        .returning(|_, _, _, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(2)
        .returning(|_, _, _| Ok(()));
    ledger.expect_pass_over().never();
    let report = next(ledger, knowing(Vec::new()), fixture, false).await;
    assert_eq!(chosen(&report), Some("b.jpg"));
    assert!(
        report.warnings[0].contains("cannot be processed"),
        "{:?}",
        report.warnings
    );
}

#[tokio::test]
async fn a_file_that_storage_does_not_hand_out_is_passed_over_counted_and_remembered_by_its_reason()
{
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    for (error, reason) in [
        (
            ImageStoreError::Unreadable {
                detail: "refused without a reason",
                cause: "451".into(),
            },
            FailureReason::Unavailable,
        ),
        (
            ImageStoreError::Restricted {
                detail: "refused without a reason",
            },
            FailureReason::ImageUnsuitable,
        ),
    ] {
        let mut fixture = TenantFixture::new();
        fixture
            .images
            .expect_list()
            .returning(|| Ok(listing(&["a.jpg", "b.jpg"])));
        let mut error = Some(error);
        fixture
            .images
            .expect_fetch()
            .times(2)
            .returning(move |name| match name.as_str() {
                "a.jpg" => Err(error.take().expect("it is asked for once")),
                _ => Ok(file(name.as_str())),
            });
        fixture
            .telegram
            .expect_publish()
            .times(1)
            .returning(|_, _| Ok(PostId::new("1").into()));
        let mut ledger = empty_ledger();
        ledger
            .expect_pass_over()
            .times(1)
            .withf(move |_, image, _, failure| {
                image.as_str() == "a.jpg"
                    && failure.reason == reason
                    && failure.text.contains("refused without a reason")
            })
            .returning(|_, _, _, _| Ok(()));
        let report = next(ledger, knowing(Vec::new()), fixture, false).await;
        assert_eq!(chosen(&report), Some("b.jpg"));
        assert!(
            report.warnings[0].starts_with("a.jpg was passed over: "),
            "{:?}",
            report.warnings
        );
        let reason = reason.as_str();
        let line = format!("publisher_images_passed_over_total{{reason=\"{reason}\"}} 1");
        let counted = recorder.handle().render();
        assert!(counted.contains(&line), "{line} is not in\n{counted}");
    }
}

#[tokio::test]
async fn one_image_that_is_left_out_is_told_in_the_singular() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_list()
        .returning(|| Ok(listing(&["a.jpg"])));
    let reader = knowing(vec![Entry {
        platform: None,
        reason: Some(FailureReason::ImageUnsuitable),
        ..entry("a.jpg", EntryState::Skipped, 1)
    }]);
    let report = next(MockLedger::new(), reader, fixture, false).await;
    assert!(
        report.warnings[0].starts_with("1 image is left out"),
        "{:?}",
        report.warnings
    );
}

#[tokio::test]
async fn images_that_are_in_doubt_are_told_where_nothing_else_is_left() {
    for dry_run in [false, true] {
        let mut fixture = TenantFixture::new();
        fixture
            .images
            .expect_list()
            .returning(|| Ok(listing(&["a.jpg", "b.jpg", "c.jpg"])));
        fixture.images.expect_fetch().never();
        let reader = knowing(vec![
            entry("a.jpg", EntryState::Unknown, 1),
            entry("b.jpg", EntryState::Published, 2),
            entry("c.jpg", EntryState::Unknown, 3),
        ]);
        let report = next(MockLedger::new(), reader, fixture, dry_run).await;
        assert_eq!(chosen(&report), None);
        assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
        let expected = "2 images are in doubt: a.jpg, c.jpg; a platform may have";
        assert!(
            report.warnings[0].starts_with(expected),
            "{:?}",
            report.warnings
        );
    }
}

#[tokio::test]
async fn an_image_of_which_it_turns_out_that_it_is_in_doubt_is_told_too() {
    let fixture = with_images(&["a.jpg"]);
    let ledger = claimed([(Platform::Telegram, PriorState::Unknown)].into());
    let report = next(ledger, knowing(Vec::new()), fixture, false).await;
    assert_eq!(chosen(&report), None);
    assert!(
        report.warnings[0].starts_with("1 image is in doubt: a.jpg; "),
        "{:?}",
        report.warnings
    );
}

#[tokio::test]
async fn images_in_doubt_are_no_matter_while_there_is_another() {
    let fixture = with_images(&["a.jpg", "b.jpg"]);
    let reader = knowing(vec![entry("a.jpg", EntryState::Unknown, 1)]);
    let report = next(MockLedger::new(), reader, fixture, true).await;
    assert_eq!(chosen(&report), Some("b.jpg"));
    assert_eq!(report.warnings, [""; 0]);
}
