//! The plans of what reads captions: in a history of any length, a few rows are read by an index.

use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;

use super::{super::pool::Guarded, postgres::stage, *};
use crate::adapters::ledger::{captions, postgres, retention, sqlite};

/// Enough for an index to be of use: a server reads a smaller table as a whole.
const CAPTIONS: u32 = 200_000;

/// Captions of one tenant and platform, one of an image each, of which every other attempt has failed.
async fn fill(ledger: &impl Backstage) {
    ledger
        .run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CAPTIONS})
             INSERT INTO ledger_caption_history
                (tenant, platform, caption, author, sent_at, fingerprint, content_hash, unpublished)
             SELECT 'alice', 'telegram', 'text', 'model', i, CAST(i AS TEXT), CAST(i AS TEXT),
                CASE WHEN i % 2 = 0 THEN 'failed' END FROM n"
        ))
        .await;
}

#[tokio::test]
async fn a_file_with_a_long_history_is_read_by_indexes() {
    let folder = TempDir::new().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), clock())
        .await
        .unwrap();
    fill(&ledger).await;
    for (statement, index) in [
        (captions::RECENT, "ledger_caption_history_published"),
        (sqlite::LAST_CAPTION, "ledger_caption_history_attempts"),
        (sqlite::SETTLE_LOOKED_UP, "ledger_caption_history_attempts"),
        (captions::SETTLE_CAPTION, "sqlite_autoindex"),
        (captions::PUBLISHED, "sqlite_autoindex"),
        (retention::DROP_CAPTIONS, "ledger_caption_history_oldest"),
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let mut plan = sqlx::query(AssertSqlSafe(explain));
        let is_used = |number: &usize| statement.contains(&format!("${number}"));
        for _ in 0..(1..=6).filter(is_used).max().unwrap_or_default() {
            plan = plan.bind("[]");
        }
        let plan = plan.fetch_all(ledger.pool()).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let reads = |step: &&String| step.contains("ledger_caption_history");
        assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
        let scans = |step: &String| step.starts_with("SCAN ledger_caption_history");
        assert!(!steps.iter().any(scans), "{steps:?}");
        let is_sorted = steps.iter().any(|step| step.contains("TEMP B-TREE"));
        let is_of_one_image = index == "ledger_caption_history_attempts";
        assert!(!is_sorted || is_of_one_image, "{steps:?}");
        assert!(steps.iter().any(|step| reads(&step)), "{steps:?}");
    }
    ledger.pool().close().await;
}

#[tokio::test]
async fn a_server_with_a_long_history_is_read_by_indexes() {
    let Some(stage) = stage().await else {
        return;
    };
    let planned = run_to_the_end(async {
        let ledger = &stage.ledger;
        fill(ledger).await;
        ledger.run("ANALYZE ledger_caption_history").await;
        let one = "'[{\"kind\": \"sha256\", \"hash\": \"7\", \"own_key\": \"7\"}]'";
        for (statement, parameters, index) in [
            (
                captions::RECENT,
                "('alice', 'telegram', 30)".to_owned(),
                "ledger_caption_history_published",
            ),
            (
                postgres::LAST_CAPTION,
                format!("(0, 'alice', {one}, 'telegram')"),
                "ledger_caption_history_attempts",
            ),
            (
                postgres::SETTLE_LOOKED_UP,
                format!("(0, 'alice', {one}, 'telegram', 'k', 'failed')"),
                "ledger_caption_history_attempts",
            ),
            (
                captions::SETTLE_CAPTION,
                "('alice', '7', 'failed')".to_owned(),
                "fingerprint",
            ),
            (
                retention::DROP_CAPTIONS,
                "(10, 500)".to_owned(),
                "ledger_caption_history_oldest",
            ),
        ] {
            let plan = plan(ledger, statement, &parameters).await;
            assert!(plan.contains(index), "{plan}");
            assert!(
                !plan.contains("Seq Scan on ledger_caption_history"),
                "{plan}"
            );
        }
    })
    .await;
    stage.end().await;
    if let Err(panic) = planned {
        std::panic::resume_unwind(panic);
    }
}

/// The plan of a statement with these parameters. One that is not used has no type of its own.
async fn plan(ledger: &PostgresLedger, statement: &str, parameters: &str) -> String {
    let mut connection = Guarded::acquire(ledger.pool()).await.unwrap();
    let types = if statement.contains("$1") {
        ""
    } else {
        "(bigint)"
    };
    let statements = format!(
        "PREPARE planned{types} AS {statement}; EXPLAIN EXECUTE planned{parameters}; DEALLOCATE planned"
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(statements))
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    connection.give_back();
    let lines = rows.iter().map(|row| row.get::<String, _>(0));
    lines.collect::<Vec<_>>().join("\n")
}
