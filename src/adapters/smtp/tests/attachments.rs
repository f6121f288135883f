//! What a mail program finds in the mails that the server has taken: a reading of MIME that shares
//! nothing with the writing of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

/// The parts of a message, each with its head unfolded (RFC 2046, 5.1).
fn parts(message: &str) -> Vec<(String, &str)> {
    let (head, body) = split(message);
    let (_, parameter) = head.split_once("boundary=\"").unwrap();
    let delimiter = format!("\r\n--{}", parameter.split_once('"').unwrap().0);
    // The line end before a delimiter belongs to it; the first one has it in the head.
    let body = &message[message.len() - body.len() - 2..];
    let (parts, epilogue) = body.split_once(&format!("{delimiter}--")).unwrap();
    assert_eq!(epilogue.trim(), "");
    let between = format!("{delimiter}\r\n");
    let mut parts = parts.split(&between);
    assert_eq!(parts.next().unwrap(), "", "nothing before the first part");
    parts.map(split).collect()
}

fn split(entity: &str) -> (String, &str) {
    let (head, body) = entity.split_once("\r\n\r\n").unwrap();
    (head.replace("\r\n ", " ").replace("\r\n\t", " "), body)
}

fn has_field(head: &str, field: &str) -> bool {
    head.split("\r\n").any(|line| line == field)
}

#[tokio::test]
async fn what_arrives_is_the_image_byte_for_byte() {
    let desk = Desk::new(true).await;
    // Around the ends of lines of base64 and of the pieces that are sent, and a few megabytes.
    let sizes = [
        3, 56, 57, 58, 65_535, 65_536, 65_537, 47_879, 47_880, 47_881,
    ];
    for size in sizes.into_iter().chain([95_760, 2_500_001]) {
        let mut image: Vec<u8> = (0..size)
            .map(|at: usize| (at * at / 7).to_le_bytes()[0])
            .collect();
        image[..3].copy_from_slice(b"\xFF\xD8\xFF");
        ended(&desk.publisher, &post(&image)).await.unwrap();
        let mails = desk.sandbox.smtp.mails();
        let [.., publication, confirmation] = mails.as_slice() else {
            panic!("{} mails", mails.len())
        };
        for (mail, recipient) in [(publication, RECIPIENT), (confirmation, SENDER)] {
            assert_eq!(mail.to, [recipient]);
            let message = std::str::from_utf8(&mail.data).unwrap();
            assert!(message.split("\r\n").all(|line| line.len() <= 998));
            let parts = parts(message);
            let [(_, text), (head, body)] = parts.as_slice() else {
                panic!("{} parts", parts.len())
            };
            assert!(text.starts_with("A knot.\r\n.\r\nMore."), "{text}");
            assert!(has_field(head, "Content-Type: image/jpeg"), "{head}");
            assert!(
                has_field(head, "Content-Transfer-Encoding: base64"),
                "{head}"
            );
            assert!(
                body.split("\r\n")
                    .all(|line| (1..=76).contains(&line.len()))
            );
            let read = STANDARD.decode(body.replace("\r\n", "")).unwrap();
            assert!(read == image, "{size} bytes");
        }
    }
}
