//! The plans of the outbox's statements: with many events that wait, each reads a few rows by an index.

use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;

use super::{
    super::pool::Guarded,
    postgres::stage,
    usage_suite::{event, insert},
    *,
};
use crate::adapters::ledger::{postgres, sqlite, usage};

/// Enough for an index to be of use.
const EVENTS: u32 = 20_000;

#[tokio::test]
async fn a_file_with_many_events_is_read_by_indexes() {
    let folder = TempDir::new().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), clock())
        .await
        .unwrap();
    insert(&ledger, EVENTS).await;
    for (statement, index) in [
        (sqlite::CLAIM_USAGE, "USING INDEX ledger_usage_due"),
        (usage::DONE, "USING INTEGER PRIMARY KEY"),
        (usage::LATER, "USING INTEGER PRIMARY KEY"),
        (usage::DROP, "USING INTEGER PRIMARY KEY"),
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let plan = sqlx::query(AssertSqlSafe(explain));
        let plan = plan.fetch_all(ledger.pool()).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
        let scans = steps
            .iter()
            .any(|step| step.starts_with("SCAN ledger_usage"));
        assert!(!scans, "{steps:?}");
    }
    ledger.pool().close().await;
}

/// The plan of a statement with these parameters, which are numbers but for the claims.
async fn plan(ledger: &PostgresLedger, statement: &str, parameters: &str) -> String {
    let mut connection = Guarded::acquire(ledger.pool()).await.unwrap();
    let statements = format!(
        "PREPARE planned AS {statement}; EXPLAIN EXECUTE planned{parameters}; DEALLOCATE planned"
    );
    let statements = AssertSqlSafe(statements);
    let rows = sqlx::raw_sql(statements)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    connection.give_back();
    let lines = rows.iter().map(|row| row.get::<String, _>(0));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_server_with_many_events_is_read_by_indexes() {
    let Some(stage) = stage().await else {
        return;
    };
    let planned = run_to_the_end(async {
        let ledger = &stage.ledger;
        insert(ledger, EVENTS).await;
        ledger.run("ANALYZE ledger_usage").await;
        ledger.add(&event("new")).await.unwrap();
        for (statement, parameters) in [
            (postgres::CLAIM_USAGE, "(100000, 8, 200000, 'claim')"),
            (usage::DONE, "(1, 'claim')"),
            (usage::LATER, "(1, 'claim', 1, true, 1)"),
            (usage::DROP, "(10, 500)"),
            (usage::OLDEST, ""),
        ] {
            let plan = plan(ledger, statement, parameters).await;
            assert!(plan.contains("Index"), "{plan}");
            assert!(!plan.contains("Seq Scan on ledger_usage"), "{plan}");
        }
    })
    .await;
    stage.end().await;
    if let Err(panic) = planned {
        std::panic::resume_unwind(panic);
    }
}
