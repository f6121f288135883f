//! Publishing an image again that one platform has taken and another has not: it is in the archive.

use publisher_sandbox::{DemoTenant, Fault, Sandbox, sample_images};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Service};

const IMAGE: &str = "harbour-dawn.jpg";

/// Alice's image after a publish that Telegram has taken and the mail server has refused.
async fn half_published(service: &Service, sandbox: &Sandbox) -> DemoTenant {
    let alice = sandbox.tenants()[0].clone();
    let mail = sandbox.smtp.switches();
    mail.always("MAIL", Fault::text(550, "5.7.1 not now"));
    let first = service.publish(sandbox, &alice, IMAGE, json!({})).await;
    mail.clear("MAIL");
    let first = first.json();
    assert_eq!(outcomes(&first), ["published", "failed"], "{first}");
    assert_eq!(first["archived"], true, "{first}");
    alice
}

fn outcomes(answer: &Value) -> [&str; 2] {
    ["telegram", "email"].map(|it| answer["results"][it]["outcome"].as_str().unwrap_or(""))
}

/// The sidecar in the archive.
fn sidecar(sandbox: &Sandbox, tenant: &DemoTenant) -> String {
    let path = format!("{}/archive/harbour-dawn.txt", tenant.root);
    let text = sandbox.dropbox.file(&tenant.name, &path).unwrap();
    String::from_utf8(text.to_vec()).unwrap()
}

#[tokio::test]
async fn the_platform_that_failed_gets_the_image_from_the_archive_with_the_captions_of_the_first_run()
 {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = half_published(&service, &sandbox).await;
    let files = sandbox.dropbox.paths(&alice.name);
    let calls = sandbox.openai.switches().total_calls();

    let second = service.publish(&sandbox, &alice, IMAGE, json!({})).await;
    let second = second.json();
    let expected = ["already_published", "published"];
    assert_eq!(outcomes(&second), expected, "{second}");
    assert_eq!(second["archived"], true, "{second}");
    assert_eq!(second["warnings"], json!([]), "{second}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
    assert_eq!(sandbox.smtp.mails().len(), 2, "the message and its copy");
    assert_eq!(sandbox.openai.switches().total_calls(), calls);
    assert_eq!(
        sandbox.dropbox.paths(&alice.name),
        files,
        "it stays where it is"
    );
    let caption = second["results"]["email"]["caption"].as_str().unwrap();
    let text = sidecar(&sandbox, &alice);
    let submitted = text
        .lines()
        .find_map(|line| line.strip_prefix("# caption_submitted: "));
    let submitted: Value = serde_json::from_str(submitted.unwrap()).unwrap();
    assert_eq!(submitted["email"], caption, "{text}");

    let third = service.publish(&sandbox, &alice, IMAGE, json!({})).await;
    let all = ["already_published", "already_published"];
    assert_eq!(outcomes(&third.json()), all);
    assert_eq!(sandbox.smtp.mails().len(), 2);
}

#[tokio::test]
async fn an_archived_image_is_tried_under_a_key_and_dry() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = half_published(&service, &sandbox).await;
    let dry = json!({"dry_run": true});
    let dry = service.publish(&sandbox, &alice, IMAGE, dry).await.json();
    assert_eq!(outcomes(&dry), ["already_published", "skipped"], "{dry}");
    assert!(sandbox.smtp.mails().is_empty());

    let path = format!("/api/images/{IMAGE}/publish");
    let keyed = async || {
        let request = service
            .request(Method::POST, &alice.host, &path)
            .header("Idempotency-Key", "again")
            .bearer_auth(sandbox.web_token())
            .json(&json!({}));
        Answer::to(request).await
    };
    let first = keyed().await;
    let expected = ["already_published", "published"];
    assert_eq!(outcomes(&first.json()), expected, "{first:?}");
    let second = keyed().await;
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(second.text, first.text);
    assert_eq!(sandbox.smtp.mails().len(), 2, "the message and its copy");
}

