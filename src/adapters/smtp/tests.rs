//! Tests over real sockets, against the sandbox's mail server, and against one that breaks off in
//! the middle of a message.

mod attachments;
mod confirmation;
mod connecting;
mod quitter;
mod refusals;
mod script;
mod tls;

use std::slice::from_ref;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{mail_server::MailServer, *};
use crate::{
    adapters::{
        clock::SystemClock,
        sample_tenant::{config, credential, target},
    },
    domain::{
        image::{EncodedImage, ImageName},
        tenant_config::{Resolved, TenantConfig},
    },
};
use publisher_sandbox::{Fault, Sandbox, Switches};

const PASSWORD: &str = "mail-password";
const SENDER: &str = "alice@mail.test";
const RECIPIENT: &str = "alice@fetlife.test";

/// Never reached by a server that answers, however slow the machine.
const PATIENT: Limits = Limits {
    command: Duration::from_secs(20),
    message: Duration::from_secs(20),
    confirmation: Duration::from_secs(20),
    quit_timeout: Duration::from_millis(100),
};
/// Soon reached by a server that does not answer to a message or a confirmation.
const IMPATIENT: Limits = Limits {
    message: Duration::from_secs(1),
    confirmation: Duration::from_secs(1),
    ..PATIENT
};

/// A mail server and the publisher of one tenant, with delays that a test can wait for.
struct Desk {
    sandbox: Sandbox,
    publisher: SmtpPublisher,
    /// Whether connections are made before there is something to publish.
    connects_before: bool,
}

impl Desk {
    async fn new(confirmation: bool) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        sandbox.smtp.set_user(SENDER, PASSWORD);
        let roots = ExtraRoots::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
        let config = tenant(
            "localhost",
            sandbox.smtp.port(),
            &json!({
                "confirmation": { "confirmation_to_sender": confirmation }
            }),
        );
        let publisher = publisher(&config, &roots);
        Self {
            sandbox,
            publisher,
            connects_before: false,
        }
    }

    fn become_impatient(&mut self) {
        let mailbox = Arc::get_mut(&mut self.publisher.mailbox).unwrap();
        mailbox.context.limits = IMPATIENT;
    }

    fn server(&mut self) -> &mut MailServer {
        let mailbox = Arc::get_mut(&mut self.publisher.mailbox).unwrap();
        &mut mailbox.email.server
    }

    fn switches(&self) -> &Switches {
        self.sandbox.smtp.switches()
    }

    /// The result of a mail when this command meets these faults, and how many mails were taken, after the work that
    /// follows it has ended.
    async fn publish(
        &self,
        command: &str,
        faults: &[Fault],
    ) -> (Result<PostId, PublishError>, usize) {
        self.switches().forget_calls();
        let before = self.sandbox.smtp.mails().len();
        for fault in faults {
            self.switches().inject(command, fault.clone());
        }
        let post = post(b"\xFF\xD8\xFF");
        let outcome = if self.connects_before {
            ended(&*self.publisher.connecting().unwrap(), &post).await
        } else {
            ended(&self.publisher, &post).await
        };
        if let Err(error) = &outcome {
            let shown = format!("{error:?} {error}");
            assert!(
                !shown.contains(PASSWORD) && !shown.contains("localhost"),
                "{shown}"
            );
        }
        self.switches().clear(command);
        (outcome, self.sandbox.smtp.mails().len() - before)
    }
}

/// The result of a mail, after the work that follows it has ended.
async fn ended(publisher: &dyn Publisher, post: &Post) -> Result<PostId, PublishError> {
    let posted = publisher.publish(post, None).await?;
    posted.follow_up.unwrap().await;
    Ok(posted.post.id)
}

fn tenant(host: &str, port: u16, patch: &Value) -> TenantConfig<Resolved> {
    let mut blocks = json!({
        "publishers": [{ "id": "f", "type": "fetlife", "config": { "recipient": RECIPIENT } }],
        "email_server": { "host": host, "port": port, "from_email": SENDER, "password_ref": "p",
            "use_tls": true },
    });
    for (name, block) in patch.as_object().unwrap() {
        for (key, value) in block.as_object().unwrap() {
            blocks[name][key] = value.clone();
        }
    }
    config(&blocks)
}

fn publisher(config: &TenantConfig<Resolved>, roots: &ExtraRoots) -> SmtpPublisher {
    let mut factory = SmtpPublisherFactory::new(roots, Arc::new(SystemClock)).unwrap();
    factory.context.policy.first_delay = Duration::from_millis(5);
    factory.context.limits = PATIENT;
    SmtpPublisher::new(Arc::new(Mailbox {
        context: factory.context,
        email: target(config),
        confirmation: config.settings().confirmation.clone(),
        people: config.settings().people.clone(),
        credential: credential(PASSWORD),
    }))
}

fn post(image: &[u8]) -> Post {
    Post {
        name: ImageName::new("a.jpg").unwrap(),
        image: EncodedImage::new(Bytes::copy_from_slice(image)).unwrap(),
        caption: "A knot.\n.\nMore.".to_owned(),
        alt_text: None,
        tags: vec!["rope".to_owned(), "calm".to_owned()],
    }
}

fn reply(code: u16, text: &str) -> Fault {
    Fault::text(code, text)
}

