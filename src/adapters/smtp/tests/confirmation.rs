//! The mail that confirms a publication to the tenant's people.

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
    let posted = desk.publisher.publish(&post(b"\xFF\xD8\xFF"), None).await;
    assert_eq!(desk.sandbox.smtp.mails().len(), 1);
    let follow_up = posted.unwrap().follow_up.unwrap();
    tokio::join!(follow_up.into_future(), async {
        confirmation.arrived(1).await;
        confirmation.release();
    });
    assert_eq!(desk.sandbox.smtp.mails().len(), 2);
}

/// A desk whose tenant has this block `auth`.
async fn desk_of(auth: &Value) -> Desk {
    let mut desk = Desk::new(true).await;
    let config = config(&json!({ "auth": auth }));
    let mailbox = Arc::get_mut(&mut desk.publisher.mailbox).unwrap();
    mailbox.people = config.settings().people.clone();
    desk
}

#[tokio::test]
async fn the_tenants_people_get_one_mail_with_all_of_them_in_to() {
    let people = json!(["jane@mail.test", "Joe <joe@mail.test>", "JANE@mail.test"]);
    let desk = desk_of(&json!({ "enabled": true, "allowed_emails": people })).await;
    let (outcome, taken) = desk.publish("none", &[]).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(taken, 2);
    let mails = desk.sandbox.smtp.mails();
    let [publication, confirmation] = &mails[..] else {
        panic!("{mails:?}")
    };
    assert_eq!(publication.to, [RECIPIENT]);
    let to = publication.header("To");
    assert_eq!(to.as_deref(), Some(RECIPIENT), "nobody else is named there");
    assert_eq!(confirmation.to, ["jane@mail.test", "joe@mail.test"]);
    let to = confirmation.header("To");
    assert_eq!(to.as_deref(), Some("jane@mail.test, joe@mail.test"));
    assert_eq!(confirmation.from, SENDER);
    assert!(confirmation.text().contains("Tags: rope, calm"));
    assert_eq!(desk.switches().calls("connect"), 1);
}

#[tokio::test]
async fn each_block_decides_who_gets_the_confirmation() {
    let list = json!(["jane@mail.test"]);
    for (auth, to) in [
        (json!(null), Some(SENDER)),
        (
            json!({ "enabled": false, "allowed_emails": list }),
            Some(SENDER),
        ),
        (
            json!({ "enabled": true, "allowed_emails": list }),
            Some("jane@mail.test"),
        ),
        (json!({ "enabled": true, "allowed_emails": [] }), None),
        (json!({ "enabled": "yes", "allowed_emails": list }), None),
        (json!(["jane@mail.test"]), None),
    ] {
        let desk = desk_of(&auth).await;
        let (outcome, taken) = desk.publish("none", &[]).await;
        assert!(outcome.is_ok(), "{auth}: {outcome:?}");
        assert_eq!(taken, 1 + usize::from(to.is_some()), "{auth}");
        let mails = desk.sandbox.smtp.mails();
        let confirmed = mails.get(1).map(|mail| mail.to.join(","));
        assert_eq!(confirmed.as_deref(), to, "{auth}");
    }
}

#[tokio::test]
async fn a_person_whom_the_server_refuses_keeps_the_mail_from_nobody_else() {
    let people = json!(["gone@mail.test", "joe@mail.test", "busy@mail.test"]);
    let desk = desk_of(&json!({ "enabled": true, "allowed_emails": people })).await;
    let refuse = |person: &str, code, text| {
        let fault = reply(code, text);
        desk.switches().inject_matching("RCPT", 1, person, fault);
    };
    refuse("<gone@mail.test>", 550, "5.1.1 no");
    refuse("<busy@mail.test>", 451, "4.3.0 later");
    let (outcome, taken) = desk.publish("none", &[]).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(taken, 2);
    assert_eq!(desk.sandbox.smtp.mails()[1].to, ["joe@mail.test"]);
    for person in ["gone", "joe", "busy"] {
        refuse(&format!("<{person}@mail.test>"), 550, "5.1.1 no");
    }
    let (outcome, taken) = desk.publish("none", &[]).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(taken, 1, "nobody is left");
}
