//! A small budget of memory: images wait for each other, and all of them are published.

use futures_util::future::join_all;
use publisher::adapters::sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use serde_json::json;

use crate::harness::Service;

const IMAGES: usize = 10;
/// Half of 128 MiB, in MiB; 3 parts in 11 of it are for files.
const BUDGET: &str = "64";
const FOR_FILES: usize = 64 * 1024 * 1024 * 3 / 11;

/// A PNG of 12 megapixels as a camera would have it: smooth, with noise in the last bits.
fn photograph() -> Vec<u8> {
    const WIDTH: u32 = 4_000;
    const HEIGHT: u32 = 3_000;
    let mut state = 0x2545_f491_u32;
    let mut pixels = Vec::new();
    for row in 0..HEIGHT {
        for column in 0..WIDTH {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let [red, green, blue, _] = state.to_le_bytes();
            let shade = u8::try_from((row + column) / 32).unwrap_or(u8::MAX);
            pixels.extend([red, green, blue].map(|noise| shade ^ (noise & 7)));
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    file
}

/// Publishes until there was room for it, as clients do that heed `Retry-After`.
async fn publish(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant, image: &str) {
    loop {
        let answer = service.publish(sandbox, tenant, image, json!({})).await;
        if answer.status == 503 {
            answer.assert_problem(503, "overloaded");
            continue;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        let outcome = &answer.json()["results"]["telegram"]["outcome"];
        assert_eq!(outcome, "published", "{answer:?}");
        return;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_pngs_of_twelve_megapixels_are_all_published_within_a_small_budget() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    for switches in [sandbox.dropbox.switches(), sandbox.telegram.switches()] {
        switches.keep_requests(false);
    }
    sandbox.openai.switches().keep_requests(false);
    let file = photograph();
    // So no two of them have a place side by side.
    assert!(file.len() > FOR_FILES / 2, "{}", file.len());
    let images: Vec<Sample> = (0..IMAGES)
        .map(|number| {
            let mut bytes = file.clone();
            // Behind the end of the picture, where no decoder looks.
            bytes.extend_from_slice(&number.to_be_bytes());
            Sample::new(&format!("image-{number}.png"), bytes)
        })
        .collect();
    let spec = TenantSpec::new("alice").email(false).images(images.clone());
    let alice = sandbox.add_tenant(spec);
    let more = [
        ("MEMORY_BUDGET_MB", BUDGET),
        ("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "10"),
    ];
    let service = Service::start_with(sandbox.environment(), &more).await;
    let before = service.memory();
    let all = images
        .iter()
        .map(|image| publish(&service, &sandbox, &alice, &image.name));
    join_all(all).await;
    println!(
        "ten files of {} bytes: peak memory {} bytes, {before} before",
        file.len(),
        service.peak_memory()
    );
    assert_eq!(sandbox.telegram.switches().calls("sendPhoto"), IMAGES);
    let at_once = sandbox.dropbox.switches().peak_concurrency("download");
    assert_eq!(at_once, 1, "files have no more than their part");
}

#[tokio::test]
async fn a_file_of_more_than_half_of_the_budget_is_refused_before_it_is_fetched() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let mut bytes = vec![0xff, 0xd8, 0xff];
    bytes.resize(24 * 1024 * 1024 + 1, 0);
    let image = Sample::new("large.jpg", bytes);
    let alice = sandbox.add_tenant(TenantSpec::new("alice").images([image]));
    let more = [("MEMORY_BUDGET_MB", "48")];
    let service = Service::start_with(sandbox.environment(), &more).await;
    let answer = service.publish(&sandbox, &alice, "large.jpg", json!({}));
    let answer = answer.await;
    answer.assert_problem(422, "unusable-image");
    assert!(answer.text.contains("24 MiB"), "{answer:?}");
    assert_eq!(sandbox.dropbox.switches().calls("download"), 0);
}
