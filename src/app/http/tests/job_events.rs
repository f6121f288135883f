//! Streams of events.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use poem::{Endpoint as _, Request, Response, endpoint::BoxEndpoint};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Service,
    harness::{HOST, TOKEN, get},
};
use crate::{
    app::{
        http::auth::{AdminCredentials, AuthSettings, SessionSettings},
        runtime::event_hub::EventHub,
    },
    domain::{
        image::ImageName,
        job::{JobEvent, JobEventKind, JobEventNumber, JobId, NewJob, StageEvent},
        platform::Platform,
        publication::PublishStage,
        secret::Secret,
        tenant::TenantName,
    },
    ports::{EventPage, LedgerError, MockJobEvents},
};

type Chunks = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// A ledger whose tenants have so many events: the first is of a job, all others are stages.
fn hub_of(count: &Arc<AtomicI64>) -> Arc<EventHub> {
    let mut events = MockJobEvents::new();
    let last = Arc::clone(count);
    events
        .expect_last_event()
        .returning(move |_| Ok(JobEventNumber(last.load(Ordering::SeqCst))));
    let last = Arc::clone(count);
    events.expect_events_after().returning(move |asked, _| {
        let last = last.load(Ordering::SeqCst);
        let page = |(tenant, after): &(TenantName, JobEventNumber)| {
            let page = EventPage {
                events: (after.0 + 1..=last).map(event).collect(),
                has_gap: after.0 > last,
                last: JobEventNumber(last),
            };
            (tenant.clone(), page)
        };
        let news = asked.iter().filter(|(_, after)| after.0 != last);
        Ok(news.map(page).collect::<HashMap<_, _>>())
    });
    EventHub::new(Arc::new(events))
}

fn event(number: i64) -> JobEvent {
    let alice = TenantName::new("alice").unwrap();
    let job = NewJob::default().into_job(JobId(7), alice, SystemTime::UNIX_EPOCH);
    let kind = match number {
        1 => JobEventKind::Job(Box::new(job)),
        _ => JobEventKind::Stage(StageEvent {
            job: Some(JobId(7)),
            image: ImageName::new("a\u{a0}b.jpg").unwrap(),
            platform: Some(Platform::Telegram),
            stage: PublishStage::Staging,
        }),
    };
    JobEvent {
        number: JobEventNumber(number),
        kind,
    }
}

/// A service whose ledger has events, and the number of these.
struct Watched {
    routes: BoxEndpoint<'static, Response>,
    hub: Arc<EventHub>,
    count: Arc<AtomicI64>,
}

impl Watched {
    fn new() -> Self {
        Self::with(Service::new())
    }

    fn with(mut service: Service) -> Self {
        let count = Arc::new(AtomicI64::new(0));
        service.hub = hub_of(&count);
        let hub = Arc::clone(&service.hub);
        tokio::spawn(Arc::clone(&hub).run(CancellationToken::new()));
        Self {
            routes: service.routes(),
            hub,
            count,
        }
    }

    fn happens(&self, events: i64) {
        self.count.fetch_add(events, Ordering::SeqCst);
        self.hub.wake();
    }

    async fn answer(&self, request: Request) -> Response {
        self.routes.get_response(request).await
    }

    async fn watch(&self, last_event_id: Option<&str>) -> Chunks {
        let mut response = self.answer(watch(last_event_id)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.content_type(), Some("text/event-stream"));
        let cache = response.headers()["cache-control"].to_str().unwrap();
        assert_eq!(cache, "no-store, no-transform");
        Box::pin(response.take_body().into_bytes_stream())
    }
}

fn watch(last_event_id: Option<&str>) -> Request {
    let mut request = get("/api/jobs/events");
    let headers = request.headers_mut();
    let authorization = format!("Bearer {TOKEN}");
    headers.insert("authorization", authorization.parse().unwrap());
    if let Some(id) = last_event_id {
        headers.insert("last-event-id", id.parse().unwrap());
    }
    request
}

async fn text(stream: &mut Chunks) -> String {
    let chunk = timeout(Duration::from_mins(1), stream.next()).await;
    let chunk = chunk.unwrap().expect("the stream goes on").unwrap();
    String::from_utf8(chunk.to_vec()).unwrap()
}

/// The number, the kind and the data of the next event.
async fn next(stream: &mut Chunks) -> (i64, String, Value) {
    let text = text(stream).await;
    let lines: Vec<_> = text.lines().collect();
    let [id, kind, data, ""] = *lines else {
        panic!("{text:?}");
    };
    let id = id.strip_prefix("id: ").unwrap().parse().unwrap();
    let kind = kind.strip_prefix("event: ").unwrap().to_owned();
    let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    (id, kind, data)
}

