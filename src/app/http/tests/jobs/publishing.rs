//! Requests to publish whose caller would rather not wait.

use super::*;
use crate::app::http::tests::harness::publish;

fn preferring(mut request: Request, preference: &str) -> Request {
    let headers = request.headers_mut();
    headers.insert("prefer", preference.parse().unwrap());
    request
}

#[tokio::test]
async fn one_who_would_not_wait_gets_a_job() {
    let next = || request(Method::POST, "/api/publish", &json!({"caption": "Ahoy"}));
    let named = || publish("a.jpg", r#"{"caption": "Ahoy"}"#);
    for (request, image) in [(named(), Some("a.jpg")), (next(), None)] {
        let mut service = Service::new();
        service.telegram.expect_publish().never();
        let image = image.map(|name| ImageName::new(name).unwrap());
        let expected = image.clone();
        service
            .jobs
            .expect_add_job()
            .times(1)
            .withf(move |_, _, new| {
                let order = JobOrder {
                    image: expected.clone(),
                    caption: Some("Ahoy".to_owned()),
                    ..JobOrder::default()
                };
                new.order == order && new.publish_at.is_none()
            })
            .returning(|_, _, new| Ok(made(new)));
        let request = preferring(request, "wait=5, respond-async");
        let answer = service.answer(request).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert_eq!(answer.header("location"), Some("/api/jobs/7"));
        assert_eq!(answer.header("preference-applied"), Some("respond-async"));
        let name = image.as_ref().map(ImageName::as_str);
        assert_eq!(answer.json()["filename"], json!(name));
    }
}

#[tokio::test]
async fn other_preferences_are_ignored() {
    let mut service = Service::new().with_image();
    service.jobs.expect_add_job().never();
    service
        .reader
        .expect_entries_of()
        .returning(|_, _| Ok([].into()));
    let dry_run = publish("a.jpg", r#"{"caption": "Ahoy", "dry_run": true}"#);
    let request = preferring(dry_run, "return=minimal, respond-async=no");
    let answer = service.answer(request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("preference-applied"), None);
}

#[tokio::test]
async fn a_dry_run_is_waited_for() {
    let mut service = Service::new();
    service.jobs.expect_add_job().never();
    let request = preferring(publish("a.jpg", r#"{"dry_run": true}"#), "respond-async");
    assert_eq!(service.answer(request).await.bad_fields(), ["dry_run"]);
}

#[tokio::test]
async fn what_the_config_does_not_allow_is_told_at_once() {
    let mut service = Service::new();
    service.document["features"]["publish_enabled"] = false.into();
    service.jobs.expect_add_job().never();
    let request = preferring(publish("a.jpg", ""), "respond-async");
    let answer = service.answer(request).await;
    answer.problem(403, "feature-disabled");
}
