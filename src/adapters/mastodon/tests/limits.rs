//! The limits of an instance, asked once an hour.

use super::*;
use crate::domain::caption::CaptionRules;

#[tokio::test]
async fn an_instance_is_asked_once_for_all_of_its_tenants() {
    let desk = Desk::new().await;
    desk.mastodon.edit_instance(|instance| {
        let limits = &mut instance["configuration"];
        limits["statuses"]["max_characters"] = 1_000.into();
        limits["statuses"]["characters_reserved_per_url"] = 30.into();
        limits["media_attachments"]["image_size_limit"] = 2_000_000.into();
        limits["media_attachments"]["image_matrix_limit"] = 1_000_000.into();
        limits["media_attachments"]["supported_mime_types"] = json!(["image/jpeg"]);
    });
    let factory =
        MastodonPublisherFactory::new(&ExtraRoots::default(), Arc::new(SystemClock)).unwrap();
    let url = desk.mastodon.server().url();
    for (fields, limit) in [
        (json!({}), 996),
        (json!({ "sensitive": false }), 1_000),
        (json!({ "spoiler_text": "👩‍👩‍👧" }), 999),
    ] {
        let limits = open(&factory, &fields, &url, &desk.token).limits().await;
        let limits = limits.unwrap();
        let caption = CaptionRules {
            limit,
            link_length: Some(30),
            ..MastodonTarget::CAPTION
        };
        assert_eq!(limits.caption, caption);
        assert_eq!(limits.image.max_bytes, 1_999_999);
        assert_eq!(limits.image.max_pixels, Some(1_000_000));
        assert!(limits.image.jpeg_only);
    }
    assert_eq!(desk.switches().calls("instance"), 1);
    let request = &desk.switches().requests("instance")[0];
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn an_instance_that_does_not_tell_has_the_usual_limits() {
    for fault in [
        Fault::status(404),
        Fault::status(503),
        Fault::text(200, "<html>"),
        Fault::status(302).with_header("location", "/elsewhere"),
        Fault::ResetAfterRequest,
    ] {
        let desk = Desk::new().await;
        desk.switches().always("instance", fault.clone());
        let limits = desk.publisher.limits().await.unwrap();
        assert_eq!(limits.caption.limit, 496, "{fault:?}");
        assert_eq!(Some(limits.image), MastodonTarget::IMAGE_LIMITS);
        assert!(desk.switches().calls("instance") > 0);
    }
}

#[tokio::test]
async fn a_description_is_cut_to_what_the_instance_takes() {
    let desk = Desk::new().await;
    desk.mastodon.edit_instance(|instance| {
        instance["configuration"]["media_attachments"]["description_limit"] = 8.into();
    });
    // Five characters, one grapheme.
    let family = "👩‍👩‍👧";
    for (alt_text, sent) in [
        (Some(format!("{family}bcdef")), Some(format!("{family}bcd"))),
        (Some(format!("abcd{family}")), Some("abcd".to_owned())),
        (Some("  ".to_owned()), None),
        (None, None),
    ] {
        let post = Post { alt_text, ..post() };
        desk.publisher.stage(&post, None).await.unwrap();
        let uploads = desk.mastodon.uploads();
        assert_eq!(uploads.last().unwrap().description, sent);
    }
}
