//! Requests whose end a proxy may see elsewhere than the service does: what the one takes for a body
//! must not be a request to the other.

use publisher_sandbox::Sandbox;

use crate::{harness::Service, raw};

/// What must never be answered.
const INNER: &str =
    "GET /health/live HTTP/1.1\r\nHost: inner.example\r\nX-Request-Id: smuggled\r\n\r\n";

/// Headers that may say that a body comes in chunks.
const ANNOUNCED: [&str; 25] = [
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding: CHUNKED\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunkedx\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Transfer-Encoding:\tchunked\r\n",
    "Transfer-Encoding:  chunked \r\n",
    "Transfer-Encoding: \u{b}chunked\r\n",
    "Transfer-Encoding: chunked\u{b}\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding\t: chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "X: y\r\n Transfer-Encoding: chunked\r\n",
    "X: y\nTransfer-Encoding: chunked\r\n",
    "X: y\rTransfer-Encoding: chunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Transfer-Encoding: \r\n",
];

/// Heads and bodies that can be read in more ways than one. `{inner}` is the length of [`INNER`].
fn mixes() -> Vec<(String, String)> {
    let length = INNER.len();
    let ends_at_once = format!("0\r\n\r\n{INNER}");
    let (whole, chunk) = (
        ends_at_once.len(),
        format!("{length:x}\r\n{INNER}\r\n0\r\n\r\n"),
    );
    let mut mixes = Vec::new();
    let mut add = |head: String, body: &str| mixes.push((head, body.to_owned()));

    // Two lengths.
    for (one, two) in [
        (length.to_string(), "0".to_owned()),
        ("0".to_owned(), length.to_string()),
        (length.to_string(), (length + 1).to_string()),
    ] {
        add(
            format!("Content-Length: {one}\r\nContent-Length: {two}\r\n"),
            INNER,
        );
        add(format!("Content-Length: {one}, {two}\r\n"), INNER);
        add(
            format!("Content-Length: {one}\r\nX: y\r\ncontent-length: {two}\r\n"),
            INNER,
        );
    }
    // Lengths that are none, or not for everyone.
    for odd in [
        format!("+{length}"),
        format!("-{length}"),
        format!("0x{length:x}"),
        format!("{length}.0"),
        format!("{length} 0"),
        format!("\u{b}{length}"),
        "9".repeat(40),
        String::new(),
    ] {
        add(format!("Content-Length: {odd}\r\n"), INNER);
    }
    // A length and chunks, in both orders, and however the chunks are announced.
    for announced in ANNOUNCED {
        for head in [
            format!("Content-Length: {whole}\r\n{announced}"),
            format!("{announced}Content-Length: {whole}\r\n"),
        ] {
            add(head, &ends_at_once);
        }
        add(
            format!("Content-Length: {}\r\n{announced}", chunk.len()),
            &chunk,
        );
    }
    // Chunks whose sizes and ends are odd.
    for body in [
        format!("0\n\n{INNER}"),
        format!("0\r\n\n{INNER}"),
        format!("0;\n\r\n{INNER}"),
        format!("0;ext=\"\r\n\r\n{INNER}\"\r\n\r\n"),
        format!("0 \r\n\r\n{INNER}"),
        format!("-0\r\n\r\n{INNER}"),
        format!("0x0\r\n\r\n{INNER}"),
        format!("00000000000000000\r\n\r\n{INNER}"),
        format!("fffffffffffffffff\r\n{INNER}"),
        format!("2\r\nab0\r\n\r\n{INNER}"),
        format!("2\r\nab\n0\r\n\r\n{INNER}"),
        format!("0\r\nX: y\n\n{INNER}"),
        format!("0\r\nContent-Length: 5\r\n\r\n{INNER}"),
    ] {
        add("Transfer-Encoding: chunked\r\n".to_owned(), &body);
    }
    // Folded, with a space before the colon, with bare line feeds.
    for head in [
        format!("Content-Length:\r\n {length}\r\n"),
        format!("Content-Length: {length}\r\nX: a\r\n Content-Length: 0\r\n"),
        format!("Content-Length : {length}\r\n"),
        format!("Content-Length\u{b}: {length}\r\n"),
        format!("Content-Length: 0\r\nContent-Length : {length}\r\n"),
        format!("Content-Length: {length}\r\nX: a\nContent-Length: 0\r\n"),
        format!("Content-Length: {length}\n"),
        format!("X: a\rContent-Length: {length}\r\n"),
        format!("Content-Length: {length}\r\n\u{b}: x\r\n"),
    ] {
        add(head, INNER);
    }
    mixes
}

#[tokio::test]
async fn nothing_that_can_be_read_as_a_body_is_answered_as_a_request() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let mut tried = 0;
    let mixes = mixes();
    for line in [
        "POST /api/images/harbour-dawn.jpg/publish HTTP/1.1",
        "GET /api/config/features HTTP/1.1",
    ] {
        let exchanges = mixes.iter().map(|(head, body)| {
            let request = format!("{line}\r\nHost: {host}\r\n{head}\r\n{body}");
            let address = service.address();
            async move {
                let read = raw::exchange(address, request.as_bytes()).await;
                (request, read)
            }
        });
        for (request, read) in futures_util::future::join_all(exchanges).await {
            assert!(raw::answers(&read) <= 1, "{request:?}\n{read}");
            assert!(!read.contains("smuggled"), "{request:?}\n{read}");
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
    let log = service.whole_log().await;
    assert!(!log.contains("smuggled"), "{log}");
}

#[tokio::test]
async fn requests_one_after_the_other_are_answered_each() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    // The measure of the test above: where two ends are the same, there are two answers.
    let head = "POST /api/publish HTTP/1.1\r\nHost: any";
    let length = format!("{head}\r\nContent-Length: 2\r\n\r\n{{}}{INNER}");
    let read = raw::exchange(service.address(), length.as_bytes()).await;
    assert_eq!(raw::answers(&read), 2, "{read}");
    assert!(read.contains("smuggled"), "{read}");
    // After chunks, the connection ends: nobody can tell whether a length was there, too.
    let chunks = "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let chunks = format!("{head}\r\n{chunks}{INNER}");
    let read = raw::exchange(service.address(), chunks.as_bytes()).await;
    assert_eq!(raw::answers(&read), 1, "{read}");
    assert!(read.contains("connection: close"), "{read}");
}
