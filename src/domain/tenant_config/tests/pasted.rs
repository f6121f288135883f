//! Values as people paste them.

use super::*;

#[test]
fn a_channel_or_mail_server_that_looks_wrong_is_used_with_advice() {
    for (pointer, value, path) in [
        (
            "/publishers/0/config/channel_id",
            "https://t.me/+AbC",
            "publishers[0].config.channel_id",
        ),
        (
            "/email_server/host",
            "me@smtp.example.org",
            "email_server.host",
        ),
        (
            "/email_server/host",
            "smtp.example.org:2525",
            "email_server.host",
        ),
    ] {
        let mut document = with(pointer, json!(value));
        set(&mut document, "/email_server/port", json!(587));
        let (settings, warned) = validate(SchemaVersion::V2, document).unwrap();
        assert_eq!(warned, [path], "{value}");
        assert_eq!(on_platforms(&settings), [true, true]);
    }
}
