//! Mail by STARTTLS and by TLS from the start, and every way to lose it.

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{Fault, SmtpServer, certificate::Authority};

type Transport = AsyncSmtpTransport<Tokio1Executor>;
type Outcome = Result<(), lettre::transport::smtp::Error>;

struct Office {
    server: SmtpServer,
    pem: String,
}

impl Office {
    async fn open() -> Self {
        let authority = Authority::new().unwrap();
        let server = SmtpServer::start(authority.server).await.unwrap();
        server.set_user("alice@mail.test", "mail-sandbox-1");
        let pem = authority.pem;
        Self { server, pem }
    }

    fn transport(&self, at_once: bool, password: &str) -> Transport {
        let root = Certificate::from_pem(self.pem.as_bytes()).unwrap();
        let parameters = TlsParameters::builder("localhost".to_owned())
            .add_root_certificate(root)
            .build()
            .unwrap();
        let (tls, port) = if at_once {
            (Tls::Wrapper(parameters), self.server.tls_port())
        } else {
            (Tls::Required(parameters), self.server.port())
        };
        let credentials = Credentials::new("alice@mail.test".to_owned(), password.to_owned());
        Transport::builder_dangerous("localhost")
            .tls(tls)
            .port(port)
            .credentials(credentials)
            .timeout(Some(Duration::from_secs(10)))
            .build()
    }

    async fn send(&self) -> Outcome {
        let transport = self.transport(false, "mail-sandbox-1");
        transport.send(message("hello")).await.map(|_| ())
    }
}

fn message(body: &str) -> Message {
    Message::builder()
        .from("alice@mail.test".parse().unwrap())
        .to("inbox@fetlife.test".parse().unwrap())
        .subject("Moonlight")
        .header(ContentType::TEXT_PLAIN)
        .body(body.to_owned())
        .unwrap()
}

#[tokio::test]
async fn a_mail_goes_through_starttls_and_arrives_as_it_was_written() {
    let office = Office::open().await;
    let transport = office.transport(false, "mail-sandbox-1");
    transport
        .send(message("one\r\n.two\r\n..three"))
        .await
        .unwrap();
    let mails = office.server.mails_to("inbox@fetlife.test");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].from, "alice@mail.test");
    assert_eq!(mails[0].header("subject").as_deref(), Some("Moonlight"));
    assert!(
        mails[0]
            .text()
            .ends_with("\r\n\r\none\r\n.two\r\n..three\r\n"),
        "{}",
        mails[0].text()
    );
    assert!(mails[0].tls);
    assert_eq!(mails[0].user.as_deref(), Some("alice@mail.test"));
    for operation in [
        "connect", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DATA_END",
    ] {
        assert_eq!(office.server.switches().calls(operation), 1, "{operation}");
    }
    assert_eq!(office.server.switches().calls("EHLO"), 2);
}

#[tokio::test]
async fn the_other_port_speaks_tls_at_once() {
    let office = Office::open().await;
    let transport = office.transport(true, "mail-sandbox-1");
    transport.send(message("hello")).await.unwrap();
    assert!(office.server.mails()[0].tls);
    assert_eq!(office.server.switches().calls("STARTTLS"), 0);
}

#[tokio::test]
async fn both_ways_to_log_in_check_the_password() {
    let office = Office::open().await;
    for mechanism in [Mechanism::Plain, Mechanism::Login] {
        for (password, code) in [("mail-sandbox-1", None), ("wrong", Some(535))] {
            let root = Certificate::from_pem(office.pem.as_bytes()).unwrap();
            let tls = TlsParameters::builder("127.0.0.1".to_owned())
                .add_root_certificate(root)
                .build()
                .unwrap();
            let transport = Transport::builder_dangerous("127.0.0.1")
                .tls(Tls::Required(tls))
                .port(office.server.port())
                .credentials(Credentials::new("alice@mail.test".into(), password.into()))
                .authentication(vec![mechanism])
                .build::<Tokio1Executor>();
            let sent = transport.send(message("hello")).await;
            let refused = sent.err().and_then(|error| error.status()).map(u16::from);
            assert_eq!(refused, code, "{mechanism:?}");
        }
    }
    assert_eq!(office.server.mails().len(), 2);
}

