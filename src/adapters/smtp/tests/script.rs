//! A mail server without TLS that says what a test wants, byte for byte.

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::*;

/// What is said to a command that begins so; `EHLO`, `AUTH`, … A message is `.`, its greeting has no name.
pub(super) type Script = &'static [(&'static str, &'static [u8])];

/// Starts it on loopback, for one connection after the other. Returns its port, and the lines that it receives.
pub(super) async fn start(script: Script) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (said, lines) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that hangs up ends it.
            let _ = serve(stream, script, &said).await;
        }
    });
    (port, lines)
}

async fn serve(
    stream: TcpStream,
    script: Script,
    said: &mpsc::UnboundedSender<String>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(reply(script, "")).await?;
    let (mut line, mut in_message) = (String::new(), false);
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let told = line.trim_end();
        if in_message && told != "." {
            continue;
        }
        in_message = told == "DATA";
        // The test may have seen enough.
        let _ = said.send(told.to_owned());
        stream.write_all(reply(script, told)).await?;
    }
}

fn reply(script: Script, told: &str) -> &'static [u8] {
    let planned = script.iter().find(|(start, _)| match *start {
        "" => told.is_empty(),
        start => told.starts_with(start),
    });
    planned.map_or_else(
        || match told.get(..4).unwrap_or(told) {
            "" => &b"220 hi\r\n"[..],
            "EHLO" => b"250-hi\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n",
            "AUTH" => b"235 ok\r\n",
            "DATA" => b"354 go on\r\n",
            _ => b"250 ok\r\n",
        },
        |(_, reply)| reply,
    )
}

/// The result of a mail to such a server, and the lines that the server received.
async fn outcome_of(script: Script, patch: &Value) -> (Result<PostId, PublishError>, Vec<String>) {
    let (port, mut lines) = start(script).await;
    let mut blocks = json!({ "email_server": { "use_tls": false } });
    for (name, value) in patch.as_object().unwrap() {
        blocks["email_server"][name] = value.clone();
    }
    let publisher = publisher(&tenant("127.0.0.1", port, &blocks), &ExtraRoots::default());
    let outcome = ended(&publisher, &post(b"\xFF\xD8\xFF")).await;
    let mut told = Vec::new();
    while let Ok(line) = lines.try_recv() {
        told.push(line);
    }
    (outcome, told)
}

#[tokio::test]
async fn keywords_are_read_in_any_case_and_challenges_in_any_language() {
    let (outcome, told) = outcome_of(
        &[
            ("EHLO", b"250-hi\r\n250-auth=login\r\n250 size 5000\r\n"),
            ("AUTH LOGIN", b"334 QmVudXR6ZXJuYW1lOg==\r\n"),
            ("YWxp", b"334\r\n"),
            ("bWFp", b"235 ok\r\n"),
        ],
        &json!({}),
    )
    .await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let from = told.iter().find(|line| line.starts_with("MAIL")).unwrap();
    assert!(from.contains("<alice@mail.test> SIZE="), "{from}");
}

#[tokio::test]
async fn a_mail_that_is_larger_than_is_taken_is_not_sent() {
    let (outcome, told) = outcome_of(
        &[("EHLO", b"250-hi\r\n250-AUTH PLAIN\r\n250 SIZE 100\r\n")],
        &json!({}),
    )
    .await;
    assert!(
        matches!(&outcome, Err(PublishError::ImageUnsuitable(reason)) if reason.contains("100 bytes")),
        "{outcome:?}"
    );
    assert!(
        !told.iter().any(|line| line.starts_with("MAIL")),
        "{told:?}"
    );
}

#[tokio::test]
async fn replies_may_have_many_lines_bare_codes_and_latin_1() {
    let (outcome, _) = outcome_of(
        &[
            ("", b"220-hi\n220 there\n"),
            ("MAIL", b"250\r\n"),
            ("RCPT", b"550-5.1.1 Empf\xE4nger\r\n550 5.1.1 unbekannt\r\n"),
        ],
        &json!({}),
    )
    .await;
    assert!(
        matches!(&outcome, Err(PublishError::Rejected(reason))
            if reason.starts_with("550 5.1.1 Empfänger unbekannt; the recipient is unknown")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_is_said_too_much_is_not_taken_for_the_reply_to_the_message() {
    let (outcome, told) = outcome_of(
        &[("DATA", b"354 go on\r\n250 taken already\r\n")],
        &json!({}),
    )
    .await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
    assert!(!told.contains(&".".to_owned()), "{told:?}");
}

#[tokio::test]
async fn after_the_end_of_the_message_only_a_definite_no_is_one() {
    for odd in [
        &b"354 go on\r\n"[..],
        b"nonsense\r\n",
        b"250-half\r\n550 other\r\n",
        b"999 x\r\n",
    ] {
        let script: Script = Box::leak(Box::new([(".", odd)]));
        let (outcome, told) = outcome_of(script, &json!({})).await;
        assert!(
            matches!(outcome, Err(PublishError::Unknown(_))),
            "{outcome:?}"
        );
        assert_eq!(told.iter().filter(|line| *line == ".").count(), 1);
    }
    let (outcome, told) = outcome_of(&[(".", b"554 5.7.1 spam\r\n")], &json!({})).await;
    assert!(
        matches!(&outcome, Err(PublishError::Rejected(reason)) if reason == "554 5.7.1 spam"),
        "{outcome:?}"
    );
    assert_eq!(told.iter().filter(|line| *line == ".").count(), 1);
    let (outcome, told) = outcome_of(&[(".", b"451 4.3.0 later\r\n")], &json!({})).await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
    assert_eq!(told.iter().filter(|line| *line == ".").count(), 2);
}

#[tokio::test]
async fn nothing_that_came_before_tls_is_believed() {
    let (port, mut lines) = start(&[
        ("EHLO", b"250-hi\r\n250 STARTTLS\r\n"),
        ("STARTTLS", b"220 go\r\n250-hi\r\n250 AUTH PLAIN\r\n"),
    ])
    .await;
    let publisher = publisher(
        &tenant("127.0.0.1", port, &json!({})),
        &ExtraRoots::default(),
    );
    let outcome = publisher
        .publish(&post(b"\xFF\xD8\xFF"), None)
        .await
        .map(|it| it.post.id);
    let Err(PublishError::Unavailable { source, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(source.to_string(), "TLS: more was said than asked for");
    while let Ok(line) = lines.try_recv() {
        assert!(!line.starts_with("AUTH"));
    }
}

#[tokio::test]
async fn an_international_domain_goes_out_in_punycode() {
    let (outcome, told) = outcome_of(&[], &json!({ "from_email": "jane@bücher.example" })).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let said = |line: &str| told.iter().any(|told| told.starts_with(line));
    assert!(said("MAIL FROM:<jane@xn--bcher-kva.example>"), "{told:?}");
    assert!(said("RCPT TO:<alice@fetlife.test>"), "{told:?}");
    assert!(
        !told.iter().any(|line| line.contains("SMTPUTF8")),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_server_is_told_a_name_that_is_valid_or_the_one_that_is_set() {
    let (port, mut lines) = start(&[]).await;
    let patch = json!({ "email_server": { "use_tls": false } });
    let mut publisher = publisher(&tenant("127.0.0.1", port, &patch), &ExtraRoots::default());
    let mailbox = Arc::get_mut(&mut publisher.mailbox).unwrap();
    mailbox.context.ehlo_name = "mail.example.org".parse().unwrap();
    ended(&publisher, &post(b"\xFF\xD8\xFF")).await.unwrap();
    assert_eq!(lines.recv().await.unwrap(), "EHLO mail.example.org");
}
