//! Listening to what happens to jobs, over connections that break, end, and are not read.

use std::{collections::VecDeque, time::Duration};

use publisher_sandbox::Sandbox;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    database::Database,
    harness::{Answer, Service},
    sessions::{log_in, settings},
};

const EVENTS: &str = "/api/jobs/events";
/// Reaching it is a failure.
const PATIENCE: Duration = Duration::from_mins(1);
/// The streams that an admin may have open.
const STREAMS: usize = 20;

/// A stream of events.
struct Stream {
    response: Response,
    text: String,
    events: VecDeque<Event>,
}

#[derive(Debug)]
struct Event {
    id: i64,
    /// Empty for one that only says where the stream is.
    kind: String,
    data: Value,
}

impl Stream {
    /// A stream that was just opened.
    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{response:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
            events: VecDeque::new(),
        }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        while self.events.is_empty() {
            let piece = timeout(PATIENCE, self.response.chunk()).await.unwrap();
            let piece = piece.unwrap()?;
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
            while let Some((event, _)) = self.text.split_once("\n\n") {
                self.events.extend(Event::of(event));
                let read = event.len() + 2;
                self.text.drain(..read);
            }
        }
        self.events.pop_front()
    }

    /// The numbers of the next events, which are of jobs.
    async fn numbers(&mut self, count: usize) -> Vec<i64> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            let event = self.next().await.unwrap();
            assert_eq!(event.kind, "job", "{event:?}");
            numbers.push(event.id);
        }
        numbers
    }
}

impl Event {
    /// `None` of a comment.
    fn of(text: &str) -> Option<Self> {
        let field = |name| text.lines().find_map(|line| line.strip_prefix(name));
        Some(Self {
            id: field("id: ")?.parse().unwrap(),
            kind: field("event: ").unwrap_or_default().to_owned(),
            data: field("data: ").map_or(Value::Null, |data| serde_json::from_str(data).unwrap()),
        })
    }
}

/// A request for events, as an admin with the token.
fn asked(service: &Service, sandbox: &Sandbox, host: &str) -> RequestBuilder {
    let request = service.request(Method::GET, host, EVENTS);
    request.bearer_auth(sandbox.web_token())
}

/// Listens from now on.
async fn listen(service: &Service, sandbox: &Sandbox, host: &str) -> Stream {
    let mut stream = Stream::of(asked(service, sandbox, host)).await;
    let begin = stream.next().await.unwrap();
    assert_eq!(begin.kind, "", "{begin:?}");
    stream
}

/// Listens to what has happened since.
async fn listen_after(service: &Service, sandbox: &Sandbox, host: &str, id: i64) -> Stream {
    let request = asked(service, sandbox, host).header("last-event-id", id.to_string());
    let mut stream = Stream::of(request).await;
    assert_eq!(stream.next().await.unwrap().id, id);
    stream
}

