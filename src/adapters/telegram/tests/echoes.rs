//! A Telegram that repeats the token in whatever form.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use super::*;

/// The token in forms that say all of it or half of it.
fn forms() -> Vec<String> {
    let (_, key) = TOKEN.split_once(':').unwrap();
    let bytes = |format: fn(u8) -> String| TOKEN.bytes().map(format).collect::<Vec<_>>().concat();
    let spread: Vec<String> = TOKEN.chars().map(String::from).collect();
    vec![
        TOKEN.to_owned(),
        TOKEN.to_uppercase(),
        TOKEN.to_lowercase(),
        key.to_owned(),
        key[..key.len() / 2].to_owned(),
        key[key.len() / 2..].to_owned(),
        bytes(|byte| format!("%{byte:02X}")),
        bytes(|byte| format!("%{byte:02x}")),
        bytes(|byte| format!("{byte:02x}")),
        bytes(|byte| format!("\\u00{byte:02x}")),
        spread.join(" "),
        spread.join("\n"),
        spread.join("\u{200b}"),
        STANDARD.encode(TOKEN),
        URL_SAFE_NO_PAD.encode(TOKEN),
        STANDARD.encode(format!("/bot{TOKEN}/sendPhoto")),
        URL_SAFE_NO_PAD.encode(format!("bot{TOKEN}?")),
        URL_SAFE_NO_PAD.encode(format!("ot{TOKEN}?")),
    ]
}

#[tokio::test]
async fn no_form_of_the_token_is_told_and_the_rest_is() {
    let desk = Desk::new().await;
    let scrub = SecretScrub::default().with(TOKEN);
    for form in forms() {
        for (status, words) in [
            (403, "Forbidden: no rights"),
            (400, "Bad Request: IMAGE_PROCESS_FAILED"),
        ] {
            let echo = answer(status, &format!("{words} {form} sorry"));
            let (outcome, _, _) = desk.publish(&[echo]).await;
            let error = outcome.unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(!scrub.finds_in(&told), "{form}: {told}");
            assert!(
                told.contains(words) && told.contains("sorry"),
                "{form}: {told}"
            );
        }
    }
}

#[tokio::test]
async fn a_chat_that_is_said_to_be_the_bot_is_not_named() {
    let desk = Desk::new().await;
    let moved = |chat: i64| {
        let body = json!({ "ok": false, "error_code": 400, "description": "Bad Request: moved",
            "parameters": { "migrate_to_chat_id": chat } });
        Fault::json(400, &body)
    };
    let (outcome, _, _) = desk
        .publish(&[moved(123_456_789), moved(123_456_789)])
        .await;
    let told = outcome.unwrap_err().to_string();
    assert!(told.contains("at last to ***"), "{told}");
    let (outcome, _, _) = desk.publish(&[moved(-100_987), moved(-100_988)]).await;
    let told = outcome.unwrap_err().to_string();
    assert!(told.contains("at last to -100988"), "{told}");
}
