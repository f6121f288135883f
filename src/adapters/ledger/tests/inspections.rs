//! Looking at a ledger in a file changes nothing.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use sqlx::ConnectOptions as _;
use tempfile::TempDir;

use super::{
    Backstage, Hands, job_suite,
    suite::{attempt, list, published},
    *,
};
use crate::domain::job::JobOrder;

fn settings(path: &Path) -> LedgerSettings {
    LedgerSettings::of_file(path)
}

async fn look(path: &Path, migrate: bool) -> Result<LedgerState, OpenLedgerError> {
    inspect(settings(path), migrate, Arc::new(Hands::new())).await
}

/// Every file, with its content.
fn everything_in(folder: &TempDir) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder.path()).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[tokio::test]
async fn a_ledger_that_is_not_there_is_not_made_unless_it_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    assert_eq!(look(&path, false).await.unwrap(), LedgerState::Absent);
    assert!(everything_in(&folder).is_empty());
    assert_eq!(look(&path, true).await.unwrap(), LedgerState::Ready);
    let made = everything_in(&folder);
    assert_eq!(look(&path, false).await.unwrap(), LedgerState::Ready);
    assert_eq!(everything_in(&folder), made);
    let nowhere = folder.path().join("missing/ledger.db");
    let error = look(&nowhere, false).await.unwrap_err();
    assert!(matches!(error, OpenLedgerError::File { .. }), "{error}");
}

#[tokio::test]
async fn migrations_are_counted_and_applied_only_when_that_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    look(&path, true).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(
        "DELETE FROM _sqlx_migrations WHERE version = 5; DROP TABLE ledger_hashes;
         ALTER TABLE ledger_entries DROP COLUMN hash; ALTER TABLE ledger_entries DROP COLUMN hash_kind;
         ALTER TABLE ledger_passed_over DROP COLUMN hash;
         ALTER TABLE ledger_passed_over DROP COLUMN hash_kind;
         ALTER TABLE ledger_requests DROP COLUMN hashes",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let before = everything_in(&folder);
    let state = look(&path, false).await.unwrap();
    assert_eq!(state.to_string(), "1 migration pending; serve applies it");
    assert_eq!(everything_in(&folder), before);
    assert_eq!(look(&path, true).await.unwrap(), LedgerState::Ready);
}

#[tokio::test]
async fn what_a_crash_has_left_is_left_as_it_is() {
    let (folder, after_crash) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path, Arc::new(Hands::new()))
        .await
        .unwrap();
    attempt(&ledger, "alice", "image", &published("1")).await;
    assert_eq!(look(&path, false).await.unwrap(), LedgerState::InUse);
    assert_eq!(look(&path, true).await.unwrap(), LedgerState::InUse);
    for (file, content) in everything_in(&folder) {
        fs::write(after_crash.path().join(file.file_name().unwrap()), content).unwrap();
    }
    ledger.pool().close().await;
    let before = everything_in(&after_crash);
    assert!(before.len() >= 3, "a log is beside it");
    let path = after_crash.path().join("ledger.db");
    assert_eq!(look(&path, false).await.unwrap(), LedgerState::Ready);
    assert_eq!(everything_in(&after_crash), before);
}

#[tokio::test]
async fn what_is_no_ledger_is_told_to_be_none() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    fs::write(&path, "this is no database, and long enough to tell").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    for migrate in [false, true] {
        let error = look(&path, migrate).await.unwrap_err();
        assert!(matches!(error, OpenLedgerError::File { .. }), "{error}");
    }
    assert_eq!(everything_in(&folder).len(), 1, "no lock is beside it");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "it is left as it was");
    let error = look(Path::new("/dev/null"), true).await.unwrap_err();
    assert!(error.is_of_settings(), "{error}");
    let error = look(&path, false).await.unwrap_err();
    assert!(error.is_of_settings());
    let error = look(folder.path(), false).await.unwrap_err();
    assert!(error.to_string().contains("it is a folder"), "{error}");
    assert!(error.is_of_settings());
    let linked = folder.path().join("linked.db");
    fs::hard_link(&path, &linked).unwrap();
    let error = look(&linked, false).await.unwrap_err();
    let advice = "remove all names but the one that it was last served under";
    assert!(error.to_string().contains(advice), "{error}");
    assert!(error.is_of_settings());
}

