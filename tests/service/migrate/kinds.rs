//! From one kind of storage to another: what a tenant published before is not published again, whether the migration
//! has told the ledger or somebody else has copied the files.

use std::{fs, path::Path};

use publisher_sandbox::{Switches, TenantSpec, sample_images};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{database::Database, harness::Service};

const ROOT: &str = "/queue";
const PREFIX: &str = "dora/queue";
/// What was published before the migration.
const PUBLISHED: &str = "harbour-dawn.jpg";
/// The image whose copy is under way when the first run is killed.
const KILLED_AT: &str = "red-thread.webp";

/// A tenant that has published one of its images from Dropbox; published images stay in the root folder.
struct Moving {
    sandbox: Sandbox,
    dora: DemoTenant,
    database: Database,
}

fn spec() -> TenantSpec {
    TenantSpec::new("dora").email(true).archive(false)
}

impl Moving {
    /// With one tenant from the environment or, if not, an orchestrator.
    async fn new(is_standalone: bool) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let [images, _] = sample_images().unwrap();
        let dora = sandbox.add_tenant(spec().root(ROOT).images(images));
        let database = Database::sqlite().await.unwrap();
        let moving = Self {
            sandbox,
            dora,
            database,
        };
        let environment = if is_standalone {
            moving.standalone(&[])
        } else {
            moving.orchestrated()
        };
        let service = Service::start_with(environment, &[]).await;
        moving.publish(&service, "published").await;
        service.terminate().await;
        service.ended().await;
        moving
    }

    fn orchestrated(&self) -> Vec<(&'static str, String)> {
        with(
            self.sandbox.environment(),
            &[("PUBLISH_LEDGER_URL", self.database.url())],
        )
    }

    fn standalone(&self, more: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
        let mut environment = self.sandbox.standalone_environment(&self.dora);
        environment.extend(self.bucket());
        let ledger = [("PUBLISH_LEDGER_URL", self.database.url())];
        with(with(environment, &ledger), more)
    }

    /// The settings of the bucket.
    fn bucket(&self) -> [(&'static str, String); 5] {
        let names = [
            "R2_ACCESS_KEY_ID",
            "R2_SECRET_ACCESS_KEY",
            "R2_ENDPOINT_URL",
            "R2_BUCKET_NAME",
            "R2_REGION",
        ];
        let mut names = names.into_iter();
        let fields = self.sandbox.s3.credential();
        fields.map(|(_, value)| (names.next().unwrap(), value))
    }

    /// Tells the orchestrator that the tenant has a bucket now.
    fn moved(&self) {
        self.sandbox.add_tenant(spec().managed(PREFIX));
    }

    fn migrate(&self, environment: Vec<(&'static str, String)>, options: &[&str]) -> Command {
        let mut command = command("migrate");
        command
            .envs(environment)
            .env("DROPBOX_REFRESH_TOKEN", &self.dora.refresh_token)
            .args(["--from", "dropbox", "--from-root", ROOT])
            .args(options);
        command
    }

    /// Publishes the image; every platform has this outcome.
    async fn publish(&self, service: &Service, expected: &str) {
        let published = service.publish(&self.sandbox, &self.dora, PUBLISHED, json!({}));
        let answer = published.await.json();
        for platform in ["telegram", "email"] {
            let outcome = &answer["results"][platform]["outcome"];
            assert_eq!(outcome, expected, "{answer}");
        }
    }

    /// What was paid for and sent.
    fn calls(&self) -> [usize; 4] {
        let Sandbox {
            telegram,
            openai,
            smtp,
            ..
        } = &self.sandbox;
        let asked = |operation| openai.switches().calls(operation);
        [
            asked("vision"),
            asked("caption"),
            telegram.switches().calls("sendPhoto"),
            smtp.mails().len(),
        ]
    }

    /// Publishes again on a service with these settings: nothing is sent, and no model is asked.
    async fn nothing_is_sent_again(&self, environment: Vec<(&'static str, String)>) {
        let before = self.calls();
        let service = Service::start_with(environment, &[]).await;
        self.publish(&service, "already_published").await;
        assert_eq!(self.calls(), before);
        let entries = service.publications(&self.sandbox, &self.dora).await;
        let published = |entry: &&Value| entry["outcome"] == "published";
        assert_eq!(entries.iter().filter(published).count(), 2, "{entries:?}");
        service.terminate().await;
        service.ended().await;
    }

    /// All images of the tenant at Dropbox.
    fn images(&self) -> BTreeMap<String, Bytes> {
        files(&self.sandbox, &self.dora, ROOT)
    }

    fn in_bucket(&self) -> BTreeMap<String, Bytes> {
        let s3 = &self.sandbox.s3;
        let keys = s3.keys().into_iter();
        let inside = keys.filter_map(|key| {
            let name = key.strip_prefix(PREFIX)?.strip_prefix('/')?.to_owned();
            Some((name, s3.object(&key)?))
        });
        inside.collect()
    }

    fn s3(&self) -> &Switches {
        self.sandbox.s3.server().switches()
    }
}

/// Settings, and others in their place.
fn with(
    mut environment: Vec<(&'static str, String)>,
    others: &[(&'static str, String)],
) -> Vec<(&'static str, String)> {
    environment.retain(|(name, _)| others.iter().all(|(other, _)| other != name));
    environment.extend(others.iter().cloned());
    environment
}

/// The files below a folder of the machine.
fn on_disk(folder: &Path) -> BTreeMap<String, Bytes> {
    let mut found = BTreeMap::new();
    let is_left_over = |name: &str| name.starts_with(".publisher-");
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            // A killed process leaves what it was writing.
            if !is_left_over(name) {
                found.insert(name.to_owned(), fs::read(&path).unwrap().into());
            }
        }
    }
    found
}

/// Runs until a call is held, and is killed.
async fn killed(mut command: Command, held: publisher_sandbox::Hold) {
    let mut child = command.spawn().unwrap();
    held.arrived(1).await;
    child.kill().await.unwrap();
    held.release();
}

const TOLD: &str = "1 images known by more hashes now, 0 known by all already";
const KNOWN: &str = "0 images known by more hashes now, 1 known by all already";

#[tokio::test]
async fn a_tenant_of_an_orchestrator_that_moves_to_a_bucket_publishes_nothing_again() {
    let moving = Moving::new(false).await;
    moving.moved();
    let host = moving.dora.host.clone();
    let options = ["--host", host.as_str()];
    let held = moving.s3().hold_matching("put", KILLED_AT);
    killed(moving.migrate(moving.orchestrated(), &options), held).await;
    // The service runs, and has the ledger.
    let service = Service::start_with(moving.orchestrated(), &[]).await;
    let (code, said) = run(moving.migrate(moving.orchestrated(), &options)).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(TOLD) || said.contains(KNOWN), "{said}");
    assert_eq!(moving.in_bucket(), moving.images());
    service.terminate().await;
    service.ended().await;
    let (code, said) = run(moving.migrate(moving.orchestrated(), &options)).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("0 copied") && said.contains(KNOWN), "{said}");
    moving.s3().forget_calls();
    moving.nothing_is_sent_again(moving.orchestrated()).await;
    // The ledger knows what the bucket lists.
    assert_eq!(moving.s3().calls_matching("get", PUBLISHED), 0);
}

#[tokio::test]
async fn a_tenant_from_the_environment_that_moves_to_a_bucket_publishes_nothing_again() {
    let moving = Moving::new(true).await;
    let environment = moving.standalone(&[]);
    let to = ["--to", "managed", "--to-root", PREFIX];
    let dry = [&to[..], &["--dry-run"]].concat();
    let (code, said) = run(moving.migrate(environment.clone(), &dry)).await;
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("ledger"), "{said}");
    let held = moving.s3().hold_matching("put", KILLED_AT);
    killed(moving.migrate(environment.clone(), &to), held).await;
    let (code, said) = run(moving.migrate(environment, &to)).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(TOLD) || said.contains(KNOWN), "{said}");
    assert_eq!(moving.in_bucket(), moving.images());
    let moved = moving.standalone(&[
        ("STORAGE_PROVIDER", "managed".to_owned()),
        ("STORAGE_PATHS", json!({ "root": PREFIX }).to_string()),
    ]);
    moving.s3().forget_calls();
    moving.nothing_is_sent_again(moved).await;
    assert_eq!(moving.s3().calls_matching("get", PUBLISHED), 0);
}

