//! E-mail: publishes by a tenant's own mail server.
//!
//! lettre writes messages and commands. Its ready-made transport is not used, because it reports neither
//! the moment at which a connection was lost nor the whole reply of a server.

mod address;
mod advice;
mod attachment;
mod connection;
mod ehlo_name;
mod failure;
mod mail_server;
mod message;
mod people;
mod redaction;
mod reply;
mod session;
mod stage;
mod target;
#[cfg(test)]
mod tests;
mod tls;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;
use uuid::Uuid;

pub use self::{
    ehlo_name::{EhloName, InvalidEhloName},
    target::{EmailTarget, SmtpCredential},
};
use self::{
    failure::Failure,
    mail_server::MailTransport,
    message::{Mail, MessageBuilder, Unwritable, ascii_domain},
    session::{Limits, Session},
    tls::Tls,
};
use super::{
    http_client::ExtraRoots,
    registration::Registration,
    upstream::{self, Answer, Call, RetryPolicy},
};
use crate::{
    domain::{
        platform_spec::PlatformSpec,
        publication::{LookupKey, PostId},
        tenant_config::{ConfirmationSettings, People, TenantSettings},
    },
    ports::{Clock, FollowUp, OpenPublisher, Post, Posted, PublishError, Publisher},
};

/// A mail server that takes longer counts as unavailable; a minute for the message is enough for 10 MB on a
/// slow line.
const LIMITS: Limits = Limits {
    command: Duration::from_secs(10),
    message: Duration::from_mins(1),
    confirmation: Duration::from_secs(30),
    quit_timeout: Duration::from_secs(1),
};
/// One retry: mail servers ask for one when they are busy, or do not know the sender yet.
const POLICY: RetryPolicy = RetryPolicy {
    attempts: 2,
    first_delay: Duration::from_secs(1),
    max_delay: Duration::from_secs(5),
};
/// The publication has been made by then: its confirmation is not tried again.
const CONFIRMATION_POLICY: RetryPolicy = RetryPolicy {
    attempts: 1,
    ..POLICY
};

/// E-mail, among the platforms.
pub(super) const REGISTRATION: Registration = Registration {
    spec: PlatformSpec::of::<EmailTarget>(),
    upstream: ("smtp", &["send", "confirm"]),
    statuses: &["250", "421", "451", "550", "554", "error"],
    set_up: |setup| {
        let factory = SmtpPublisherFactory::new(&setup.roots, Arc::clone(&setup.clock))?;
        Ok(Arc::new(factory.with_ehlo_name(setup.ehlo_name.clone())))
    },
};

/// Opens e-mail for tenants.
pub struct SmtpPublisherFactory {
    context: SmtpContext,
}

impl SmtpPublisherFactory {
    /// Sets up what all tenants share. Sends no request.
    ///
    /// # Errors
    /// TLS cannot be set up, for instance because the system has no trusted roots.
    pub fn new(roots: &ExtraRoots, clock: Arc<dyn Clock>) -> Result<Self, rustls::Error> {
        Ok(Self {
            context: SmtpContext {
                tls: Arc::new(roots.client_config()?),
                ehlo_name: EhloName::of_this_host(),
                clock,
                limits: LIMITS,
                policy: POLICY,
            },
        })
    }

    /// The same, under another name than this host's.
    #[must_use]
    pub fn with_ehlo_name(mut self, name: EhloName) -> Self {
        self.context.ehlo_name = name;
        self
    }
}

impl OpenPublisher for SmtpPublisherFactory {
    type Target = EmailTarget;

    fn open(
        &self,
        target: &EmailTarget,
        credential: SmtpCredential,
        settings: &TenantSettings,
    ) -> Arc<dyn Publisher> {
        Arc::new(SmtpPublisher::new(Arc::new(Mailbox {
            context: self.context.clone(),
            email: target.clone(),
            confirmation: settings.confirmation.clone(),
            people: settings.people.clone(),
            credential,
        })))
    }
}

/// The parts that all tenants share.
#[derive(Clone)]
struct SmtpContext {
    tls: Arc<ClientConfig>,
    ehlo_name: EhloName,
    clock: Arc<dyn Clock>,
    limits: Limits,
    policy: RetryPolicy,
}

/// The mail of one tenant.
struct SmtpPublisher {
    mailbox: Arc<Mailbox>,
    /// The session that was opened early for the next post; dropping it ends it.
    begun: Mutex<Option<BegunSession>>,
}

type BegunSession = AbortOnDropHandle<Result<Session, Failure>>;

/// The sender of a tenant's mail.
struct Mailbox {
    context: SmtpContext,
    email: EmailTarget,
    confirmation: ConfirmationSettings,
    people: People,
    credential: SmtpCredential,
}

#[async_trait]
impl Publisher for SmtpPublisher {
    async fn publish<'a>(
        &self,
        post: &Post,
        _key: Option<&'a LookupKey>,
    ) -> Result<Posted, PublishError> {
        let begun = self.begun.lock().take();
        let (id, session) = self.mailbox.publish(post, begun).await?;
        let (mailbox, post) = (Arc::clone(&self.mailbox), post.clone());
        let follow_up = async move { mailbox.follow_up(session, &post).await };
        Ok(Posted {
            post: id.into(),
            follow_up: Some(FollowUp::new(follow_up)),
            warning: None,
        })
    }

    async fn check(&self) -> Result<&'static str, PublishError> {
        self.mailbox.check().await
    }

    fn connecting(&self) -> Option<Arc<dyn Publisher>> {
        let mailbox = Arc::clone(&self.mailbox);
        let session = async move { mailbox.open_session().await }.in_current_span();
        let begun = AbortOnDropHandle::new(tokio::spawn(session));
        Some(Arc::new(Self {
            mailbox: Arc::clone(&self.mailbox),
            begun: Mutex::new(Some(begun)),
        }))
    }
}

