//! Images within what the server takes, and their sides.

use std::io;

use publisher_sandbox::LargeBlobs;

use super::*;

/// An image of more bytes than an older server takes, and fewer than a newer one does: noise, which PNG cannot pack.
fn large() -> Post {
    let mut state = 1_u32;
    let noise = image::RgbImage::from_fn(700, 600, |_, _| {
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        image::Rgb([byte(), byte(), byte()])
    });
    let mut file = io::Cursor::new(Vec::new());
    noise.write_to(&mut file, image::ImageFormat::Png).unwrap();
    let file = file.into_inner();
    assert!((1_000_001..2_000_000).contains(&file.len()));
    Post {
        image: EncodedImage::new(file.into()).unwrap(),
        ..post()
    }
}

#[tokio::test]
async fn a_server_that_refuses_an_image_gets_a_smaller_one_and_is_remembered() {
    for refused in [
        LargeBlobs::AtUpload,
        LargeBlobs::AtUploadAsPayload,
        LargeBlobs::AtRecord,
        LargeBlobs::AtRecordBySchema,
    ] {
        let desk = Desk::new().await;
        desk.bluesky.set_blob_limit(1_000_000, refused);
        let client = desk.open();
        assert_eq!(client.limits().await, None);
        let key = client.stage(&large(), None).await.unwrap().unwrap();
        client.publish(&large(), Some(&key)).await.unwrap();
        let there = desk.posted();
        assert_eq!(there.uri, key.as_str());
        let sent = &there.images[0];
        assert!(sent.image.bytes.len() <= 1_000_000, "{refused:?}");
        let sides = (u64::from(sent.image.width), u64::from(sent.image.height));
        assert_eq!(sent.aspect_ratio, Some(sides));
        // Also by the next client of the account.
        let limits = desk.open().limits().await.unwrap();
        assert_eq!(limits.image.max_bytes, 1_000_000);
        desk.switches().forget_calls();
        desk.open().publish(&large(), None).await.unwrap();
        assert_eq!(desk.calls(), [0, 0, 1, 1, 0], "{refused:?}");
    }
}

#[tokio::test]
async fn the_sides_are_those_of_the_image_that_is_sent() {
    let desk = Desk::new().await;
    let wide = Post {
        image: image(Sample::png("a.png", 4400, 44, 1).unwrap()),
        ..post()
    };
    desk.open().publish(&wide, None).await.unwrap();
    let sent = &desk.posted().images[0];
    assert!(sent.image.width <= 4000);
    let sides = (u64::from(sent.image.width), u64::from(sent.image.height));
    assert_eq!(sent.aspect_ratio, Some(sides));
}

#[tokio::test]
async fn an_image_that_no_copy_helps_is_told() {
    let desk = Desk::new().await;
    desk.bluesky.set_blob_limit(10, LargeBlobs::AtRecord);
    let error = desk.publish().await.unwrap_err();
    assert!(
        matches!(error, PublishError::ImageUnsuitable(_)),
        "{error:?}"
    );
    assert_eq!(desk.calls()[2..], [2, 2, 0]);
    let broken = Post {
        image: EncodedImage::new(b"\xFF\xD8\xFFimage".to_vec().into()).unwrap(),
        ..post()
    };
    let error = desk.open().publish(&broken, None).await.unwrap_err();
    assert!(
        matches!(error, PublishError::ImageUnsuitable(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_upload_is_repeated_and_its_answer_read_with_care() {
    let desk = Desk::new().await;
    for fault in [
        Fault::ResetAfterRequest,
        Fault::status(503),
        Fault::TruncatedBody,
    ] {
        desk.switches().inject("uploadBlob", fault);
    }
    let error = desk.publish().await.unwrap_err();
    assert!(
        matches!(error, PublishError::Unavailable { .. }),
        "{error:?}"
    );
    assert_eq!(desk.calls()[2..], [3, 0, 0]);
    desk.switches().inject("uploadBlob", Fault::status(503));
    desk.publish().await.unwrap();
    let odd = Fault::json(200, &json!({ "blob": 1 }));
    desk.switches().inject("uploadBlob", odd);
    let error = desk.publish().await.unwrap_err();
    assert!(
        matches!(error, PublishError::Unavailable { .. }),
        "{error:?}"
    );
    let refusal = Bluesky::refusal(400, "InvalidMimeType", "No such type");
    desk.switches().inject("uploadBlob", refusal);
    let error = desk.publish().await.unwrap_err();
    assert!(matches!(error, PublishError::Rejected(_)), "{error:?}");
    desk.posted();
}
