//! Nothing twice, nothing forgotten: over restarts, crashes and replicas.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use publisher_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::{
    database::Database,
    harness::{Service, command},
};

#[tokio::test]
async fn what_a_platform_has_is_not_sent_there_again_unless_forced() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let path = format!("{}/harbour-dawn.jpg", alice.root);
    let original = sandbox.dropbox.file(&alice.name, &path).unwrap();
    let publish = async |name: &str, body: Value| {
        let path = format!("{}/{name}", alice.root);
        sandbox.dropbox.put(&alice.name, &path, original.clone());
        service.publish(&sandbox, alice, name, body).await.json()
    };
    let first = publish("harbour-dawn.jpg", json!({})).await;
    let calls = sandbox.openai.switches().total_calls();
    // The same content under another name is the same image.
    let second = publish("copy.jpg", json!({})).await;
    for platform in ["telegram", "email"] {
        let (first, second) = (&first["results"][platform], &second["results"][platform]);
        assert_eq!(second["outcome"], "already_published", "{second}");
        assert_eq!(second["post_id"], first["post_id"]);
    }
    assert_eq!(second["archived"], true, "{second}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
    assert_eq!(sandbox.smtp.mails().len(), 2, "the message and its copy");
    assert_eq!(sandbox.openai.switches().total_calls(), calls);

    let forced = publish(
        "copy.jpg",
        json!({"force": true, "platforms": ["telegram"]}),
    )
    .await;
    assert_eq!(forced["results"]["telegram"]["outcome"], "published");
    assert_eq!(sandbox.telegram.photos().len(), 2);
    let entries = service.publications(&sandbox, alice).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!(entries[0]["platform"], "telegram");
    assert_eq!(
        entries[0]["post_id"],
        forced["results"]["telegram"]["post_id"]
    );
    let bob = &sandbox.tenants()[1];
    assert!(service.publications(&sandbox, bob).await.is_empty());
}

#[tokio::test]
async fn only_the_platform_that_failed_is_tried_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let path = format!("{}/harbour-dawn.jpg", alice.root);
    let original = sandbox.dropbox.file(&alice.name, &path).unwrap();
    sandbox.smtp.remove_user(&alice.sender);
    let image = "harbour-dawn.jpg";
    let first = service
        .publish(&sandbox, alice, image, json!({}))
        .await
        .json();
    assert_eq!(first["results"]["email"]["outcome"], "failed", "{first}");
    sandbox.dropbox.put(&alice.name, &path, original);
    let second = service
        .publish(&sandbox, alice, image, json!({}))
        .await
        .json();
    assert_eq!(second["results"]["email"]["outcome"], "failed", "{second}");
    assert_eq!(
        second["results"]["telegram"]["outcome"],
        "already_published"
    );
    assert_eq!(sandbox.telegram.photos().len(), 1);
    let of_email = "/api/publications?platform=email&outcome=failed";
    let listed = service.get_as_admin(&sandbox, &alice.host, of_email).await;
    assert_eq!(listed.json()["publications"][0]["filename"], image);
}

#[tokio::test]
async fn two_replicas_on_one_server_send_an_image_once_to_each_platform() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let replica = async || {
        // Only the ledger is to keep them apart.
        let more = [
            ("PUBLISH_LEDGER_URL", &*database.url()),
            ("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "50"),
        ];
        Service::start_with(sandbox.environment(), &more).await
    };
    let (one, other) = tokio::join!(replica(), replica());
    let alice = &sandbox.tenants()[0];
    let requests = (0..50).map(|number| {
        let replica = if number % 2 == 0 { &one } else { &other };
        replica.publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
    });
    let answers = join_all(requests).await;
    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
    // 404: it went to the archive while it was being fetched.
    assert!(statuses.is_subset(&[200, 404, 409].into()), "{statuses:?}");
    let published = answers.iter().filter(|answer| {
        answer.status == 200 && answer.json()["results"]["telegram"]["outcome"] == "published"
    });
    assert_eq!(published.count(), 1);
    assert_eq!(sandbox.telegram.switches().calls("sendPhoto"), 1);
    assert_eq!(sandbox.smtp.mails().len(), 2, "the message and its copy");
    assert_eq!(sandbox.openai.switches().calls("caption"), 1);
    one.kill().await;
    other.kill().await;
    database.remove().await;
}

#[tokio::test]
async fn a_ledger_that_cannot_be_opened_ends_the_start_and_says_why() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    for (url, said) in [
        (
            "sqlite:///nowhere/ledger.db",
            "cannot be opened for writing",
        ),
        (&*sandbox.ledger_url(), "another process"),
        (
            "postgres://user:s3cret@127.0.0.1:9/ledger?sslmode=verify-full&sslrootcert=/nowhere",
            "sslrootcert",
        ),
    ] {
        let mut serve = command("serve");
        serve.envs(sandbox.environment());
        serve.env("LISTEN_ADDRESS", "127.0.0.1:0");
        serve.env("METRICS_LISTEN_ADDRESS", "127.0.0.1:0");
        serve.env("PUBLISH_LEDGER_URL", url);
        let output = serve.output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("PUBLISH_LEDGER_URL"), "{told}");
        assert!(told.contains(said) && !told.contains("s3cret"), "{told}");
    }
    service.kill().await;
}
