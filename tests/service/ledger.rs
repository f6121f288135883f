//! Nothing twice, nothing forgotten: over restarts, crashes and replicas.

use std::{collections::BTreeSet, str::FromStr as _, time::Duration};

use futures_util::future::join_all;
use publisher::adapters::sandbox::{DemoTenant, Hold, Sandbox};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use crate::harness::{Answer, Service, command};

/// Where a PostgreSQL server may be; without one, what needs it says so and passes.
const SERVER: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// A schema of its own in PostgreSQL.
struct Schema {
    connection: PgConnection,
    name: String,
}

impl Schema {
    #[expect(clippy::print_stdout, reason = "a test that was skipped must say so")]
    async fn create() -> Option<Self> {
        let options = PgConnectOptions::from_str(SERVER).unwrap();
        let connecting = tokio::time::timeout(Duration::from_secs(5), options.connect()).await;
        let Ok(Ok(mut connection)) = connecting else {
            println!("skipped: no PostgreSQL answers at 127.0.0.1:5432");
            return None;
        };
        let name = format!("service_test_{}", uuid::Uuid::new_v4().simple());
        let create = AssertSqlSafe(format!("CREATE SCHEMA {name}"));
        sqlx::query(create).execute(&mut connection).await.unwrap();
        Some(Self { connection, name })
    }

    fn url(&self) -> String {
        format!("{SERVER}?options=-c%20search_path%3D{}", self.name)
    }

    async fn remove(mut self) {
        let remove = AssertSqlSafe(format!("DROP SCHEMA {} CASCADE", self.name));
        sqlx::query(remove)
            .execute(&mut self.connection)
            .await
            .unwrap();
    }
}

async fn start(sandbox: &Sandbox, ledger_url: &str) -> Service {
    let ledger = [("PUBLISH_LEDGER_URL", ledger_url)];
    Service::start_with(sandbox.environment(), &ledger).await
}

/// Starts a publish of an image, and ends the service as `kill -9` does once its call is held.
async fn kill_at(held: Hold, service: Service, sandbox: &Sandbox, who: &DemoTenant, image: &str) {
    {
        let publish = service.publish(sandbox, who, image, json!({}));
        tokio::pin!(publish);
        tokio::select! {
            answer = &mut publish => panic!("it was held: {answer:?}"),
            () = held.arrived(1) => {}
        }
    }
    service.kill().await;
    held.release();
}

/// Publishes again for as long as the server has not noticed that the process is gone.
async fn publish_after_crash(
    service: &Service,
    sandbox: &Sandbox,
    who: &DemoTenant,
    image: &str,
) -> Answer {
    for _ in 0..100 {
        let answer = service.publish(sandbox, who, image, json!({})).await;
        if answer.status != 409 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the lease of a dead process is still held after 10 s");
}

async fn publications(service: &Service, sandbox: &Sandbox, who: &DemoTenant) -> Vec<Value> {
    let answer = service
        .get_as_admin(sandbox, &who.host, "/api/publications")
        .await;
    answer.json()["publications"].as_array().unwrap().clone()
}

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
    let entries = publications(&service, &sandbox, alice).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!(entries[0]["platform"], "telegram");
    assert_eq!(
        entries[0]["post_id"],
        forced["results"]["telegram"]["post_id"]
    );
    let bob = &sandbox.tenants()[1];
    assert!(publications(&service, &sandbox, bob).await.is_empty());
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

async fn a_crash_during_the_call_is_unknown(ledger_url: &str) {
    let sandbox = Sandbox::start().await.unwrap();
    let service = start(&sandbox, ledger_url).await;
    let (bob, image) = (&sandbox.tenants()[1], "north-ridge.jpg");
    let held = sandbox.telegram.switches().hold("sendPhoto");
    kill_at(held, service, &sandbox, bob, image).await;

    let service = start(&sandbox, ledger_url).await;
    let answer = publish_after_crash(&service, &sandbox, bob, image).await;
    let result = &answer.json()["results"]["telegram"];
    assert_eq!(result["outcome"], "unknown", "{answer:?}");
    assert!(result["error"].as_str().unwrap().contains("force"));
    assert_eq!(answer.json()["archived"], false);
    assert_eq!(sandbox.telegram.photos().len(), 1, "it was sent before");
    let entries = publications(&service, &sandbox, bob).await;
    assert_eq!(entries[0]["outcome"], "unknown", "{entries:?}");

    let forced = service
        .publish(&sandbox, bob, image, json!({"force": true}))
        .await;
    assert_eq!(forced.json()["results"]["telegram"]["outcome"], "published");
    assert_eq!(sandbox.telegram.photos().len(), 2);
    service.kill().await;
}

#[tokio::test]
async fn a_crash_during_the_call_is_unknown_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/ledger.db", folder.path().display());
    a_crash_during_the_call_is_unknown(&url).await;
}

#[tokio::test]
async fn a_crash_during_the_call_is_unknown_on_postgres() {
    if let Some(schema) = Schema::create().await {
        a_crash_during_the_call_is_unknown(&schema.url()).await;
        schema.remove().await;
    }
}

async fn a_crash_before_the_intent_leaves_nothing(ledger_url: &str) {
    let sandbox = Sandbox::start().await.unwrap();
    let service = start(&sandbox, ledger_url).await;
    let (bob, image) = (&sandbox.tenants()[1], "north-ridge.jpg");
    let held = sandbox.openai.switches().hold("caption");
    kill_at(held, service, &sandbox, bob, image).await;

    let service = start(&sandbox, ledger_url).await;
    assert!(publications(&service, &sandbox, bob).await.is_empty());
    let answer = publish_after_crash(&service, &sandbox, bob, image).await;
    let outcome = &answer.json()["results"]["telegram"]["outcome"];
    assert_eq!(outcome, "published", "{answer:?}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
    service.kill().await;
}

#[tokio::test]
async fn a_crash_before_the_intent_leaves_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/ledger.db", folder.path().display());
    a_crash_before_the_intent_leaves_nothing(&url).await;
}

#[tokio::test]
async fn a_crash_before_the_intent_leaves_nothing_on_postgres() {
    if let Some(schema) = Schema::create().await {
        a_crash_before_the_intent_leaves_nothing(&schema.url()).await;
        schema.remove().await;
    }
}

#[tokio::test]
async fn two_replicas_on_one_server_send_an_image_once_to_each_platform() {
    let Some(schema) = Schema::create().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let url = schema.url();
    let (one, other) = tokio::join!(start(&sandbox, &url), start(&sandbox, &url));
    let alice = &sandbox.tenants()[0];
    let requests = (0..20).map(|number| {
        let replica = if number % 2 == 0 { &one } else { &other };
        replica.publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
    });
    let answers = join_all(requests).await;
    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
    // 404: it is in the archive by then.
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
    schema.remove().await;
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
        ("postgres://user:s3cret@127.0.0.1:9/ledger", "PostgreSQL"),
    ] {
        let mut serve = command("serve");
        serve.envs(sandbox.environment());
        serve.env("LISTEN_ADDRESS", "127.0.0.1:0");
        serve.env("PUBLISH_LEDGER_URL", url);
        let output = serve.output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("PUBLISH_LEDGER_URL"), "{told}");
        assert!(told.contains(said) && !told.contains("s3cret"), "{told}");
    }
    service.kill().await;
}
