//! What is reported about a mail server's refusal: its words, and what to do.

use super::*;

/// A publish whose command meets this reply, twice if it is asked for again.
async fn told(desk: &Desk, command: &str, code: u16, text: &str) -> PublishError {
    let fault = reply(code, text);
    let (outcome, taken) = desk.publish(command, &[fault.clone(), fault]).await;
    assert_eq!(taken, 0);
    outcome.unwrap_err()
}

#[tokio::test]
async fn logins_that_are_refused_say_which_password_or_switch_is_wanted() {
    let desk = Desk::new(false).await;
    for (code, text, advice) in [
        (
            534,
            "5.7.9 Application-specific password required",
            "an app password is required",
        ),
        (
            535,
            "5.7.8 Username and Password not accepted. For more information, go to \
             https://support.google.com/mail/?p=BadCredentials x - gsmtp",
            "the password may be wrong, or an app password is needed",
        ),
        (
            535,
            "5.7.0 (#AUTH005) Too many bad auth attempts.",
            "the password may be wrong, or an app password is needed",
        ),
        (
            535,
            "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the \
             Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
            "SMTP AUTH is off for this mailbox",
        ),
        (
            535,
            "5.7.139 Authentication unsuccessful, basic authentication is disabled.",
            "SMTP AUTH is off for this mailbox",
        ),
        (
            535,
            "5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
            "check the mail server's user name",
        ),
        (
            535,
            "5.7.8 Error: authentication failed",
            "check the mail server's user name",
        ),
        (
            530,
            "5.7.0 Authentication required",
            "530 5.7.0 Authentication required",
        ),
    ] {
        let error = told(&desk, "AUTH", code, text).await;
        let PublishError::Unauthorized { detail, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(detail.contains(advice), "{detail}");
        assert!(detail.starts_with(&format!("{code} 5.7")), "{detail}");
        assert_eq!(desk.switches().calls("AUTH"), 1);
    }
    // Not now, rather than not so.
    let error = told(&desk, "AUTH", 454, "4.7.0 Temporary authentication failure").await;
    assert!(
        matches!(error, PublishError::Unavailable { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn nothing_of_a_login_is_told_again() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let desk = Desk::new(false).await;
    let encoded = STANDARD.encode(format!("\0{SENDER}\0{PASSWORD}"));
    let text = format!("5.7.8 no: {encoded} {PASSWORD} {SENDER} at localhost");
    let error = told(&desk, "AUTH", 535, &text).await;
    let shown = error.to_string();
    assert!(
        shown.contains("535 5.7.8 no: *** *** *** at ***"),
        "{shown}"
    );
    for secret in [&*encoded, PASSWORD, SENDER, "localhost"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn refusals_for_now_come_with_the_servers_words_and_what_to_do() {
    let desk = Desk::new(false).await;
    for (command, code, text, advice) in [
        (
            "RCPT",
            450,
            "4.7.1 Greylisted, see http://postgrey.example",
            "greylisted",
        ),
        ("RCPT", 451, "4.7.1 Please try again later", "greylisted"),
        (
            "RCPT",
            452,
            "4.2.2 The email account is over quota",
            "mailbox is full",
        ),
        (
            "connect",
            421,
            "4.7.0 Too many connections from your address",
            "busy or limits",
        ),
        ("DATA_END", 421, "4.3.2 shutting down", "busy or limits"),
        ("MAIL", 451, "4.3.0 disk trouble", "451 4.3.0 disk trouble"),
    ] {
        let error = told(&desk, command, code, text).await;
        let PublishError::Unavailable { detail, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(detail.contains(advice), "{detail}");
        assert!(detail.starts_with(&format!("{code} 4.")), "{detail}");
        assert_eq!(desk.switches().calls("connect"), 2);
    }
}

#[tokio::test]
async fn final_refusals_come_with_the_servers_words_and_what_to_do() {
    let desk = Desk::new(false).await;
    for (command, code, text, advice) in [
        (
            "RCPT",
            550,
            "5.1.1 The email account that you tried to reach is gone",
            "is unknown there",
        ),
        ("RCPT", 550, "No such user here", "is unknown there"),
        ("RCPT", 552, "5.2.2 Over quota", "mailbox is full"),
        (
            "MAIL",
            553,
            "5.1.8 Sender is not yours",
            "may not send from this address",
        ),
        (
            "RCPT",
            553,
            "5.7.1 <a>: Sender address rejected: not owned by user b",
            "may not send",
        ),
        (
            "DATA_END",
            550,
            "5.7.60 SMTP; Client does not have permissions to send as this sender",
            "may not send",
        ),
        ("DATA_END", 554, "5.7.1 spam", "554 5.7.1 spam"),
    ] {
        let error = told(&desk, command, code, text).await;
        let PublishError::Rejected(reason) = &error else {
            panic!("{error:?}")
        };
        assert!(reason.contains(advice), "{reason}");
        assert!(reason.starts_with(&code.to_string()), "{reason}");
        assert_eq!(desk.switches().calls("connect"), 1);
    }
    for (command, text) in [
        ("MAIL", "5.3.4 Message size exceeds fixed limit"),
        ("DATA_END", "5.2.3 too long"),
        ("DATA_END", "Message too large"),
    ] {
        let error = told(&desk, command, 552, text).await;
        assert!(
            matches!(&error, PublishError::ImageUnsuitable(reason) if reason.contains("too large for the server")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_or_secured_says_why() {
    let desk = Desk::new(false).await;
    let detail = async |desk: &Desk, command: &str, faults: &[Fault]| {
        let (outcome, _) = desk.publish(command, faults).await;
        match outcome {
            Err(PublishError::Unavailable { detail, .. }) => detail,
            other => panic!("{other:?}"),
        }
    };
    let without = detail(&desk, "EHLO", &[reply(250, "hi")]).await;
    assert!(
        without.starts_with("no STARTTLS is offered at this port; use port 587"),
        "{without}"
    );
    let without = detail(&desk, "EHLO", &[reply(250, "hi")]).await;
    assert!(
        without.contains("no password is sent without TLS"),
        "{without}"
    );
    let refused = reply(454, "4.7.0 TLS not available due to temporary reason");
    let refused = detail(&desk, "STARTTLS", &[refused.clone(), refused]).await;
    assert!(
        refused.starts_with("454 4.7.0 TLS not available"),
        "{refused}"
    );

    let mut desk = desk;
    desk.server().transport = MailTransport::ImplicitTls;
    let no_tls = detail(&desk, "none", &[]).await;
    assert!(no_tls.contains("speaks no TLS at this port"), "{no_tls}");
    desk.sandbox.smtp.stop_listening().await;
    let nobody = detail(&desk, "none", &[]).await;
    assert!(nobody.contains("nothing listens"), "{nobody}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told_as_that() {
    use super::super::failure::Problem;

    let desk = Desk::new(false).await;
    let config = &desk.publisher.mailbox.context.tls;
    let tls = Tls::to("other.example", config);
    let address = ("127.0.0.1", desk.sandbox.smtp.tls_port());
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let error = tls.unwrap().connect(stream).await.unwrap_err();
    let problem = Problem::from(error).to_string();
    assert!(
        problem.contains("because it is for another name"),
        "{problem}"
    );
}

#[test]
fn certificates_that_are_not_trusted_are_told_apart() {
    use rustls::CertificateError as E;

    use crate::adapters::certificate_advice::certificate_advice;
    let told = [
        E::Expired,
        E::NotValidYet,
        E::NotValidForName,
        E::UnknownIssuer,
        E::Revoked,
    ]
    .map(|error| certificate_advice(&error).0);
    let mut apart = told.to_vec();
    apart.sort_unstable();
    apart.dedup();
    assert_eq!(apart.len(), told.len());
}

#[tokio::test]
async fn limits_of_a_day_and_lists_that_block_say_what_to_do() {
    let desk = Desk::new(false).await;
    for (command, code, text, advice) in [
        (
            "MAIL",
            550,
            "5.4.5 Daily user sending quota exceeded. For more information on Gmail sending limits",
            "publish again tomorrow",
        ),
        (
            "RCPT",
            550,
            "5.4.5 Daily sending limit exceeded",
            "publish again tomorrow",
        ),
        (
            "RCPT",
            554,
            "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            "a list blocks it",
        ),
        (
            "MAIL",
            554,
            "Your IP is on our blacklist",
            "a list blocks it",
        ),
        (
            "RCPT",
            550,
            "5.7.1 rejected due to poor reputation",
            "a list blocks it",
        ),
    ] {
        let error = told(&desk, command, code, text).await;
        let PublishError::Rejected(detail) = &error else {
            panic!("{text}: {error:?}")
        };
        assert!(detail.contains(advice), "{detail}");
    }
}
