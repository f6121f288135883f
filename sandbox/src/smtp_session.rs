//! One SMTP connection: commands in, replies out. Used by the mail stand-in.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{
    fault::Fault,
    record::RecordedRequest,
    smtp::{Desk, ReceivedMail},
    wire::{Reset, Wire},
};

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 8 * 1024;
/// The largest message that is read, in bytes.
const MAX_DATA: usize = 64 * 1024 * 1024;

/// Serves a connection to its end.
pub(super) async fn run(
    desk: Arc<Desk>,
    stream: TcpStream,
    number: u64,
    tls_at_once: bool,
) -> io::Result<()> {
    let (wire, reset) = Wire::new(stream);
    let mut session = Session {
        io: BufReader::new(Box::new(wire)),
        desk,
        reset,
        number,
        tls: false,
        user: None,
        envelope: None,
    };
    if tls_at_once {
        session = session.start_tls().await?;
    }
    session.converse().await
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

struct Session {
    io: BufReader<Box<dyn Stream>>,
    desk: Arc<Desk>,
    reset: Reset,
    number: u64,
    tls: bool,
    user: Option<String>,
    envelope: Option<Envelope>,
}

struct Envelope {
    from: String,
    to: Vec<String>,
}

/// What happens after a command.
enum Next {
    Reply(String),
    StartTls(String),
    TakeData(String),
    Close(String),
}

impl Session {
    async fn converse(mut self) -> io::Result<()> {
        let greeting = "220 localhost sandbox ESMTP ready".to_owned();
        self.meet("connect", "", Bytes::new(), |_| Next::Reply(greeting))
            .await?;
        while let Some(line) = self.read_line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            let answer = match verb.as_str() {
                "AUTH" => self.authenticate(rest).await?,
                _ => None,
            };
            let next = self
                .meet(&verb, rest, Bytes::new(), |session| match answer {
                    Some(credentials) => session.log_in(credentials),
                    None => session.command(&verb, rest),
                })
                .await?;
            match next {
                Some(Next::StartTls(_)) => self = self.start_tls().await?,
                Some(Next::TakeData(_)) => self.take_data().await?,
                Some(Next::Close(_)) => break,
                Some(Next::Reply(_)) | None => {}
            }
        }
        self.io.shutdown().await
    }

    /// Records the command, applies the switches, and replies. `None`: a fault took its place.
    async fn meet(
        &mut self,
        operation: &str,
        rest: &str,
        body: Bytes,
        act: impl FnOnce(&mut Self) -> Next,
    ) -> io::Result<Option<Next>> {
        let request = RecordedRequest {
            operation: operation.to_owned(),
            method: operation.to_owned(),
            path_and_query: rest.to_owned(),
            headers: HashMap::from([
                ("connection".to_owned(), self.number.to_string()),
                ("tls".to_owned(), self.tls.to_string()),
            ]),
            body,
        };
        let desk = Arc::clone(&self.desk);
        let mut passage = desk.switches.enter(&request);
        let next = passage.processes().then(|| act(self));
        passage.wait(&request).await;
        match (&passage.fault, next) {
            (None, Some(next)) => {
                self.send(next.line()).await?;
                Ok(Some(next))
            }
            (Some(Fault::SlowBody { delay, .. }), Some(next)) => {
                tokio::time::sleep(*delay).await;
                self.send(next.line()).await?;
                Ok(Some(next))
            }
            (Some(Fault::MalformedBody), _) => {
                self.send("this is no reply").await?;
                Ok(None)
            }
            (
                Some(
                    Fault::Status { status, body, .. }
                    | Fault::StatusAfterProcessing { status, body, .. },
                ),
                _,
            ) => {
                let reply = [status.to_string().as_bytes(), b" ", body].concat();
                self.send_bytes(&reply).await?;
                Ok(None)
            }
            (Some(Fault::Timeout | Fault::TimeoutAfterProcessing), _) => {
                // Until the caller hangs up.
                tokio::io::copy(&mut self.io, &mut tokio::io::sink()).await?;
                Err(io::ErrorKind::TimedOut.into())
            }
            (_, _) => {
                self.reset.pull();
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
    }

    fn command(&mut self, verb: &str, rest: &str) -> Next {
        let open = self.tls || self.desk.allows_plain_text.load(Ordering::Relaxed);
        let reply = match verb {
            "EHLO" => {
                self.envelope = None;
                let offers = match (self.tls, open) {
                    (false, false) => "250-STARTTLS\r\n",
                    (false, true) => "250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n",
                    (true, _) => "250-AUTH PLAIN LOGIN\r\n",
                };
                format!(
                    "250-localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n{offers}250 SIZE 67108864"
                )
            }
            "HELO" => "250 localhost".to_owned(),
            "NOOP" => "250 2.0.0 OK".to_owned(),
            "RSET" => {
                self.envelope = None;
                "250 2.0.0 OK".to_owned()
            }
            "QUIT" => return Next::Close("221 2.0.0 Bye".to_owned()),
            "STARTTLS" if self.tls => "503 5.5.1 TLS is on already".to_owned(),
            "STARTTLS" => return Next::StartTls("220 2.0.0 Ready to start TLS".to_owned()),
            "AUTH" | "MAIL" if !open => "530 5.7.0 Must issue a STARTTLS command first".to_owned(),
            "AUTH" => "504 5.5.4 Unrecognized authentication type".to_owned(),
            "MAIL" if self.user.is_none() => "530 5.7.0 Authentication required".to_owned(),
            "MAIL" => match address(rest, "FROM:") {
                Some(from) => {
                    let to = Vec::new();
                    self.envelope = Some(Envelope { from, to });
                    "250 2.1.0 OK".to_owned()
                }
                None => "501 5.5.4 Syntax: MAIL FROM:<address>".to_owned(),
            },
            "RCPT" => match (&mut self.envelope, address(rest, "TO:")) {
                (None, _) => "503 5.5.1 MAIL first".to_owned(),
                (Some(envelope), Some(to)) if to.contains('@') => {
                    envelope.to.push(to);
                    "250 2.1.5 OK".to_owned()
                }
                (Some(_), _) => "501 5.5.4 Syntax: RCPT TO:<address>".to_owned(),
            },
            "DATA" => match &self.envelope {
                Some(envelope) if !envelope.to.is_empty() => {
                    return Next::TakeData("354 End data with <CR><LF>.<CR><LF>".to_owned());
                }
                _ => "503 5.5.1 RCPT first".to_owned(),
            },
            _ => "502 5.5.2 Command not recognized".to_owned(),
        };
        Next::Reply(reply)
    }

    /// Reads what an AUTH command still wants. `None`: it cannot be served, and
    /// [`Session::command`] says why.
    async fn authenticate(&mut self, rest: &str) -> io::Result<Option<(String, String)>> {
        if !self.tls && !self.desk.allows_plain_text.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let answer = self.challenge("", initial).await?;
                let mut fields = answer.split('\0').skip(1).map(str::to_owned);
                let user = fields.next().unwrap_or_default();
                Ok(Some((user, fields.next().unwrap_or_default())))
            }
            "LOGIN" => {
                let user = self.challenge("Username:", initial).await?;
                Ok(Some((user, self.challenge("Password:", "").await?)))
            }
            _ => Ok(None),
        }
    }

    async fn challenge(&mut self, prompt: &str, initial: &str) -> io::Result<String> {
        let answer = if initial.is_empty() {
            let prompt = STANDARD.encode(prompt);
            self.send(format!("334 {prompt}").trim_end()).await?;
            self.read_line().await?.unwrap_or_default()
        } else {
            initial.to_owned()
        };
        let bytes = STANDARD.decode(answer).unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn log_in(&mut self, (user, password): (String, String)) -> Next {
        if !self.desk.accepts(&user, &password) {
            return Next::Reply("535 5.7.8 Username and password not accepted".to_owned());
        }
        self.user = Some(user);
        Next::Reply("235 2.7.0 Accepted".to_owned())
    }

    async fn take_data(&mut self) -> io::Result<()> {
        let mut data = Vec::new();
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut self.io).take(MAX_DATA as u64);
            if limited.read_until(b'\n', &mut line).await? == 0 || data.len() > MAX_DATA {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                break;
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let data = Bytes::from(data);
        let envelope = self.envelope.take();
        self.meet("DATA_END", "", data.clone(), |session| {
            if let Some(Envelope { from, to }) = envelope {
                session.desk.store(ReceivedMail {
                    from,
                    to,
                    data,
                    connection: session.number,
                    tls: session.tls,
                    user: session.user.clone(),
                });
            }
            Next::Reply("250 2.0.0 OK: queued".to_owned())
        })
        .await?;
        Ok(())
    }

    /// TLS from here on; what was said before does not count any more (RFC 3207).
    async fn start_tls(self) -> io::Result<Self> {
        let acceptor = self.desk.acceptor.clone();
        let stream = acceptor.accept(self.io.into_inner()).await?;
        Ok(Self {
            io: BufReader::new(Box::new(stream)),
            tls: true,
            user: None,
            envelope: None,
            ..self
        })
    }

    async fn read_line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.io).take(MAX_LINE);
        if limited.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    async fn send(&mut self, line: &str) -> io::Result<()> {
        self.send_bytes(line.as_bytes()).await
    }

    async fn send_bytes(&mut self, line: &[u8]) -> io::Result<()> {
        self.io.write_all(&[line, b"\r\n"].concat()).await?;
        self.io.flush().await
    }
}

impl Next {
    fn line(&self) -> &str {
        match self {
            Self::Reply(line) | Self::StartTls(line) | Self::TakeData(line) | Self::Close(line) => {
                line
            }
        }
    }
}

/// The address of `FROM:<address> …`.
fn address(rest: &str, keyword: &str) -> Option<String> {
    let (key, value) = rest.split_at_checked(keyword.len())?;
    if !key.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let inner = value.trim_start().strip_prefix('<')?;
    Some(inner.split_once('>')?.0.to_owned())
}
