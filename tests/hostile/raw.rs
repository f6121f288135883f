//! Requests as bytes, for what no client library would send.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Long enough for a slow machine; reaching it is a failure.
const PATIENCE: Duration = Duration::from_mins(1);
/// Who has answered and says nothing for so long has nothing more to say.
const SILENCE: Duration = Duration::from_millis(700);

/// Sends bytes and reads all that comes, until the connection ends or nothing more comes.
pub(crate) async fn exchange(address: &str, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // What is refused half-way is answered all the same.
    let _ = stream.write_all(sent).await;
    let mut read = Vec::new();
    let mut limit = PATIENCE;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match timeout(limit, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(length)) => read.extend_from_slice(&buffer[..length]),
            Err(_elapsed) if limit == SILENCE => break,
            Err(elapsed) => panic!("{elapsed}: {:?}", String::from_utf8_lossy(sent)),
        }
        limit = SILENCE;
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// The status of the one answer to a request without a body that ends the connection; 0 where it is
/// closed without one.
pub(crate) async fn status(address: &str, request_line: &str, headers: &[&str]) -> u16 {
    let mut request = format!("{request_line}\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("Connection: close\r\n\r\n");
    let answer = exchange(address, request.as_bytes()).await;
    if answer.is_empty() {
        return 0;
    }
    let version = ["HTTP/1.1 ", "HTTP/1.0 "];
    let rest = version.iter().find_map(|it| answer.strip_prefix(it));
    let rest = rest.unwrap_or_else(|| panic!("{request}\n{answer}"));
    rest[..3].parse().unwrap()
}

/// How many answers there are in what was read.
pub(crate) fn answers(read: &str) -> usize {
    read.matches("HTTP/1.").count()
}