#[tokio::test]
async fn a_client_that_does_not_know_the_authority_is_told_nothing() {
    let office = Office::open().await;
    let transport = Transport::starttls_relay("localhost")
        .unwrap()
        .port(office.server.port())
        .build::<Tokio1Executor>();
    transport.send(message("hello")).await.unwrap_err();
    assert_eq!(office.server.switches().calls("MAIL"), 0);
}

#[tokio::test]
async fn nothing_is_taken_before_tls_and_login() {
    let office = Office::open().await;
    let says = async |command: &str| {
        let port = office.server.port();
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .unwrap();
        let talk = format!("EHLO test\r\n{command}\r\nQUIT\r\n");
        stream.write_all(talk.as_bytes()).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    };
    let heard = says("MAIL FROM:<alice@mail.test>").await;
    assert!(
        heard.contains("\r\n530 5.7.0 Must issue a STARTTLS"),
        "{heard}"
    );
    assert!(!heard.contains("AUTH PLAIN"), "{heard}");
    assert!(says("AUTH PLAIN AGEAYg==").await.contains("\r\n530 "));
    assert!(says("DATA").await.contains("\r\n503 "));
    office.server.allow_plain_text(true);
    let heard = says("MAIL FROM:<alice@mail.test>").await;
    assert!(
        heard.contains("\r\n530 5.7.0 Authentication required"),
        "{heard}"
    );
    assert!(heard.contains("AUTH PLAIN"), "{heard}");
}

#[tokio::test]
async fn a_status_becomes_the_reply_of_each_step() {
    let office = Office::open().await;
    for operation in [
        "connect", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DATA_END",
    ] {
        let fault = Fault::text(451, "4.3.0 try later");
        office.server.switches().inject(operation, fault);
        let error = office.send().await.unwrap_err();
        assert!(error.is_transient(), "{operation}: {error:?}");
    }
    assert!(office.server.mails().is_empty());
    office.send().await.unwrap();
}

#[tokio::test]
async fn a_connection_lost_after_the_end_of_data_leaves_the_mail_there() {
    let office = Office::open().await;
    office
        .server
        .switches()
        .inject("DATA_END", Fault::ResetAfterRequest);
    assert!(office.send().await.unwrap_err().status().is_none());
    assert_eq!(office.server.mails().len(), 1);
    office
        .server
        .switches()
        .inject("DATA_END", Fault::ResetBeforeRequest);
    office.send().await.unwrap_err();
    assert_eq!(office.server.mails().len(), 1);
}

#[tokio::test]
async fn silence_malformed_and_slow_replies() {
    let office = Office::open().await;
    let switches = office.server.switches();
    switches.inject("MAIL", Fault::MalformedBody);
    office.send().await.unwrap_err();
    let slow = Fault::SlowBody {
        chunk_bytes: 1,
        delay: Duration::from_millis(2),
    };
    switches.inject("RCPT", slow);
    office.send().await.unwrap();
    switches.inject("DATA_END", Fault::TimeoutAfterProcessing);
    let silent = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::select! {
            sent = office.send() => panic!("answered: {sent:?}"),
            () = switches.wait_for_calls("DATA_END", 2) => {}
        }
    });
    silent.await.unwrap();
    assert_eq!(office.server.mails().len(), 2);
}

#[tokio::test]
async fn the_end_of_data_can_be_held() {
    let office = Office::open().await;
    let hold = office.server.switches().hold("DATA_END");
    let release = async {
        hold.arrived(1).await;
        assert_eq!(office.server.mails().len(), 1);
        hold.release();
    };
    let (sent, ()) = tokio::join!(office.send(), release);
    sent.unwrap();
}

#[tokio::test]
async fn a_stopped_server_refuses_and_comes_back() {
    let office = Office::open().await;
    office.server.stop_listening().await;
    office.send().await.unwrap_err();
    office.server.listen_again().await.unwrap();
    office.send().await.unwrap();
}