/// Adds a job that waits for somebody's yes.
async fn add(service: &Service, sandbox: &Sandbox, host: &str, caption: &str) -> Value {
    let request = service.request(Method::POST, host, "/api/jobs");
    let request = request.bearer_auth(sandbox.web_token());
    let job = json!({"caption": caption, "needs_approval": true});
    let answer = Answer::to(request.json(&job)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

async fn add_all(service: &Service, sandbox: &Sandbox, host: &str, count: usize) {
    for _ in 0..count {
        add(service, sandbox, host, "Ahoy").await;
    }
}

/// The streams that are open, as the metrics have it.
async fn open_streams(service: &Service) -> String {
    let metrics = service.metrics().await.text;
    let mut lines = metrics.lines();
    let open = lines.find_map(|line| line.strip_prefix("publisher_event_streams "));
    open.unwrap_or("none").to_owned()
}

/// Waits until so many streams are open.
async fn until_open(service: &Service, count: &str) {
    let looking = async {
        while open_streams(service).await != count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap();
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_who_missed_too_much_is_told() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let mut database = Database::sqlite().await.unwrap();
    let service = database.start(&sandbox).await;
    let mut first = listen(&service, &sandbox, host).await;
    let job = add(&service, &sandbox, host, "Ahoy").await;
    let told = first.next().await.unwrap();
    assert_eq!((told.id, &*told.kind, told.data), (1, "job", job));
    add_all(&service, &sandbox, host, 2).await;
    assert_eq!(first.numbers(1).await, [2]);
    drop(first);
    add_all(&service, &sandbox, host, 40).await;
    let mut second = listen_after(&service, &sandbox, host, 2).await;
    assert_eq!(second.numbers(41).await, (3..=43).collect::<Vec<_>>());
    add_all(&service, &sandbox, host, 1).await;
    assert_eq!(second.numbers(1).await, [44]);

    database
        .run("DELETE FROM ledger_job_events WHERE number <= 30")
        .await;
    for unknown in [29, 99] {
        let mut late = listen_after(&service, &sandbox, host, unknown).await;
        let told = late.next().await.unwrap();
        assert_eq!((told.id, &*told.kind, told.data), (44, "reset", json!({})));
    }
    let mut late = listen_after(&service, &sandbox, host, 30).await;
    assert_eq!(late.numbers(14).await, (31..=44).collect::<Vec<_>>());
}

#[tokio::test]
async fn replicas_tell_of_each_others_jobs_and_go_on_where_another_has_ended() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let replica = || database.start(&sandbox);
    let (one, other) = tokio::join!(replica(), replica());
    let mut stream = listen(&one, &sandbox, host).await;
    add_all(&other, &sandbox, host, 3).await;
    assert_eq!(stream.numbers(3).await, [1, 2, 3]);
    add_all(&other, &sandbox, host, 20).await;
    assert_eq!(stream.numbers(5).await, [4, 5, 6, 7, 8]);
    one.kill().await;
    let mut stream = listen_after(&other, &sandbox, host, 8).await;
    add_all(&other, &sandbox, host, 1).await;
    assert_eq!(stream.numbers(16).await, (9..=24).collect::<Vec<_>>());
    drop((stream, other));
    database.remove().await;
}

#[tokio::test]
async fn a_tenant_is_told_of_its_own_jobs_only() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let mut stream = listen(&service, &sandbox, &bob.host).await;
    add_all(&service, &sandbox, &alice.host, 3).await;
    let job = add(&service, &sandbox, &bob.host, "Bob's").await;
    let told = stream.next().await.unwrap();
    assert_eq!((told.id, told.data), (1, job));
}

#[tokio::test]
async fn streams_are_counted_for_each_admin_and_not_among_requests() {
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let few = [("MAX_CONCURRENT_REQUESTS", "2")];
    let service = Service::start_with(sandbox.environment(), &few).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(listen(&service, &sandbox, &alice.host).await);
    }
    let refused = Answer::to(asked(&service, &sandbox, &alice.host)).await;
    refused.assert_problem(429, "rate-limited");
    let bobs = listen(&service, &sandbox, &bob.host).await;
    assert_eq!(open_streams(&service).await, "21");
    // There are two permits for these.
    add(&service, &sandbox, &alice.host, "Ahoy").await;
    for stream in &mut streams {
        assert_eq!(stream.numbers(1).await, [1]);
    }
    drop((streams.pop(), bobs));
    until_open(&service, "19").await;
    listen(&service, &sandbox, &alice.host).await;
}

#[tokio::test]
async fn streams_end_at_once_when_the_service_does() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    // Nothing would be cut off within the time of this test.
    let patient = [("SHUTDOWN_GRACE_SECONDS", "600")];
    let service = Service::start_with(sandbox.environment(), &patient).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(listen(&service, &sandbox, host).await);
    }
    service.terminate().await;
    for stream in &mut streams {
        assert!(stream.next().await.is_none(), "ended as it should be");
    }
    let (status, log) = service.ended().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
#[ignore = "waits for the end of the shortest session, a minute"]
async fn a_stream_ends_with_the_session_of_its_admin() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let short = [("WEB_ADMIN_COOKIE_TTL_SECONDS", "60")];
    let short = [&settings()[..], &short].concat();
    let service = Service::start_with(sandbox.environment(), &short).await;
    let session = log_in(&service, host).await.session;
    let request = service.request(Method::GET, host, EVENTS);
    let mut stream = Stream::of(request.header("cookie", session)).await;
    // Comments come meanwhile.
    assert_eq!(stream.next().await.unwrap().kind, "");
    assert!(stream.next().await.is_none());
}

