//! Clients that take their time: they are shown out, and nobody else notices.

use std::time::Duration;

use futures_util::future::join_all;
use publisher_sandbox::Sandbox;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use crate::harness::{Service, now};

const HEADS: usize = 500;
const BODIES: usize = 100;

/// A request that begins and does not go on: how long until it is shown out, and what it was told.
async fn begun(address: &str, part: &str) -> (Duration, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(part.as_bytes()).await.unwrap();
    let started = now();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    (now() - started, told)
}

/// What others wait for their answers, for as long as `busy` goes on.
async fn waits_during(service: &Service, host: &str, busy: impl Future) -> Vec<Duration> {
    let mut waits = Vec::new();
    tokio::pin!(busy);
    loop {
        let started: Instant = now();
        let answer = service.get(host, "/api/config/features").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        waits.push(now() - started);
        tokio::select! {
            _ = &mut busy => return waits,
            () = tokio::time::sleep(Duration::from_millis(25)) => {}
        }
    }
}

/// It waits for half a minute, because that is what clients are given; hardly anything else.
#[tokio::test]
async fn hundreds_of_half_sent_requests_are_shown_out_and_others_are_served_meanwhile() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let head = format!(
        "GET /api/images/list HTTP/1.1\r\nHost: {}\r\nX-Half",
        alice.host
    );
    let body = format!(
        "POST /api/images/harbour-dawn.jpg/publish HTTP/1.1\r\nHost: {}\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 20\r\n\r\n{{\"dry_run\"",
        alice.host,
        sandbox.web_token()
    );
    let heads = join_all((0..HEADS).map(|_| begun(service.address(), &head)));
    let bodies = join_all((0..BODIES).map(|_| begun(service.address(), &body)));
    let slow = async {
        let (heads, bodies) = tokio::join!(heads, bodies);
        for (waited, told) in heads {
            let limits = Duration::from_secs(9)..Duration::from_secs(15);
            assert!(limits.contains(&waited), "{waited:?}");
            assert_eq!(told, "");
        }
        for (waited, told) in bodies {
            let limits = Duration::from_secs(29)..Duration::from_secs(35);
            assert!(limits.contains(&waited), "{waited:?}");
            assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
            assert!(told.contains("/problems/request-timeout"), "{told}");
            assert!(told.contains("connection: close\r\n"), "{told}");
        }
    };
    let mut waits = waits_during(&service, &bob.host, slow).await;
    waits.sort_unstable();
    let (count, at) = (waits.len(), |share: usize| {
        waits[(waits.len() - 1) * share / 100]
    });
    println!(
        "{HEADS} half-sent heads and {BODIES} half-sent bodies: {count} others waited \
         p50 {:?}, p99 {:?}, at most {:?}",
        at(50),
        at(99),
        at(100)
    );
    assert_eq!(
        sandbox.dropbox.switches().total_calls(),
        0,
        "nothing was asked for"
    );
}
