//! Listing and publishing.

use serde_json::json;

use super::{
    Service,
    harness::{get, publish, stored},
};
use crate::{
    domain::{caption::WrittenCaptions, publication::PostId},
    ports::PublishError,
};

fn with_three_images() -> Service {
    let mut service = Service::new().open_to_viewers();
    let images = || Ok(["a.jpg", "b.png", "c.webp"].map(stored).into());
    service.images.expect_list().returning(images);
    service
}

#[tokio::test]
async fn a_list_is_paged_by_limit_and_after_and_counts_all() {
    for (query, expected) in [
        ("", json!(["a.jpg", "b.png", "c.webp"])),
        ("?limit=2", json!(["a.jpg", "b.png"])),
        ("?limit=2&after=b.png", json!(["c.webp"])),
        ("?after=c.webp", json!([])),
        ("?limit=1000&after=", json!(["a.jpg", "b.png", "c.webp"])),
    ] {
        let request = get(&format!("/api/images/list{query}"));
        let answer = with_three_images().answer(request).await;
        assert_eq!(
            answer.json(),
            json!({"filenames": expected, "count": 3}),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_bad_limit_is_named() {
    for limit in ["0", "1001", "-1", "many", "1.5", ""] {
        let request = get(&format!("/api/images/list?limit={limit}"));
        let answer = with_three_images().answer(request).await;
        assert_eq!(answer.bad_fields(), ["limit"], "{limit}");
        let message = answer.json()["errors"][0]["message"].to_string();
        assert!(
            message.contains("is not acceptable: ") && !message.contains("uint"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_image_is_published_with_the_callers_caption() {
    let mut service = Service::new().with_image();
    service
        .telegram
        .expect_publish()
        .times(1)
        .withf(|post| post.caption == "Ahoy" && post.name.as_str() == "a b.jpg")
        .returning(|_| Ok(PostId::new("77")));
    let body = r#"{"caption": "Ahoy", "platforms": ["telegram"], "dry_run": false}"#;
    let answer = service.answer(publish("a%20b.jpg", body)).await;
    let expected = json!({
        "filename": "a b.jpg",
        "results": {
            "telegram": {
                "success": true,
                "post_id": "77",
                "error": null,
                "outcome": "published",
                "caption": "Ahoy",
            },
        },
        "archived": false,
        "any_success": true,
        "dry_run": false,
        "warnings": [],
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

#[tokio::test]
async fn without_a_body_a_caption_is_written() {
    let mut service = Service::new().with_captions().with_image();
    service.writer.expect_analyse().times(1).returning(|_| {
        Ok(crate::domain::analysis::Analysis {
            description: "A knot.".to_owned(),
            ..Default::default()
        })
    });
    let nothing = || Ok(WrittenCaptions::default());
    service.writer.expect_write().returning(move |_| nothing());
    let posted = |_: &crate::ports::Post| Ok(PostId::new("1"));
    service.telegram.expect_publish().times(1).returning(posted);
    let answer = service.answer(publish("a.jpg", "")).await;
    assert_eq!(answer.json()["results"]["telegram"]["caption"], "A knot.");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let mut service = Service::new().with_image();
    service.telegram.expect_publish().never();
    let body = r#"{"caption": "Ahoy", "dry_run": true}"#;
    let answer = service.answer(publish("a.jpg", body)).await.json();
    assert_eq!(answer["dry_run"], true);
    assert_eq!(answer["any_success"], false);
    let result = &answer["results"]["telegram"];
    assert_eq!(
        (&result["outcome"], &result["caption"]),
        (&json!("skipped"), &json!("Ahoy"))
    );
}

#[tokio::test]
async fn a_platform_that_fails_is_a_result_and_not_a_problem() {
    for (error, outcome) in [
        (PublishError::Rejected("too square".to_owned()), "failed"),
        (PublishError::Unknown("reset".into()), "unknown"),
    ] {
        let mut service = Service::new().with_image();
        service
            .telegram
            .expect_publish()
            .return_once(|_| Err(error));
        let answer = service
            .answer(publish("a.jpg", r#"{"caption": "Ahoy"}"#))
            .await;
        assert_eq!(answer.status, 200);
        let answer = answer.json();
        let result = &answer["results"]["telegram"];
        assert_eq!(result["outcome"], outcome);
        assert!(result["error"].is_string() && result["post_id"].is_null());
        assert_eq!(answer["any_success"], false);
    }
}

#[tokio::test]
async fn all_bad_fields_are_named_at_once() {
    let long = "x".repeat(10_001);
    let too_long = format!(r#"{{"caption": "{long}"}}"#);
    for (filename, body, fields) in [
        ("notes.txt", "", vec!["filename"]),
        ("a%2Fb.jpg", "", vec!["filename"]),
        ("..%2F..%2Fa.jpg", "{}", vec!["filename"]),
        ("%FF.jpg", "", vec!["path"]),
        ("a.jpg%00", "", vec!["filename"]),
        ("a.jpg", r#"{"platforms": []}"#, vec!["platforms"]),
        ("a.jpg", r#"{"platforms": "telegram"}"#, vec!["platforms"]),
        ("a.jpg", r#"{"platforms": ["email"]}"#, vec!["platforms"]),
        ("a.jpg", &too_long, vec!["caption"]),
        (
            "a.gif",
            r#"{"platforms": ["telegram", "x", "telegram", 1], "caption": " ", "dry_run": "yes",
                "allow_empty_caption": 1, "dry-run": true}"#,
            vec![
                "filename",
                "platforms[1]",
                "platforms[2]",
                "platforms[3]",
                "caption",
                "dry_run",
                "allow_empty_caption",
                "dry-run",
            ],
        ),
    ] {
        let mut service = Service::new();
        service.images.expect_fetch().never();
        let answer = service.answer(publish(filename, body)).await;
        assert_eq!(answer.bad_fields(), fields, "{filename} {body}");
    }
}
