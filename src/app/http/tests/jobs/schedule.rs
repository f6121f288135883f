//! The posting times.

use std::collections::BTreeSet;

use super::*;

fn put(body: &Value) -> Request {
    request(Method::PUT, "/api/schedule", body)
}

fn evenings() -> Value {
    json!({
        "timezone": "europe/berlin",
        "times": ["mon  18:30", "daily 09:00"],
        "platforms": ["telegram"],
        "enabled": true,
        "needs_approval": true,
    })
}

#[tokio::test]
async fn a_schedule_is_put_and_told_as_it_is_kept() {
    let mut service = Service::new();
    service
        .schedules
        .expect_put_schedule()
        .times(1)
        .withf(|tenant, host, put| {
            tenant.as_str() == "alice"
                && host.as_str() == HOST
                && put.is_enabled()
                && put.needs_approval()
                && put.platforms() == Some(&[Platform::Telegram])
        })
        .returning(|_, _, _| Ok(()));
    service
        .schedules
        .expect_passed_over()
        .times(1)
        .returning(|_, _| Ok(BTreeSet::new()));
    let answer = service.answer(put(&evenings())).await.json();
    let expected = json!({
        "timezone": "Europe/Berlin",
        "times": ["Mon 18:30", "daily 09:00"],
        "platforms": ["telegram"],
        "enabled": true,
        "needs_approval": true,
        "next": [
            "2026-05-04T16:30:00Z",
            "2026-05-05T07:00:00Z",
            "2026-05-06T07:00:00Z",
            "2026-05-07T07:00:00Z",
            "2026-05-08T07:00:00Z",
        ],
    });
    assert_eq!(answer, expected);
    // What was answered can be sent back.
    let mut service = Service::new();
    service
        .schedules
        .expect_put_schedule()
        .times(1)
        .returning(|_, _, _| Ok(()));
    service
        .schedules
        .expect_passed_over()
        .times(1)
        .returning(|_, _| Ok(BTreeSet::new()));
    assert_eq!(service.answer(put(&answer)).await.json(), expected);
}

#[tokio::test]
async fn bad_fields_of_a_schedule_are_named() {
    let with = |name: &str, value: Value| {
        let mut body = evenings();
        body[name] = value;
        body
    };
    for (body, fields) in [
        (json!({}), vec!["timezone", "times", "enabled"]),
        (with("timezone", "Mars/Olympus".into()), vec!["timezone"]),
        (with("timezone", json!(1)), vec!["timezone"]),
        (with("times", json!(["Mon 25:00", 1])), vec!["times[1]"]),
        (
            with("times", json!(["daily 09:00", "Moon 09:00", "DAILY 09:00"])),
            vec!["times[1]", "times[2]"],
        ),
        (with("times", json!([])), vec!["times"]),
        (with("times", "daily 09:00".into()), vec!["times"]),
        (with("enabled", "yes".into()), vec!["enabled"]),
        (with("platforms", json!([])), vec!["platforms"]),
        (with("platforms", json!(["mastodon"])), vec!["platforms"]),
        (with("paused", true.into()), vec!["paused"]),
        (
            json!({"timezone": "x", "times": 1, "enabled": true}),
            vec!["times", "timezone"],
        ),
    ] {
        let mut service = Service::new();
        service.schedules.expect_put_schedule().never();
        let answer = service.answer(put(&body)).await;
        assert_eq!(answer.bad_fields(), fields, "{body}");
    }
}

#[tokio::test]
async fn no_schedule_is_one_that_is_not_followed() {
    let mut service = Service::new();
    service
        .schedules
        .expect_schedule()
        .times(1)
        .returning(|_| Ok(None));
    let answer = service.answer(request(Method::GET, "/api/schedule", &Value::Null));
    let expected = json!({
        "timezone": "UTC", "times": [], "platforms": null,
        "enabled": false, "needs_approval": false, "next": [],
    });
    assert_eq!(answer.await.json(), expected);
}
