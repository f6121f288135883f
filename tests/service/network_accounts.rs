//! Tenants with different accounts on one instance and one server: nobody's post lands on another's account.

use publisher_sandbox::{Credential, DemoTenant, Fault, Network, Sample, Sandbox, TenantSpec};
use serde_json::json;

use crate::{harness::Service, network_crashes::posts};

const NETWORKS: [Network; 2] = [Network::Mastodon, Network::Bluesky];
const IMAGES: [&str; 3] = ["one.png", "two.png", "three.png"];

/// A tenant with an account at both networks, and images that nobody else has.
fn add(sandbox: &Sandbox, name: &str, first_seed: u8) -> DemoTenant {
    let images = IMAGES.iter().zip(first_seed..);
    let images = images.map(|(name, seed)| Sample::png(name, 16, 12, seed).unwrap());
    let spec = TenantSpec::new(name).telegram(false).images(images);
    let spec = spec.network(Network::Mastodon).network(Network::Bluesky);
    sandbox.add_tenant(spec.archive(false))
}

/// The pixels that an account has posted.
fn pictures(sandbox: &Sandbox, tenant: &DemoTenant, network: Network) -> Vec<Vec<u8>> {
    let name = &tenant.account(network).unwrap().name;
    let files: Vec<_> = match network {
        Network::Mastodon => {
            let statuses = sandbox.mastodon.statuses_of(name).into_iter();
            statuses
                .map(|it| it.images[0].image.bytes.clone())
                .collect()
        }
        Network::Bluesky => {
            let posts = sandbox.bluesky.posts_of(name).into_iter();
            posts.map(|it| it.images[0].image.bytes.clone()).collect()
        }
    };
    let mut pictures: Vec<_> = files.iter().map(|file| pixels(file)).collect();
    pictures.sort();
    pictures
}

fn pixels(file: &[u8]) -> Vec<u8> {
    image::load_from_memory(file).unwrap().to_rgb8().into_raw()
}

/// The pixels that a tenant has.
fn own(sandbox: &Sandbox, tenant: &DemoTenant) -> Vec<Vec<u8>> {
    let file = |name: &&str| {
        let path = format!("{}/{name}", tenant.root);
        pixels(&sandbox.dropbox.file(&tenant.name, &path).unwrap())
    };
    let mut own: Vec<_> = IMAGES.iter().map(file).collect();
    own.sort();
    own
}

#[tokio::test]
async fn nobodys_post_lands_on_the_account_of_another() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let (nora, olga) = (add(&sandbox, "nora", 1), add(&sandbox, "olga", 11));
    let service = Service::start(&sandbox).await;
    for image in IMAGES {
        // Answers are lost and sessions run out in the middle of it.
        for (switches, operation) in [
            (sandbox.mastodon.switches(), "post_status"),
            (sandbox.bluesky.switches(), "createRecord"),
        ] {
            switches.inject_times(operation, 2, Fault::ResetAfterRequest);
        }
        let publish = |tenant| service.publish(&sandbox, tenant, image, json!({}));
        let (first, second) = tokio::join!(publish(&nora), publish(&olga));
        for (answer, tenant) in [(first, &nora), (second, &olga)] {
            for network in NETWORKS {
                let result = &answer.json()["results"][network.id()];
                assert_eq!(result["outcome"], "published", "{answer:?}");
                let posts = posts(&sandbox, tenant, network);
                assert_eq!(result["post_id"], *posts.last().unwrap(), "{answer:?}");
            }
        }
        sandbox.bluesky.expire_access_tokens();
    }
    for tenant in [&nora, &olga] {
        for network in NETWORKS {
            let (posted, own) = (pictures(&sandbox, tenant, network), own(&sandbox, tenant));
            assert!(posted == own, "{} at {network:?}", tenant.name);
        }
    }
}

#[tokio::test]
async fn the_session_of_a_handle_is_not_for_those_who_have_another_password() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let (nora, olga) = (add(&sandbox, "nora", 1), add(&sandbox, "olga", 11));
    let service = Service::start(&sandbox).await;
    service.publish(&sandbox, &nora, IMAGES[0], json!({})).await;
    let (_, _, handle) = &nora.account(Network::Bluesky).unwrap().fields[0];
    let wrong = json!({
        "provider": "bluesky", "handle": handle, "app_password": publisher_sandbox::app_password(),
    });
    let reference = &olga.account(Network::Bluesky).unwrap().credentials_ref;
    let orchestrator = &sandbox.orchestrator;
    assert!(orchestrator.rotate_credential(reference, Credential::Raw(wrong)));
    let answer = service.publish(&sandbox, &olga, IMAGES[0], json!({})).await;
    let results = answer.json()["results"].clone();
    assert_eq!(results["bluesky"]["reason"], "unauthorized", "{answer:?}");
    assert_eq!(results["mastodon"]["outcome"], "published", "{answer:?}");
    assert_eq!(posts(&sandbox, &nora, Network::Bluesky).len(), 1);
    assert!(posts(&sandbox, &olga, Network::Bluesky).is_empty());
}
