//! Ledgers as version 4 left them, which knew one hash of each image, and version 9, which kept no caption of its own,
//! opened by this version; and what its look-ups read of a ledger.

use std::str::FromStr as _;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqlitePool,
    postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    hash_suite::{all, hash, prior},
    postgres::{SERVER, opened},
    request_suite::request_of,
    suite::{list, name},
    *,
};
use crate::{
    adapters::ledger::{migrations, sqlite},
    domain::{
        caption_history::{Angle, PastCaption},
        idempotency::{Begun, ChosenImage},
        ledger::{EntryState, PriorState},
        platform::Platform::Telegram,
        publication::{FailureReason, PublishedPost},
        storage::HashKind::{Dropbox, Etag, Sha256},
    },
};

/// An image that was published, one that was passed over, and a request that may have sent something.
fn rows() -> String {
    let request = request_of("alice", "a.jpg");
    format!(
        "INSERT INTO ledger_entries
            (tenant, content_hash, platform, filename, state, post_id, holder, started_at)
            VALUES ('alice', '{posted}', 'telegram', 'a.jpg', 'published', '1', 'h', 2);
         INSERT INTO ledger_passed_over
            (tenant, content_hash, filename, reason, error, noted_at)
            VALUES ('alice', '{broken}', 'b.jpg', 'image_unsuitable', 'no', 1);
         INSERT INTO ledger_requests
            (tenant, key_hash, fingerprint, session, expires_at, filename, content_hash, created_at)
            VALUES ('alice', '{key}', '{fingerprint}', 0, 0, 'a.jpg', '{posted}', 9000000000000000)",
        posted = hash(Dropbox, "posted"),
        broken = hash(Dropbox, "broken"),
        key = request.key_hash(),
        fingerprint = request.fingerprint().as_str(),
    )
}

async fn its_rows_are_known(ledger: &impl Backstage) {
    let listed = list(ledger, "alice").await;
    let listed: Vec<_> = listed
        .iter()
        .map(|it| (it.state, it.content_hash.clone()))
        .collect();
    let expected = [
        (EntryState::Published, hash(Dropbox, "posted")),
        (EntryState::Skipped, hash(Dropbox, "broken")),
    ];
    assert_eq!(listed, expected);
    for hashes in [hash(Dropbox, "posted").into(), all(Etag, "posted")] {
        let known = prior(ledger, hashes).await.platforms;
        let posted = PriorState::Published(PublishedPost::new("1"));
        assert_eq!(known, [(Telegram, posted)].into());
    }
    for hashes in [hash(Dropbox, "broken").into(), all(Sha256, "broken")] {
        let known = prior(ledger, hashes).await.passed_over;
        assert_eq!(known, Some(FailureReason::ImageUnsuitable));
    }
    let learnt = [hash(Etag, "posted"), hash(Sha256, "broken")];
    let learnt = ledger.entries_of(&tenant("alice"), &learnt).await.unwrap();
    assert_eq!(learnt.len(), 2);
    let chosen = ChosenImage {
        name: name("a.jpg"),
        hashes: hash(Dropbox, "posted").into(),
    };
    let begun = ledger.begin(&request_of("alice", "a.jpg")).await.unwrap();
    assert_eq!(begun, Begun::Resumed(chosen));
}

/// A caption that version 9 has taken over.
const CAPTION: &str = "INSERT INTO ledger_caption_history
        (tenant, platform, caption, angle, sent_at, fingerprint)
    VALUES ('alice', 'telegram', 'theirs', 'moment', 1, 'f')";

async fn its_caption_is_history(ledger: &impl Backstage) {
    let recent = ledger.recent(&tenant("alice"), &[Telegram]).await.unwrap();
    let theirs = PastCaption {
        text: "theirs".to_owned(),
        angle: Some(Angle::Moment),
    };
    assert_eq!(recent, [(Telegram, vec![theirs])].into());
}

