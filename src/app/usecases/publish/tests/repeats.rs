//! Publications that are repeated: what was written for an image once is sent again, and not paid for again.

use super::*;
use crate::app::usecases::fixtures::{claimed, found};

/// What a first run has written beside the image.
pub(super) fn sidecar(keys: &str) -> SidecarFile {
    let sha256 = crate::domain::image::EncodedImage::new(jpeg())
        .unwrap()
        .sha256();
    found(format!(
        "\n\n# ---\n# image_file: a.jpg\n# dropbox_rev: rev1\n# sha256: {sha256}\n{keys}"
    ))
}

pub(super) const BOTH: &str = "# caption: First run\n\
                    # caption_generated: {\"telegram\":\"By a model\",\"email\":\"Mail, by a model\"}\n\
                    # caption_submitted: {\"telegram\":\"First run\\n\\n#tenant\"}\n\
                    # alt_text: A knot in a rope\n# tags: [\"rope\"]\n";

pub(super) fn tried(known: &[(Platform, PriorState)]) -> MockLedger {
    let mut ledger = claimed(known.iter().cloned().collect());
    ledger
        .expect_record_intent()
        .returning(|_, _, _, _, _| Ok(()));
    ledger.expect_record_outcome().returning(|_, _, _| Ok(()));
    ledger
}

/// An image beside which this sidecar stands, that is read once; what is written of it.
pub(super) fn beside(there: SidecarFile) -> (TenantFixture, Arc<Mutex<String>>) {
    let mut fixture = with_image();
    fixture.document["features"]["alt_text_enabled"] = true.into();
    fixture
        .images
        .expect_read_sidecar()
        .times(2)
        .returning(move |_, name| {
            Ok(match name {
                SidecarName::Full => SidecarFile::Missing,
                SidecarName::Stem => there.clone(),
            })
        });
    let text = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&text);
    fixture
        .images
        .expect_write_sidecar()
        .times(1)
        .returning(move |_, _, text, _| {
            *kept.lock().unwrap() = text_of(text);
            Ok(())
        });
    fixture
        .images
        .expect_move_to()
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    (fixture, text)
}

pub(super) fn no_call(fixture: &mut TenantFixture) {
    fixture.writer.expect_analyze().never();
    fixture.writer.expect_write().never();
}

fn one_call_each(fixture: &mut TenantFixture) {
    let writer = &mut fixture.writer;
    writer.expect_analyze().times(1).returning(|_| Ok(seen()));
    writer.expect_write().times(1).returning(|_| Ok(written()));
}

fn only(platform: Platform) -> PublicationRequest {
    PublicationRequest {
        platforms: Some(vec![platform]),
        ..PublicationRequest::default()
    }
}

#[tokio::test]
async fn a_platform_that_failed_gets_the_caption_of_the_first_run_without_any_call() {
    let published = PriorState::Published(PublishedPost::new("2"));
    for known in [
        vec![
            (Platform::Telegram, PriorState::Failed),
            (Platform::Email, published.clone()),
        ],
        vec![(Platform::Telegram, PriorState::Failed)],
        // It was published elsewhere, and is new to this platform.
        vec![(Platform::Email, published)],
    ] {
        let (mut fixture, text) = beside(sidecar(BOTH));
        no_call(&mut fixture);
        fixture
            .telegram
            .expect_publish()
            .times(1)
            .withf(|post, _| {
                post.caption == "First run\n\n#tenant"
                    && post.tags == ["rope"]
                    && post.alt_text.as_deref() == Some("A knot in a rope")
            })
            .returning(|_, _| Err(PublishError::unauthorized("401")));
        let request = only(Platform::Telegram);
        let report = publish_with(tried(&known), fixture, request).await.unwrap();
        assert_eq!(outcomes(&report), ["failed"]);
        let text = text.lock().unwrap().clone();
        for line in [
            "# caption: First run\n",
            "# caption_submitted: {\"telegram\":\"First run\\n\\n#tenant\"}\n",
            "# tags: [\"rope\"]\n",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
    }
}

#[tokio::test]
async fn what_was_not_sent_there_is_what_was_written_for_it() {
    let (mut fixture, text) = beside(sidecar(BOTH));
    no_call(&mut fixture);
    both_publish(&mut fixture);
    let known = [(Platform::Telegram, PriorState::Failed)];
    let report = publish_with(tried(&known), fixture, PublicationRequest::default()).await;
    let report = report.unwrap();
    assert_eq!(report.results[1].caption, "Mail, by a model");
    let text = text.lock().unwrap().clone();
    let sent = "# caption_submitted: {\"email\":\"Mail, by a model\",\"telegram\":\"First run";
    assert!(text.contains(sent), "{text}");
}

#[tokio::test]
async fn captions_are_written_where_the_sidecar_has_none_for_the_image_as_it_is() {
    let outdated = format!(
        "\n\n# ---\n# image_file: a.jpg\n# sha256: {}\n{BOTH}",
        "1".repeat(64)
    );
    for there in [
        SidecarFile::Missing,
        found(outdated),
        sidecar("# caption_submitted: {\"email\":\"E\"}\n"),
        sidecar("# caption_submitted: {\"telegram\":\" \"}\n"),
    ] {
        let (mut fixture, _) = beside(there);
        one_call_each(&mut fixture);
        fixture
            .telegram
            .expect_publish()
            .times(1)
            .returning(|_, _| Ok(PostId::new("1").into()));
        let known = [(Platform::Telegram, PriorState::Failed)];
        let report = publish_with(tried(&known), fixture, only(Platform::Telegram)).await;
        assert_eq!(
            report.unwrap().results[0].caption,
            "For Telegram\n\n#tenant"
        );
    }
}

#[tokio::test]
async fn an_image_that_was_never_tried_or_is_forced_is_captioned_anew() {
    let forced = PublicationRequest {
        force: true,
        ..only(Platform::Telegram)
    };
    let failed = [(Platform::Telegram, PriorState::Failed)];
    for (known, request) in [(&[][..], only(Platform::Telegram)), (&failed[..], forced)] {
        let (mut fixture, _) = beside(sidecar(BOTH));
        one_call_each(&mut fixture);
        fixture
            .telegram
            .expect_publish()
            .times(1)
            .returning(|_, _| Ok(PostId::new("1").into()));
        let report = publish_with(tried(known), fixture, request).await;
        assert_eq!(
            report.unwrap().results[0].caption,
            "For Telegram\n\n#tenant"
        );
    }
}

#[tokio::test]
async fn a_caption_of_the_caller_wins_over_that_of_the_first_run() {
    let (mut fixture, text) = beside(sidecar(BOTH));
    no_call(&mut fixture);
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("1").into()));
    let request = PublicationRequest {
        caption: Some("Mine".to_owned()),
        ..only(Platform::Telegram)
    };
    let known = [(Platform::Telegram, PriorState::Failed)];
    let report = publish_with(tried(&known), fixture, request).await;
    assert_eq!(report.unwrap().results[0].caption, "Mine\n\n#tenant");
    let text = text.lock().unwrap().clone();
    assert!(text.contains("# caption_edited: true\n"), "{text}");
}
