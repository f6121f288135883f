//! Jobs and posting times, as admins manage them.

use std::time::{Duration, SystemTime};

use poem::{Body, Request, http::Method};
use serde_json::{Value, json};

use super::{
    Service,
    harness::{HOST, NOON, TOKEN, get},
};
use crate::{
    domain::{
        idempotency::Begun,
        image::ImageName,
        job::{Edit, Job, JobId, JobOrder, JobPosition, JobRefusal, JobStatus, NewJob},
        platform::Platform,
        tenant::TenantName,
    },
    ports::{JobCommand, JobStoreError, LedgerError},
};

mod changes;
mod publishing;
mod schedule;

/// So many seconds after noon.
fn noon_and(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + NOON + Duration::from_secs(seconds)
}

fn made(new: &NewJob) -> Job {
    let alice = TenantName::new("alice").unwrap();
    new.clone().into_job(JobId(7), alice, noon_and(0))
}

fn job() -> Job {
    made(&NewJob {
        publish_at: Some(noon_and(60)),
        ..NewJob::default()
    })
}

fn request(method: Method, path: &str, body: &Value) -> Request {
    let request = Request::builder()
        .method(method)
        .uri_str(path)
        .header("host", HOST)
        .header("authorization", format!("Bearer {TOKEN}"));
    if body.is_null() {
        return request.finish();
    }
    let request = request.content_type("application/json");
    request.body(Body::from_string(body.to_string()))
}

fn add(body: &Value) -> Request {
    request(Method::POST, "/api/jobs", body)
}

