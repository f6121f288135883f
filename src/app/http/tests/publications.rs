//! The ledger, as admins read it.

use std::time::{Duration, SystemTime};

use poem::Request;
use serde_json::json;

use super::{
    Service,
    harness::{HOST, TOKEN, get, publish},
};
use crate::{
    app::usecases::fixtures::claimed,
    domain::{
        content_hash::ContentHash,
        image::ImageName,
        ledger::{Entry, EntryState, Position, PriorState},
        platform::Platform,
        publication::{LookupKey, PublishedPost},
    },
    ports::{LedgerError, LookUp},
};

fn entry(id: i64) -> Entry {
    let started = SystemTime::UNIX_EPOCH + Duration::from_millis(1_777_919_400_500);
    Entry {
        position: Position {
            started_ms: 1_777_919_400_500,
            id,
        },
        image: Some(ImageName::new("a.jpg").unwrap()),
        content_hash: ContentHash::of(b""),
        platform: Some(Platform::Telegram),
        state: EntryState::Published,
        post: Some(PublishedPost::new(id.to_string())),
        reason: None,
        error: None,
        key: None,
        started,
        ended: None,
    }
}

fn list(query: &str) -> Request {
    Request::builder()
        .uri_str(format!("/api/publications{query}"))
        .header("host", HOST)
        .header("authorization", format!("Bearer {TOKEN}"))
        .finish()
}

#[tokio::test]
async fn publications_are_listed_page_by_page() {
    let mut service = Service::new();
    service
        .reader
        .expect_list()
        .times(1)
        .withf(|tenant, query| tenant.as_str() == "alice" && query.limit == 3)
        .returning(|_, _| Ok(vec![entry(9), entry(8), entry(7)]));
    let answer = service.answer(list("?limit=2")).await.json();
    let first = json!({
        "id": "9",
        "filename": "a.jpg",
        "content_hash": ContentHash::of(b"").to_string(),
        "content_hash_kind": "sha256",
        "platform": "telegram",
        "outcome": "published",
        "post_id": "9",
        "post_url": null,
        "reason": null, "error": null,
        "started_at": "2026-05-04T18:30:00.5Z",
        "ended_at": null,
    });
    assert_eq!(answer["publications"][0], first);
    assert_eq!(answer["publications"].as_array().unwrap().len(), 2);
    let cursor = answer["next_cursor"].as_str().unwrap().to_owned();

    let mut service = Service::new();
    service
        .reader
        .expect_list()
        .times(1)
        .withf(|_, query| query.after == Some(entry(8).position) && query.limit == 51)
        .returning(|_, _| Ok(vec![entry(7)]));
    let answer = service
        .answer(list(&format!("?cursor={cursor}")))
        .await
        .json();
    assert!(answer["next_cursor"].is_null(), "{answer}");
}

#[tokio::test]
async fn filters_reach_the_ledger() {
    let mut service = Service::new();
    service
        .reader
        .expect_list()
        .times(1)
        .withf(|_, query| {
            query.image == Some(ImageName::new("a b.jpg").unwrap())
                && query.platform == Some(Platform::Email)
                && query.state == Some(EntryState::InProgress)
        })
        .returning(|_, _| Ok(Vec::new()));
    let query = "?filename=a%20b.jpg&platform=email&outcome=in_progress";
    let answer = service.answer(list(query)).await;
    assert_eq!(
        answer.json(),
        json!({"publications": [], "next_cursor": null})
    );
}

#[tokio::test]
async fn bad_parameters_are_named() {
    for (query, fields) in [
        ("?limit=0", vec!["limit"]),
        ("?limit=201", vec!["limit"]),
        ("?platform=myspace", vec!["platform"]),
        ("?outcome=intent", vec!["outcome"]),
        ("?cursor=!!&filename=a.gif", vec!["filename", "cursor"]),
    ] {
        let mut service = Service::new();
        service.reader.expect_list().never();
        let answer = service.answer(list(query)).await;
        assert_eq!(answer.bad_fields(), fields, "{query}");
    }
}

