//! A ledger whose database fails comes back by itself: without a restart, and with nothing sent twice.

use std::{fs::File, io::Write as _, path::Path, process::Command};

use publisher_sandbox::Sandbox;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{database::Database, harness::Service};

/// A file system of one megabyte, gone with this.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts it; says so where that is not allowed.
    #[expect(clippy::print_stdout, reason = "a test that was skipped must say so")]
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];
        let mounted = Command::new("mount")
            .args(mount)
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        println!(
            "skipped: no tmpfs can be mounted here; the tests of the SQLite ledger do the same \
             with PRAGMA max_page_count"
        );
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that there is.
    fn fill(&self) {
        let mut file = File::create(self.path().join("filler")).unwrap();
        for size in [4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a service that still has its ledger open there keeps what it needs.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}

/// Publishes to both platforms while the ledger cannot be written, and once it can.
async fn comes_back(service: &Service, sandbox: &Sandbox, repair: impl AsyncFnOnce()) {
    let alice = &sandbox.tenants()[0];
    for _ in 0..3 {
        let refused = service
            .publish(sandbox, alice, "harbour-dawn.jpg", json!({}))
            .await;
        refused.assert_problem(503, "ledger-unavailable");
    }
    let counted = service.metrics().await.text;
    let refused = "publisher_publish_refusals_total{reason=\"ledger\"} 3\n";
    assert!(counted.contains(refused), "{counted}");
    let ready = service.becomes_unready().await;
    assert_eq!(ready.json()["reason"], "ledger_unavailable");
    assert!(sandbox.telegram.photos().is_empty());

    repair().await;
    service.becomes_ready().await;
    let published = service
        .publish(sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await
        .json();
    for platform in ["telegram", "email"] {
        let outcome = &published["results"][platform]["outcome"];
        assert_eq!(outcome, "published", "{published}");
    }
    assert_eq!(sandbox.telegram.photos().len(), 1);
}

#[tokio::test]
async fn a_ledger_on_a_full_disk_goes_on_when_there_is_room_again() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let url = format!("sqlite://{}/ledger.db", disk.path().display());
    let ledger = [("PUBLISH_LEDGER_URL", &*url)];
    let service = Service::start_with(sandbox.environment(), &ledger).await;
    service.becomes_ready().await;
    disk.fill();
    comes_back(&service, &sandbox, async || disk.empty()).await;
    service.kill().await;
}

#[tokio::test]
async fn a_ledger_on_a_server_that_was_read_only_goes_on_when_that_takes_writes_again() {
    let Some(mut database) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let service = database.start(&sandbox).await;
    service.becomes_ready().await;
    database.take_no_writes(true).await;
    comes_back(&service, &sandbox, async || {
        database.take_no_writes(false).await;
    })
    .await;
    service.kill().await;
    database.remove().await;
}

/// An image of a tenant, sent while the disk is full; the service goes on trying to say so in the ledger.
async fn send_on_a_full_disk(service: &Service, sandbox: &Sandbox, disk: &SmallDisk) {
    let bob = &sandbox.tenants()[1];
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let publish = service.publish(sandbox, bob, "north-ridge.jpg", json!({}));
    let fill = async {
        held.arrived(1).await;
        disk.fill();
        held.release();
    };
    let (answer, ()) = tokio::join!(publish, fill);
    let answer = answer.json();
    assert_eq!(answer["results"]["telegram"]["outcome"], "published");
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("until it can be told"), "{answer}");
}

#[tokio::test]
async fn an_outcome_that_a_full_disk_did_not_take_is_recorded_when_there_is_room_again() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let url = format!("sqlite://{}/ledger.db", disk.path().display());
    let ledger = [("PUBLISH_LEDGER_URL", &*url)];
    let service = Service::start_with(sandbox.environment(), &ledger).await;
    send_on_a_full_disk(&service, &sandbox, &disk).await;
    disk.empty();
    service
        .logged("the ledger is back, and the outcome of a post is recorded")
        .await;
    let bob = &sandbox.tenants()[1];
    let entries = service.publications(&sandbox, bob).await;
    assert_eq!(entries[0]["outcome"], "published", "{entries:?}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
    service.kill().await;
}

#[tokio::test]
async fn a_process_that_ends_says_which_outcomes_the_ledger_was_not_told() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let url = format!("sqlite://{}/ledger.db", disk.path().display());
    let settings = [
        ("PUBLISH_LEDGER_URL", &*url),
        ("SHUTDOWN_GRACE_SECONDS", "2"),
    ];
    let service = Service::start_with(sandbox.environment(), &settings).await;
    send_on_a_full_disk(&service, &sandbox, &disk).await;
    service.terminate().await;
    let (status, log) = service.ended().await;
    assert_eq!(status.code(), Some(1), "{log}");
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lost: Vec<_> = lines
        .filter(|line| line["message"] == "the outcome of a post is not recorded in the ledger")
        .collect();
    assert_eq!(lost.len(), 1, "{log}");
    let bob = &sandbox.tenants()[1];
    assert_eq!(lost[0]["level"], "ERROR", "{lost:?}");
    assert_eq!(lost[0]["tenant"], bob.name, "{lost:?}");
    assert_eq!(lost[0]["platform"], "telegram", "{lost:?}");
    assert_eq!(lost[0]["outcome"], "published", "{lost:?}");
    for fact in ["content_hash", "post_id"] {
        assert!(
            lost[0][fact].as_str().is_some_and(|it| !it.is_empty()),
            "{lost:?}"
        );
    }
}
