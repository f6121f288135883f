//! Images as they come: small files of a hundred megapixels, photos that lie on their side, and other files
//! that are called photos.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use image::ImageDecoder as _;
use publisher_sandbox::{DemoTenant, Sandbox};
use serde_json::json;

use crate::harness::Service;

const IMAGE: &str = "bomb.png";
/// What the service holds beside any image, and some tens of megabytes. The bomb's pixels alone
/// would take 300.
const SANE: u64 = 100 * 1024 * 1024;

#[tokio::test]
async fn an_image_of_a_hundred_megapixels_is_refused_without_being_decoded() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    put_bomb(&sandbox, alice);

    // Vision needs a smaller copy, and without a caption nothing is sent.
    let answer = service.publish(&sandbox, alice, IMAGE, json!({})).await;
    answer.assert_problem(422, "unusable-image");
    assert!(answer.text.contains("too many pixels"), "{answer:?}");
    assert_eq!(sandbox.openai.switches().total_calls(), 0);
    assert!(sandbox.telegram.photos().is_empty() && sandbox.smtp.mails().is_empty());
    let peak = service.peak_memory();
    assert!(peak < SANE, "{peak} bytes");
}

#[tokio::test]
async fn it_fails_alone_on_the_platform_that_needs_a_smaller_copy() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    put_bomb(&sandbox, alice);
    let body = json!({ "caption": "Large." });
    let answer = service.publish(&sandbox, alice, IMAGE, body).await.json();
    let telegram = &answer["results"]["telegram"];
    assert_eq!(telegram["outcome"], "failed", "{answer}");
    let error = telegram["error"].as_str().unwrap();
    assert!(error.contains("too many pixels"), "{answer}");
    assert_eq!(
        answer["results"]["email"]["outcome"], "published",
        "{answer}"
    );
    assert!(sandbox.telegram.photos().is_empty());
    let peak = service.peak_memory();
    assert!(peak < SANE, "{peak} bytes");
}

/// A valid PNG of 10 000 × 10 000 pixels: a palette, and a bit for each.
fn put_bomb(sandbox: &Sandbox, tenant: &DemoTenant) {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 10_000, 10_000);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_palette(&[255, 255, 255, 0, 0, 0]);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; 1_250 * 10_000]).unwrap();
    writer.finish().unwrap();
    let path = format!("{}/{IMAGE}", tenant.root);
    assert!(sandbox.dropbox.put(&tenant.name, &path, bytes));
}

/// 30 × 10 pixels as they are stored, and told to be shown turned by a quarter.
const TURNED: &[u8] = include_bytes!("../../src/adapters/imaging/tests/images/turned.jpg");

#[tokio::test]
async fn a_small_photo_that_lies_on_its_side_arrives_upright_and_without_the_tag() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let path = format!("{}/turned.jpg", alice.root);
    assert!(sandbox.dropbox.put(&alice.name, &path, TURNED.to_vec()));
    let answer = service.publish(&sandbox, alice, "turned.jpg", json!({}));
    let answer = answer.await.json();
    assert_eq!(answer["results"]["telegram"]["outcome"], "published");
    let photos = sandbox.telegram.photos();
    let seen = sandbox.openai.switches().requests("vision")[0].clone();
    let seen = String::from_utf8(seen.body.to_vec()).unwrap();
    let (_, seen) = seen.split_once("data:image/jpeg;base64,").unwrap();
    let seen = STANDARD.decode(seen.split_once('"').unwrap().0).unwrap();
    for (who, bytes) in [("Telegram", &photos[0].photo[..]), ("vision", &seen[..])] {
        let photo = image::ImageReader::new(std::io::Cursor::new(bytes));
        let photo = photo.with_guessed_format().unwrap();
        let mut photo = photo.into_decoder().unwrap();
        let (width, height) = photo.dimensions();
        assert!(width < height, "{who}: {width} × {height}");
        assert_eq!(photo.exif_metadata().unwrap(), None, "{who}");
    }
}

#[tokio::test]
async fn a_heic_photo_that_is_called_a_jpeg_is_refused_by_its_name() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let path = format!("{}/phone.jpg", alice.root);
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic and so on".to_vec();
    assert!(sandbox.dropbox.put(&alice.name, &path, heic));
    let answer = service
        .publish(&sandbox, alice, "phone.jpg", json!({}))
        .await;
    answer.assert_problem(422, "unusable-image");
    for word in ["HEIC", "JPEG, PNG and WebP are taken"] {
        assert!(answer.text.contains(word), "{answer:?}");
    }
    assert_eq!(sandbox.openai.switches().total_calls(), 0);
}
