//! A ledger whose database fails comes back by itself: without a restart, and with nothing sent twice.

use std::{fs::File, io::Write as _, path::Path, process::Command};

use publisher::adapters::sandbox::Sandbox;
use serde_json::json;
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
