//! Photos that say where they were taken: the platforms and the vision model get the same picture without it, and the
//! archive has the file as it was.

mod photos;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use publisher_sandbox::{DemoTenant, Network, Sandbox, TenantSpec};
use serde_json::{Value, json};

use self::photos::{CANARY, jpeg, png, webp};
use crate::harness::Service;

const WHO: [&str; 5] = ["vision", "Telegram", "mail", "Mastodon", "Bluesky"];

fn tells(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY)
}

/// A tenant that publishes everywhere, with one photo.
async fn with_photo(name: &str, photo: &[u8], content: Value) -> (Sandbox, Service, DemoTenant) {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let spec = TenantSpec::new("nora").email(true);
    let spec = spec.network(Network::Mastodon).network(Network::Bluesky);
    let tenant = sandbox.add_tenant(spec.patch(&json!({ "content": content })));
    let path = format!("{}/{name}", tenant.root);
    assert!(sandbox.dropbox.put(&tenant.name, &path, photo.to_vec()));
    let service = Service::start(&sandbox).await;
    publish(&service, &sandbox, &tenant, name).await;
    (sandbox, service, tenant)
}

/// The images that [`WHO`] have got.
fn received(sandbox: &Sandbox, tenant: &DemoTenant) -> [Vec<u8>; 5] {
    let seen = sandbox.openai.switches().requests("vision")[0].clone();
    let seen = String::from_utf8(seen.body.to_vec()).unwrap();
    let (_, seen) = seen.split_once(";base64,").unwrap();
    let seen = STANDARD.decode(seen.split_once('"').unwrap().0).unwrap();
    let telegram = sandbox.telegram.photos()[0].photo.to_vec();
    let mail = sandbox.smtp.mails()[0].text();
    let (_, part) = mail.split_once("Content-Type: image/").unwrap();
    let (_, body) = part.split_once("\r\n\r\n").unwrap();
    let body = body.split_once("\r\n--").unwrap().0.replace("\r\n", "");
    let mail = STANDARD.decode(body).unwrap();
    let mastodon = sandbox.mastodon.statuses_of(&tenant.name).remove(0);
    let account = tenant.account(Network::Bluesky).unwrap();
    let bluesky = sandbox.bluesky.posts_of(&account.name).remove(0);
    let posted = [&mastodon.images[0].image, &bluesky.images[0].image];
    let [mastodon, bluesky] = posted.map(|image| image.bytes.to_vec());
    [seen, telegram, mail, mastodon, bluesky]
}

/// What stands in the file beside the picture, as the platforms' servers find it.
fn metadata(sandbox: &Sandbox) -> Vec<String> {
    let image = &sandbox.mastodon.statuses()[0].images[0].image;
    image.metadata()
}

async fn publish(service: &Service, sandbox: &Sandbox, alice: &DemoTenant, name: &str) {
    let answer = service.publish(sandbox, alice, name, json!({})).await;
    let answer = answer.json();
    for platform in ["telegram", "email", "mastodon", "bluesky"] {
        let outcome = &answer["results"][platform]["outcome"];
        assert_eq!(outcome, "published", "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_photo_is_sent_without_its_metadata_and_archived_with_it() {
    for (name, original) in [
        ("place.jpg", jpeg(1)),
        ("place.png", png()),
        ("place.webp", webp()),
    ] {
        assert!(tells(&original));
        let (sandbox, _service, tenant) = with_photo(name, &original, json!({})).await;
        let picture = image::load_from_memory(&original).unwrap();
        let received = received(&sandbox, &tenant);
        for (who, bytes) in WHO.iter().zip(&received) {
            assert!(!tells(bytes), "{name}: {who}");
            let shown = image::load_from_memory(bytes).unwrap();
            assert_eq!(shown, picture, "{name}: {who}");
            assert_eq!(
                image::guess_format(bytes).unwrap(),
                image::guess_format(&original).unwrap(),
                "{name}: {who}: it was encoded again"
            );
            // What holds of one file holds of all.
            assert!(*bytes == received[3], "{name}: {who}");
        }
        assert_eq!(metadata(&sandbox), [""; 0], "{name}");
        let archived = format!("{}/archive/{name}", tenant.root);
        let archived = sandbox.dropbox.file(&tenant.name, &archived).unwrap();
        assert_eq!(archived, original, "{name}");
    }
}

#[tokio::test]
async fn a_photo_that_lies_on_its_side_is_sent_upright_and_archived_as_it_was() {
    let original = jpeg(6);
    let (sandbox, _service, tenant) = with_photo("place.jpg", &original, json!({})).await;
    let lying = image::load_from_memory(&original).unwrap();
    let upright = lying.rotate90().to_rgb8();
    for (who, bytes) in WHO.iter().zip(received(&sandbox, &tenant)) {
        assert!(!tells(&bytes), "{who}");
        let shown = image::load_from_memory(&bytes).unwrap().to_rgb8();
        assert_eq!(shown.dimensions(), upright.dimensions(), "{who}");
        let pairs = shown.as_raw().iter().zip(upright.as_raw());
        let difference: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = difference / u64::try_from(shown.as_raw().len()).unwrap();
        assert!(mean < 8, "{who}: the picture differs by {mean}");
    }
    assert_eq!(metadata(&sandbox), [""; 0]);
    let archived = format!("{}/archive/place.jpg", tenant.root);
    let archived = sandbox.dropbox.file(&tenant.name, &archived).unwrap();
    assert_eq!(archived, original);
}

#[tokio::test]
async fn a_tenant_may_have_the_files_sent_as_they_are() {
    for (name, original) in [
        ("place.jpg", jpeg(1)),
        ("place.png", png()),
        ("place.webp", webp()),
    ] {
        let content = json!({ "strip_metadata": false });
        let (sandbox, _service, tenant) = with_photo(name, &original, content).await;
        for (who, bytes) in WHO.iter().zip(received(&sandbox, &tenant)) {
            assert!(bytes == original, "{name}: {who}");
        }
        // The stand-in finds what a clean file is held against above.
        assert!(metadata(&sandbox).len() > 2, "{name}");
    }
}

#[tokio::test]
async fn the_sidecar_names_the_file_in_the_archive_by_its_hash() {
    let (sandbox, _service, tenant) = with_photo("place.jpg", &jpeg(1), json!({})).await;
    let sidecar = format!("{}/archive/place.txt", tenant.root);
    let sidecar = sandbox.dropbox.file(&tenant.name, &sidecar).unwrap();
    let sidecar = String::from_utf8(sidecar.to_vec()).unwrap();
    let line = format!("# sha256: {}", sha256(&jpeg(1)));
    assert!(sidecar.contains(&line), "{line}: {sidecar}");
}

/// The SHA-256 of a file, in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    let mut hex = String::new();
    for byte in Sha256::digest(bytes) {
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}