/// It is looked after every 15 s.
#[tokio::test]
async fn a_stream_ends_when_its_tenant_does() {
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob] = [0, 1].map(|index| &*sandbox.tenants()[index].host);
    let service = Service::start(&sandbox).await;
    sandbox.orchestrator.set_ttl(alice, Some(1));
    let mut ending = listen(&service, &sandbox, alice).await;
    let mut other = listen(&service, &sandbox, bob).await;
    sandbox.orchestrator.suspend(alice, true);
    assert!(ending.next().await.is_none());
    add_all(&service, &sandbox, bob, 1).await;
    assert_eq!(other.numbers(1).await, [1]);
}

/// A connection that has asked for events and whose client's buffer is small.
async fn raw(service: &Service, sandbox: &Sandbox, host: &str, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind((from, 0).into()).unwrap();
    let address = service.address().parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let token = sandbox.web_token();
    let head =
        format!("GET {EVENTS} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}

/// It waits for some 10 s, because that is what clients are given.
#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_others_hear_all_of_a_burst() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let mut database = Database::sqlite().await.unwrap();
    let service = database.start(&sandbox).await;
    let mut slow = raw(&service, &sandbox, host, [127, 0, 0, 1]).await;
    let mut quick = listen(&service, &sandbox, host).await;
    until_open(&service, "2").await;
    add(&service, &sandbox, host, &"x".repeat(9_900)).await;
    assert_eq!(quick.numbers(1).await, [1]);
    // 9 MB of events at once: more than the system keeps for a connection.
    let burst = "BEGIN;
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 900)
        INSERT INTO ledger_jobs (tenant, status, what, publish_at, due_at, created_at)
        SELECT tenant, status, what, publish_at, due_at, created_at FROM ledger_jobs, numbers;
        INSERT INTO ledger_job_events (tenant, number, job_id, added_at)
        SELECT tenant, id, id, created_at FROM ledger_jobs WHERE id > 1;
        COMMIT";
    database.run(burst).await;
    assert_eq!(quick.numbers(900).await, (2..=901).collect::<Vec<_>>());
    until_open(&service, "1").await;
    let mut rest = Vec::new();
    // What was under way comes, and then the end of the connection, but not that of the answer.
    let read = timeout(PATIENCE, slow.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(read.is_err() || !rest.ends_with(b"\r\n0\r\n\r\n"));
    assert!(rest.len() < 9_000_000, "{} bytes", rest.len());
    add_all(&service, &sandbox, host, 1).await;
    assert_eq!(quick.numbers(1).await, [902]);
}

/// Says what a thousand listeners cost.
#[tokio::test]
#[ignore = "opens a thousand connections, and says how much memory they take"]
async fn a_thousand_listeners_take_little_memory() {
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let service = Service::start(&sandbox).await;
    add(&service, &sandbox, host, "Ahoy").await;
    let before = service.memory();
    let mut streams = Vec::new();
    for number in 0..1_000_usize {
        // Each address is an admin of its own.
        let admin = u8::try_from(1 + number / STREAMS).unwrap();
        streams.push(raw(&service, &sandbox, host, [127, 0, 1, admin]).await);
    }
    until_open(&service, "1000").await;
    let idle = service.memory();
    add_all(&service, &sandbox, host, 20).await;
    for stream in &mut streams {
        let mut told = String::new();
        let mut piece = [0; 4_096];
        while told.matches("event: job").count() < 20 {
            let length = timeout(PATIENCE, stream.read(&mut piece)).await.unwrap();
            let length = length.unwrap();
            assert!(length > 0, "ended: {told}");
            told.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    }
    let busy = service.memory();
    println!("bytes before {before}, with 1000 listeners {idle}, after 20 events {busy}");
    assert!(busy.saturating_sub(before) < 1_000 * 64 * 1024);
}
