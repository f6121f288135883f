//! Answers without an end, over real sockets: what is read of them is bounded in bytes, in headers and in time,
//! whichever upstream sends them. All clients are built by one factory and read bodies by one function.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::{sleep, timeout},
};

use super::bounded_body;
use crate::adapters::http_client::{self, ExtraRoots};

/// The longest body that is read here.
const LIMIT: usize = 256 * 1024;
/// The time for a whole answer here.
const TIME: Duration = Duration::from_secs(2);
/// What sockets may hold of an answer that is not read any more, in bytes.
const SOCKETS: usize = 16 * 1024 * 1024;

/// What a server says, and then says again for ever.
struct Script {
    head: Vec<u8>,
    again: Vec<u8>,
    pause: Duration,
}

/// The outcome of reading an answer.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Body(usize),
    TooLong,
    TimedOut,
    Refused,
}

/// Asks a server that follows a script; and says how many bytes it could write.
async fn ask(script: Script) -> (Read, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let mut next = script.head;
        while stream.write_all(&next).await.is_ok() {
            count.fetch_add(next.len(), Ordering::Relaxed);
            if script.again.is_empty() {
                break;
            }
            next.clone_from(&script.again);
            if !script.pause.is_zero() {
                sleep(script.pause).await;
            }
        }
    });
    let client = http_client::build(TIME, &ExtraRoots::default()).unwrap();
    let sort = |error: reqwest::Error| {
        if error.is_timeout() {
            Read::TimedOut
        } else {
            Read::Refused
        }
    };
    let read = async {
        let response = client.get(url).send().await.map_err(sort)?;
        let body = bounded_body(response, LIMIT).await.map_err(sort)?;
        Ok(body.map_or(Read::TooLong, |body| Read::Body(body.len())))
    };
    let read = timeout(5 * TIME, read).await.expect("it has no end");
    server.abort();
    (
        read.unwrap_or_else(|read| read),
        written.load(Ordering::Relaxed),
    )
}

fn script(head: impl Into<Vec<u8>>, again: impl Into<Vec<u8>>) -> Script {
    Script {
        head: head.into(),
        again: again.into(),
        pause: Duration::ZERO,
    }
}

fn gzipped_zeros(length: usize) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..length >> 20 {
        packed.write_all(&zeros).unwrap();
    }
    packed.finish().unwrap()
}

#[tokio::test]
async fn a_body_without_an_end_is_too_long() {
    let chunk = [&b"10000\r\n"[..], &vec![b'x'; 0x1_0000], b"\r\n"].concat();
    for head in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let (read, written) = ask(script(head, chunk.clone())).await;
        assert_eq!(read, Read::TooLong);
        assert!(written < SOCKETS, "{written}");
    }
    let (read, written) = ask(script("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 0x1_0000])).await;
    assert_eq!(read, Read::TooLong);
    assert!(written < SOCKETS, "{written}");
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_long_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n";
    assert_eq!(ask(script(head, "")).await.0, Read::TooLong);
}

#[tokio::test]
async fn a_packed_body_is_as_long_as_what_it_unpacks_to() {
    for (length, expected) in [
        (1 << 30, Read::TooLong),
        (0, Read::Body(0)),
        (1 << 20, Read::TooLong),
    ] {
        let packed = gzipped_zeros(length);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            packed.len()
        );
        let answer = [head.as_bytes(), &packed].concat();
        assert_eq!(ask(script(answer, "")).await.0, expected, "{length}");
    }
}

#[tokio::test]
async fn headers_without_an_end_are_refused() {
    let many = "x-header: value\r\n".repeat(100);
    let long = vec![b'x'; 0x1_0000];
    for (head, again) in [
        ("HTTP/1.1 200 OK\r\n", many.as_bytes()),
        ("HTTP/1.1 200 OK\r\nx-header: ", &long),
        ("HTTP/1.1 200 ", &long),
    ] {
        let (read, written) = ask(script(head, again)).await;
        assert_eq!(read, Read::Refused, "{head}");
        assert!(written < SOCKETS, "{written}");
    }
    let headers = "x-header: value\r\n".repeat(1_000);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{headers}\r\n");
    assert_eq!(ask(script(head, "")).await.0, Read::Refused);
    // Of those before the answer there may be any number, as long as there is time.
    let early = "HTTP/1.1 103 Early Hints\r\nx-header: value\r\n\r\n";
    let (read, _) = ask(Script {
        pause: Duration::from_millis(1),
        ..script(early, early)
    })
    .await;
    assert_eq!(read, Read::TimedOut);
}

#[tokio::test]
async fn an_answer_that_trickles_ends_with_its_time() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-header: ",
        "",
    ] {
        let (read, _) = ask(Script {
            pause: Duration::from_millis(50),
            ..script(head, "x")
        })
        .await;
        let expected = if head.is_empty() {
            Read::Refused
        } else {
            Read::TimedOut
        };
        assert_eq!(read, expected, "{head}");
    }
}

#[tokio::test]
async fn trailers_without_an_end_are_refused() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n";
    let (read, written) = ask(script(head, "x-trailer: value\r\n".repeat(100))).await;
    assert_eq!(read, Read::Refused);
    assert!(written < SOCKETS, "{written}");
}
