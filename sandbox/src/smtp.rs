//! The stand-in for a mail server: STARTTLS on one port, TLS from the start on another. Used by
//! the sandbox and by tests.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{
    listener::{Listener, Serve},
    secrets::Issued,
    smtp_session,
    switches::Switches,
};

/// A mail server. Operations: `connect`, `EHLO`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`,
/// `DATA_END` (after the final dot), `RSET`, `NOOP`, `QUIT`.
///
/// A [`Fault::Status`](super::Fault::Status) becomes the reply `status text`. On `DATA_END`
/// "processed" means that the mail is stored.
pub struct SmtpServer {
    starttls: Listener,
    implicit: Listener,
    desk: Arc<Desk>,
}

/// A mail as it was taken in.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The message (RFC 5322) without the dots of the transport.
    pub data: Bytes,
    /// Counts the connections, so that mails of one connection can be told.
    pub connection: u64,
    /// Whether it came through TLS.
    pub tls: bool,
    /// Who had logged in.
    pub user: Option<String>,
}

impl ReceivedMail {
    /// The message as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }

    /// A header's value, unfolded but not decoded; `name` in any letter case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let head = text.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }
}

impl SmtpServer {
    /// Starts without users.
    pub(super) async fn start(tls: Arc<ServerConfig>) -> io::Result<Self> {
        let desk = Arc::new(Desk {
            switches: Switches::new(),
            acceptor: TlsAcceptor::from(tls),
            allows_plain_text: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            office: Mutex::default(),
        });
        Ok(Self {
            starttls: Listener::start(serve(&desk, false)).await?,
            implicit: Listener::start(serve(&desk, true)).await?,
            desk,
        })
    }

    /// The port that asks for STARTTLS.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.starttls.address().port()
    }

    /// The port that speaks TLS from the start.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.implicit.address().port()
    }

    /// Faults, latency, holds and call counts.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.desk.switches
    }

    /// Closes every connection and both ports.
    pub async fn stop_listening(&self) {
        self.starttls.stop().await;
        self.implicit.stop().await;
    }

    /// Opens both ports again after [`SmtpServer::stop_listening`].
    ///
    /// # Errors
    /// A port was taken by somebody else meanwhile.
    pub async fn listen_again(&self) -> io::Result<()> {
        self.starttls.restart().await?;
        self.implicit.restart().await
    }

    /// Adds a user or changes the password.
    pub fn set_user(&self, user: &str, password: &str) {
        let mut office = self.desk.office.lock();
        office.issued.note(password);
        office.users.insert(user.to_owned(), password.to_owned());
    }

    /// From now on this user is answered with 535.
    pub fn remove_user(&self, user: &str) {
        self.desk.office.lock().users.remove(user);
    }

    /// Whether users may log in and send without TLS (no by default).
    pub fn allow_plain_text(&self, allow: bool) {
        self.desk.allows_plain_text.store(allow, Ordering::Relaxed);
    }

    /// All mails in the order of their arrival.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.desk.office.lock().mails.clone()
    }

    /// The mails to one recipient.
    #[must_use]
    pub fn mails_to(&self, recipient: &str) -> Vec<ReceivedMail> {
        let mut mails = self.mails();
        mails.retain(|mail| mail.to.iter().any(|to| to == recipient));
        mails
    }

    /// Passwords handed out so far.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.desk.office.lock().issued.list()
    }
}

/// What all connections share.
pub(super) struct Desk {
    pub(super) switches: Switches,
    pub(super) acceptor: TlsAcceptor,
    pub(super) allows_plain_text: AtomicBool,
    connections: AtomicU64,
    office: Mutex<Office>,
}

#[derive(Default)]
struct Office {
    users: HashMap<String, String>,
    mails: Vec<ReceivedMail>,
    issued: Issued,
}

impl Desk {
    pub(super) fn accepts(&self, user: &str, password: &str) -> bool {
        let office = self.office.lock();
        office
            .users
            .get(user)
            .is_some_and(|known| known == password)
    }

    pub(super) fn store(&self, mail: ReceivedMail) {
        self.office.lock().mails.push(mail);
    }
}

fn serve(desk: &Arc<Desk>, tls_at_once: bool) -> Serve {
    let desk = Arc::clone(desk);
    Arc::new(move |stream: TcpStream| {
        let desk = Arc::clone(&desk);
        let number = desk.connections.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move {
            let ended = smtp_session::run(desk, stream, number, tls_at_once).await;
            if let Err(error) = ended {
                tracing::trace!(%error, "a sandbox mail connection ended early");
            }
        })
    })
}
