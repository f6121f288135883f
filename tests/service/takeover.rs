//! What the existing service has posted, taken over by the commands: nothing of it is posted again.

mod tenants;

use std::fs;

use publisher::{adapters::storages, domain::storage::HashKind};
use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    canaries::Canaries,
    database::Database,
    harness::{Answer, Service, command},
};

const NAMES: [&str; 5] = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"];

fn sample(name: &str) -> Sample {
    Sample::jpeg(name, 60, 40, name.as_bytes()[0]).unwrap()
}

/// The hash of an image of [`NAMES`].
fn hash(kind: HashKind, name: &str) -> String {
    let kinds = storages::hash_kinds();
    let function = kinds.iter().find(|it| it.kind == kind).unwrap();
    (function.of)(&sample(name).bytes).to_string()
}

fn carol(sandbox: &Sandbox, names: &[&str]) -> DemoTenant {
    let images = names.iter().map(|name| sample(name));
    let carol = TenantSpec::new("carol").email(true).archive(false);
    sandbox.add_tenant(carol.images(images))
}

/// Runs `publisher import …`: the exit code, and all that it has printed, in which no secret is.
async fn import(sandbox: &Sandbox, ledger: &str, arguments: &[&str]) -> (i32, String) {
    let mut command = command("import");
    command
        .envs(sandbox.environment())
        .env("PUBLISH_LEDGER_URL", ledger)
        .args(arguments);
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let mut canaries = Canaries::default();
    canaries.add(["sandbox-", "AAsandbox", "s3cret"]);
    canaries.assert_not_in("what it prints", &said);
    (
        output.status.code().unwrap(),
        String::from_utf8(said).unwrap(),
    )
}

