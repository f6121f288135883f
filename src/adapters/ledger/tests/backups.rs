//! Copies of a ledger that goes on being written.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tempfile::TempDir;

use super::{
    Hands,
    suite::{attempt, list, published},
    *,
};

async fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::open(path, Arc::new(Hands::new()))
        .await
        .unwrap()
}

fn settings(path: &Path) -> LedgerSettings {
    LedgerSettings::of_file(path)
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_copy_holds_what_was_written_until_then_and_nobody_else_reads_it() {
    let folder = TempDir::new().unwrap();
    let (path, copy) = (
        folder.path().join("ledger.db"),
        folder.path().join("copy.db"),
    );
    let ledger = open(&path).await;
    attempt(&ledger, "alice", "before", &published("1")).await;
    backup(&settings(&path), &copy).await.unwrap();
    attempt(&ledger, "alice", "after", &published("2")).await;
    assert_eq!(list(&ledger, "alice").await.len(), 2);
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    ledger.pool().close().await;

    let ledger = open(&copy).await;
    let listed = list(&ledger, "alice").await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].filename(), "before.jpg");
    ledger.pool().close().await;
}

#[tokio::test]
async fn a_ledger_that_nobody_has_open_is_copied_and_left_as_it_is() {
    let (folder, copies) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = folder.path().join("ledger.db");
    let ledger = open(&path).await;
    attempt(&ledger, "alice", "image", &published("1")).await;
    ledger.pool().close().await;
    drop(ledger);
    let (files, content) = (names(folder.path()), fs::read(&path).unwrap());
    backup(&settings(&path), &copies.path().join("copy.db"))
        .await
        .unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(names(folder.path()), files);
    assert_eq!(names(copies.path()), ["copy.db"]);
}

#[tokio::test]
async fn what_cannot_be_copied_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let ledger = open(&at("ledger.db")).await;
    fs::write(at("there.db"), "precious").unwrap();
    fs::write(
        at("foreign.db"),
        "this is no database, and long enough to tell",
    )
    .unwrap();
    std::os::unix::fs::symlink("nowhere", at("dangling.db")).unwrap();
    let before = names(folder.path());
    for target in ["there.db", "dangling.db"] {
        let error = backup(&settings(&at("ledger.db")), &at(target))
            .await
            .unwrap_err();
        assert!(matches!(error, BackupError::Exists(_)), "{error}");
    }
    let error = backup(&settings(&at("ledger.db")), &at("missing/copy.db")).await;
    let error = error.unwrap_err();
    assert!(matches!(error, BackupError::NoFolder(_)), "{error}");
    assert!(
        error.to_string().contains("missing does not exist"),
        "{error}"
    );
    let error = backup(&settings(&at("missing.db")), &at("copy.db")).await;
    assert!(matches!(error.unwrap_err(), BackupError::NoLedger(_)));
    let error = backup(&settings(&at("foreign.db")), &at("copy.db")).await;
    assert!(matches!(error.unwrap_err(), BackupError::Ledger(_)));
    fs::hard_link(at("ledger.db"), at("hard.db")).unwrap();
    for path in ["ledger.db", "hard.db"] {
        let error = backup(&settings(&at(path)), &at("copy.db")).await;
        assert!(matches!(error.unwrap_err(), BackupError::Ledger(_)));
    }
    fs::remove_file(at("hard.db")).unwrap();
    let postgres = Secret::new("postgres://user@host/db".to_owned());
    let postgres = LedgerSettings::from_url(&postgres).unwrap();
    let error = backup(&postgres, &at("copy.db")).await.unwrap_err();
    assert!(error.to_string().contains("pg_dump"), "{error}");
    assert_eq!(fs::read_to_string(at("there.db")).unwrap(), "precious");
    assert_eq!(names(folder.path()), before);
    ledger.pool().close().await;
}