#[tokio::test]
async fn a_file_of_version_4_is_brought_up_to_date_with_its_rows() {
    let ledger = file_of(4, &rows()).await;
    its_rows_are_known(&ledger.0).await;
    ledger.0.pool().close().await;
}

#[tokio::test]
async fn a_file_of_version_9_is_brought_up_to_date_with_its_captions() {
    let ledger = file_of(9, CAPTION).await;
    its_caption_is_history(&ledger.0).await;
    ledger.0.pool().close().await;
}

/// A file as this version left it, with these rows, opened.
async fn file_of(version: i64, rows: &str) -> (SqliteLedger, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let migrated = migrations::of_sqlite_up_to(version);
    migrated.run(&pool).await.unwrap();
    let rows = sqlx::raw_sql(AssertSqlSafe(rows.to_owned()));
    rows.execute(&pool).await.unwrap();
    pool.close().await;
    let ledger = SqliteLedger::open(&path, clock()).await.unwrap();
    (ledger, folder)
}

#[tokio::test]
async fn a_schema_of_version_4_is_brought_up_to_date_with_its_rows() {
    on_schema_of(4, &rows(), async |ledger| {
        its_rows_are_known(ledger).await;
    })
    .await;
}

#[tokio::test]
async fn a_schema_of_version_9_is_brought_up_to_date_with_its_captions() {
    on_schema_of(9, CAPTION, async |ledger| {
        its_caption_is_history(ledger).await;
    })
    .await;
}

/// Runs a test on a schema as this version left it, with these rows, once it is opened.
async fn on_schema_of(version: i64, rows: &str, test: impl AsyncFnOnce(&PostgresLedger)) {
    let options = PgConnectOptions::from_str(SERVER).unwrap();
    let Ok(mut admin) = options.connect().await else {
        println!("skipped: no PostgreSQL answers at 127.0.0.1:5432");
        return;
    };
    let schema = format!("ledger_test_{}", Uuid::new_v4().simple());
    let create = sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}")));
    create.execute(&mut admin).await.unwrap();
    let options = options.options([("search_path", &*schema)]);
    let mut before = options.connect().await.unwrap();
    let migrated = migrations::of_postgres_up_to(version);
    let migrated = migrated.run_direct(None, &mut before, false).await;
    migrated.unwrap();
    let rows = sqlx::raw_sql(AssertSqlSafe(rows.to_owned()));
    rows.execute(&mut before).await.unwrap();
    before.close().await.unwrap();
    let ledger = opened(options).await;
    let ended = run_to_the_end(test(&ledger)).await;
    ledger.close().await;
    let drop = sqlx::raw_sql(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE")));
    drop.execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

#[tokio::test]
async fn a_content_is_looked_up_by_indexes_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path, clock()).await.unwrap();
    for statement in [
        sqlite::OF_CONTENTS,
        sqlite::KNOWN,
        sqlite::RECORD_INTENT,
        sqlite::KEEP_CAPTIONS,
        sqlite::RECORD_OUTCOME,
        sqlite::RECORD_LOOK_UP,
        sqlite::LINK,
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let mut plan = sqlx::query(AssertSqlSafe(explain));
        let is_used = |number: &usize| statement.contains(&format!("${number}"));
        for _ in 0..(1..=10).filter(is_used).max().unwrap_or_default() {
            plan = plan.bind("[]");
        }
        let plan = plan.fetch_all(ledger.pool()).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let tables = [
            "e",
            "g",
            "k",
            "p",
            "ledger_entries",
            "ledger_passed_over",
            "ledger_hashes",
        ];
        let reads = |step: &&String, how: &str| {
            let mut words = step.split(' ');
            words.next() == Some(how) && words.next().is_some_and(|it| tables.contains(&it))
        };
        let scans: Vec<_> = steps.iter().filter(|it| reads(it, "SCAN")).collect();
        assert!(scans.is_empty(), "{scans:?} of {statement}");
        assert!(steps.iter().any(|it| reads(&it, "SEARCH")), "{steps:?}");
    }
    ledger.pool().close().await;
}