async fn publish_next(service: &Service, sandbox: &Sandbox, who: &DemoTenant) -> Value {
    let request = service.request(Method::POST, &who.host, "/api/publish");
    let answer = Answer::to(request.bearer_auth(sandbox.web_token())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn written(folder: &TempDir, list: &Value) -> String {
    let path = folder.path().join("posted.json");
    fs::write(&path, list.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn what_was_posted_is_passed_over(database: Option<Database>) {
    let Some(database) = database else { return };
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = carol(&sandbox, &NAMES[..3]);
    let folder = TempDir::new().unwrap();
    let list = json!({
        "hashes": [
            hash(HashKind::Sha256, "a.jpg").to_uppercase(),
            hash(HashKind::Etag, "b.jpg"),
        ],
        "dropbox_content_hashes": [hash(HashKind::Dropbox, "c.jpg")],
    });
    let list = written(&folder, &list);
    let arguments = ["posted", &*list, "--host", &*carol.host];
    for counts in ["3 new, 0 with", "0 new, 3 with"] {
        let (code, said) = import(&sandbox, &database.url(), &arguments).await;
        assert_eq!(code, 0, "{said}");
        assert!(
            said.contains(&format!("posted           {counts}")),
            "{said}"
        );
        assert!(said.contains("tenant           carol\n"), "{said}");
    }

    let service = database.start(&sandbox).await;
    let next = publish_next(&service, &sandbox, &carol).await;
    assert_eq!(next["filename"], Value::Null, "{next}");
    for name in &NAMES[..3] {
        let answer = service.publish(&sandbox, &carol, name, json!({})).await;
        let answer = answer.json();
        for platform in ["telegram", "email"] {
            let result = &answer["results"][platform];
            assert_eq!(result["outcome"], "already_published", "{answer}");
            assert_eq!(result["post_id"], Value::Null, "{answer}");
        }
    }
    let entries = service.publications(&sandbox, &carol).await;
    assert_eq!(entries.len(), 3);
    for entry in &entries {
        assert_eq!(entry["platform"], Value::Null, "{entry}");
        assert_eq!(entry["outcome"], "published", "{entry}");
        assert_eq!(entry["filename"], Value::Null, "{entry}");
    }

    // While the service runs, and for an image that it has shown already.
    assert!(
        sandbox
            .dropbox
            .put("carol", "/carol/d.jpg", sample("d.jpg").bytes)
    );
    let list = written(&folder, &json!([hash(HashKind::Sha256, "d.jpg"), "none"]));
    let arguments = ["posted", &*list, "--host", &*carol.host];
    let (code, said) = import(&sandbox, &database.url(), &arguments).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("posted           1 new"), "{said}");
    assert!(said.contains("[1], which is not 64 hex digits"), "{said}");
    let next = publish_next(&service, &sandbox, &carol).await;
    assert_eq!(next["filename"], Value::Null, "{next}");
    assert!(
        sandbox
            .dropbox
            .put("carol", "/carol/e.jpg", sample("e.jpg").bytes)
    );
    let next = publish_next(&service, &sandbox, &carol).await;
    assert_eq!(next["filename"], "e.jpg", "{next}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
    drop(service);
    database.remove().await;
}

#[tokio::test]
async fn a_list_of_what_was_posted_is_taken_over_into_a_file() {
    what_was_posted_is_passed_over(Database::sqlite().await).await;
}

#[tokio::test]
async fn a_list_of_what_was_posted_is_taken_over_into_postgresql() {
    what_was_posted_is_passed_over(Database::postgres().await).await;
}

#[tokio::test]
async fn a_list_needs_its_tenant_and_a_shape() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = carol(&sandbox, &[]);
    let folder = TempDir::new().unwrap();
    let file = written(&folder, &json!(["ab".repeat(32)]));
    let ledger = format!("sqlite://{}/ledger.db", folder.path().display());
    for (arguments, expected, told) in [
        (vec!["posted", &file], 2, "--host is required"),
        (
            vec!["posted", &file, "--host", "https://x/"],
            2,
            "the host of --host",
        ),
        (
            vec!["posted", &file, "--host", "no.sandbox.localhost"],
            2,
            "no tenant has the host of --host",
        ),
        (
            vec!["posted", "/nowhere"],
            1,
            "nothing was taken over from /nowhere",
        ),
    ] {
        let (code, said) = import(&sandbox, &ledger, &arguments).await;
        assert_eq!(code, expected, "{said}");
        assert!(said.contains(told), "{said}");
    }
    fs::write(&file, "{\"hashes\":\n 7}").unwrap();
    let (code, said) = import(&sandbox, &ledger, &["posted", &file, "--host", &carol.host]).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("`hashes` must be a list of hashes at line 2"),
        "{said}"
    );
    assert!(!folder.path().join("ledger.db").exists(), "nothing is made");
}

#[tokio::test]
async fn a_list_without_an_orchestrator_is_the_one_tenant_s() {
    let folder = TempDir::new().unwrap();
    let file = written(&folder, &json!(["ab".repeat(32)]));
    for (host, tenant) in [(None, "default"), (Some("carol.example.org"), "carol")] {
        let mut command = command("import");
        // Nothing else of the service needs to be set.
        command
            .args(["posted", &file])
            .envs(host.map(|host| ("STANDALONE_HOST", host)))
            .current_dir(folder.path());
        let output = command.output().await.unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(
            said.contains(&format!("tenant           {tenant}\n")),
            "{said}"
        );
    }
    assert!(folder.path().join("publisher-ledger.db").exists());
}

/// The existing service's tables, as `SQLAlchemy` makes them.
const TABLES: &str = "CREATE TYPE pv2_status AS ENUM ('leased', 'published', 'failed', 'unknown');
    CREATE TABLE pv2_publish_record (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), tenant VARCHAR(64) NOT NULL,
        content_hash VARCHAR(128) NOT NULL, platform VARCHAR(32) NOT NULL, status pv2_status NOT NULL, post_id VARCHAR,
        error TEXT, leased_at TIMESTAMP WITH TIME ZONE, finished_at TIMESTAMP);
    CREATE TABLE pv2_caption_history (id SERIAL PRIMARY KEY, tenant VARCHAR, platform VARCHAR, caption_text TEXT,
        image_filename VARCHAR, image_sha256 CHAR(64), angle VARCHAR, created_at TIMESTAMPTZ DEFAULT now());";

fn record(name: &str, platform: &str, status: &str, post: &str) -> String {
    let hash = hash(HashKind::Sha256, name);
    format!(
        "INSERT INTO pv2_publish_record (tenant, content_hash, platform, status, post_id, error, leased_at, finished_at)
         VALUES ('carol', '{hash}', '{platform}', '{status}', {post}, 's3cret', '2026-05-01 10:00:00+02', '2026-05-01 08:00:05');"
    )
}

#[tokio::test]
async fn a_database_is_taken_over_twice_with_its_captions() {
    let Some(mut existing) = Database::postgres().await else {
        return;
    };
    existing.run(TABLES).await;
    let records = [
        record("a.jpg", "telegram", "published", "'41'"),
        record("b.jpg", "telegram", "leased", "NULL"),
        record("b.jpg", "instagram", "published", "'9'"),
        record("c.jpg", "fetlife", "unknown", "NULL"),
        record("d.jpg", "telegram", "failed", "NULL"),
    ];
    existing.run(&records.concat()).await;
    let captions = format!(
        "INSERT INTO pv2_caption_history (tenant, platform, caption_text, image_filename, image_sha256, angle)
         VALUES ('carol', 'telegram', 'A caption', 'a.jpg', '{}', 'moment'), ('carol', 'email', 'Another', NULL, NULL, NULL),
            ('carol', 'instagram', 'A third', 'b.jpg', '{}', NULL), ('carol', 'telegram', ' ', NULL, NULL, NULL);
         INSERT INTO pv2_publish_record (tenant, content_hash, platform, status) VALUES ('carol', 'none', 'telegram', 'published')",
        hash(HashKind::Sha256, "a.jpg"),
        hash(HashKind::Sha256, "b.jpg").to_uppercase()
    );
    existing.run(&captions).await;
    let url = existing
        .url()
        .replace("postgres://", "postgresql+asyncpg://");
    let url = url.replace('@', ":s3cret@");

    for ledger in [Database::sqlite().await, Database::postgres().await] {
        let ledger = ledger.unwrap();
        let sandbox = Sandbox::start_empty().await.unwrap();
        let carol = carol(&sandbox, &NAMES[..4]);
        for counts in [("1 new", "2 new", "2 new"), ("0 new", "0 new", "0 new")] {
            let (code, said) = import(&sandbox, &ledger.url(), &["database", &url]).await;
            assert_eq!(code, 1, "{said}");
            for (kind, count) in [
                ("tenant           carol: ", "4 records"),
                ("published        ", counts.0),
                ("unknown          ", counts.1),
                ("captions         ", counts.2),
                ("failed           ", "1 left"),
                ("skipped          2 rows", " of the platform `instagram`"),
                ("skipped          1 caption", " that is empty"),
                ("1 record has no tenant", ", no platform or no content_hash"),
                (
                    "no record        ",
                    "tenant `carol`, platform `telegram`, content_hash `none`",
                ),
                ("in doubt         ", "carol, telegram: b.jpg (sha256 "),
                (
                    "in doubt         ",
                    "carol, email: its name is not known (sha256 ",
                ),
            ] {
                assert!(
                    said.contains(&format!("{kind}{count}")),
                    "{kind}{count}: {said}"
                );
            }
        }
        let service = ledger.start(&sandbox).await;
        let next = publish_next(&service, &sandbox, &carol).await;
        assert_eq!(next["filename"], "d.jpg", "{next}");
        let next = publish_next(&service, &sandbox, &carol).await;
        assert_eq!(next["filename"], Value::Null, "{next}");
        let warning = next["warnings"].to_string();
        assert!(
            warning.contains("2 images are in doubt: b.jpg, c.jpg; "),
            "{next}"
        );
        let entries = service.publications(&sandbox, &carol).await;
        let in_doubt = entries
            .iter()
            .find(|it| it["outcome"] == "unknown" && it["platform"] == "telegram");
        assert_eq!(in_doubt.unwrap()["filename"], "b.jpg");
        let posted = entries.iter().find(|it| it["post_id"] == "41").unwrap();
        assert_eq!(posted["filename"], "a.jpg");
        assert_eq!(posted["started_at"], "2026-05-01T08:00:00Z");
        assert_eq!(posted["ended_at"], "2026-05-01T08:00:05Z");
        let answer = service.publish(
            &sandbox,
            &carol,
            "b.jpg",
            json!({"platforms": ["telegram"]}),
        );
        let answer = answer.await.json();
        assert_eq!(
            answer["results"]["telegram"]["outcome"], "unknown",
            "{answer}"
        );
        assert_eq!(sandbox.telegram.photos().len(), 1);
        drop(service);
        ledger.remove().await;
    }
    existing.remove().await;
}

#[tokio::test]
async fn a_database_that_is_another_is_refused_by_what_it_lacks() {
    let Some(mut existing) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start_empty().await.unwrap();
    let folder = TempDir::new().unwrap();
    let ledger = format!("sqlite://{}/ledger.db", folder.path().display());
    let rule = "the URL must be postgres://<user>@<host>/<database>";
    for (url, told) in [
        ("mysql://u:s3cret@host/db", rule),
        ("sqlite://s3cret.db", rule),
        ("sqlite://", rule),
        ("s3cret", rule),
        ("postgres://u:s3#cret@host/db", "must be percent-encoded"),
        ("", "the URL is empty: it is not read from .env"),
    ] {
        let (code, said) = import(&sandbox, &ledger, &["database", url]).await;
        assert_eq!(code, 2, "{said}");
        assert!(
            said.contains(told) && !said.contains("must be sqlite"),
            "{said}"
        );
    }
    let nowhere = "postgres://u:s3cret@127.0.0.1:1/db";
    let (code, said) = import(&sandbox, &ledger, &["database", nowhere]).await;
    assert!(code == 1 && said.contains("cannot be reached"), "{said}");
    let url = existing.url();
    let (code, said) = import(&sandbox, &ledger, &["database", &url]).await;
    assert!(
        code == 1 && said.contains("no table pv2_publish_record"),
        "{said}"
    );
    existing
        .run("CREATE TABLE pv2_publish_record (tenant TEXT, content_hash TEXT, platform TEXT, status TEXT, leased_at TEXT)")
        .await;
    let (code, said) = import(&sandbox, &ledger, &["database", &url]).await;
    let told = "pv2_publish_record has no column post_id, finished_at";
    assert!(code == 1 && said.contains(told), "{said}");
    assert!(!folder.path().join("ledger.db").exists(), "nothing is made");
    existing
        .run("ALTER TABLE pv2_publish_record ADD post_id INTEGER, ADD finished_at DOUBLE PRECISION")
        .await;
    let row = format!(
        "INSERT INTO pv2_publish_record VALUES ('carol', '{}', 'Telegram', 'PUBLISHED', 'yesterday', 41, 1750000000.25)",
        hash(HashKind::Sha256, "a.jpg")
    );
    existing.run(&row).await;
    let (code, said) = import(&sandbox, &ledger, &["database", &url]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("published        1 new"), "{said}");
    assert!(
        said.contains("No captions were taken over: there is no table pv2_caption_history"),
        "{said}"
    );

    // The one tenant that is served is another.
    let mut command = command("import");
    command
        .args(["database", &url])
        .env("PUBLISH_LEDGER_URL", &ledger);
    let output = command.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("Nothing is of the tenant `default`"),
        "{said}"
    );
    existing.remove().await;
}
