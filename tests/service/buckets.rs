//! A tenant whose images are in a bucket: everything that is done with images, and a crash between the two
//! calls that move one.

use std::time::Duration;

use publisher::adapters::http_client::{self, ExtraRoots};
use publisher_sandbox::{DemoTenant, Hold, Sandbox};
use serde_json::json;

use crate::{
    check_states::{check, quiet},
    database::Database,
    harness::Service,
};

/// The demo tenant with a bucket.
fn dana(sandbox: &Sandbox) -> &DemoTenant {
    let mut tenants = sandbox.tenants().iter();
    tenants.find(|tenant| tenant.is_managed).unwrap()
}

async fn names(service: &Service, sandbox: &Sandbox) -> Vec<String> {
    let host = &dana(sandbox).host;
    let list = service
        .get_as_admin(sandbox, host, "/api/images/list")
        .await;
    serde_json::from_value(list.json()["filenames"].clone()).unwrap()
}

#[tokio::test]
async fn a_tenant_with_a_bucket_can_do_what_others_can() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let dana = dana(&sandbox);
    let before = names(&service, &sandbox).await;
    assert_eq!(before.len(), 3, "{before:?}");
    let [first, second, third] = &before[..] else {
        panic!("three images")
    };

    let shown = format!("/api/images/{first}");
    let shown = service.get_as_admin(&sandbox, &dana.host, &shown).await;
    let link = shown.json()["temp_url"].as_str().unwrap().to_owned();
    let client = http_client::build(Duration::from_mins(1), &ExtraRoots::default()).unwrap();
    let linked = client.get(link).send().await.unwrap();
    assert_eq!(linked.status().as_u16(), 200);
    let root = &dana.root;
    let original = sandbox.s3.object(&format!("{root}/{first}")).unwrap();
    assert_eq!(linked.bytes().await.unwrap(), original);
    let thumbnail = format!("/api/images/{first}/thumbnail");
    let thumbnail = service.get_as_admin(&sandbox, &dana.host, &thumbnail).await;
    assert_eq!(thumbnail.status, 200, "{thumbnail:?}");
    assert!(thumbnail.bytes.starts_with(b"\xFF\xD8\xFF"));

    let published = service.publish(&sandbox, dana, first, json!({})).await;
    assert_eq!(published.json()["archived"], true, "{published:?}");
    let outcome = &published.json()["results"]["telegram"]["outcome"];
    assert_eq!(outcome, "published");
    let archived = sandbox.s3.object(&format!("{root}/archive/{first}"));
    assert_eq!(archived, Some(original));
    let sidecar = format!("{root}/archive/{}.txt", first.rsplit_once('.').unwrap().0);
    assert!(sandbox.s3.object(&sidecar).is_some(), "{sidecar}");

    let kept = service.post(&sandbox, dana, second, "keep").await;
    assert_eq!(kept.status, 200, "{kept:?}");
    assert!(
        sandbox
            .s3
            .object(&format!("{root}/keep/{second}"))
            .is_some()
    );
    let sorted_out = service.post(&sandbox, dana, third, "remove").await;
    assert_eq!(sorted_out.status, 200, "{sorted_out:?}");
    assert!(
        sandbox
            .s3
            .object(&format!("{root}/reject/{third}"))
            .is_some()
    );
    assert_eq!(names(&service, &sandbox).await, [""; 0]);

    let image = sandbox.s3.object(&format!("{root}/keep/{second}")).unwrap();
    assert!(sandbox.s3.put(&format!("{root}/again.jpg"), image).await);
    let deleted = service.post(&sandbox, dana, "again.jpg", "delete").await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(sandbox.s3.object(&format!("{root}/again.jpg")), None);
    let outside = |key: &String| !key.starts_with(&format!("{root}/"));
    assert!(!sandbox.s3.keys().iter().any(outside));
    let metrics = service.metrics().await.text;
    for operation in ["list", "head", "get", "put", "copy", "delete"] {
        let series = format!(
            r#"publisher_upstream_requests_total{{upstream="s3",operation="{operation}",status="200"}}"#
        );
        assert!(metrics.contains(&series), "{series}");
    }
}

#[tokio::test]
async fn the_check_goes_through_a_tenant_with_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let dana = dana(&sandbox);
    let well = "ok     storage       it can be listed: 3 images in the root folder";
    let arguments = ["--host", &*dana.host];
    let (said, code) = check(&quiet(sandbox.environment()), &arguments, folder.path()).await;
    assert!(said.contains(well), "{said}");
    assert_eq!(code, 0, "{said}");
    for writing in ["put", "copy", "delete"] {
        assert_eq!(
            sandbox.s3.server().switches().calls(writing),
            0,
            "{writing}"
        );
    }
}

/// Ends the service as `kill -9` does, once a call of a publish is held.
async fn kill_at(held: Hold, service: Service, sandbox: &Sandbox, image: &str) {
    {
        let publish = service.publish(sandbox, dana(sandbox), image, json!({}));
        tokio::pin!(publish);
        tokio::select! {
            answer = &mut publish => panic!("it was held: {answer:?}"),
            () = held.arrived(1) => {}
        }
    }
    service.kill().await;
    held.release();
}

#[tokio::test]
async fn a_crash_between_copy_and_deletion_is_finished_by_the_next_publish_and_posts_once() {
    let database = Database::sqlite().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let (dana, image) = (dana(&sandbox), "north-ridge.jpg");
    let service = database.start(&sandbox).await;
    // The copy is made, and nobody hears of it.
    let held = sandbox.s3.server().switches().hold_matching("copy", ".jpg");
    kill_at(held, service, &sandbox, image).await;
    let root = &dana.root;
    let original = sandbox.s3.object(&format!("{root}/{image}"));
    assert!(original.is_some(), "the deletion was not reached");
    let archived = format!("{root}/archive/{image}");
    assert_eq!(sandbox.s3.object(&archived), original);

    let service = database.start(&sandbox).await;
    let again = service.publish(&sandbox, dana, image, json!({})).await;
    let outcome = &again.json()["results"]["telegram"]["outcome"];
    assert_eq!(outcome, "already_published", "{again:?}");
    assert_eq!(again.json()["archived"], true, "{again:?}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
    let keys = sandbox.s3.keys();
    let images = keys.iter().filter(|key| key.ends_with(image));
    assert_eq!(images.collect::<Vec<_>>(), [&archived]);
    service.kill().await;
}