#[tokio::test]
async fn a_job_is_added_and_told_where_it_is() {
    let mut service = Service::new();
    service
        .jobs
        .expect_add_job()
        .times(1)
        .withf(|tenant, host, new| {
            let expected = NewJob {
                order: JobOrder {
                    image: ImageName::new("a.jpg").ok(),
                    platforms: Some(vec![Platform::Telegram]),
                    caption: Some("Ahoy".to_owned()),
                    captions: Some([(Platform::Telegram, "Ahoi".to_owned())].into()),
                    force: true,
                    allow_empty_caption: true,
                    needs_approval: true,
                },
                publish_at: Some(noon_and(1_800)),
                posting_time: None,
            };
            tenant.as_str() == "alice" && host.as_str() == HOST && *new == expected
        })
        .returning(|_, _, new| Ok(made(new)));
    let body = json!({
        "filename": "a.jpg",
        "publish_at": "2026-05-04T14:30:00+02:00",
        "platforms": ["telegram"],
        "caption": "Ahoy",
        "captions": {"telegram": "Ahoi"},
        "force": true,
        "allow_empty_caption": true,
        "needs_approval": true,
    });
    let answer = service.answer(add(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("location"), Some("/api/jobs/7"));
    let expected = json!({
        "id": "7",
        "status": "awaiting_approval",
        "filename": "a.jpg",
        "publish_at": "2026-05-04T12:30:00Z",
        "created_at": "2026-05-04T12:00:00Z",
        "next_attempt_at": null,
        "attempts": 0,
        "results": {},
        "stage": null, "error": null, "reason": null,
        "platforms": ["telegram"],
        "caption": "Ahoy",
        "captions": {"telegram": "Ahoi"},
        "force": true,
        "allow_empty_caption": true,
        "needs_approval": true,
        "schedule": false,
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn a_job_without_a_body_is_for_the_next_image_and_now() {
    let mut service = Service::new();
    service
        .jobs
        .expect_add_job()
        .times(1)
        .withf(|_, _, new| *new == NewJob::default())
        .returning(|_, _, new| Ok(made(new)));
    let answer = service.answer(add(&Value::Null)).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["publish_at"], "2026-05-04T12:00:00Z");
}

#[tokio::test]
async fn bad_fields_of_a_job_are_named() {
    for (body, fields) in [
        (json!({"filename": "a.gif"}), vec!["filename"]),
        (json!({"publish_at": "tomorrow"}), vec!["publish_at"]),
        (
            json!({"publish_at": "2026-05-04T14:30:00"}),
            vec!["publish_at"],
        ),
        (
            json!({"publish_at": "10000-01-01T00:00:00Z"}),
            vec!["publish_at"],
        ),
        (json!({"publish_at": 1}), vec!["publish_at"]),
        // An hour and a second ago.
        (
            json!({"publish_at": "2026-05-04T10:59:59Z"}),
            vec!["publish_at"],
        ),
        (
            json!({"platforms": ["myspace"], "dry_run": true}),
            vec!["platforms[0]", "dry_run"],
        ),
        (json!({"platforms": ["mastodon"]}), vec!["platforms"]),
        (
            json!({"captions": {"email": "Ahoy"}}),
            vec!["captions.telegram"],
        ),
        (json!({"needs_approval": "yes"}), vec!["needs_approval"]),
    ] {
        let mut service = Service::new();
        service.jobs.expect_add_job().never();
        let answer = service.answer(add(&body)).await;
        assert_eq!(answer.bad_fields(), fields, "{body}");
    }
    for (body, field, detail) in [
        (
            json!({"caption": "\u{200b}"}),
            "caption",
            "Nothing of `caption` would be seen.",
        ),
        (
            json!({"captions": {"telegram": "Ahoy", "email": "\u{200b}"}}),
            "captions.email",
            "Nothing of `captions.email` would be seen.",
        ),
        // The tenant has no hashtags of its own.
        (
            json!({"caption": "#only #tags"}),
            "caption",
            "Nothing is left of the caption for telegram:",
        ),
        (
            json!({"captions": {"telegram": "#tags"}}),
            "captions.telegram",
            "Nothing is left of the caption for telegram:",
        ),
    ] {
        let change = request(Method::PATCH, "/api/jobs/7", &body);
        for asked in [add(&body), change] {
            let mut service = Service::new();
            service.jobs.expect_add_job().never();
            service.jobs.expect_alter_job().never();
            service
                .jobs
                .expect_find_job()
                .returning(|_, _| Ok(Some(job())));
            let answer = service.answer(asked).await;
            let problem = answer.problem(422, "caption-required");
            assert_eq!(problem["errors"][0]["field"], field, "{problem}");
            let told = problem["detail"].as_str().unwrap();
            assert!(told.starts_with(detail), "{told}");
        }
    }
}

#[tokio::test]
async fn jobs_are_listed_page_by_page_through_filters() {
    let mut service = Service::new();
    service
        .jobs
        .expect_list_jobs()
        .times(1)
        .withf(|tenant, query| {
            tenant.as_str() == "alice"
                && query.limit == 2
                && query.status == Some(JobStatus::Scheduled)
                && query.from == Some(noon_and(0))
                && query.to == Some(noon_and(3_600))
                && query.after.is_none()
        })
        .returning(|_, _| {
            let other = Job {
                id: JobId(6),
                ..job()
            };
            Ok(vec![job(), other])
        });
    let query =
        "?limit=1&status=scheduled&from=2026-05-04T12:00:00Z&to=2026-05-04T15:00:00%2B02:00";
    let list = |query: &str| request(Method::GET, &format!("/api/jobs{query}"), &Value::Null);
    let answer = service.answer(list(query)).await.json();
    assert_eq!(answer["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(answer["jobs"][0]["id"], "7");
    let cursor = answer["next_cursor"].as_str().unwrap();
    let mut service = Service::new();
    service
        .jobs
        .expect_list_jobs()
        .times(1)
        .withf(|_, query| {
            let after = JobPosition {
                publish_at_ms: i64::try_from(NOON.as_millis()).unwrap() + 60_000,
                id: JobId(7),
            };
            query.after == Some(after) && query.limit == 51
        })
        .returning(|_, _| Ok(Vec::new()));
    let answer = service.answer(list(&format!("?cursor={cursor}"))).await;
    assert_eq!(answer.json(), json!({"jobs": [], "next_cursor": null}));
    for (query, fields) in [
        ("?limit=0", vec!["limit"]),
        ("?limit=201", vec!["limit"]),
        ("?status=waiting", vec!["status"]),
        ("?from=2026-05-04&to=x", vec!["from", "to"]),
        (
            "?from=x&to=y&limit=z&status=q&cursor=w",
            vec!["status", "from", "to", "cursor", "limit"],
        ),
        ("?limit=-1", vec!["limit"]),
        (
            "?from=2026-05-04T12:00:01Z&to=2026-05-04T12:00:00Z",
            vec!["to"],
        ),
        // The plus is a space here.
        ("?from=2026-05-04T12:00:00+02:00", vec!["from"]),
        ("?cursor=!!", vec!["cursor"]),
    ] {
        let mut service = Service::new();
        service.jobs.expect_list_jobs().never();
        let answer = service.answer(list(query)).await;
        assert_eq!(answer.bad_fields(), fields, "{query}");
    }
}

#[tokio::test]
async fn what_a_job_does_not_allow_is_told_with_its_state() {
    let refusal = JobRefusal::IllegalMove {
        from: JobStatus::Running,
        to: JobStatus::Cancelled,
    };
    let mut service = Service::new();
    service
        .jobs
        .expect_alter_job()
        .returning(move |_, _, _| Err(refusal.into()));
    let path = "/api/jobs/7/cancel";
    let answer = service
        .answer(request(Method::POST, path, &Value::Null))
        .await;
    let problem = answer.problem(409, "job-state");
    assert_eq!(
        problem["detail"],
        "The job is running (`running`), so it cannot be cancelled: it may have sent something already."
    );
}

#[tokio::test]
async fn jobs_that_are_not_there_are_not_found() {
    for (method, path) in [
        (Method::GET, "/api/jobs/8"),
        (Method::PATCH, "/api/jobs/8"),
        (Method::POST, "/api/jobs/8/approve"),
        (Method::POST, "/api/jobs/8/cancel"),
        (Method::POST, "/api/jobs/8/retry"),
    ] {
        let mut service = Service::new();
        service.jobs.expect_find_job().returning(|_, _| Ok(None));
        service
            .jobs
            .expect_alter_job()
            .returning(|_, _, _| Err(JobStoreError::NotFound));
        let answer = service.answer(request(method.clone(), path, &Value::Null));
        answer.await.problem(404, "not-found");
        for id in ["x", "08", "99999999999999999999"] {
            let mut service = Service::new();
            service.jobs.expect_find_job().never();
            let path = path.replace("/8", &format!("/{id}"));
            let answer = service.answer(request(method.clone(), &path, &Value::Null));
            answer.await.problem(404, "not-found");
        }
    }
}

#[tokio::test]
async fn only_admins_manage_jobs() {
    for path in [
        "/api/jobs",
        "/api/jobs/7",
        "/api/jobs/events",
        "/api/schedule",
    ] {
        let service = Service::new().open_to_viewers();
        service.answer(get(path)).await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_ledger_that_is_away_is_a_problem_of_its_own() {
    let mut service = Service::new();
    service
        .jobs
        .expect_add_job()
        .returning(|_, _, _| Err(LedgerError::Unavailable("the disk at /var is full".into())));
    let answer = service.answer(add(&Value::Null)).await;
    answer.problem(503, "ledger-unavailable");
    assert!(!answer.body.contains("/var"));
}

#[tokio::test]
async fn a_job_under_a_key_is_added_once() {
    let keyed = || {
        let mut request = add(&json!({"filename": "a.jpg"}));
        let headers = request.headers_mut();
        headers.insert("idempotency-key", "k".parse().unwrap());
        request
    };
    let mut service = Service::new();
    service
        .requests
        .expect_begin()
        .returning(|_| Ok(Begun::First));
    let (sender, receiver) = std::sync::mpsc::channel();
    service
        .requests
        .expect_finish()
        .times(1)
        .returning(move |_, answer| {
            sender.send(answer.to_owned()).unwrap();
            Ok(())
        });
    service.jobs.expect_add_job().never();
    service
        .requests
        .expect_add_keyed_job()
        .times(1)
        .returning(|_, _, new| Ok(made(new)));
    let first = service.answer(keyed()).await;
    assert_eq!(first.status, 201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let recorded = receiver.recv().unwrap();
    let mut service = Service::new();
    service
        .requests
        .expect_begin()
        .times(1)
        .return_once(|_| Ok(Begun::Answered(recorded)));
    service.requests.expect_add_keyed_job().never();
    let again = service.answer(keyed()).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((again.status, again.json()), (first.status, first.json()));
}
