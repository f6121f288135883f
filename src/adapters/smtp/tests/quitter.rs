//! A mail server without TLS that closes each connection in the middle of the message.

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How much of a message it reads, in bytes.
const READ: usize = 1000;

/// Starts it on loopback; gives its port, and a task that ends after this many connections.
pub(super) async fn start(connections: usize) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        for _ in 0..connections {
            serve(listener.accept().await.unwrap().0).await;
        }
    });
    (port, server)
}

async fn serve(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 hi\r\n").await.unwrap();
    let mut line = String::new();
    while !line.starts_with("DATA") {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let reply: &[u8] = match line.get(..4).unwrap() {
            "EHLO" => b"250-hi\r\n250 AUTH PLAIN\r\n",
            "AUTH" => b"235 ok\r\n",
            "DATA" => b"354 go on\r\n",
            _ => b"250 ok\r\n",
        };
        stream.write_all(reply).await.unwrap();
    }
    stream.read_exact(&mut [0; READ]).await.unwrap();
}