#[tokio::test(start_paused = true)]
async fn jobs_and_stages_are_told_with_their_numbers() {
    let watched = Watched::new();
    let mut stream = watched.watch(None).await;
    assert_eq!(text(&mut stream).await, "id: 0\n\n", "where it begins");
    assert!(stream.next().now_or_never().is_none());
    watched.happens(2);
    let (id, kind, job) = next(&mut stream).await;
    assert_eq!((id, &*kind, &job["id"]), (1, "job", &"7".into()));
    assert_eq!(job["status"], "scheduled");
    let (id, kind, data) = next(&mut stream).await;
    let expected = serde_json::json!({
        "job_id": "7", "filename": "a\u{a0}b.jpg", "platform": "telegram", "stage": "stage",
    });
    assert_eq!((id, &*kind, data), (2, "stage", expected));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_misses_nothing() {
    let watched = Watched::new();
    watched.happens(5);
    let mut stream = watched.watch(Some("2")).await;
    assert_eq!(text(&mut stream).await, "id: 2\n\n");
    for number in 3..=5 {
        assert_eq!(next(&mut stream).await.0, number);
    }
    assert!(stream.next().now_or_never().is_none());
    watched.happens(1);
    assert_eq!(next(&mut stream).await.0, 6);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_may_have_missed_something_is_told() {
    let watched = Watched::new();
    watched.happens(5);
    for id in ["9", "x", "-1"] {
        let mut stream = watched.watch(Some(id)).await;
        let mut first = text(&mut stream).await;
        if first == "id: 9\n\n" {
            first = text(&mut stream).await;
        }
        assert_eq!(first, "id: 5\nevent: reset\ndata: {}\n\n", "{id}");
        assert!(stream.next().now_or_never().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_comment_comes_where_nothing_happens() {
    let watched = Watched::new();
    let mut stream = watched.watch(None).await;
    text(&mut stream).await;
    for _ in 0..3 {
        let early = timeout(Duration::from_millis(14_900), stream.next()).await;
        assert!(early.is_err());
        assert_eq!(text(&mut stream).await, ":\n\n");
    }
}

#[tokio::test(start_paused = true)]
async fn an_admin_has_twenty_streams_and_gets_one_more_when_one_ends() {
    let watched = Watched::new();
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(watched.watch(None).await);
    }
    let refused = watched.answer(watch(None)).await;
    Answer::of(refused).await.problem(429, "rate-limited");
    streams.pop();
    streams.push(watched.watch(None).await);
    assert_eq!(streams.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn streams_take_no_permit_from_other_requests() {
    // The service answers one request at a time.
    let watched = Watched::new();
    let _streams = [watched.watch(None).await, watched.watch(None).await];
    let answer = watched.answer(get("/api/config/features")).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn streams_end_with_the_process_and_none_begins_after() {
    let watched = Watched::new();
    let mut stream = watched.watch(None).await;
    text(&mut stream).await;
    assert!(stream.next().now_or_never().is_none());
    watched.hub.close();
    assert!(stream.next().await.is_none());
    let refused = watched.answer(watch(None)).await;
    Answer::of(refused).await.problem(503, "overloaded");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_session_of_its_admin() {
    let mut service = Service::new();
    service.auth = AuthSettings::Enforced(AdminCredentials {
        password: Some(Secret::new("correct horse battery staple".to_owned())),
        sessions: SessionSettings {
            ttl: Duration::from_mins(10),
            ..SessionSettings::default()
        },
        ..AdminCredentials::default()
    });
    let watched = Watched::with(service);
    let login = Request::builder()
        .method(poem::http::Method::POST)
        .uri_str("/api/admin/login")
        .header("host", HOST)
        .content_type("application/json")
        .body(r#"{"password": "correct horse battery staple"}"#);
    let answer = watched.answer(login).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let mut request = get("/api/jobs/events");
    request
        .headers_mut()
        .insert("cookie", cookie.parse().unwrap());
    let mut response = watched.answer(request).await;
    assert_eq!(response.status(), 200);
    let mut stream: Chunks = Box::pin(response.take_body().into_bytes_stream());
    // A cookie tells whole seconds.
    let until_end = timeout(Duration::from_secs(598), async {
        while stream.next().await.is_some() {}
    });
    assert!(until_end.await.is_err(), "it ends before the session");
    sleep(Duration::from_secs(2)).await;
    let rest = timeout(Duration::from_secs(1), async {
        while stream.next().await.is_some() {}
    });
    assert!(rest.await.is_ok(), "it outlives the session");
}

#[tokio::test]
async fn a_ledger_that_is_away_is_told() {
    let mut events = MockJobEvents::new();
    events
        .expect_last_event()
        .returning(|_| Err(LedgerError::Unavailable("away".into())));
    let mut service = Service::new();
    service.hub = EventHub::new(Arc::new(events));
    let answer = service.answer(watch(None)).await;
    answer.problem(503, "ledger-unavailable");
}
