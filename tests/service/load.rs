//! Many publications of large images at a time: all of them are answered, and memory stays bounded.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use serde_json::json;

use crate::harness::Service;

const TENANTS: usize = 20;
const IMAGES: usize = 10;
/// The most memory that the process may ever have held, in bytes.
const MAX_MEMORY: u64 = 300_000_000;
/// 10 MB and more.
const IMAGE_BYTES: usize = 10_000_000;

/// A JPEG of 6 megapixels without a single even surface: as large a file as a camera makes.
fn noise() -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let picture = RgbImage::from_fn(2_800, 2_100, |_, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let [r, g, b, _] = state.to_le_bytes();
        Rgb([r, g, b])
    });
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 86);
    picture.write_with_encoder(encoder).unwrap();
    bytes
}

/// A file of its own for each `number`.
fn photograph(base: &[u8], number: usize) -> Sample {
    let mut bytes = base.to_vec();
    // Behind the end of the picture, where no decoder looks.
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.resize(bytes.len().max(IMAGE_BYTES), 0);
    Sample::new(&format!("image-{number}.jpg"), bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_publications_of_10_mb_are_all_answered_within_300_mb_of_memory() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    sandbox.dropbox.switches().keep_requests(false);
    sandbox.telegram.switches().keep_requests(false);
    sandbox.openai.switches().keep_requests(false);
    sandbox.smtp.switches().keep_requests(false);
    let base = noise();
    println!("a file has {} bytes", base.len());
    let images: Vec<Sample> = (0..IMAGES).map(|it| photograph(&base, it)).collect();
    let tenants: Vec<DemoTenant> = (0..TENANTS)
        .map(|number| {
            // A mail is as much work for the stand-in as for the service.
            let spec = TenantSpec::new(&format!("tenant-{number}")).email(number % 4 == 0);
            sandbox.add_tenant(spec.images(images.clone()))
        })
        .collect();
    let all_at_once = [("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "10")];
    let service = Service::start_with(sandbox.environment(), &all_at_once).await;

    let before = service.memory();
    let requests = tenants.iter().flat_map(|tenant| {
        let (service, sandbox) = (&service, &sandbox);
        let publish = |image: &Sample| {
            let name = image.name.clone();
            async move { service.publish(sandbox, tenant, &name, json!({})).await }
        };
        images.iter().map(publish).collect::<Vec<_>>()
    });
    let answers = join_all(requests).await;

    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in &answers {
        *statuses.entry(answer.status).or_default() += 1;
        match answer.status {
            200 => assert_eq!(answer.json()["any_success"], true, "{answer:?}"),
            429 | 503 => assert!(!answer.header("retry-after").is_empty(), "{answer:?}"),
            409 => {}
            _ => panic!("{answer:?}"),
        }
    }
    let peak = service.peak_memory();
    println!(
        "{} publications: {statuses:?}, peak memory {peak} bytes, {before} before",
        answers.len()
    );
    assert_eq!(answers.len(), TENANTS * IMAGES);
    assert!(statuses.contains_key(&200), "{statuses:?}");
    let sent = sandbox.telegram.switches().calls("sendPhoto");
    assert_eq!(sent, statuses[&200], "one photo each");
    assert!(peak < MAX_MEMORY, "{peak}");
}
