//! Photos within and beyond the limits.

use image::{GrayImage, ImageFormat};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::client;
use crate::{Sample, Telegram};

const TOKEN: &str = "123456789:AAsandbox";

async fn telegram() -> Telegram {
    let telegram = Telegram::start().await.unwrap();
    telegram.add_bot(TOKEN);
    telegram
}

async fn send(telegram: &Telegram, token: &str, caption: &str, photo: Vec<u8>) -> Value {
    let url = format!("{}/bot{token}/sendPhoto", telegram.server().url());
    let photo = Part::bytes(photo).file_name("photo.jpg");
    let form = Form::new()
        .text("chat_id", "@alice")
        .text("caption", caption.to_owned())
        .part("photo", photo);
    let answer = client().post(url).multipart(form).send().await.unwrap();
    let status = answer.status().as_u16();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["ok"], status == 200);
    if status != 200 {
        assert_eq!(answer["error_code"], status);
    }
    answer
}

fn photo() -> Vec<u8> {
    Sample::jpeg("a.jpg", 40, 30, 1).unwrap().bytes.to_vec()
}

fn blank(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    GrayImage::new(width, height)
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

#[tokio::test]
async fn a_photo_arrives_as_it_was_sent_and_gets_the_next_id() {
    let telegram = telegram().await;
    let first = send(&telegram, TOKEN, "Grüße 🌙", photo()).await;
    let second = send(&telegram, TOKEN, "", photo()).await;
    assert_eq!(first["result"]["message_id"], 1);
    assert_eq!(second["result"]["message_id"], 2);
    let photos = telegram.photos_of(TOKEN);
    assert_eq!(photos.len(), 2);
    assert_eq!(photos[0].chat_id, "@alice");
    assert_eq!(photos[0].caption.as_deref(), Some("Grüße 🌙"));
    assert_eq!(photos[0].photo, photo());
    assert_eq!((photos[0].width, photos[0].height), (40, 30));
    assert_eq!(photos[1].caption, None);
}

#[tokio::test]
async fn an_unknown_bot_and_a_foreign_chat_are_refused() {
    let telegram = telegram().await;
    let answer = send(&telegram, "1:AAwrong", "", photo()).await;
    assert_eq!(
        (&answer["error_code"], &answer["description"]),
        (&401.into(), &"Unauthorized".into())
    );
    telegram.restrict_bot(TOKEN, &["@bob"]);
    let answer = send(&telegram, TOKEN, "", photo()).await;
    assert_eq!(answer["description"], "Bad Request: chat not found");
    telegram.revoke_bot(TOKEN);
    assert_eq!(send(&telegram, TOKEN, "", photo()).await["error_code"], 401);
    assert!(telegram.photos().is_empty());
}

#[tokio::test]
async fn captions_are_counted_in_utf16_units() {
    let telegram = telegram().await;
    let fits = "🌙".repeat(512);
    assert_eq!(send(&telegram, TOKEN, &fits, photo()).await["ok"], true);
    let answer = send(&telegram, TOKEN, &format!("{fits}!"), photo()).await;
    assert_eq!(
        answer["description"],
        "Bad Request: message caption is too long"
    );
}

#[tokio::test]
async fn photos_beyond_the_limits_are_refused() {
    let telegram = telegram().await;
    assert_eq!(send(&telegram, TOKEN, "", blank(400, 20)).await["ok"], true);
    for photo in [blank(401, 20), blank(9520, 481)] {
        let answer = send(&telegram, TOKEN, "", photo).await;
        assert_eq!(
            answer["description"],
            "Bad Request: PHOTO_INVALID_DIMENSIONS"
        );
    }
    let answer = send(&telegram, TOKEN, "", b"no image".to_vec()).await;
    assert_eq!(answer["description"], "Bad Request: IMAGE_PROCESS_FAILED");
    let mut heavy = photo();
    heavy.resize(10 * 1024 * 1024 + 1, 0);
    let answer = send(&telegram, TOKEN, "", heavy).await;
    let description = answer["description"].as_str().unwrap();
    assert!(description.contains("too big for a photo"), "{description}");
}