#[tokio::test]
async fn an_image_in_the_root_folder_wins_over_an_archived_one_of_its_name() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = half_published(&service, &sandbox).await;
    let other = format!("{}/north-ridge.jpg", sandbox.tenants()[1].root);
    let other = sandbox
        .dropbox
        .file(&sandbox.tenants()[1].name, &other)
        .unwrap();
    let path = format!("{}/{IMAGE}", alice.root);
    sandbox.dropbox.put(&alice.name, &path, other);
    let answer = service.publish(&sandbox, &alice, IMAGE, json!({})).await;
    let answer = answer.json();
    assert_eq!(outcomes(&answer), ["published", "published"], "{answer}");
    assert_eq!(sandbox.telegram.photos().len(), 2);
    assert!(sandbox.dropbox.file(&alice.name, &path).is_none());
}

#[tokio::test]
async fn an_archived_image_that_the_ledger_knows_nothing_of_is_sent_only_by_force() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let path = format!("{}/{IMAGE}", alice.root);
    let bytes = sandbox.dropbox.file(&alice.name, &path).unwrap();
    sandbox.dropbox.remove(&alice.name, &path);
    let archived = format!("{}/archive/{IMAGE}", alice.root);
    sandbox.dropbox.put(&alice.name, &archived, bytes);

    let answer = service.publish(&sandbox, alice, IMAGE, json!({})).await;
    let answer = answer.json();
    assert_eq!(outcomes(&answer), ["unknown", "unknown"], "{answer}");
    let error = answer["results"]["telegram"]["error"].as_str().unwrap();
    assert!(error.contains("archive") && error.contains("force"));
    assert_eq!(sandbox.openai.switches().total_calls(), 0);
    assert!(sandbox.telegram.photos().is_empty());
    assert!(service.publications(&sandbox, alice).await.is_empty());

    let forced = json!({"force": true});
    let forced = service.publish(&sandbox, alice, IMAGE, forced).await.json();
    assert_eq!(outcomes(&forced), ["published", "published"], "{forced}");
    assert!(sandbox.dropbox.file(&alice.name, &archived).is_some());
    // The next image is one of the root folder.
    let request = service.request(Method::POST, &alice.host, "/api/publish");
    let next = Answer::to(request.bearer_auth(sandbox.web_token())).await;
    assert_eq!(next.status, 200, "{next:?}");
    assert_ne!(next.json()["filename"], IMAGE, "{next:?}");
}

#[tokio::test]
async fn an_image_that_has_taken_the_name_of_one_that_is_being_published_is_not_archived_for_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    // In Dropbox, and in a bucket.
    for tenant in &sandbox.tenants()[1..=2] {
        let image = "north-ridge.jpg";
        let path = format!("{}/{image}", tenant.root);
        let file = || {
            if tenant.is_managed {
                return sandbox.s3.object(&path);
            }
            sandbox.dropbox.file(&tenant.name, &path)
        };
        let [samples, _] = sample_images().unwrap();
        let other = samples[0].bytes.clone();
        let held = sandbox.telegram.switches().hold("sendPhoto");
        let publish = service.publish(&sandbox, tenant, image, json!({}));
        let replace = async {
            held.arrived(1).await;
            if tenant.is_managed {
                sandbox.s3.put(&path, other.clone()).await;
            } else {
                sandbox.dropbox.put(&tenant.name, &path, other.clone());
            }
            held.release();
        };
        let (answer, ()) = tokio::join!(publish, replace);
        let answer = answer.json();
        assert_eq!(
            answer["results"]["telegram"]["outcome"], "published",
            "{answer}"
        );
        assert_eq!(answer["archived"], false, "{answer}");
        let warning = answer["warnings"][0].as_str().unwrap();
        assert!(
            warning.starts_with("the image could not be archived"),
            "{warning}"
        );
        assert_eq!(file(), Some(other.clone()));
        let host = &tenant.host;
        let listed = service
            .get_as_admin(&sandbox, host, "/api/images/list")
            .await;
        let listed = listed.json();
        let names = listed["filenames"].as_array().unwrap();
        assert!(names.contains(&json!(image)), "{listed}");
        // It is another image, and published as such.
        let posted = sandbox.telegram.photos().len();
        let again = service
            .publish(&sandbox, tenant, image, json!({}))
            .await
            .json();
        assert_eq!(
            again["results"]["telegram"]["outcome"], "published",
            "{again}"
        );
        assert_eq!(again["archived"], true, "{again}");
        assert_eq!(sandbox.telegram.photos().len(), posted + 1);
    }
}
