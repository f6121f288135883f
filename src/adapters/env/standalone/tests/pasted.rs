//! Settings as people paste them.

use super::*;

#[tokio::test]
async fn credentials_are_taken_as_people_paste_them_and_warned_of_where_that_is_not_certain() {
    let changes = [
        ("TELEGRAM_BOT_TOKEN", "bot123: AAbc"),
        ("OPENAI_API_KEY", "Bearer sk-a"),
    ];
    assert_eq!(warnings(&changes), [""; 0]);
    let tenant = tenant(&FULL, &changes).unwrap();
    for (reference, provider, expected) in [
        (
            "env:telegram",
            spec(Platform::Telegram).provider,
            "123:AAbc",
        ),
        ("env:openai", Provider::OPENAI, "sk-a"),
    ] {
        let reference = CredentialsRef::new(reference).unwrap();
        let credential = resolve(&tenant, &reference, provider).await.unwrap();
        assert_eq!(exposed(&credential), expected);
    }
    let told = warnings(&[
        ("TELEGRAM_BOT_TOKEN", "sesame"),
        ("OPENAI_API_KEY", "open sesame"),
    ]);
    let [key, token] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(
        token.starts_with("TELEGRAM_BOT_TOKEN: does not look like"),
        "{token}"
    );
    assert!(key.starts_with("OPENAI_API_KEY: has a blank"), "{key}");
    assert!(!told.concat().contains("sesame"));
}

#[tokio::test]
async fn a_mail_server_and_a_channel_are_taken_as_people_paste_them() {
    let changes = [
        (
            "EMAIL_SERVER",
            r#"{"sender": "me@example.org", "smtp_server": "smtp.example.org:465"}"#,
        ),
        (
            "PUBLISHERS",
            r#"[{"type": "telegram", "channel_id": "https://t.me/foo"}, {"type": "email", "recipient": "a@b"}]"#,
        ),
    ];
    assert_eq!(warnings(&changes), [""; 0]);
    let settings = settings(&tenant(&FULL, &changes).unwrap()).await;
    assert_eq!(target(&settings, Platform::Telegram)["channel_id"], "@foo");
    let server = mail_server(&settings);
    assert_eq!(server["host"], "smtp.example.org");
    assert_eq!(server["port"], 465);
    let told = warnings(&[(
        "EMAIL_SERVER",
        r#"{"sender": "me@example.org", "smtp_server": "me@smtp.example.org", "smtp_port": 587}"#,
    )]);
    assert!(
        told[0].starts_with("EMAIL_SERVER.smtp_server: "),
        "{told:?}"
    );
}