#[tokio::test]
async fn only_admins_read_the_ledger() {
    let service = Service::new().open_to_viewers();
    let answer = service.answer(get("/api/publications")).await;
    answer.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_ledger_that_is_away_is_a_problem_of_its_own_and_nothing_is_sent() {
    let away = || LedgerError::Unavailable("the disk at /var is full".into());
    let mut service = Service::new();
    service
        .reader
        .expect_list()
        .returning(move |_, _| Err(away()));
    let answer = service.answer(list("")).await;
    answer.problem(503, "ledger-unavailable");
    assert!(!answer.body.contains("/var"));

    let mut service = Service::new().with_image();
    let mut ledger = claimed([].into());
    ledger
        .expect_record_intent()
        .returning(move |_, _, _, _, _| Err(away()));
    service.ledger = Some(ledger);
    service.telegram.expect_publish().never();
    let answer = service
        .answer(publish("a.jpg", r#"{"caption": "Ahoy"}"#))
        .await;
    answer.problem(503, "ledger-unavailable");
}

fn check(id: &str) -> Request {
    Request::builder()
        .method(poem::http::Method::POST)
        .uri_str(format!("/api/publications/{id}/check"))
        .header("host", HOST)
        .header("authorization", format!("Bearer {TOKEN}"))
        .finish()
}

#[tokio::test]
async fn a_publication_in_doubt_is_answered_after_its_platform() {
    let in_doubt = || Entry {
        state: EntryState::Unknown,
        post: None,
        key: Some(LookupKey::new("k")),
        ..entry(9)
    };
    let mut service = Service::new();
    let mut reads = mockall::Sequence::new();
    for state in [in_doubt(), in_doubt(), entry(9)] {
        service
            .reader
            .expect_find()
            .times(1)
            .in_sequence(&mut reads)
            .withf(|tenant, id| tenant.as_str() == "alice" && *id == 9)
            .returning(move |_, _| Ok(Some(state.clone())));
    }
    service
        .telegram
        .expect_look_up()
        .times(1)
        .returning(|_| Ok(LookUp::Posted(PublishedPost::new("9"))));
    service.telegram.expect_publish().never();
    let mut ledger = claimed([].into());
    let found = PriorState::Published(PublishedPost::new("9"));
    let found: std::collections::BTreeMap<_, _> = [(Platform::Telegram, found)].into();
    ledger
        .expect_record_look_up()
        .times(1)
        .returning(move |_, _, _, _| Ok(found.clone().into()));
    service.ledger = Some(ledger);
    let answer = service.answer(check("9")).await.json();
    assert_eq!(answer["outcome"], "published", "{answer}");
    assert_eq!(answer["post_id"], "9");
}

#[tokio::test]
async fn checks_that_cannot_be_made_are_told_apart() {
    for id in ["x", "9.0", "99999999999999999999"] {
        let mut service = Service::new();
        service.reader.expect_find().never();
        let answer = service.answer(check(id)).await;
        answer.problem(404, "not-found");
    }
    let mut service = Service::new();
    service.reader.expect_find().returning(|_, _| Ok(None));
    service.answer(check("9")).await.problem(404, "not-found");
    for (state, kind) in [
        (EntryState::InProgress, "conflict"),
        (EntryState::Unknown, "cannot-be-asked"),
        (EntryState::Skipped, "cannot-be-asked"),
    ] {
        let mut service = Service::new();
        service.reader.expect_find().returning(move |_, _| {
            let entry = Entry { state, ..entry(9) };
            Ok(Some(entry))
        });
        let answer = service.answer(check("9")).await;
        answer.problem(409, kind);
    }
    let service = Service::new().open_to_viewers();
    let request = Request::builder()
        .method(poem::http::Method::POST)
        .uri_str("/api/publications/9/check")
        .header("host", HOST);
    let answer = service.answer(request.finish()).await;
    answer.problem(401, "unauthorized");
}
