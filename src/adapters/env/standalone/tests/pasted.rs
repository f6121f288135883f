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
        (TELEGRAM_REF, Provider::Telegram, "123:AAbc"),
        (AI_REF, Provider::OpenAi, "sk-a"),
    ] {
        let reference = CredentialsRef::new(reference).unwrap();
        let credential = resolve(&tenant, &reference, provider).await.unwrap();
        assert_eq!(exposed(credential), expected);
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
    assert_eq!(settings.telegram.unwrap().channel_id, "@foo");
    let server = settings.email.unwrap().server;
    assert_eq!(
        (server.host.as_str(), server.port),
        ("smtp.example.org", 465)
    );
    assert_eq!(server.transport, MailTransport::ImplicitTls);
    let told = warnings(&[(
        "EMAIL_SERVER",
        r#"{"sender": "me@example.org", "smtp_server": "me@smtp.example.org", "smtp_port": 587}"#,
    )]);
    assert!(
        told[0].starts_with("EMAIL_SERVER.smtp_server: "),
        "{told:?}"
    );
}
