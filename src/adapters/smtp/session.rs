//! A session with a mail server, command by command. A failure before the end of the message means that
//! nothing was sent; after it, the mail may have been sent.

use std::{
    fmt::Display,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::transport::smtp::{
    commands::{Data, Mail as MailFrom, Quit, Rcpt, Starttls},
    extension::{MailBodyParameter, MailParameter},
};
use tokio::time::timeout;

use super::mail_server::{MailServer, MailTransport};
use super::{
    connection::{Connection, Dots},
    ehlo_name::EhloName,
    failure::{Failure, NO_PASSWORD_LOGIN, NO_STARTTLS, Problem},
    message::Mail,
    reply::{Offers, Reply},
    stage::Stage,
    tls::Tls,
};

/// How long a mail server may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For the connection, for its TLS, for its greeting, and for each command after that.
    pub(super) command: Duration,
    /// For the message and the reply to it.
    pub(super) message: Duration,
    /// For the whole of a confirmation, which an answer that is known already waits for.
    pub(super) confirmation: Duration,
    /// For QUIT, and for the last reply of a server that hangs up.
    pub(super) quit_timeout: Duration,
}

/// A connection that has logged in.
pub(super) struct Session {
    connection: Connection,
    offers: Offers,
    limits: Limits,
}

impl Session {
    /// Connects to the server, of which `host` is the name in ASCII, secures the connection as its
    /// settings ask for, and logs in.
    pub(super) async fn open(
        server: &MailServer,
        host: &str,
        tls: Option<Tls>,
        password: &str,
        name: &EhloName,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let limit = limits.command;
        let (at_once, later) = match server.transport {
            MailTransport::ImplicitTls => (Some(tls.ok_or_else(Failure::without_tls)?), None),
            MailTransport::StartTls => (None, Some(tls.ok_or_else(Failure::without_tls)?)),
            MailTransport::Plain => (None, None),
        };
        let connect = Connection::to(host, server.port);
        let mut connection = within(limit, Stage::Connection, connect).await?;
        if let Some(tls) = at_once {
            connection = within(limit, Stage::Tls, connection.secured(&tls)).await?;
        }
        let greeting = within(limit, Stage::Greeting, connection.reply()).await?;
        done(Stage::Greeting, greeting)?;
        let mut session = Self {
            connection,
            offers: Offers::default(),
            limits,
        };
        session.introduce(name).await?;
        if let Some(tls) = later {
            session = session.encrypted(&tls).await?;
            // The offers from before are not authenticated.
            session.introduce(name).await?;
        }
        session.log_in(&server.username, password).await?;
        Ok(session)
    }

    async fn introduce(&mut self, name: &EhloName) -> Result<(), Failure> {
        let reply = self
            .command(Stage::Greeting, format!("EHLO {name}\r\n"))
            .await?;
        self.offers = Offers::of(&reply);
        Ok(())
    }

    async fn encrypted(mut self, tls: &Tls) -> Result<Self, Failure> {
        if !self.offers.starttls {
            return Err(Failure::unsupported(Stage::Tls, NO_STARTTLS));
        }
        self.command(Stage::Tls, Starttls).await?;
        let secured = self.connection.secured(tls);
        let connection = within(self.limits.command, Stage::Tls, secured).await?;
        Ok(Self { connection, ..self })
    }

    /// Logs in, by whichever way is offered. Challenges are answered by their order: their words are
    /// in any language.
    async fn log_in(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        let encoded = |text: &str| STANDARD.encode(text);
        let (mut line, answers) = if self.offers.plain {
            let plain = encoded(&format!("\0{user}\0{password}"));
            (format!("AUTH PLAIN {plain}\r\n"), vec![plain])
        } else if self.offers.login {
            let answers = vec![encoded(user), encoded(password)];
            ("AUTH LOGIN\r\n".to_owned(), answers)
        } else {
            return Err(Failure::unsupported(Stage::Login, NO_PASSWORD_LOGIN));
        };
        let mut answers = answers.into_iter();
        loop {
            let reply = self.reply_to(Stage::Login, line).await?;
            if reply.code() != 334 {
                return done(Stage::Login, reply).map(drop);
            }
            let answer = answers.next().ok_or(Failure {
                stage: Stage::Login,
                problem: Problem::Malformed,
            })?;
            line = format!("{answer}\r\n");
        }
    }

