//! Clients that take their time, on a clock that is paused and connections in memory.

mod open_ended;

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use poem::{Body, IntoResponse as _, Request, Response, endpoint::make, http::StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    net::TcpSocket,
    sync::{Semaphore, oneshot},
    time::{Instant, sleep},
};

use super::{
    stream::{HEAD_LIMIT, IDLE_LIMIT, LOWEST_RATE, RATE_GRACE, STALL_LIMIT},
    *,
};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: any\r\n\r\n";
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);

/// Connections whose requests are answered with `body`.
fn answering(body: impl Into<Bytes>) -> Connections<impl Endpoint<Output = Response>> {
    let body = body.into();
    let endpoint = make(move |_: Request| {
        let body = body.clone();
        async { body.into_response() }
    });
    Connections::new(endpoint, ConnectionLimits::of(8))
}

/// The client's end of one more connection.
fn connect<E: Endpoint + 'static>(connections: &Connections<E>) -> DuplexStream {
    let (client, server) = duplex(1024);
    let permit = Arc::clone(connections.permits())
        .try_acquire_owned()
        .unwrap();
    connections.add(server, PEER, PEER, permit);
    client
}

/// Reads one answer with a body of this length.
async fn answer(client: &mut DuplexStream, length: usize) -> String {
    let mut read = Vec::new();
    while !read.windows(4).any(|four| four == b"\r\n\r\n") {
        read.push(client.read_u8().await.unwrap());
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).await.unwrap();
    String::from_utf8(read).unwrap().to_lowercase()
}

