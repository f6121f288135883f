//! Publishing, by name, next in line, and under a key.

use std::collections::HashMap;

use poem::{
    Request,
    http::{HeaderValue, Method},
};
use serde_json::json;

use super::{
    Service,
    harness::{HOST, TOKEN, publish, stored},
};
use crate::{
    domain::{caption::WrittenCaptions, idempotency::Begun, publication::PostId},
    ports::PublishError,
};

#[tokio::test]
async fn an_image_is_published_with_the_callers_caption() {
    let mut service = Service::new().with_image();
    service
        .telegram
        .expect_publish()
        .times(1)
        .withf(|post, _| post.caption == "Ahoy" && post.name.as_str() == "a b.jpg")
        .returning(|_, _| Ok(PostId::new("77").into()));
    let body = r#"{"caption": "Ahoy", "platforms": ["telegram"], "dry_run": false}"#;
    let answer = service.answer(publish("a%20b.jpg", body)).await;
    let expected = json!({
        "filename": "a b.jpg",
        "results": {
            "telegram": {
                "success": true,
                "post_id": "77",
                "post_url": null,
                "error": null, "reason": null, "retry_after_seconds": null,
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
async fn an_image_is_published_with_the_callers_caption_for_each_platform() {
    let mut service = Service::new().with_image();
    service
        .telegram
        .expect_publish()
        .times(1)
        .withf(|post, _| post.caption == "For T")
        .returning(|_, _| Ok(PostId::new("77").into()));
    let body = r#"{"captions": {"telegram": "For T"}, "caption": "For all"}"#;
    let answer = service.answer(publish("a.jpg", body)).await.json();
    assert_eq!(answer["results"]["telegram"]["caption"], "For T");
}

#[tokio::test]
async fn without_a_body_a_caption_is_written() {
    let mut service = Service::new().with_captions().with_image();
    service.writer.expect_analyze().times(1).returning(|_| {
        Ok(crate::domain::analysis::Analysis {
            description: "A knot.".to_owned(),
            ..Default::default()
        })
    });
    let nothing = || Ok(WrittenCaptions::default());
    service.writer.expect_write().returning(move |_| nothing());
    let posted = |_: &crate::ports::Post, _: Option<&crate::domain::publication::LookupKey>| {
        Ok(PostId::new("1").into())
    };
    service.telegram.expect_publish().times(1).returning(posted);
    let answer = service.answer(publish("a.jpg", "")).await;
    assert_eq!(answer.json()["results"]["telegram"]["caption"], "A knot.");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let mut service = Service::new().with_image();
    service.telegram.expect_publish().never();
    let reader = &mut service.reader;
    reader
        .expect_entries_of()
        .times(1)
        .returning(|_, _| Ok(HashMap::new()));
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
            .return_once(|_, _| Err(error));
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
        ("a.jpg", r#"{"captions": {}}"#, vec!["captions"]),
        ("a.jpg", r#"{"captions": ["a"]}"#, vec!["captions"]),
        (
            "a.jpg",
            r#"{"captions": {"telegram": " ", "x": "a"}}"#,
            vec!["captions.telegram", "captions.x"],
        ),
        (
            "a.jpg",
            r#"{"captions": {"telegram": 1}}"#,
            vec!["captions.telegram"],
        ),
        (
            "a.jpg",
            r#"{"captions": {"email": "a"}}"#,
            vec!["captions.telegram"],
        ),
        (
            "a.jpg",
            r#"{"captions": {"telegram": "a", "email": "b"}}"#,
            vec!["captions.email"],
        ),
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
        (
            "a.jpg",
            r#"{"dry_run": true, "dry_run": false, "captions": {"telegram": "a", "telegram": "b"}}"#,
            vec!["dry_run", "captions.telegram"],
        ),
    ] {
        let mut service = Service::new();
        service.images.expect_fetch().never();
        let answer = service.answer(publish(filename, body)).await;
        assert_eq!(answer.bad_fields(), fields, "{filename} {body}");
    }
}

#[tokio::test]
async fn a_bad_set_of_captions_tells_the_way_out() {
    for (captions, words) in [
        (json!({"telegram": " "}), "must not be blank; to leave"),
        (json!({"email": "a"}), "is required"),
        (json!({"telegram": "a", "email": "b"}), "leave it out"),
    ] {
        let body = json!({"captions": captions}).to_string();
        let answer = Service::new().answer(publish("a.jpg", &body)).await;
        let problem = answer.problem(400, "invalid-request");
        let message = problem["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(words), "{body}: {message}");
        assert!(message.contains("in `platforms`"), "{body}: {message}");
    }
}

fn with_key(mut request: Request, key: &str) -> Request {
    let value = key.parse().unwrap();
    request.headers_mut().insert("Idempotency-Key", value);
    request
}

fn publish_next() -> Request {
    Request::builder()
        .method(Method::POST)
        .uri_str("/api/publish")
        .header("host", HOST)
        .header("authorization", format!("Bearer {TOKEN}"))
        .finish()
}

#[tokio::test]
async fn with_nothing_left_to_publish_the_answer_has_no_image() {
    let mut service = Service::new();
    service.images.expect_list().returning(|| Ok(Vec::new()));
    let answer = service.answer(publish_next()).await;
    let expected = json!({
        "filename": null,
        "results": {},
        "archived": false,
        "any_success": false,
        "dry_run": false,
        "warnings": [],
    });
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
}

#[tokio::test]
async fn the_next_image_is_published() {
    let mut service = Service::new().with_image();
    service
        .images
        .expect_list()
        .returning(|| Ok(vec![stored("a.jpg")]));
    service
        .reader
        .expect_entries_of()
        .returning(|_, _| Ok(HashMap::new()));
    service
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("77").into()));
    let mut request = publish_next();
    request
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    request.set_body(r#"{"caption": "Ahoy"}"#);
    let answer = service.answer(request).await.json();
    assert_eq!(answer["filename"], "a.jpg");
    assert_eq!(answer["results"]["telegram"]["outcome"], "published");
}

#[tokio::test]
async fn the_answer_under_a_key_is_kept_as_it_is_sent_and_comes_again_marked() {
    let (told, kept) = std::sync::mpsc::channel();
    let mut first = Service::new().with_image();
    first
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("77").into()));
    first
        .requests
        .expect_begin()
        .returning(|_| Ok(Begun::First));
    first.requests.expect_choose().returning(|_, _| Ok(()));
    first
        .requests
        .expect_finish()
        .times(1)
        .returning(move |_, answer| {
            told.send(answer.to_owned()).unwrap();
            Ok(())
        });
    let body = r#"{"caption": "Ahoy"}"#;
    let first = first.answer(with_key(publish("a.jpg", body), "key")).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let kept = kept.recv().unwrap();
    assert_eq!(first.body, kept);

    let mut second = Service::new();
    second
        .requests
        .expect_begin()
        .returning(move |_| Ok(Begun::Answered(kept.clone())));
    let second = second.answer(with_key(publish("a.jpg", body), "key")).await;
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!((second.status, second.body), (first.status, first.body));
}

#[tokio::test]
async fn a_key_that_is_running_is_a_conflict_and_another_body_a_mismatch() {
    for (begun, status, kind) in [
        (Begun::Running, 409, "conflict"),
        (Begun::Mismatch, 422, "idempotency-mismatch"),
    ] {
        let mut service = Service::new();
        service
            .requests
            .expect_begin()
            .returning(move |_| Ok(begun.clone()));
        let answer = service.answer(with_key(publish("a.jpg", ""), "key")).await;
        answer.problem(status, kind);
    }
}

#[tokio::test]
async fn a_bad_key_is_named_with_all_else_that_is_bad() {
    let long = "k".repeat(256);
    let no_ascii = "caf\u{e9}";
    for keys in [
        &[""][..],
        &[" "],
        &["a b"],
        &[&long],
        &[no_ascii],
        &["a", "b"],
    ] {
        let mut service = Service::new();
        service.requests.expect_begin().never();
        let mut request = publish("notes.txt", "");
        for key in keys {
            let value = HeaderValue::from_bytes(key.as_bytes()).unwrap();
            request.headers_mut().append("Idempotency-Key", value);
        }
        let answer = service.answer(request).await;
        assert_eq!(
            answer.bad_fields(),
            ["filename", "Idempotency-Key"],
            "{keys:?}"
        );
    }
}

#[tokio::test]
async fn a_caption_of_which_nothing_is_seen_is_none() {
    for (caption, status, slug) in [
        (" \u{feff}\u{a0}", 400, "invalid-request"),
        ("\u{85}", 422, "caption-required"),
        ("\u{200b}\u{2800}", 422, "caption-required"),
        ("\u{e000}", 422, "caption-required"),
    ] {
        let body = json!({"caption": caption}).to_string();
        let answer = Service::new().answer(publish("a.jpg", &body)).await;
        answer.problem(status, slug);
        let body = json!({"captions": {"telegram": caption}}).to_string();
        let answer = Service::new().answer(publish("a.jpg", &body)).await;
        answer.problem(status, slug);
    }
}
