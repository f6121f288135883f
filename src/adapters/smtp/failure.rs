//! Failures of a session, and the errors they become: the stage decides whether the mail may have been
//! sent. Used by this folder's adapter.

use std::io;

use rustls::CertificateError;

use super::{
    advice::{Kind, kind},
    reply::Reply,
    stage::Stage,
};
use crate::{
    adapters::{
        certificate_advice::certificate_advice,
        secret_scrub::SecretScrub,
        upstream::{AttemptError, Retry},
        upstream_message::sanitize_upstream_message,
    },
    ports::{Cause, PublishError},
};

/// The advice where no connection can be made, with the name in the environment and the one in a config.
const CHECK_ADDRESS: &str = "check host and port (EMAIL_SERVER, or `email_server` of the config)";

/// Without it nothing is sent.
pub(super) const NO_STARTTLS: &str = "no STARTTLS is offered";
/// Neither PLAIN nor LOGIN.
pub(super) const NO_PASSWORD_LOGIN: &str = "no login by user name and password is offered";

/// Why a session failed. Its text is for the log: it has no host and nothing that the server says.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", stage.as_str())]
pub(super) struct Failure {
    pub(super) stage: Stage,
    pub(super) problem: Problem,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("answered {}", _0.code())]
    Refused(Reply),
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("the message is larger than the {0} bytes that are taken")]
    TooLarge(usize),
    #[error("it took too long")]
    TimedOut,
    #[error("{0}")]
    Io(io::ErrorKind),
    #[error("the certificate is not trusted, because it {}", certificate_advice(_0).0)]
    Certificate(CertificateError),
    #[error("no TLS is spoken there")]
    NoTls,
    #[error("TLS failed")]
    Tls(rustls::Error),
    #[error("the answer was no SMTP")]
    Malformed,
    #[error("the connection was lost")]
    Lost,
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        let tls = error.get_ref();
        match tls.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(error)) => Self::Certificate(error.clone()),
            Some(rustls::Error::InvalidMessage(_)) => Self::NoTls,
            Some(error) => Self::Tls(error.clone()),
            None => Self::Io(error.kind()),
        }
    }
}

impl Failure {
    /// A session that was lost before a message.
    pub(super) fn lost() -> Self {
        Self {
            stage: Stage::Message,
            problem: Problem::Lost,
        }
    }

    /// TLS could not be set up.
    pub(super) fn without_tls() -> Self {
        Self::unsupported(Stage::Tls, "the set-up failed")
    }

    /// Whether the server has refused a command, and may take another.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.problem, Problem::Refused(_))
    }

    pub(super) fn unsupported(stage: Stage, what: &'static str) -> Self {
        Self {
            stage,
            problem: Problem::Unsupported(what),
        }
    }

    /// The answer for the caller. Codes are definite at every stage; without one, the fate of a
    /// message that had ended is unknown. `host` is the server, and `scrub` is for the server's words.
    pub(super) fn into_publish_error(self, host: &str, scrub: &SecretScrub) -> PublishError {
        let stage = self.stage;
        match &self.problem {
            Problem::Refused(reply) => {
                let kind = kind(stage, host, reply);
                let detail = told(reply, kind, scrub);
                match reply.code() {
                    530 | 534 | 535 if stage == Stage::Login => PublishError::Unauthorized {
                        detail,
                        source: Cause::from(self),
                    },
                    500.. if kind == Some(Kind::TooLarge) => PublishError::ImageUnsuitable(detail),
                    500.. => PublishError::Rejected(detail),
                    _ => PublishError::Unavailable {
                        detail,
                        source: Cause::from(self),
                    },
                }
            }
            _ if stage == Stage::MessageEnded => PublishError::Unknown(Cause::from(self)),
            Problem::TooLarge(limit) => PublishError::ImageUnsuitable(format!(
                "the mail server takes messages of at most {} bytes, and the image makes it larger",
                scrub.scrub(&limit.to_string())
            )),
            problem => PublishError::Unavailable {
                detail: detail(stage, problem),
                source: Cause::from(self),
            },
        }
    }
}

/// The reply of the server, with advice.
fn told(reply: &Reply, kind: Option<Kind>, scrub: &SecretScrub) -> String {
    let said = sanitize_upstream_message(&reply.text(), scrub);
    let said = format!("{} {said}", reply.code());
    match kind {
        Some(kind) => format!("{}; {}", said.trim_end(), kind.advice()),
        None => said.trim_end().to_owned(),
    }
}

/// The description of a failure without a reply.
fn detail(stage: Stage, problem: &Problem) -> String {
    let text = match (stage, problem) {
        (Stage::Tls, Problem::Unsupported(what @ NO_STARTTLS)) => {
            return format!(
                "{what} at this port; use port 587, or 465 for TLS from the start, or another mail \
                 server: no password is sent without TLS"
            );
        }
        (Stage::Login, Problem::Unsupported(what @ NO_PASSWORD_LOGIN)) => {
            return format!(
                "{what} by the mail server at this port; use its port for mail clients, which is 587 or \
                 465 as a rule, and turn on SMTP AUTH for the account, or use another mail server"
            );
        }
        (_, Problem::Unsupported(what)) => what,
        (_, Problem::Certificate(error)) => {
            let (why, advice) = certificate_advice(error);
            return format!(
                "the mail server's certificate is not trusted, because it {why}; {advice}"
            );
        }
        (Stage::Tls, Problem::NoTls) => {
            "the mail server speaks no TLS at this port; port 465 is for TLS from the start, 587 for \
             STARTTLS"
        }
        (Stage::Tls, Problem::Tls(_)) => "the mail server and this service agree on no TLS",
        (Stage::Tls, _) => "the mail server broke off when the connection was to be encrypted",
        (Stage::Greeting, Problem::TimedOut) => {
            "the mail server says nothing at this port; it may want TLS from the start, for which the \
             port is 465"
        }
        (Stage::Greeting, Problem::Malformed) => "what answers at this port is no mail server",
        (Stage::Connection, Problem::TimedOut) => {
            return format!(
                "the mail server does not answer at this port; {CHECK_ADDRESS}; a firewall may be in \
                 between"
            );
        }
        (Stage::Connection, Problem::Io(io::ErrorKind::ConnectionRefused)) => {
            return format!("nothing listens at the mail server's port; {CHECK_ADDRESS}");
        }
        (Stage::Connection, _) => {
            return format!("the mail server cannot be found or reached; {CHECK_ADDRESS}");
        }
        (_, Problem::TimedOut) => "the mail server took too long",
        (_, Problem::Malformed) => "the mail server's answer was no SMTP",
        (_, _) => "the connection to the mail server was lost",
    };
    text.to_owned()
}

impl AttemptError for Failure {
    fn retry(&self) -> Retry {
        match (self.stage, &self.problem) {
            (_, Problem::Refused(reply)) if (400..500).contains(&reply.code()) => Retry::Soon,
            (Stage::MessageEnded, _) => Retry::Never,
            (_, Problem::Io(_) | Problem::Malformed | Problem::Lost) => Retry::Soon,
            (_, _) => Retry::Never,
        }
    }

    /// The reply code, which says of a mail what a status says of a request.
    fn http_status(&self) -> Option<u16> {
        match &self.problem {
            Problem::Refused(reply) => Some(reply.code()),
            _ => None,
        }
    }
}
