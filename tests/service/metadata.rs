//! Photos that say where they were taken: the platforms and the vision model get the same picture without it, and the
//! archive has the file as it was.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use image::RgbImage;
use publisher_sandbox::{DemoTenant, Sandbox};
use serde_json::json;

use crate::harness::Service;

/// What the metadata of these photos say.
const CANARY: &[u8] = b"53.5511 N 9.9937 E, by A. Artist";

fn tells(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY)
}

/// A picture in a file of this format.
fn picture(format: image::ImageFormat) -> Vec<u8> {
    let shade = |x: u32, y: u32| image::Rgb([x, y, x ^ y].map(|it| u8::try_from(it).unwrap()));
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::from_fn(90, 60, shade)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// A JPEG with EXIF data, XMP, notes, a comment, and a video behind it.
fn jpeg() -> Vec<u8> {
    let clean = picture(image::ImageFormat::Jpeg);
    let segment = |marker: u8, name: &[u8]| {
        let data = [name, CANARY].concat();
        let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
        [&[0xFF, marker], &length[..], &data].concat()
    };
    let (head, tail) = clean.split_at(2);
    [
        head,
        &segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
        &segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
        &segment(0xE2, b"MPF\0"),
        &segment(0xED, b"Photoshop 3.0\0"),
        &segment(0xFE, b""),
        tail,
        b"\0\0\0\x18ftypmp42",
        CANARY,
    ]
    .concat()
}

/// A PNG with a text, EXIF data, and the rest of a larger picture behind it.
fn png() -> Vec<u8> {
    let clean = picture(image::ImageFormat::Png);
    let chunk = |kind: &[u8], name: &[u8]| {
        let body = [kind, name, CANARY].concat();
        let length = u32::try_from(body.len() - 4).unwrap().to_be_bytes();
        [&length[..], &body, &crc32fast::hash(&body).to_be_bytes()].concat()
    };
    let (head, tail) = clean.split_at(8 + 25);
    [
        head,
        &chunk(b"tEXt", b"Author\0"),
        &chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0"),
        &chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0"),
        tail,
        &chunk(b"IDAT", b""),
    ]
    .concat()
}

/// A WebP with EXIF data and XMP.
fn webp() -> Vec<u8> {
    let clean = picture(image::ImageFormat::WebP);
    let chunk = |kind: &[u8], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        [kind, &length, data].concat()
    };
    let head = [0x0C, 0, 0, 0, 89, 0, 0, 59, 0, 0];
    let body = [
        b"WEBP",
        &chunk(b"VP8X", &head)[..],
        &clean[12..],
        &chunk(b"EXIF", CANARY),
        &chunk(b"XMP ", CANARY),
    ]
    .concat();
    chunk(b"RIFF", &body)
}

/// The image that the vision model has got, and those of Telegram and the mail.
fn received(sandbox: &Sandbox) -> [Vec<u8>; 3] {
    let seen = sandbox.openai.switches().requests("vision")[0].clone();
    let seen = String::from_utf8(seen.body.to_vec()).unwrap();
    let (_, seen) = seen.split_once(";base64,").unwrap();
    let seen = STANDARD.decode(seen.split_once('"').unwrap().0).unwrap();
    let telegram = sandbox.telegram.photos()[0].photo.to_vec();
    let mail = sandbox.smtp.mails()[0].text();
    let (_, part) = mail.split_once("Content-Type: image/").unwrap();
    let (_, body) = part.split_once("\r\n\r\n").unwrap();
    let body = body.split_once("\r\n--").unwrap().0.replace("\r\n", "");
    [seen, telegram, STANDARD.decode(body).unwrap()]
}

async fn publish(service: &Service, sandbox: &Sandbox, alice: &DemoTenant, name: &str) {
    let answer = service.publish(sandbox, alice, name, json!({})).await;
    let answer = answer.json();
    for platform in ["telegram", "email"] {
        let outcome = &answer["results"][platform]["outcome"];
        assert_eq!(outcome, "published", "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_photo_is_sent_without_its_metadata_and_archived_with_it() {
    for (name, original) in [
        ("place.jpg", jpeg()),
        ("place.png", png()),
        ("place.webp", webp()),
    ] {
        assert!(tells(&original));
        let sandbox = Sandbox::start().await.unwrap();
        let service = Service::start(&sandbox).await;
        let alice = &sandbox.tenants()[0];
        let path = format!("{}/{name}", alice.root);
        assert!(sandbox.dropbox.put(&alice.name, &path, original.clone()));
        publish(&service, &sandbox, alice, name).await;

        let picture = image::load_from_memory(&original).unwrap();
        for (who, bytes) in ["vision", "Telegram", "mail"]
            .iter()
            .zip(received(&sandbox))
        {
            assert!(!tells(&bytes), "{name}: {who}");
            let shown = image::load_from_memory(&bytes).unwrap();
            assert_eq!(shown, picture, "{name}: {who}");
            assert_eq!(
                image::guess_format(&bytes).unwrap(),
                image::guess_format(&original).unwrap(),
                "{name}: {who}: it was encoded again"
            );
        }
        let archived = format!("{}/archive/{name}", alice.root);
        let archived = sandbox.dropbox.file(&alice.name, &archived).unwrap();
        assert_eq!(archived, original, "{name}");
    }
}

#[tokio::test]
async fn a_tenant_may_have_the_files_sent_as_they_are() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    assert!(sandbox.orchestrator.edit_config(&alice.host, |config| {
        config["content"]["strip_metadata"] = json!(false);
    }));
    let service = Service::start(&sandbox).await;
    let (name, original) = ("place.jpg", jpeg());
    let path = format!("{}/{name}", alice.root);
    assert!(sandbox.dropbox.put(&alice.name, &path, original.clone()));
    publish(&service, &sandbox, alice, name).await;
    for bytes in received(&sandbox) {
        assert_eq!(bytes, original);
    }
}

#[tokio::test]
async fn the_sidecar_names_the_file_in_the_archive_by_its_hash() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let path = format!("{}/place.jpg", alice.root);
    assert!(sandbox.dropbox.put(&alice.name, &path, jpeg()));
    publish(&service, &sandbox, alice, "place.jpg").await;
    let sidecar = format!("{}/archive/place.txt", alice.root);
    let sidecar = sandbox.dropbox.file(&alice.name, &sidecar).unwrap();
    let sidecar = String::from_utf8(sidecar.to_vec()).unwrap();
    let line = format!("# sha256: {}", sha256(&jpeg()));
    assert!(sidecar.contains(&line), "{line}: {sidecar}");
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    let mut hex = String::new();
    for byte in Sha256::digest(bytes) {
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}