#[tokio::test]
async fn a_temporary_no_is_tried_once_more() {
    let mut desk = Desk::new(false).await;
    for (command, connects_before) in [
        "connect", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DATA_END",
    ]
    .into_iter()
    .flat_map(|command| [(command, false), (command, true)])
    {
        desk.connects_before = connects_before;
        let later = reply(451, "4.3.0 try later");
        let (outcome, taken) = desk.publish(command, from_ref(&later)).await;
        assert!(outcome.is_ok(), "{command}: {outcome:?}");
        assert_eq!(taken, 1, "{command}");
        let (outcome, taken) = desk.publish(command, &[later.clone(), later]).await;
        assert!(
            matches!(outcome, Err(PublishError::Unavailable { .. })),
            "{command}: {outcome:?}"
        );
        assert_eq!(taken, 0, "{command}");
        assert_eq!(desk.switches().calls("connect"), 2, "{command}");
    }
}

#[tokio::test]
async fn a_final_no_comes_with_its_reason_and_is_not_repeated() {
    let desk = Desk::new(false).await;
    for command in ["MAIL", "RCPT", "DATA", "DATA_END"] {
        let fault = reply(550, &format!("5.7.1 \u{7}not {PASSWORD} here"));
        let (outcome, taken) = desk.publish(command, &[fault]).await;
        let Err(PublishError::Rejected(reason)) = outcome else {
            panic!("{command}: {outcome:?}")
        };
        assert_eq!(reason, "550 5.7.1 not *** here");
        assert_eq!((taken, desk.switches().calls("connect")), (0, 1));
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_message_is_tried_once_more() {
    let desk = Desk::new(false).await;
    for command in ["connect", "STARTTLS", "AUTH", "RCPT", "DATA"] {
        let fault = Fault::ResetBeforeRequest;
        let (outcome, taken) = desk.publish(command, from_ref(&fault)).await;
        assert!(outcome.is_ok(), "{command}: {outcome:?}");
        assert_eq!(taken, 1, "{command}");
        let (outcome, taken) = desk.publish(command, &[fault.clone(), fault]).await;
        assert!(
            matches!(outcome, Err(PublishError::Unavailable { .. })),
            "{command}: {outcome:?}"
        );
        assert_eq!(taken, 0);
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_message_leaves_it_unknown_and_sends_it_once() {
    let mut desk = Desk::new(true).await;
    desk.become_impatient();
    for (fault, taken) in [
        (Fault::ResetBeforeRequest, 0),
        (Fault::ResetAfterRequest, 1),
        (Fault::Timeout, 0),
        (Fault::TimeoutAfterProcessing, 1),
        (Fault::MalformedBody, 1),
        (Fault::TruncatedBody, 1),
    ] {
        let (outcome, mails) = desk.publish("DATA_END", from_ref(&fault)).await;
        assert!(
            matches!(outcome, Err(PublishError::Unknown(_))),
            "{fault:?}: {outcome:?}"
        );
        assert_eq!(
            (mails, desk.switches().calls("DATA_END")),
            (taken, 1),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_lost_within_the_message_has_sent_nothing() {
    let (port, server) = quitter::start(2).await;
    let patch = json!({ "email_server": { "use_tls": false } });
    let publisher = publisher(&tenant("127.0.0.1", port, &patch), &ExtraRoots::default());
    let mut image = vec![7; 16 * 1024 * 1024];
    image[..3].copy_from_slice(b"\xFF\xD8\xFF");
    let outcome = publisher.publish(&post(&image), None).await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_password() {
    let desk = Desk::new(false).await;
    let (outcome, _) = desk.publish("EHLO", &[reply(250, "localhost")]).await;
    let Err(PublishError::Unavailable { source, detail }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(source.to_string(), "TLS: no STARTTLS is offered");
    assert!(detail.contains("use port 587"), "{detail}");
    assert_eq!(desk.switches().calls("connect"), 1);
    assert_eq!(desk.switches().calls("AUTH"), 0);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let mut desk = Desk::new(false).await;
    let other = Sandbox::start_empty().await.unwrap();
    let roots = ExtraRoots::from_pem(other.ca_pem().as_bytes()).unwrap();
    let config = tenant("localhost", desk.sandbox.smtp.port(), &json!({}));
    desk.publisher = publisher(&config, &roots);
    let (outcome, _) = desk.publish("none", &[]).await;
    let Err(PublishError::Unavailable { source: cause, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        cause
            .to_string()
            .contains("an authority that is not known here"),
        "{cause}"
    );
    assert_eq!(desk.switches().calls("STARTTLS"), 1);
    assert_eq!(desk.switches().calls("AUTH"), 0);
}

#[tokio::test]
async fn a_server_that_speaks_tls_at_once_is_spoken_to_so() {
    let mut desk = Desk::new(false).await;
    let port = desk.sandbox.smtp.tls_port();
    desk.server().port = port;
    desk.server().transport = MailTransport::ImplicitTls;
    let (outcome, taken) = desk.publish("none", &[]).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(taken == 1 && desk.sandbox.smtp.mails()[0].tls);
    assert_eq!(desk.switches().calls("STARTTLS"), 0);
}

#[tokio::test]
async fn loopback_may_do_without_tls() {
    let mut desk = Desk::new(false).await;
    desk.sandbox.smtp.allow_plain_text(true);
    desk.server().transport = MailTransport::Plain;
    let (outcome, taken) = desk.publish("none", &[]).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(taken == 1 && !desk.sandbox.smtp.mails()[0].tls);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_unavailable() {
    let desk = Desk::new(false).await;
    desk.sandbox.smtp.stop_listening().await;
    let (outcome, _) = desk.publish("none", &[]).await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
}
