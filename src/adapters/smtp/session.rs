//! One connection to a mail server, command by command, so that a failure is known to lie before
//! or after the end of the message: before it nothing was sent, after it nobody can tell.

use std::{
    error::Error as _,
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, TlsParameters},
    commands::{Data, Mail as MailFrom, Rcpt},
    extension::{ClientId, Extension, MailBodyParameter, MailParameter},
};
use tokio::{
    net::TcpStream,
    time::{error::Elapsed, timeout},
};

use super::message::Mail;
use crate::{
    adapters::{
        stated_reason::stated_reason,
        upstream::{AttemptError, Retry},
    },
    domain::tenant_config::{MailServer, MailTransport},
    ports::{Cause, PublishError},
};

/// How long a mail server may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For the connection, its TLS and its greeting, and for each command after that.
    pub(super) command: Duration,
    /// For the message and the reply to it.
    pub(super) message: Duration,
    /// For the whole of a confirmation, which an answer that is known already waits for.
    pub(super) confirmation: Duration,
    /// For saying goodbye, which nothing depends on.
    pub(super) farewell: Duration,
}

/// A connection that has logged in.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    limits: Limits,
}

impl Session {
    /// Connects, secures the connection as the server's settings ask for, and logs in.
    pub(super) async fn open(
        server: &MailServer,
        tls: Option<TlsParameters>,
        password: &str,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let name = ClientId::default();
        let (at_once, later) = match server.transport {
            MailTransport::ImplicitTls => (tls, None),
            MailTransport::StartTls => (None, tls),
            MailTransport::Plain => (None, None),
        };
        let connect = connect(server, at_once, &name, limits.command);
        let mut connection = within(limits.command, Stage::Connection, connect).await?;
        if let Some(tls) = later {
            if !connection.can_starttls() {
                return Err(Failure::unsupported(Stage::Tls, "no STARTTLS is offered"));
            }
            let secure = connection.starttls(tls, &name);
            within(limits.command, Stage::Tls, secure).await?;
        }
        // Nothing secret goes over a connection that was meant to be encrypted and is not.
        if !connection.is_encrypted() && server.transport != MailTransport::Plain {
            return Err(Failure::unsupported(Stage::Tls, "it is not encrypted"));
        }
        let known = connection
            .server_info()
            .get_auth_mechanism(DEFAULT_MECHANISMS);
        if known.is_none() {
            return Err(Failure::unsupported(
                Stage::Login,
                "no known login is offered",
            ));
        }
        let credentials = Credentials::new(server.username.clone(), password.to_owned());
        let login = connection.auth(DEFAULT_MECHANISMS, &credentials);
        within(limits.command, Stage::Login, login).await?;
        Ok(Self { connection, limits })
    }

    /// Sends one mail.
    pub(super) async fn send(&mut self, mail: &Mail) -> Result<(), Failure> {
        let envelope = &mail.envelope;
        let parameters = self.parameters(mail)?;
        self.command(MailFrom::new(envelope.from().cloned(), parameters))
            .await?;
        for recipient in envelope.to() {
            self.command(Rcpt::new(recipient.clone(), Vec::new()))
                .await?;
        }
        self.command(Data).await?;

        // The connection asks for a piece after the last one, and only then ends the message.
        let ended = AtomicBool::new(false);
        let mut pieces = mail.pieces();
        let pieces = std::iter::from_fn(|| {
            let piece = pieces.next();
            ended.store(piece.is_none(), Ordering::Relaxed);
            piece
        });
        let message = self.connection.message_iter(pieces);
        let sent = timeout(self.limits.message, message).await;
        let stage = if ended.load(Ordering::Relaxed) {
            Stage::MessageEnded
        } else {
            Stage::Message
        };
        settled(stage, sent)?;
        Ok(())
    }

    /// Says goodbye, as far as the server listens.
    pub(super) async fn close(mut self) {
        let _ = timeout(self.limits.farewell, self.connection.quit()).await;
    }

