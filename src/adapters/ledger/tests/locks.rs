//! A file is one process's, whatever path leads to it.

use std::{fs, os::unix::fs::symlink, path::Path};

use tempfile::TempDir;

use super::{Hands, *};

async fn open(path: &Path) -> Result<SqliteLedger, OpenLedgerError> {
    SqliteLedger::open(path, Arc::new(Hands::new())).await
}

#[tokio::test]
async fn a_file_that_is_open_is_found_by_every_path() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ledger.db");
    fs::create_dir(folder.path().join("other")).unwrap();
    let ledger = open(&file).await.unwrap();
    let paths = [
        "symbolic.db",
        "hard.db",
        "other/hard.db",
        "other/../ledger.db",
    ];
    let paths = paths.map(|path| folder.path().join(path));
    symlink("ledger.db", &paths[0]).unwrap();
    fs::hard_link(&file, &paths[1]).unwrap();
    fs::hard_link(&file, &paths[2]).unwrap();
    for path in &paths {
        let second = open(path).await.err().unwrap();
        assert!(
            matches!(second, OpenLedgerError::InUse(_)),
            "{path:?}: {second}"
        );
    }
    ledger.probe().await.unwrap();
    ledger.pool().close().await;
    drop(ledger);
    for path in [&file, &paths[0], &paths[1]] {
        let error = open(path).await.err().unwrap().to_string();
        assert!(error.contains("remove all names but the one"), "{error}");
    }
    for path in &paths[1..3] {
        fs::remove_file(path).unwrap();
    }
    for path in [&file, &paths[0]] {
        let ledger = open(path).await.unwrap();
        ledger.pool().close().await;
    }
}

#[tokio::test]
async fn a_file_that_was_moved_away_under_a_process_is_missed_by_its_name() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ledger.db");
    let ledger = open(&file).await.unwrap();
    fs::rename(&file, folder.path().join("aside.db")).unwrap();
    for path in [file, folder.path().join("aside.db")] {
        let second = open(&path).await.err().unwrap();
        assert!(
            matches!(second, OpenLedgerError::InUse(_)),
            "{path:?}: {second}"
        );
    }
    ledger.pool().close().await;
}

/// Its connection is closed on another thread, some time later.
#[tokio::test]
async fn a_ledger_that_is_dropped_before_it_is_closed_stays_locked() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ledger.db");
    drop(open(&file).await.unwrap());
    let second = open(&file).await.err().unwrap();
    assert!(matches!(second, OpenLedgerError::InUse(_)), "{second}");
}

#[tokio::test]
async fn a_ledger_that_is_opened_beside_leaves_the_file_to_a_service() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ledger.db");
    let settings = || LedgerSettings::of_file(&file);
    assert_eq!(settings().missing_file(), Some(&*file));
    open(&file).await.unwrap().pool().close().await;
    assert_eq!(settings().missing_file(), None);
    let beside = OpenLedger::open_beside(settings(), Arc::new(Hands::new())).await;
    let beside = beside.unwrap();
    let service = open(&file).await.unwrap();
    service.probe().await.unwrap();
    beside.reader.probe().await.unwrap();
    beside.close().await;
    service.pool().close().await;
}
