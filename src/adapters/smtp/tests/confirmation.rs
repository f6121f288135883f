//! The mail that confirms a publication to the sender.

use super::*;

#[tokio::test]
async fn publication_and_confirmation_go_over_one_encrypted_connection() {
    let desk = Desk::new(true).await;
    let (outcome, taken) = desk.publish("DATA", &[]).await;
    assert_eq!(taken, 2);
    let mails = desk.sandbox.smtp.mails();
    let [publication, confirmation] = &mails[..] else {
        panic!("{mails:?}")
    };
    assert_eq!(
        publication.header("Message-ID"),
        Some(outcome.unwrap().to_string())
    );
    assert_eq!(
        (publication.from.as_str(), &publication.to[..]),
        (SENDER, &[RECIPIENT.to_owned()][..])
    );
    assert_eq!(
        publication.header("Subject").as_deref(),
        Some("A knot. . More.")
    );
    assert!(
        publication.text().contains("\r\nA knot.\r\n.\r\nMore.\r\n"),
        "{}",
        publication.text()
    );
    assert!(!publication.text().contains("Tags:"));
    assert!(publication.tls && publication.user.as_deref() == Some(SENDER));
    assert_eq!(confirmation.to, [SENDER]);
    assert!(confirmation.text().contains("Tags: rope, calm"));
    assert_ne!(
        confirmation.header("Message-ID"),
        publication.header("Message-ID")
    );
    assert_eq!(publication.connection, confirmation.connection);
    assert_eq!(desk.switches().calls("connect"), 1);
    assert_eq!(desk.switches().calls("AUTH"), 1);
}

#[tokio::test]
async fn without_a_confirmation_there_is_one_mail() {
    let desk = Desk::new(false).await;
    let (outcome, taken) = desk.publish("DATA", &[]).await;
    assert!(outcome.is_ok());
    assert_eq!(taken, 1);
    assert_eq!(desk.sandbox.smtp.mails()[0].to, [RECIPIENT]);
}

#[tokio::test]
async fn a_failed_confirmation_does_not_fail_the_publication() {
    let mut desk = Desk::new(true).await;
    desk.become_impatient();
    for fault in [
        reply(550, "5.1.1 no"),
        reply(451, "4.3.0 later"),
        Fault::ResetBeforeRequest,
        Fault::Timeout,
    ] {
        let to_sender = format!("<{SENDER}>");
        desk.switches()
            .inject_matching("RCPT", 1, &to_sender, fault.clone());
        let (outcome, taken) = desk.publish("none", &[]).await;
        assert!(outcome.is_ok(), "{fault:?}: {outcome:?}");
        assert_eq!(taken, 1, "{fault:?}");
        assert_eq!(desk.switches().calls("connect"), 1);
        desk.switches().clear("RCPT");
    }
}

#[tokio::test]
async fn a_publication_does_not_wait_for_its_confirmation() {
    let desk = Desk::new(true).await;
    let confirmation = desk.switches().hold_matching("DATA_END", "Tags:");
    let posted = desk.publisher.publish(&post(b"\xFF\xD8\xFF")).await;
    assert_eq!(desk.sandbox.smtp.mails().len(), 1);
    let follow_up = posted.unwrap().follow_up.unwrap();
    tokio::join!(follow_up.into_future(), async {
        confirmation.arrived(1).await;
        confirmation.release();
    });
    assert_eq!(desk.sandbox.smtp.mails().len(), 2);
}
