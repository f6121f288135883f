//! SIGTERM: what has begun is finished, what comes too late is refused, and the exit code tells.

use publisher_sandbox::{DemoTenant, Hold, Sandbox};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

use crate::harness::{Service, command};

const IMAGE: &str = "north-ridge.jpg";

/// A publish whose call to Telegram is held, and whose caller does not wait for it.
async fn abandoned_publish(service: &Service, sandbox: &Sandbox, who: &DemoTenant) -> Hold {
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let publish = service.publish(sandbox, who, IMAGE, json!({}));
    tokio::select! {
        answer = publish => panic!("it was held: {answer:?}"),
        () = held.arrived(1) => {}
    }
    held
}

/// Waits until the service knows that it is to end.
async fn told(service: &Service) {
    service.logged("received signal, draining").await;
}

/// What comes on a connection until it is closed.
async fn rest_of(stream: &mut TcpStream) -> String {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    rest.to_lowercase()
}

#[tokio::test]
async fn a_publish_whose_caller_has_gone_is_finished_before_the_end() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let held = abandoned_publish(&service, &sandbox, bob).await;
    service.terminate().await;
    told(&service).await;
    held.release();
    let (status, log) = service.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    let service = Service::start(&sandbox).await;
    let entries = service.publications(&sandbox, bob).await;
    assert_eq!(entries[0]["outcome"], "published", "{entries:?}");
    assert!(
        sandbox
            .dropbox
            .file(&bob.name, &format!("{}/{IMAGE}", bob.root))
            .is_none()
    );
}

#[tokio::test]
async fn while_it_ends_it_is_not_ready_and_takes_no_new_connections() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let held = abandoned_publish(&service, &sandbox, &sandbox.tenants()[1]).await;
    // A request that has begun is not cut off; a connection with nothing on it would be, soon.
    let mut open = TcpStream::connect(service.address()).await.unwrap();
    let half = "GET /health/ready HTTP/1.1\r\nHost: any\r\n";
    open.write_all(half.as_bytes()).await.unwrap();
    // Accepted before the signal: the one that came after it has been answered.
    assert_eq!(service.get("any", "/health/ready").await.status, 200);
    service.terminate().await;
    told(&service).await;
    service.refuses_connections().await;
    open.write_all(b"\r\n").await.unwrap();
    let answer = rest_of(&mut open).await;
    assert!(answer.starts_with("http/1.1 503 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.contains(r#""reason":"shutting_down""#), "{answer}");
    held.release();
    let (status, log) = service.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
}

#[tokio::test]
async fn a_service_that_gives_notice_still_serves_new_connections_but_is_not_ready() {
    let sandbox = Sandbox::start().await.unwrap();
    let pre_stop_delay = [("SHUTDOWN_NOTICE_SECONDS", "2")];
    let service = Service::start_with(sandbox.environment(), &pre_stop_delay).await;
    service.terminate().await;
    told(&service).await;
    let ready = service.get("any", "/health/ready").await;
    assert_eq!((ready.status, ready.header("retry-after")), (503, "5"));
    assert_eq!(ready.json()["reason"], "shutting_down");
    assert_eq!(ready.header("connection"), "close");
    let features = service
        .get(&sandbox.tenants()[0].host, "/api/config/features")
        .await;
    assert_eq!(
        (features.status, features.header("connection")),
        (200, "close")
    );
    let (status, log) = service.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
}

#[tokio::test]
async fn what_is_not_finished_within_the_grace_is_cut_off_and_told() {
    let sandbox = Sandbox::start().await.unwrap();
    let drain_timeout = [("SHUTDOWN_GRACE_SECONDS", "1")];
    let service = Service::start_with(sandbox.environment(), &drain_timeout).await;
    let bob = &sandbox.tenants()[1];
    let held = abandoned_publish(&service, &sandbox, bob).await;
    service.terminate().await;
    let (status, log) = service.ended().await;
    assert_eq!(status.code(), Some(1), "{log}");
    let line = log
        .lines()
        .find(|line| line.contains("the drain timeout is over"));
    assert!(line.unwrap().contains(r#""work":1"#), "{log}");
    held.release();
    let service = Service::start(&sandbox).await;
    let entries = service.publications(&sandbox, bob).await;
    assert_eq!(entries[0]["outcome"], "unknown", "{entries:?}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let held = abandoned_publish(&service, &sandbox, &sandbox.tenants()[1]).await;
    service.terminate().await;
    told(&service).await;
    service.terminate().await;
    let (status, log) = service.ended().await;
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("received a second signal"), "{log}");
    held.release();
}

#[tokio::test]
async fn it_starts_without_the_orchestrator_and_is_ready_once_that_is_back() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.orchestrator.server().stop_listening().await;
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    assert_eq!(service.get(host, "/health/live").await.status, 200);
    let ready = service.get(host, "/health/ready").await;
    assert_eq!(ready.json()["reason"], "orchestrator_unavailable");
    let features = service.get(host, "/api/config/features").await;
    features.assert_problem(503, "tenant-unavailable");
    sandbox.orchestrator.server().listen_again().await.unwrap();
    service.becomes_ready().await;
    assert_eq!(service.get(host, "/api/config/features").await.status, 200);
}

/// A server of PostgreSQL that says nothing holds the start up.
#[tokio::test]
async fn a_process_that_does_not_serve_yet_ends_when_it_is_told() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://user@{}/ledger", silent.local_addr().unwrap());
    let sandbox = Sandbox::start().await.unwrap();
    let mut serve = command("serve");
    serve.envs(sandbox.environment());
    serve.env("LISTEN_ADDRESS", "127.0.0.1:0");
    serve.env("METRICS_LISTEN_ADDRESS", "127.0.0.1:0");
    serve.env("PUBLISH_LEDGER_URL", url);
    let process = serve.spawn().unwrap();
    // It asks for TLS, and gets no answer.
    let (_held, _) = silent.accept().await.unwrap();
    let id = process.id().unwrap().to_string();
    let told = Command::new("kill").arg(&id).status().await.unwrap();
    assert!(told.success());
    let output = process.wait_with_output().await.unwrap();
    let log = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("ended before it served"), "{log}");
}