    /// What the server has to be told of a mail that is not plain ASCII.
    fn parameters(&self, mail: &Mail) -> Result<Vec<MailParameter>, Failure> {
        let info = self.connection.server_info();
        let mut parameters = Vec::new();
        let envelope = &mail.envelope;
        let mut addresses = envelope.from().into_iter().chain(envelope.to());
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !info.supports_feature(Extension::SmtpUtfEight) {
                let what = "addresses beyond ASCII are not taken";
                return Err(Failure::unsupported(Stage::Envelope, what));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !mail.is_ascii() && info.supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }

    async fn command(&mut self, command: impl std::fmt::Display) -> Result<(), Failure> {
        let reply = self.connection.command(command);
        within(self.limits.command, Stage::Envelope, reply).await?;
        Ok(())
    }
}

/// Connects and waits for the greeting.
///
/// A message ends with a small write of its own, which Nagle's algorithm would hold back until the
/// server has acknowledged what came before: some 40 ms for every mail. So the stream is ours, and
/// that is off. Where TLS starts at once the stream has to be lettre's, and the wait stays: it
/// takes no stream for that.
async fn connect(
    server: &MailServer,
    tls: Option<TlsParameters>,
    name: &ClientId,
    limit: Duration,
) -> Result<AsyncSmtpConnection, Problem> {
    let address = (server.host.as_str(), server.port);
    if tls.is_some() {
        let connect = AsyncSmtpConnection::connect_tokio1(address, Some(limit), name, tls, None);
        return Ok(connect.await?);
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(stream), name);
    Ok(greeted.await?)
}

async fn within<T, E>(
    limit: Duration,
    stage: Stage,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Problem: From<E>,
{
    settled(stage, timeout(limit, step).await)
}

/// The outcome of a step that had a time limit.
fn settled<T, E>(stage: Stage, outcome: Result<Result<T, E>, Elapsed>) -> Result<T, Failure>
where
    Problem: From<E>,
{
    let problem = match outcome {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error.into(),
        Err(_) => Problem::TimedOut,
    };
    Err(Failure { stage, problem })
}

/// How far a session had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connection,
    Tls,
    Login,
    Envelope,
    /// Before the end of the message: the server has nothing that it could deliver.
    Message,
    /// After it: the server may have taken the mail.
    MessageEnded,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Tls => "TLS",
            Self::Login => "login",
            Self::Envelope => "envelope",
            Self::Message => "message",
            Self::MessageEnded => "reply to the message",
        }
    }
}

/// Why a session failed. Its text is for the log: it has no host and nothing that the server says.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", stage.as_str())]
pub(super) struct Failure {
    stage: Stage,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("answered {code}")]
    Refused { code: u16, text: String },
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("it took too long")]
    TimedOut,
    #[error("{0}")]
    Io(io::ErrorKind),
    #[error("the answer was no SMTP")]
    Malformed,
    #[error("the connection was lost")]
    Lost,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error.status() {
            Some(code) => Self::Refused {
                code: code.into(),
                text: error.source().map(ToString::to_string).unwrap_or_default(),
            },
            None if error.is_timeout() => Self::TimedOut,
            None => match io_kind(&error) {
                Some(kind) => Self::Io(kind),
                None if error.is_response() => Self::Malformed,
                None => Self::Lost,
            },
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl Failure {
    /// A confirmation that has come to nothing.
    pub(super) fn lost() -> Self {
        Self {
            stage: Stage::Message,
            problem: Problem::Lost,
        }
    }

    /// What secures the connection could not be set up.
    pub(super) fn without_tls() -> Self {
        Self::unsupported(Stage::Tls, "the set-up failed")
    }

    fn unsupported(stage: Stage, what: &'static str) -> Self {
        Self {
            stage,
            problem: Problem::Unsupported(what),
        }
    }

    /// The answer for the caller. Codes are definite at every stage; without one, nobody can tell
    /// what became of a message that had ended. `password` is cut out of the server's words.
    pub(super) fn into_publish_error(self, password: &str) -> PublishError {
        match (self.stage, self.problem) {
            (
                Stage::Login,
                Problem::Refused {
                    code: code @ 534..=535,
                    text,
                },
            ) => {
                let problem = Problem::Refused { code, text };
                PublishError::unauthorized(Cause::from(Self {
                    stage: Stage::Login,
                    problem,
                }))
            }
            (
                _,
                Problem::Refused {
                    code: code @ 500..,
                    text,
                },
            ) => {
                let reason = format!("{code} {}", stated_reason(&text, password));
                PublishError::Rejected(reason.trim_end().to_owned())
            }
            (stage @ Stage::MessageEnded, problem)
                if !matches!(problem, Problem::Refused { .. }) =>
            {
                PublishError::Unknown(Cause::from(Self { stage, problem }))
            }
            (stage, problem) => PublishError::unavailable(Cause::from(Self { stage, problem })),
        }
    }
}

/// The kind of the I/O error behind an error; TLS has `InvalidData` for a bad certificate.
fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        source = error.source();
    }
    None
}

impl AttemptError for Failure {
    fn retry(&self) -> Retry {
        match (self.stage, &self.problem) {
            (_, Problem::Refused { code, .. }) if (400..500).contains(code) => Retry::Soon,
            (Stage::MessageEnded, _)
            | (
                _,
                Problem::Refused { .. }
                | Problem::Unsupported(_)
                | Problem::TimedOut
                | Problem::Io(io::ErrorKind::InvalidData),
            ) => Retry::Never,
            (_, Problem::Io(_) | Problem::Malformed | Problem::Lost) => Retry::Soon,
        }
    }

    /// The reply code, which says of a mail what a status says of a request.
    fn http_status(&self) -> Option<u16> {
        match self.problem {
            Problem::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}
