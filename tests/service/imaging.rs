//! Images that would cost more than they are worth: small files of a hundred megapixels.

use publisher::adapters::sandbox::{DemoTenant, Sandbox};
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