#[tokio::test]
async fn a_ledger_with_a_damaged_log_is_left_as_it_is() {
    let (folder, after_crash) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path, Arc::new(Hands::new()))
        .await
        .unwrap();
    for image in ["one", "two", "three"] {
        attempt(&ledger, "alice", image, &published("1")).await;
    }
    for (file, content) in everything_in(&folder) {
        fs::write(after_crash.path().join(file.file_name().unwrap()), content).unwrap();
    }
    ledger.pool().close().await;
    let (path, log) = (
        after_crash.path().join("ledger.db"),
        after_crash.path().join("ledger.db-wal"),
    );
    let whole = fs::read(&log).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&log, &damaged).unwrap();
    let before = everything_in(&after_crash);
    for migrate in [false, true] {
        let error = look(&path, migrate).await.unwrap_err();
        assert!(matches!(error, OpenLedgerError::DamagedLog(_)), "{error}");
    }
    let copy = folder.path().join("copy.db");
    backup(&settings(&path), &copy).await.unwrap_err();
    assert!(!copy.exists());
    assert_eq!(everything_in(&after_crash), before);

    // Without its last writes.
    fs::write(&log, &whole[..whole.len() - 4120]).unwrap();
    assert_eq!(look(&path, false).await.unwrap(), LedgerState::CutOff);
    assert_eq!(look(&path, true).await.unwrap(), LedgerState::Ready);
}

#[tokio::test]
async fn a_link_is_followed_to_what_is_beside_the_file_itself() {
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path, Arc::new(Hands::new()))
        .await
        .unwrap();
    // All of it is in the log still.
    attempt(&ledger, "alice", "image", &published("1")).await;
    for (file, content) in everything_in(&folder) {
        fs::write(elsewhere.path().join(file.file_name().unwrap()), content).unwrap();
    }
    ledger.pool().close().await;
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(elsewhere.path().join("ledger.db"), &link).unwrap();
    assert_eq!(look(&link, false).await.unwrap(), LedgerState::Ready);
}

#[tokio::test]
async fn a_ledger_that_a_later_version_has_changed_opens() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let open = async || {
        SqliteLedger::open(&path, Arc::new(Hands::new()))
            .await
            .unwrap()
    };
    let ledger = open().await;
    ledger.run(merge_suite::LATER).await;
    ledger.pool().close().await;
    drop(ledger);
    assert_eq!(look(&path, false).await.unwrap(), LedgerState::Ready);
    let ledger = open().await;
    attempt(&ledger, "alice", "image", &published("1")).await;
    assert_eq!(list(&ledger, "alice").await.len(), 1);
    ledger.pool().close().await;
}

#[tokio::test]
async fn open_jobs_are_counted_and_nothing_is_changed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let clock = clock();
    let look = async || {
        let jobs = inspect_jobs(&settings(&path), Arc::clone(&clock)).await;
        jobs.unwrap()
    };
    assert_eq!(look().await, None, "there is no ledger");
    let ledger = SqliteLedger::open(&path, Arc::clone(&clock)).await.unwrap();
    fill(&ledger).await;
    assert_eq!(look().await, None, "it is in use");
    ledger.pool().close().await;
    drop(ledger);
    let before = everything_in(&folder);
    let found = look().await.unwrap();
    assert_eq!(everything_in(&folder), before);
    assert_filled(found);
}

#[tokio::test]
async fn open_jobs_on_a_server_are_counted_by_its_clock() {
    let Some(stage) = postgres::stage().await else {
        return;
    };
    fill(&stage.ledger).await;
    let url = format!(
        "{}?options=-c%20search_path%3D{}",
        postgres::SERVER,
        stage.schema
    );
    let on_server = LedgerSettings::from_url(&Secret::new(url)).unwrap();
    let found = inspect_jobs(&on_server, clock()).await;
    let ended = "UPDATE ledger_jobs SET due_at = 0 WHERE status = 'running'";
    stage.ledger.run(ended).await;
    let behind = inspect_jobs(&on_server, clock()).await;
    stage.end().await;
    assert_filled(found.unwrap().unwrap());
    let behind = behind.unwrap().unwrap();
    assert_eq!((behind.running, behind.abandoned), (0, 1));
    assert!(behind.is_behind());
}

/// A job of each kind that is open.
async fn fill(ledger: &impl Backstage) {
    let hour = Duration::from_hours(1);
    job_suite::add(ledger, "alice").await;
    job_suite::only(ledger).await;
    job_suite::add(ledger, "bob").await;
    job_suite::add_at(ledger, "carol", JobOrder::default(), hour).await;
    job_suite::add_at(ledger, "dave", job_suite::awaiting(), hour).await;
}

fn assert_filled(found: QueueSummary) {
    let expected = QueueSummary {
        to_come: 1,
        due: 1,
        oldest_due: found.oldest_due,
        awaiting: 1,
        running: 1,
        abandoned: 0,
    };
    assert_eq!(found, expected);
    assert!(found.oldest_due.is_some() && !found.is_behind());
}
