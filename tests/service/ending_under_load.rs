//! SIGTERM under two thousand requests a second: none fails that the service had accepted.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use publisher_sandbox::Sandbox;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::interval,
};

use crate::harness::{Service, now};

/// Callers who keep their connection, and send 40 requests a second each.
const KEEPERS: usize = 40;
/// Callers who take a new connection for each request, 20 a second each.
const CHANGERS: usize = 20;
/// How long the load lasts before the signal comes.
const BEFORE: Duration = Duration::from_secs(1);

/// What has become of the requests.
#[derive(Default)]
struct Tally {
    answered: usize,
    /// Answers that were the last of a connection which their caller would have kept.
    goodbyes: usize,
    refused: usize,
    /// Ids of requests on new connections that the system had taken, and the service had not.
    never_accepted: Vec<String>,
    /// Ids of all others without an answer.
    lost: Vec<String>,
}

/// One who calls until nobody listens any more.
struct Caller {
    name: String,
    address: String,
    host: String,
    keeps: bool,
    tally: Arc<Mutex<Tally>>,
}

impl Caller {
    async fn call(self) {
        let every = Duration::from_millis(if self.keeps { 25 } else { 50 });
        // A caller that is late catches up, so that the load is the same on any machine.
        let mut times = interval(every);
        let mut kept: Option<TcpStream> = None;
        for number in 0.. {
            times.tick().await;
            let is_first = kept.is_none();
            let connection = match kept.take() {
                Some(connection) => Ok(connection),
                None => TcpStream::connect(&self.address).await,
            };
            let Ok(mut connection) = connection else {
                self.tally.lock().unwrap().refused += 1;
                return;
            };
            let id = format!("{}-{number}", self.name);
            let answer = self.ask(&mut connection, &id).await;
            let mut tally = self.tally.lock().unwrap();
            match answer {
                Ok(is_last) => {
                    tally.answered += 1;
                    tally.goodbyes += usize::from(self.keeps && is_last);
                    kept = (self.keeps && !is_last).then_some(connection);
                }
                // The service itself would have closed the connection in good order.
                Err(error) if is_first && error.kind() != io::ErrorKind::UnexpectedEof => {
                    tally.never_accepted.push(id);
                }
                Err(_) => tally.lost.push(id),
            }
        }
    }

    /// Whether the answer is the last on this connection.
    async fn ask(&self, connection: &mut TcpStream, id: &str) -> io::Result<bool> {
        let request = format!(
            "GET /api/config/features HTTP/1.1\r\nHost: {}\r\nX-Request-Id: {id}\r\n\r\n",
            self.host
        );
        connection.write_all(request.as_bytes()).await?;
        let mut read = Vec::new();
        loop {
            if connection.read_buf(&mut read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let text = String::from_utf8_lossy(&read);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                assert!(head.starts_with("HTTP/1.1 200 "), "{text}");
                let head = head.to_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().parse().unwrap();
                if body.len() == length {
                    return Ok(head.contains("connection: close"));
                }
            }
        }
    }
}

#[tokio::test]
async fn no_request_that_was_accepted_fails_when_the_service_ends_under_load() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let tally = Arc::<Mutex<Tally>>::default();
    let caller = |number: usize| Caller {
        name: format!("caller-{number}"),
        address: service.address().to_owned(),
        host: sandbox.tenants()[number % 2].host.clone(),
        keeps: number < KEEPERS,
        tally: Arc::clone(&tally),
    };
    let calls = join_all((0..KEEPERS + CHANGERS).map(|number| caller(number).call()));
    let started = now();
    let end = async {
        tokio::time::sleep(BEFORE).await;
        let rate = tally.lock().unwrap().answered;
        service.terminate().await;
        rate
    };
    let (_, before) = tokio::join!(calls, end);
    let took = now() - started;
    let (status, log) = service.ended().await;
    assert_eq!(status.code(), Some(0), "it ended in good order");

    let tally = tally.lock().unwrap();
    println!(
        "{before} answers in {BEFORE:?} before the signal, {} in {took:?} in all; {} callers got a \
         last answer, {} were refused, {} never accepted, {} lost",
        tally.answered,
        tally.goodbyes,
        tally.refused,
        tally.never_accepted.len(),
        tally.lost.len()
    );
    assert_eq!(tally.lost, [""; 0]);
    assert!(
        tally.goodbyes >= KEEPERS,
        "each is told that it is the last"
    );
    // Between the last look into the queue of callers and its end there is a moment.
    let never = tally.never_accepted.len();
    assert!(never <= (KEEPERS + CHANGERS) / 10, "{never}");
    for id in &tally.never_accepted {
        assert!(!log.contains(id.as_str()), "{id} was accepted");
    }
    assert!(before > 200, "this is no load");
}
