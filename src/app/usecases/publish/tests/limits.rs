//! Limits that a platform tells itself, and the model's hashtags, which only some platforms have.

use super::{
    repeats::{beside, no_call, sidecar, tried},
    *,
};
use crate::{
    adapters::platforms::spec,
    domain::{
        caption::{CaptionRules, HashtagPolicy},
        image::EncodedImage,
        platform::ImageLimits,
    },
    ports::{MockImageProcessor, PostLimits},
};

const IMAGE: ImageLimits = ImageLimits::of_bytes(1_000_000);

fn telling(caption: CaptionRules) -> PostLimits {
    PostLimits {
        caption,
        image: IMAGE,
    }
}

/// As Telegram's, with another limit, and with the model's hashtags.
fn with_model_hashtags(limit: usize) -> PostLimits {
    telling(CaptionRules {
        limit,
        hashtags: HashtagPolicy::TenantAndModel,
        ..spec(Platform::Telegram).caption
    })
}

/// Publishes with a processor that hands each image back where Telegram's limits are met.
async fn publish_within_limits(
    fixture: TenantFixture,
    ledger: MockLedger,
    mut processor: MockImageProcessor,
    request: PublicationRequest,
) -> PublicationReport {
    processor
        .expect_strip_metadata()
        .returning(|image| Ok(image.clone()));
    processor
        .expect_fit_within()
        .returning(|image, _| Ok(image.clone()));
    processor
        .expect_meet()
        .times(1)
        .withf(|_, limits| *limits == IMAGE)
        .returning(|image, _| Ok(image.clone()));
    let mut work = image_work(Arc::new(ledger));
    work.scaler = Arc::new(processor);
    let report = publish_image(work, MockLedgerReader::new())
        .run(
            fixture.build(),
            Target::Image(image_name()),
            request,
            request_id(),
            Attempt::without_key(),
        )
        .await;
    report.unwrap()
}

#[tokio::test]
async fn what_a_platform_tells_of_its_limits_replaces_what_is_known_of_it() {
    let mut fixture = with_image();
    expect_filing(&mut fixture);
    no_call(&mut fixture);
    // Once before the image is sent, once before it is encoded anew.
    let limits = telling(CaptionRules {
        limit: 20,
        ..spec(Platform::Telegram).caption
    });
    fixture
        .telegram
        .expect_limits()
        .times(2)
        .returning(move || Some(limits));
    fixture.email.expect_limits().times(1).returning(|| None);
    let mut refusals = 1;
    fixture
        .telegram
        .expect_publish()
        .times(2)
        .returning(move |_, _| {
            if refusals > 0 {
                refusals -= 1;
                return Err(PublishError::ImageUnsuitable("too large".to_owned()));
            }
            Ok(PostId::new("1").into())
        });
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let mut processor = MockImageProcessor::new();
    processor
        .expect_reencode()
        .times(1)
        .withf(|_, limits| *limits == Some(IMAGE))
        .returning(|_, _| {
            let bytes = [&*jpeg(), b"anew"].concat();
            Ok(EncodedImage::new(bytes.into()).unwrap())
        });
    let request = PublicationRequest {
        caption: Some("One two three four five".to_owned()),
        ..PublicationRequest::default()
    };
    let report = publish_within_limits(fixture, empty_ledger(), processor, request).await;
    assert_eq!(outcomes(&report), ["published", "published"]);
    assert_eq!(report.results[0].caption, "One two…\n\n#tenant");
    assert_eq!(report.results[1].caption, "One two three four five");
}

#[tokio::test]
async fn the_model_is_told_the_limits_and_its_tags_follow_the_tenants_hashtags() {
    for (is_on, caption) in [
        (true, "For Telegram\n\n#tenant #rope"),
        (false, "For Telegram\n\n#tenant"),
    ] {
        let mut fixture = with_image();
        fixture.document["features"]["smart_hashtags_enabled"] = is_on.into();
        expect_filing(&mut fixture);
        both_publish(&mut fixture);
        fixture
            .telegram
            .expect_limits()
            .times(1)
            .returning(|| Some(with_model_hashtags(50)));
        let writer = &mut fixture.writer;
        writer.expect_analyze().times(1).returning(|_| Ok(seen()));
        writer
            .expect_write()
            .times(1)
            .withf(|brief| {
                brief.platforms.len() == 2 && brief.platforms[&Platform::Telegram].rules.limit == 50
            })
            .returning(|_| Ok(written()));
        let request = PublicationRequest::default();
        let processor = MockImageProcessor::new();
        let report = publish_within_limits(fixture, empty_ledger(), processor, request).await;
        assert_eq!(report.results[0].caption, caption);
        assert_eq!(report.results[1].caption, "For e-mail");
    }
}

#[tokio::test]
async fn a_repeat_sends_the_hashtags_of_the_first_run_whoever_wrote_them() {
    let by_model = r#"{"telegram":"First\n\n#tenant #rope"}"#;
    for generated in [by_model, r#"{"telegram":"Other"}"#] {
        let keys = format!(
            "# caption: First\n# caption_generated: {generated}\n# caption_submitted: {by_model}\n"
        );
        let (mut fixture, _) = beside(sidecar(&keys));
        no_call(&mut fixture);
        fixture
            .telegram
            .expect_limits()
            .times(1)
            .returning(|| Some(with_model_hashtags(50)));
        fixture
            .telegram
            .expect_publish()
            .times(1)
            .withf(|post, _| post.caption == "First\n\n#tenant #rope")
            .returning(|_, _| Ok(PostId::new("1").into()));
        let ledger = tried(&[(Platform::Telegram, PriorState::Failed)]);
        let request = PublicationRequest {
            platforms: Some(vec![Platform::Telegram]),
            ..PublicationRequest::default()
        };
        let processor = MockImageProcessor::new();
        let report = publish_within_limits(fixture, ledger, processor, request).await;
        assert_eq!(outcomes(&report), ["published"]);
    }
}
