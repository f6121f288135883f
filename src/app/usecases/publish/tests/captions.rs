//! Where captions come from, and what happens when they do not come.

use super::*;

#[tokio::test]
async fn a_given_caption_makes_no_call() {
    let mut fixture = with_image();
    expect_filing(&mut fixture);
    fixture.writer.expect_analyze().never();
    fixture.writer.expect_write().never();
    both_publish(&mut fixture);
    let request = PublicationRequest {
        caption: Some("Mine".to_owned()),
        ..PublicationRequest::default()
    };
    let report = publish(fixture, request).await.unwrap();
    assert_eq!(report.results[0].caption, "Mine\n\n#tenant");
    assert_eq!(report.results[1].caption, "Mine");
}

#[tokio::test]
async fn vision_takes_a_closer_look_once_when_the_first_answer_is_unusable() {
    let mut fixture = with_image();
    expect_filing(&mut fixture);
    let mut looks = mockall::Sequence::new();
    fixture
        .writer
        .expect_analyze()
        .times(1)
        .in_sequence(&mut looks)
        .returning(|_| Err(CaptionError::Unusable("refused")));
    fixture
        .writer
        .expect_analyze()
        .times(1)
        .in_sequence(&mut looks)
        .returning(|_| Ok(seen()));
    fixture
        .writer
        .expect_write()
        .times(1)
        .returning(|_| Ok(written()));
    both_publish(&mut fixture);
    assert!(
        publish(fixture, PublicationRequest::default())
            .await
            .unwrap()
            .any_success()
    );
}

#[tokio::test]
async fn a_missing_caption_falls_back_to_the_description() {
    let mut fixture = with_image();
    expect_filing(&mut fixture);
    fixture
        .writer
        .expect_analyze()
        .times(1)
        .returning(|_| Ok(seen()));
    fixture
        .writer
        .expect_write()
        .times(1)
        .returning(|_| Err(CaptionError::Unusable("cut short")));
    both_publish(&mut fixture);
    let report = publish(fixture, PublicationRequest::default())
        .await
        .unwrap();
    assert_eq!(report.results[0].caption, "A knot.\n\n#tenant");
    assert_eq!(report.results[1].caption, "A knot.");
    let warning =
        "no caption was written for telegram, email: the description of the image takes its place";
    assert_eq!(report.warnings, [warning]);
}

#[tokio::test]
async fn without_any_caption_nothing_is_sent_unless_the_request_allows_it() {
    for allow_empty_caption in [false, true] {
        let mut fixture = with_image();
        fixture
            .writer
            .expect_analyze()
            .times(1)
            .returning(|_| Err(CaptionError::QuotaExhausted));
        if allow_empty_caption {
            expect_filing(&mut fixture);
            both_publish(&mut fixture);
        } else {
            fixture.telegram.expect_publish().never();
            fixture.email.expect_publish().never();
        }
        let request = PublicationRequest {
            allow_empty_caption,
            ..PublicationRequest::default()
        };
        let result = publish(fixture, request).await;
        match result {
            Ok(report) => assert!(allow_empty_caption && report.results[0].caption.is_empty()),
            Err(PublishImageError::Captions(_)) => assert!(!allow_empty_caption),
            Err(error) => panic!("{error}"),
        }
    }
}