    /// Sends one mail. Returns how many of its recipients the server has refused; a mail of which it refuses all is
    /// a failure.
    pub(super) async fn send(&mut self, mail: &Mail) -> Result<usize, Failure> {
        let envelope = &mail.envelope;
        let from = MailFrom::new(envelope.from().cloned(), self.parameters(mail)?);
        self.command(Stage::Sender, from).await?;
        let mut refusals = Vec::new();
        for recipient in envelope.to() {
            let to = Rcpt::new(recipient.clone(), Vec::new());
            match self.command(Stage::Recipient, to).await {
                Ok(_) => {}
                Err(failure) if failure.is_refusal() => refusals.push(failure),
                Err(failure) => return Err(failure),
            }
        }
        let refusal_count = refusals.len();
        if refusal_count == envelope.to().len()
            && let Some(failure) = refusals.pop()
        {
            return Err(failure);
        }
        let go_on = self.reply_to(Stage::Message, Data).await?;
        if go_on.code() != 354 {
            return Err(refused(Stage::Message, go_on));
        }
        let (ended, limit) = (AtomicBool::new(false), self.limits.message);
        let sent = timeout(limit, self.message(mail, &ended)).await;
        let stage = if ended.load(Ordering::Relaxed) {
            Stage::MessageEnded
        } else {
            Stage::Message
        };
        let problem = match sent {
            Ok(Ok(reply)) => return done(stage, reply).map(|_| refusal_count),
            Ok(Err(problem)) => problem,
            Err(_) => Problem::TimedOut,
        };
        // A server that will not have the rest of a message says so and hangs up.
        let last_words = timeout(self.limits.quit_timeout, self.connection.reply()).await;
        if let Ok(Ok(reply)) = last_words
            && reply.code() >= 400
        {
            return Err(refused(stage, reply));
        }
        Err(Failure { stage, problem })
    }

    async fn message(&mut self, mail: &Mail, ended: &AtomicBool) -> Result<Reply, Problem> {
        let mut dots = Dots::new();
        for piece in mail.pieces() {
            self.connection.write(&dots.doubled(&piece)).await?;
        }
        // Whatever was said until now is no reply to the message.
        if self.connection.is_ahead() {
            return self.connection.reply().await.and_then(|reply| {
                if reply.code() < 400 {
                    return Err(Problem::Malformed);
                }
                Ok(reply)
            });
        }
        ended.store(true, Ordering::Relaxed);
        self.connection.write(b"\r\n.\r\n").await?;
        self.connection.reply().await
    }

    /// Sends QUIT, and ends the session.
    pub(super) async fn close(mut self) {
        let _ = timeout(self.limits.quit_timeout, self.connection.command(Quit)).await;
    }

    /// The parameters of MAIL FROM that the server offers.
    fn parameters(&self, mail: &Mail) -> Result<Vec<MailParameter>, Failure> {
        let mut parameters = Vec::new();
        let envelope = &mail.envelope;
        let mut addresses = envelope.from().into_iter().chain(envelope.to());
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !self.offers.smtp_utf8 {
                let what = "the mail server takes no addresses beyond ASCII";
                return Err(Failure::unsupported(Stage::Sender, what));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !mail.is_ascii() && self.offers.eight_bit_mime {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if self.offers.size {
            let size = mail.size();
            if let Some(limit) = self.offers.max_size.filter(|limit| size > *limit) {
                return Err(Failure {
                    stage: Stage::Sender,
                    problem: Problem::TooLarge(limit),
                });
            }
            parameters.push(MailParameter::Size(size));
        }
        Ok(parameters)
    }

    /// Sends a command that has to succeed.
    async fn command(&mut self, stage: Stage, command: impl Display) -> Result<Reply, Failure> {
        done(stage, self.reply_to(stage, command).await?)
    }

    async fn reply_to(&mut self, stage: Stage, command: impl Display) -> Result<Reply, Failure> {
        let reply = self.connection.command(command);
        within(self.limits.command, stage, reply).await
    }
}

async fn within<T>(
    limit: Duration,
    stage: Stage,
    step: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Failure> {
    let outcome = timeout(limit, step).await;
    let outcome = outcome.unwrap_or(Err(Problem::TimedOut));
    outcome.map_err(|problem| Failure { stage, problem })
}

/// The reply, if it reports success.
fn done(stage: Stage, reply: Reply) -> Result<Reply, Failure> {
    if (200..300).contains(&reply.code()) {
        return Ok(reply);
    }
    Err(refused(stage, reply))
}

fn refused(stage: Stage, reply: Reply) -> Failure {
    let problem = if reply.code() < 400 {
        Problem::Malformed
    } else {
        Problem::Refused(reply)
    };
    Failure { stage, problem }
}
