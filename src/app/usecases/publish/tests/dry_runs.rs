//! Publications that say what would be sent.

use super::*;

#[tokio::test]
async fn a_dry_run_sends_and_writes_nothing() {
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
    fixture.telegram.expect_publish().never();
    fixture.email.expect_publish().never();
    let unexpected = || -> Option<Arc<dyn Publisher>> { panic!("nothing is to be sent") };
    fixture.email.expect_connecting().returning(unexpected);
    fixture.images.expect_write_sidecar().never();
    fixture.images.expect_move_to().never();
    let request = PublicationRequest {
        dry_run: true,
        ..PublicationRequest::default()
    };
    let report = publish(fixture, request).await.unwrap();
    assert_eq!(outcomes(&report), ["skipped", "skipped"]);
    assert!(report.dry_run && !report.archived);
    assert_eq!(report.results[1].caption, "For e-mail");
}

#[tokio::test]
async fn a_dry_run_says_which_platform_has_the_image_and_which_may_have_it() {
    for (state, outcome) in [
        (EntryState::Published, "already_published"),
        (EntryState::Unknown, "unknown"),
        (EntryState::Failed, "skipped"),
    ] {
        let request = PublicationRequest {
            dry_run: true,
            caption: Some("Given".to_owned()),
            ..PublicationRequest::default()
        };
        let entries = vec![entry(Platform::Telegram, state)];
        let report = publish_by(MockLedger::new(), reader_of(entries), with_image(), request);
        let report = report.await.unwrap();
        assert_eq!(outcomes(&report), [outcome, "skipped"]);
    }
}

#[tokio::test]
async fn a_dry_run_of_what_every_platform_has_asks_no_model() {
    let fixture = with_image();
    let entries = Platform::ALL.map(|it| entry(it, EntryState::Published));
    let request = PublicationRequest {
        dry_run: true,
        ..PublicationRequest::default()
    };
    let report = publish_by(
        MockLedger::new(),
        reader_of(entries.into()),
        fixture,
        request,
    );
    let report = report.await.unwrap();
    assert_eq!(
        outcomes(&report),
        ["already_published", "already_published"]
    );
}

#[tokio::test]
async fn a_dry_run_of_what_is_being_published_is_refused_as_that_would_be() {
    let request = PublicationRequest {
        dry_run: true,
        ..PublicationRequest::default()
    };
    let entries = vec![entry(Platform::Email, EntryState::InProgress)];
    let refused = publish_by(MockLedger::new(), reader_of(entries), with_image(), request).await;
    assert!(
        matches!(refused, Err(PublishImageError::InProgress)),
        "{refused:?}"
    );
}