/// How long it takes until the connection is closed, and what comes before that.
async fn until_closed(client: &mut DuplexStream) -> (Duration, Vec<u8>) {
    let started = now();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    (now() - started, rest)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the paused clock of the test runtime"
)]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_ends_the_connection_however_it_trickles() {
    let connections = answering("");
    let mut silent = connect(&connections);
    assert_eq!(until_closed(&mut silent).await, (HEAD_LIMIT, Vec::new()));
    let mut half = connect(&connections);
    half.write_all(&GET[..20]).await.unwrap();
    assert_eq!(until_closed(&mut half).await, (HEAD_LIMIT, Vec::new()));

    let mut trickling = connect(&connections);
    let started = now();
    while trickling.write_all(b"G").await.is_ok() {
        sleep(Duration::from_secs(1)).await;
    }
    assert!(now() - started <= HEAD_LIMIT + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_longer_than_a_slow_head() {
    let connections = answering("ok");
    let mut client = connect(&connections);
    for _ in 0..3 {
        client.write_all(GET).await.unwrap();
        answer(&mut client, 2).await;
        sleep(IDLE_LIMIT.mul_f32(0.99)).await;
    }
    client.write_all(&GET[..20]).await.unwrap();
    assert_eq!(until_closed(&mut client).await, (HEAD_LIMIT, Vec::new()));

    let mut idle = connect(&connections);
    idle.write_all(GET).await.unwrap();
    answer(&mut idle, 2).await;
    assert_eq!(until_closed(&mut idle).await, (IDLE_LIMIT, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_take_its_time_but_its_client_may_not() {
    let slow = make(async |_: Request| {
        sleep(2 * IDLE_LIMIT).await;
        "late".into_response()
    });
    let connections = Connections::new(slow, ConnectionLimits::of(8));
    let mut patient = connect(&connections);
    patient.write_all(GET).await.unwrap();
    answer(&mut patient, 4).await;

    let connections = answering(vec![b'a'; 100_000]);
    let mut slow = connect(&connections);
    slow.write_all(GET).await.unwrap();
    let mut taken = vec![0; 50_000];
    for part in taken.chunks_mut(LOWEST_RATE as usize * 5) {
        sleep(Duration::from_secs(5)).await;
        slow.read_exact(part).await.unwrap();
    }
    sleep(STALL_LIMIT + Duration::from_secs(1)).await;
    let (_, rest) = until_closed(&mut slow).await;
    assert!(
        rest.len() <= 1024,
        "only what was under way comes: {}",
        rest.len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_refused_and_so_is_http_2() {
    let connections = answering("");
    let mut large = connect(&connections);
    let fill = async {
        let line = format!("GET /?{} HTTP/1.1\r\n", "a".repeat(40_000));
        // It need not be taken to its end.
        large.write_all(line.as_bytes()).await.unwrap_or_default();
        until_closed(&mut large).await.1
    };
    let told = String::from_utf8(fill.await).unwrap();
    assert!(told.starts_with("HTTP/1.1 431"), "{told}");

    let mut newer = connect(&connections);
    newer
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    let (waited, told) = until_closed(&mut newer).await;
    let told = String::from_utf8(told).unwrap();
    assert!(waited.is_zero() && !told.contains(" 200 "), "{told}");
}

#[tokio::test(start_paused = true)]
async fn few_places_left_are_not_kept_for_idle_connections() {
    let connections = answering("");
    let crowd: Vec<_> = (0..6).map(|_| connect(&connections)).collect();
    let mut last = connect(&connections);
    last.write_all(GET).await.unwrap();
    assert!(answer(&mut last, 0).await.contains("connection: close"));
    assert!(until_closed(&mut last).await.0.is_zero());
    drop(crowd);
}

#[tokio::test(start_paused = true)]
async fn who_is_draining_answers_what_has_come_and_says_goodbye() {
    let go = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&go);
    let held = make(move |_: Request| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            "done".into_response()
        }
    });
    let connections = Connections::new(held, ConnectionLimits::of(8));
    let (mut running, mut idle) = (connect(&connections), connect(&connections));
    let mut late = connect(&connections);
    go.add_permits(1);
    late.write_all(GET).await.unwrap();
    assert!(!answer(&mut late, 4).await.contains("connection"), "kept");
    running.write_all(GET).await.unwrap();
    let clients = async {
        sleep(Duration::from_millis(500)).await;
        // On a connection that was idle as the end began.
        late.write_all(GET).await.unwrap();
        let (waited, rest) = until_closed(&mut idle).await;
        assert_eq!((waited, rest.len()), (Duration::from_millis(500), 0));
        sleep(Duration::from_secs(20)).await;
        assert_eq!(connections.requests(), 2);
        go.add_permits(2);
        for client in [&mut running, &mut late] {
            assert!(answer(client, 4).await.contains("connection: close"));
            assert!(until_closed(client).await.0.is_zero());
        }
    };
    tokio::join!(connections.ended(), clients);
    assert_eq!(connections.requests(), 0);
    assert_eq!(connections.permits().available_permits(), 8);
}

#[tokio::test]
async fn who_was_in_the_queue_as_the_socket_closed_is_served() {
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let endpoint = make(move |_: Request| {
        count.fetch_add(1, Ordering::Relaxed);
        async {
            Response::builder()
                .status(StatusCode::NO_CONTENT)
                .body(Body::empty())
        }
    });
    let listening = Listening::on((Ipv4Addr::LOCALHOST, 0).into())
        .await
        .unwrap();
    let address = listening.address();
    let dial = || std::net::TcpStream::connect(address).unwrap();
    let callers: Vec<_> = (0..50).map(|_| dial()).collect();
    // Drained before it has accepted any connection.
    let connections = Connections::new(endpoint, ConnectionLimits::of(100));
    connections.start_drain();
    listening.close_into(&connections);
    assert!(
        TcpSocket::new_v4().unwrap().connect(address).await.is_err(),
        "closed"
    );
    let clients = callers.into_iter().map(async |caller| {
        caller.set_nonblocking(true).unwrap();
        let mut caller = TcpStream::from_std(caller).unwrap();
        caller.write_all(GET).await.unwrap();
        let mut told = String::new();
        caller.read_to_string(&mut told).await.unwrap();
        assert!(told.contains(" 204 "), "{told}");
    });
    tokio::join!(connections.ended(), futures_util::future::join_all(clients));
    assert_eq!(served.load(Ordering::Relaxed), 50);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_taken_too_slowly_is_not_sent_on() {
    let connections = answering(vec![b'a'; 1_000_000]);
    let mut slow = connect(&connections);
    slow.write_all(GET).await.unwrap();
    let started = now();
    let mut part = [0; 3_000];
    while slow.read_exact(&mut part).await.is_ok() {
        sleep(Duration::from_secs(4)).await;
    }
    // 750 bytes a second are 1298 too few: it is 10 s behind after some 16.
    let took = now() - started;
    assert!(
        (RATE_GRACE..RATE_GRACE * 2).contains(&took),
        "ended after {took:?}"
    );
    assert_eq!(connections.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_carries_is_held_until_it_is_taken() {
    let permits = Arc::new(Semaphore::new(1));
    let limit = Arc::clone(&permits);
    let endpoint = make(move |_: Request| {
        let permit = Arc::clone(&limit).try_acquire_owned().unwrap();
        async move {
            let mut response = vec![b'a'; 100_000].into_response();
            response.set_data(Arc::new(permit));
            response
        }
    });
    let connections = Connections::new(endpoint, ConnectionLimits::of(8));
    let mut client = connect(&connections);
    client.write_all(GET).await.unwrap();
    let head = answer(&mut client, 1_000).await;
    assert!(head.contains("content-length: 100000"), "{head}");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(permits.available_permits(), 0, "99000 bytes are to come");
    client.read_exact(&mut vec![0; 99_000]).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(permits.available_permits(), 1);
}

#[tokio::test]
async fn at_the_limit_the_connection_that_waited_longest_is_evicted() {
    let listening = Listening::on((Ipv4Addr::LOCALHOST, 0).into())
        .await
        .unwrap();
    let address = listening.address();
    let (drain, drained) = oneshot::channel::<()>();
    let drain_when = async { drained.await.unwrap_or_default() };
    let endpoint = make(async |_: Request| "".into_response());
    let serving = listening.serve(
        endpoint,
        ConnectionLimits::of(3),
        drain_when,
        Duration::ZERO,
    );
    let calling = async move {
        let mut crowd = Vec::new();
        for _ in 0..20 {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(&GET[..20]).await.unwrap();
            crowd.push(client);
        }
        let mut last = TcpStream::connect(address).await.unwrap();
        last.write_all(GET).await.unwrap();
        let mut told = [0; 12];
        last.read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"HTTP/1.1 200");
        for mut client in crowd.drain(..18) {
            let closed = client.read(&mut told).await;
            assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
        }
        for mut client in crowd {
            client.write_all(&GET[20..]).await.unwrap();
            client.read_exact(&mut told).await.unwrap();
            assert_eq!(&told, b"HTTP/1.1 200");
        }
        drop(drain);
    };
    let (connections, ()) = tokio::join!(serving, calling);
    connections.ended().await;
}

#[tokio::test]
async fn a_connection_whose_request_is_being_answered_is_not_evicted() {
    let listening = Listening::on((Ipv4Addr::LOCALHOST, 0).into())
        .await
        .unwrap();
    let address = listening.address();
    let (drain, drained) = oneshot::channel::<()>();
    let drain_when = async { drained.await.unwrap_or_default() };
    let (came, mut comes) = tokio::sync::mpsc::unbounded_channel();
    let go = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&go);
    let endpoint = make(move |_: Request| {
        let gate = Arc::clone(&gate);
        came.send(()).unwrap();
        async move {
            gate.acquire().await.unwrap().forget();
            "".into_response()
        }
    });
    let serving = listening.serve(
        endpoint,
        ConnectionLimits::of(1),
        drain_when,
        Duration::ZERO,
    );
    let calling = async move {
        let mut told = [0; 12];
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(GET).await.unwrap();
        comes.recv().await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(GET).await.unwrap();
        sleep(10 * Duration::from_millis(20)).await;
        assert!(comes.try_recv().is_err(), "there was no permit");
        go.add_permits(2);
        for client in [&mut first, &mut second] {
            client.read_exact(&mut told).await.unwrap();
            assert_eq!(&told, b"HTTP/1.1 200");
        }
        drop(drain);
    };
    let (connections, ()) = tokio::join!(serving, calling);
    connections.ended().await;
}
