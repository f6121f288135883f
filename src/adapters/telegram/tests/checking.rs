//! What is asked without a post.

use super::*;

/// The result of a check. Asserts that it has nothing of the token, and that nothing was posted.
async fn check(desk: &Desk) -> Result<&'static str, PublishError> {
    let outcome = desk.publisher.check().await;
    if let Err(error) = &outcome {
        let shown = format!("{error:?} {error}");
        assert!(
            !shown.contains("AAsandbox") && !shown.contains("http://"),
            "{shown}"
        );
    }
    assert_eq!(desk.switches().calls("sendPhoto"), 0);
    outcome
}

#[tokio::test]
async fn bot_chat_and_rights_are_asked_for_once_each() {
    let desk = Desk::new().await;
    assert_eq!(
        check(&desk).await.unwrap(),
        "the bot is known, and may post to the chat"
    );
    for method in ["getMe", "getChat", "getChatMember"] {
        assert_eq!(desk.switches().calls(method), 1, "{method}");
    }
    desk.sandbox.telegram.demote_bot(TOKEN);
    let error = check(&desk).await.unwrap_err().to_string();
    assert!(error.contains("make the bot an administrator"), "{error}");
}

#[tokio::test]
async fn a_question_is_asked_again_whatever_was_answered_and_never_left_unknown() {
    let desk = Desk::new().await;
    for fault in [
        Fault::status(502),
        Fault::ResetAfterRequest,
        Fault::TruncatedBody,
        Fault::MalformedBody,
        Telegram::rate_limited(0),
    ] {
        desk.switches().forget_calls();
        desk.switches().inject("getChat", fault.clone());
        assert!(check(&desk).await.is_ok(), "{fault:?}");
        assert_eq!(desk.switches().calls("getChat"), 2, "{fault:?}");
    }
    desk.switches().always("getMe", Fault::status(502));
    let error = check(&desk).await.unwrap_err();
    assert!(
        matches!(error, PublishError::Unavailable { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn refusals_are_those_of_a_post_and_echo_no_token() {
    let desk = Desk::new().await;
    let echo = Telegram::refusal(400, &format!("Bad Request: chat not found for {TOKEN}"));
    desk.switches().inject("getChat", echo);
    let error = check(&desk).await.unwrap_err().to_string();
    assert!(
        error.contains("chat not found for ***") && error.contains("check the channel"),
        "{error}"
    );
    desk.sandbox.telegram.move_chat("@alice", -100_777);
    let error = check(&desk).await.unwrap_err().to_string();
    assert!(
        error.contains("set its new id") && error.contains("-100777"),
        "{error}"
    );
    desk.sandbox.telegram.revoke_bot(TOKEN);
    let error = check(&desk).await.unwrap_err();
    assert!(
        matches!(error, PublishError::Unauthorized { .. }),
        "{error:?}"
    );
}
