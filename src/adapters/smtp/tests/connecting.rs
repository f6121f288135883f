//! Connections that are made before there is something to publish.

use super::*;

#[tokio::test]
async fn a_dead_password_is_tried_once() {
    let mut desk = Desk::new(false).await;
    desk.sandbox.smtp.remove_user(SENDER);
    for connects_before in [false, true] {
        desk.connects_before = connects_before;
        let (outcome, _) = desk.publish("none", &[]).await;
        let Err(PublishError::Unauthorized { source: cause, .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(cause.to_string(), "login: answered 535");
        assert_eq!(desk.switches().calls("AUTH"), 1);
        assert_eq!(desk.switches().calls("MAIL"), 0);
    }
}

#[tokio::test]
async fn a_connection_that_is_made_before_carries_one_post() {
    let desk = Desk::new(true).await;
    let held = desk.switches().hold("MAIL");
    let connecting = desk.publisher.connecting().unwrap();
    let post = post(b"\xFF\xD8\xFF");
    let (first, second) = tokio::join!(ended(&*connecting, &post), async {
        held.arrived(1).await;
        assert_eq!(desk.switches().calls("AUTH"), 1);
        held.release();
        ended(&*connecting, &post).await
    });
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert_eq!(desk.switches().calls("connect"), 2);
    assert_eq!(desk.sandbox.smtp.mails().len(), 4);
}

#[tokio::test]
async fn nothing_is_sent_over_a_connection_of_which_nothing_comes() {
    let desk = Desk::new(true).await;
    let login = desk.switches().hold("AUTH");
    let connecting = desk.publisher.connecting();
    login.arrived(1).await;
    drop(connecting);
    login.release();
    let (outcome, taken) = desk.publish("none", &[]).await;
    assert!(outcome.is_ok());
    assert_eq!((taken, desk.switches().calls("connect")), (2, 1));
}

#[tokio::test]
async fn a_check_logs_in_and_out_and_sends_nothing() {
    let desk = Desk::new(true).await;
    let seen = desk.publisher.check().await.unwrap();
    assert_eq!(seen, "the mail server takes the login");
    for (command, calls) in [("AUTH", 1), ("QUIT", 1), ("MAIL", 0)] {
        assert_eq!(desk.switches().calls(command), calls, "{command}");
    }
    desk.sandbox.smtp.remove_user(SENDER);
    let refused = desk.publisher.check().await;
    assert!(
        matches!(&refused, Err(PublishError::Unauthorized { detail, .. }) if detail.contains("535")),
        "{refused:?}"
    );
    assert_eq!(desk.switches().calls("MAIL"), 0);
}
