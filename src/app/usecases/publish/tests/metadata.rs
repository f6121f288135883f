//! What is sent: the image without its metadata, made once for models and platforms.

use super::*;
use crate::{domain::image::EncodedImage, ports::MockImageProcessor};

/// The image of these tests without its metadata; which bytes it has does not matter here.
fn stripped() -> EncodedImage {
    let bytes = [&*jpeg(), b"stripped"].concat();
    EncodedImage::new(bytes.into()).unwrap()
}

/// Everything gets `sent`, and nothing else is asked of `processor`.
async fn sends(mut processor: MockImageProcessor, content: serde_json::Value, sent: EncodedImage) {
    let mut fixture = lucky();
    fixture.document["content"] = content;
    for platform in [&mut fixture.telegram, &mut fixture.email] {
        let sent = sent.clone();
        platform
            .expect_publish()
            .times(1)
            .withf(move |post, _| post.image == sent)
            .returning(|_, _| Ok(PostId::new("1").into()));
    }
    // For the vision model and two platforms.
    processor
        .expect_fit_within()
        .times(3)
        .withf(move |image, _| *image == sent)
        .returning(|image, _| Ok(image.clone()));
    let mut work = image_work(Arc::new(empty_ledger()));
    work.scaler = Arc::new(processor);
    let report = publish_image(work, MockLedgerReader::new())
        .run(
            fixture.build(),
            Target::Image(image_name()),
            PublicationRequest::default(),
            request_id(),
            Attempt::without_key(),
        )
        .await;
    assert_eq!(outcomes(&report.unwrap()), ["published", "published"]);
}

#[tokio::test]
async fn metadata_is_left_out_once_for_all_who_get_the_image() {
    let mut processor = MockImageProcessor::new();
    processor
        .expect_strip_metadata()
        .times(1)
        .withf(|image| *image.bytes() == jpeg())
        .returning(|_| Ok(stripped()));
    sends(processor, serde_json::json!({}), stripped()).await;
}

#[tokio::test]
async fn a_tenant_may_have_the_file_sent_as_it_is() {
    let mut processor = MockImageProcessor::new();
    processor.expect_strip_metadata().never();
    let original = EncodedImage::new(jpeg()).unwrap();
    let content = serde_json::json!({ "strip_metadata": false });
    sends(processor, content, original).await;
}

#[tokio::test]
async fn an_image_whose_metadata_cannot_be_left_out_is_refused_before_a_call_is_paid_for() {
    let mut processor = MockImageProcessor::new();
    processor
        .expect_strip_metadata()
        .times(1)
        .returning(|_| Err(ImageProcessingError::Undecodable));
    processor.expect_fit_within().never();
    let mut fixture = with_image();
    fixture.writer.expect_analyze().never();
    let mut work = image_work(Arc::new(empty_ledger()));
    work.scaler = Arc::new(processor);
    let refused = publish_image(work, MockLedgerReader::new())
        .run(
            fixture.build(),
            Target::Image(image_name()),
            PublicationRequest::default(),
            request_id(),
            Attempt::without_key(),
        )
        .await;
    assert!(matches!(
        refused,
        Err(PublishImageError::Image(ImageProcessingError::Undecodable))
    ));
}