impl SmtpPublisher {
    fn new(mailbox: Arc<Mailbox>) -> Self {
        Self {
            mailbox,
            begun: Mutex::default(),
        }
    }
}

impl Mailbox {
    /// Sends a post, and returns the open session. The first attempt uses the session that was opened early, if
    /// there is one.
    async fn publish(
        &self,
        post: &Post,
        mut begun: Option<BegunSession>,
    ) -> Result<(PostId, Session), PublishError> {
        let builder = MessageBuilder::new(&self.email).map_err(rejected)?;
        let id = builder.message_id(&Uuid::new_v4().to_string());
        let date = self.context.clock.utc();
        let mail = builder.publication(post, &id, date).map_err(rejected)?;
        // First, so that a failed set-up is reported as such.
        self.tls()?;

        let attempt = || {
            let begun = begun.take();
            upstream::attempt(async {
                let mut session = match begun {
                    Some(begun) => begun.await.unwrap_or_else(|_| Err(Failure::lost()))?,
                    None => self.open_session().await?,
                };
                session.send(&mail).await?;
                Ok(answer(session))
            })
        };
        let session = self
            .call("send")
            .run(self.context.policy, attempt)
            .await
            .map_err(|failure| self.publish_error(failure))?;
        Ok((PostId::new(id), session))
    }

    /// Logs in, and out again. Sends nothing.
    async fn check(&self) -> Result<&'static str, PublishError> {
        MessageBuilder::new(&self.email).map_err(rejected)?;
        self.tls()?;
        let attempt = || async { Ok(answer(self.open_session().await?)) };
        let session = self.call("check").run(self.context.policy, attempt);
        let session = session
            .await
            .map_err(|failure| self.publish_error(failure))?;
        session.close().await;
        Ok("the mail server takes the login")
    }

    async fn open_session(&self) -> Result<Session, Failure> {
        let tls = self.tls().map_err(|_| Failure::without_tls())?;
        let (server, context) = (&self.email.server, &self.context);
        let host = ascii_domain(&server.host);
        let (name, limits) = (&context.ehlo_name, context.limits);
        Session::open(server, &host, tls, self.password(), name, limits).await
    }

    fn publish_error(&self, failure: Failure) -> PublishError {
        let server = &self.email.server;
        let scrub = redaction::scrub(&server.host, &server.username, self.password());
        failure.into_publish_error(&server.host, &scrub)
    }

    fn password(&self) -> &str {
        self.credential.password().expose()
    }

    /// The TLS of its connections; `None` for plain ones, which the config allows to loopback alone.
    fn tls(&self) -> Result<Option<Tls>, PublishError> {
        let server = &self.email.server;
        if server.transport == MailTransport::Plain {
            return Ok(None);
        }
        let tls = Tls::to(&ascii_domain(&server.host), &self.context.tls);
        tls.map(Some)
    }

    /// Ends the session of a publication, after a confirmation to the tenant's people if the tenant wants one.
    async fn follow_up(&self, session: Session, post: &Post) {
        let session = if self.confirmation.to_sender {
            self.confirm(session, post).await
        } else {
            Some(session)
        };
        if let Some(session) = session {
            session.close().await;
        }
    }

    /// Sends the confirmation in the session of the publication. A failure is only logged; the session is returned
    /// if it can still be used.
    async fn confirm(&self, session: Session, post: &Post) -> Option<Session> {
        let mail = match self.confirmation_of(post) {
            Ok(Some(mail)) => mail,
            Ok(None) => return Some(session),
            Err(error) => {
                tracing::warn!(upstream = "smtp", %error, "the confirmation could not be written");
                return Some(session);
            }
        };
        let limit = self.context.limits.confirmation;
        let mut session = Some(session);
        let attempt = || {
            let session = session.take();
            upstream::attempt(async {
                let mut session = session.ok_or_else(Failure::lost)?;
                let sending = timeout(limit, session.send(&mail));
                let refused = sending.await.unwrap_or_else(|_| Err(Failure::lost()))?;
                if refused > 0 {
                    tracing::warn!(
                        upstream = "smtp",
                        refused,
                        "recipients of the confirmation were refused"
                    );
                }
                Ok::<_, Failure>(answer(session))
            })
        };
        self.call("confirm")
            .run(CONFIRMATION_POLICY, attempt)
            .await
            .ok()
    }

    /// `None` if it is for nobody.
    fn confirmation_of(&self, post: &Post) -> Result<Option<Mail>, Unwritable> {
        let builder = MessageBuilder::new(&self.email)?;
        let to = people::recipients(&self.people, builder.sender());
        if to.is_empty() {
            return Ok(None);
        }
        let id = builder.message_id(&Uuid::new_v4().to_string());
        let tags = usize::try_from(self.confirmation.tags_count).unwrap_or(usize::MAX);
        let mail = builder.confirmation(post, &to, tags, &id, self.context.clock.utc());
        mail.map(Some)
    }

    fn call(&self, operation: &'static str) -> Call<'_> {
        Call {
            clock: &*self.context.clock,
            upstream: "smtp",
            operation,
        }
    }
}

fn rejected(unwritable: Unwritable) -> PublishError {
    PublishError::Rejected(unwritable.to_string())
}

/// 250 is the only reply that accepts a mail; the log shows it as the status.
fn answer(session: Session) -> Answer<Session> {
    Answer {
        status: 250,
        value: session,
    }
}
