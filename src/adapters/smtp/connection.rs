//! A connection to a mail server: commands out, replies in. It knows nothing of the order of things,
//! which is `session.rs`'s. Used by this folder's adapter.
//!
//! Ours rather than lettre's, whose connection takes keywords in capitals only, drops what a server
//! says about sizes, breaks at text that is no UTF-8, and does not tell what was wrong with a
//! certificate.

use std::fmt::Display;

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{failure::Problem, reply::Reply, tls::Tls};

/// How much is read at a time, in bytes.
const READ: usize = 4 * 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A connection, encrypted or not.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// Bytes that were received and not read yet.
    buffer: BytesMut,
}

impl Connection {
    /// Connects. A message ends with a small write of its own, which Nagle's algorithm would hold back
    /// until the server has acknowledged what came before, some 40 ms for every mail: that is off.
    pub(super) async fn to(host: &str, port: u16) -> Result<Self, Problem> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    fn over(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: BytesMut::new(),
        }
    }

    /// Starts TLS. Bytes that arrived before it are not authenticated, so that they are refused (RFC 3207).
    pub(super) async fn secured(self, tls: &Tls) -> Result<Self, Problem> {
        if !self.buffer.is_empty() {
            return Err(Problem::Unsupported("more was said than asked for"));
        }
        Ok(Self::over(tls.connect(self.stream).await?))
    }

    /// Sends a command, which ends its line itself, and waits for the reply.
    pub(super) async fn command(&mut self, command: impl Display) -> Result<Reply, Problem> {
        self.write(command.to_string().as_bytes()).await?;
        self.reply().await
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// The next reply.
    pub(super) async fn reply(&mut self) -> Result<Reply, Problem> {
        loop {
            let reply = Reply::take(&mut self.buffer).map_err(|_| Problem::Malformed)?;
            if let Some(reply) = reply {
                return Ok(reply);
            }
            self.buffer.reserve(READ);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(Problem::Lost);
            }
        }
    }

    /// Whether unread bytes are left: they would be taken for the reply to the next command.
    pub(super) fn is_ahead(&self) -> bool {
        !self.buffer.is_empty()
    }
}

/// Doubles the dot that a line begins with, so that none ends the message (RFC 5321, 4.5.2).
pub(super) struct Dots {
    at_line_start: bool,
}

impl Dots {
    pub(super) fn new() -> Self {
        Self {
            at_line_start: true,
        }
    }

    /// The next piece of a message as it goes over the wire.
    pub(super) fn doubled(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() + 16);
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.at_line_start && line.starts_with(b".") {
                out.push(b'.');
            }
            out.extend_from_slice(line);
            self.at_line_start = line.ends_with(b"\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_are_doubled_at_the_start_of_a_line_only() {
        let mut dots = Dots::new();
        assert_eq!(
            dots.doubled(b".a\r\n..\r\nb.c\r\n"),
            b"..a\r\n...\r\nb.c\r\n"
        );
        assert_eq!(dots.doubled(b"."), b"..");
        assert_eq!(dots.doubled(b".\r\n"), b".\r\n");
    }

    proptest! {
        #[test]
        fn no_message_ends_itself_and_all_of_it_arrives(
            lines in proptest::collection::vec("[.a]{0,3}", 0..9),
            cut in 0..20_usize,
        ) {
            let message = lines.join("\r\n");
            let (one, other) = message.split_at(cut.min(message.len()));
            let mut dots = Dots::new();
            let sent = [dots.doubled(one.as_bytes()), dots.doubled(other.as_bytes())].concat();
            let sent = String::from_utf8(sent).unwrap();
            prop_assert!(sent.split("\r\n").all(|line| line != "."));
            let undo = |line: &str| line.strip_prefix('.').unwrap_or(line).to_owned();
            let arrived: Vec<String> = sent.split("\r\n").map(undo).collect();
            prop_assert_eq!(arrived.join("\r\n"), message);
        }
    }
}