#[tokio::test]
async fn a_tenant_that_moves_to_a_folder_publishes_nothing_again() {
    let moving = Moving::new(true).await;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let to = ["--to", "local", "--to-root", root];
    let download = moving.sandbox.dropbox.switches();
    let held = download.hold_matching("download", KILLED_AT);
    killed(moving.migrate(moving.standalone(&[]), &to), held).await;
    assert!(!folder.path().join(KILLED_AT).exists());
    let (code, said) = run(moving.migrate(moving.standalone(&[]), &to)).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(TOLD) || said.contains(KNOWN), "{said}");
    assert_eq!(on_disk(folder.path()), moving.images());
    let moved = moving.standalone(&[
        ("STORAGE_PROVIDER", "local".to_owned()),
        ("STORAGE_PATHS", json!({ "root": root }).to_string()),
    ]);
    moving.nothing_is_sent_again(moved).await;
}

#[tokio::test]
async fn what_somebody_else_copied_into_the_bucket_is_not_published_again_either() {
    for is_standalone in [false, true] {
        let moving = Moving::new(is_standalone).await;
        for (name, bytes) in moving.images() {
            assert!(
                moving
                    .sandbox
                    .s3
                    .put(&format!("{PREFIX}/{name}"), bytes)
                    .await
            );
        }
        let environment = if is_standalone {
            moving.standalone(&[
                ("STORAGE_PROVIDER", "managed".to_owned()),
                ("STORAGE_PATHS", json!({ "root": PREFIX }).to_string()),
            ])
        } else {
            moving.moved();
            moving.orchestrated()
        };
        moving.nothing_is_sent_again(environment).await;
    }
}

#[tokio::test]
async fn files_go_through_all_kinds_and_come_back_the_same() {
    let (sandbox, dora) = tenant().await;
    let ledger = tempfile::tempdir().unwrap();
    let folder: TempDir = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let moving = Moving {
        database: Database::Sqlite(ledger),
        sandbox,
        dora,
    };
    // A root folder is the tenant's own to make.
    let dropbox = &moving.sandbox.dropbox;
    assert!(dropbox.make_folder(&moving.dora.name, "/back"));
    for [from, from_root, to, to_root] in [
        ["dropbox", OLD, "managed", PREFIX],
        ["managed", PREFIX, "local", root],
        ["local", root, "dropbox", "/back"],
    ] {
        let mut migrate = command("migrate");
        migrate
            .envs(moving.standalone(&[]))
            .args(["--from", from, "--from-root", from_root])
            .args(["--to", to, "--to-root", to_root]);
        let (code, said) = run(migrate).await;
        assert_eq!(code, 0, "{from} {to}: {said}");
        assert!(said.contains("images    5 copied"), "{from} {to}: {said}");
        // The migration makes no ledger.
        assert!(said.contains("ledger    there is none"), "{said}");
    }
    assert_eq!(moving.in_bucket(), expected());
    assert_eq!(on_disk(folder.path()), expected());
    assert_eq!(files(&moving.sandbox, &moving.dora, "/back"), expected());
}
