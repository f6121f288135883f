//! Captions that the caller gives for each platform.

use super::{
    repeats::{BOTH, beside, no_call, sidecar, tried},
    *,
};
use crate::app::usecases::fixtures::found;

fn with_captions<const N: usize>(captions: [(Platform, &str); N]) -> PublicationRequest {
    PublicationRequest {
        captions: Some(captions.map(|(it, text)| (it, text.to_owned())).into()),
        ..PublicationRequest::default()
    }
}

fn for_both() -> PublicationRequest {
    with_captions([(Platform::Telegram, "For T"), (Platform::Email, "For E")])
}

#[tokio::test]
async fn each_platform_gets_its_caption_with_the_tags_and_the_alt_text_of_the_sidecar() {
    let (mut fixture, written) = beside(sidecar(BOTH));
    no_call(&mut fixture);
    let publishers = [
        (&mut fixture.telegram, "For T\n\n#tenant"),
        (&mut fixture.email, "For E"),
    ];
    for (publisher, caption) in publishers {
        publisher
            .expect_publish()
            .times(1)
            .withf(move |post, _| {
                post.caption == caption
                    && post.tags == ["rope"]
                    && post.alt_text.as_deref() == Some("A knot in a rope")
            })
            .returning(|_, _| Ok(PostId::new("1").into()));
    }
    let request = PublicationRequest {
        caption: Some("For nobody".to_owned()),
        ..for_both()
    };
    let report = publish(fixture, request).await.unwrap();
    assert_eq!(outcomes(&report), ["published", "published"]);
    let written = written.lock().unwrap();
    assert!(written.contains("# caption_edited: true"), "{written}");
    assert!(
        written.contains("For T") && written.contains("For E"),
        "{written}"
    );
}

#[tokio::test]
async fn one_caption_for_all_comes_with_the_tags_of_the_sidecar_too() {
    let (mut fixture, _) = beside(sidecar(BOTH));
    no_call(&mut fixture);
    for publisher in [&mut fixture.telegram, &mut fixture.email] {
        publisher
            .expect_publish()
            .times(1)
            .withf(|post, _| post.tags == ["rope"] && post.alt_text.is_some())
            .returning(|_, _| Ok(PostId::new("1").into()));
    }
    let request = PublicationRequest {
        caption: Some("Mine".to_owned()),
        ..PublicationRequest::default()
    };
    assert!(publish(fixture, request).await.unwrap().any_success());
}

#[tokio::test]
async fn alt_text_that_is_off_is_sent_to_no_platform() {
    let (mut fixture, _) = beside(sidecar(BOTH));
    fixture.document["features"]["alt_text_enabled"] = false.into();
    no_call(&mut fixture);
    for publisher in [&mut fixture.telegram, &mut fixture.email] {
        publisher
            .expect_publish()
            .times(1)
            .withf(|post, _| post.alt_text.is_none())
            .returning(|_, _| Ok(PostId::new("1").into()));
    }
    assert!(publish(fixture, for_both()).await.unwrap().any_success());
}

#[tokio::test]
async fn the_sidecar_of_another_image_gives_nothing() {
    let sha256 = "0".repeat(64);
    let other = found(format!(
        "\n\n# ---\n# image_file: a.jpg\n# dropbox_rev: old\n# sha256: {sha256}\n{BOTH}"
    ));
    let (mut fixture, _) = beside(other);
    no_call(&mut fixture);
    for publisher in [&mut fixture.telegram, &mut fixture.email] {
        publisher
            .expect_publish()
            .times(1)
            .withf(|post, _| post.tags.is_empty() && post.alt_text.is_none())
            .returning(|_, _| Ok(PostId::new("1").into()));
    }
    assert!(publish(fixture, for_both()).await.unwrap().any_success());
}

#[tokio::test]
async fn captions_are_for_exactly_the_platforms_of_the_request() {
    let telegram = Some(vec![Platform::Telegram]);
    for (request, expected) in [
        (
            with_captions([(Platform::Telegram, "For T")]),
            PlanError::CaptionMissing(Platform::Email),
        ),
        (
            PublicationRequest {
                platforms: telegram.clone(),
                ..with_captions([(Platform::Email, "For E")])
            },
            PlanError::CaptionMissing(Platform::Telegram),
        ),
        (
            PublicationRequest {
                platforms: telegram,
                ..for_both()
            },
            PlanError::CaptionOfOther(Platform::Email),
        ),
    ] {
        let mut fixture = TenantFixture::new();
        fixture.images.expect_find().never();
        no_call(&mut fixture);
        let refused = publish(fixture, request).await;
        assert!(
            matches!(&refused, Err(PublishImageError::Plan(error)) if *error == expected),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_platform_that_has_the_image_needs_a_caption_and_gets_nothing() {
    let (mut fixture, _) = beside(sidecar(BOTH));
    no_call(&mut fixture);
    fixture.telegram.expect_publish().never();
    fixture
        .email
        .expect_publish()
        .times(1)
        .withf(|post, _| post.caption == "For E")
        .returning(|_, _| Ok(PostId::new("2").into()));
    let post = PublishedPost::new("1");
    let ledger = tried(&[(Platform::Telegram, PriorState::Published(post))]);
    let report = publish_with(ledger, fixture, for_both()).await.unwrap();
    assert_eq!(outcomes(&report), ["already_published", "published"]);
}

#[tokio::test]
async fn a_dry_run_with_captions_reads_no_sidecar() {
    let mut fixture = with_image();
    no_call(&mut fixture);
    fixture.images.expect_read_sidecar().never();
    let request = PublicationRequest {
        dry_run: true,
        ..for_both()
    };
    let report = publish_with(MockLedger::new(), fixture, request).await;
    let captions = report.unwrap().results.into_iter().map(|it| it.caption);
    assert_eq!(captions.collect::<Vec<_>>(), ["For T\n\n#tenant", "For E"]);
}

#[tokio::test]
async fn a_caption_of_which_a_platform_takes_nothing_is_refused_unless_an_empty_one_is_allowed() {
    for allow_empty_caption in [false, true] {
        let mut fixture = with_image();
        no_call(&mut fixture);
        let request = PublicationRequest {
            dry_run: true,
            allow_empty_caption,
            ..with_captions([(Platform::Telegram, "For T"), (Platform::Email, "#only")])
        };
        match publish_with(MockLedger::new(), fixture, request).await {
            Err(PublishImageError::NothingLeft(Platform::Email)) => assert!(!allow_empty_caption),
            report => {
                assert!(allow_empty_caption, "{report:?}");
                assert_eq!(outcomes(&report.unwrap()), ["skipped", "skipped"]);
            }
        }
    }
}
