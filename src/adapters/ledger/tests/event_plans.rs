//! The plans of what reads events, slots, and tenants that have nothing left: among many, each reads a few rows by an index.

use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;

use super::{job_plans::plan, postgres::stage, *};
use crate::adapters::ledger::{
    jobs::{events, idle, slots},
    postgres, sqlite,
};

/// Enough for an index to be of use: a server reads a smaller table as a whole.
const ROWS: u32 = 40_000;

/// Events and jobs, half of them of one tenant; rows and slots of tenants.
async fn fill(ledger: &impl Backstage) {
    let rows =
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})");
    let tenant = "CASE WHEN i % 2 = 0 THEN 'alice' ELSE 'tenant-' || i END";
    ledger
        .run(&format!(
            "{rows} INSERT INTO ledger_job_events (tenant, number, job_id, added_at)
                SELECT {tenant}, i, i, i FROM n;
             {rows} INSERT INTO ledger_publish_slots (tenant, token, ends_at)
                SELECT 'tenant-' || i, 'token-' || i, i FROM n;
             {rows} INSERT INTO ledger_jobs
                    (tenant, status, what, publish_at, due_at, created_at, ended_at)
                SELECT {tenant}, 'done', '{{}}', i, i, i, i FROM n;
             {rows} INSERT INTO ledger_job_queues (tenant, turn_at)
                SELECT 'tenant-' || i, 4000000000000 + i FROM n"
        ))
        .await;
}

/// Statements, with the parameters of a plan, and the table and index of each.
fn statements(
    [unseen, page, idle_tenants]: [&'static str; 3],
) -> [(&'static str, &'static str, [&'static str; 2]); 12] {
    const EVENTS: [&str; 2] = ["ledger_job_events", "ledger_job_events_pkey"];
    const SLOTS: [&str; 2] = ["ledger_publish_slots", "ledger_publish_slots_pkey"];
    const QUEUES: [&str; 2] = ["ledger_job_queues", "ledger_job_queues_pkey"];
    [
        (events::NOTE, "('alice', 7, 7)", EVENTS),
        (events::NOTE_ENDED, "('alice', 7)", EVENTS),
        (
            events::NOTE_ENDED,
            "('alice', 7)",
            ["ledger_jobs", "ledger_jobs_ended"],
        ),
        (events::PRUNE, "('alice', 7)", EVENTS),
        (events::LAST, "('alice')", EVENTS),
        (unseen, "('[]')", EVENTS),
        (page, "('alice', 30000, 100)", EVENTS),
        (slots::TAKE, "('alice', 39990, 'token', 7, 3)", SLOTS),
        (slots::RELEASE, "('alice', 'token')", SLOTS),
        (
            slots::WAKE_DUE,
            "('alice', 7)",
            ["ledger_jobs", "ledger_jobs_due"],
        ),
        (idle_tenants, "('tenant-1', 7, 'tenant-11')", EVENTS),
        (idle::DROP, "('tenant-1', 7)", QUEUES),
    ]
}

#[tokio::test]
async fn a_file_with_many_events_is_read_by_indexes() {
    let folder = TempDir::new().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), clock())
        .await
        .unwrap();
    fill(&ledger).await;
    let own = [sqlite::UNSEEN, sqlite::EVENT_PAGE, sqlite::IDLE];
    for (statement, parameters, [table, index]) in statements(own) {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let mut plan = sqlx::query(AssertSqlSafe(explain));
        for _ in parameters.split(',') {
            plan = plan.bind(1_i64);
        }
        let plan = plan.fetch_all(ledger.pool()).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        // Tables whose rows are in their primary key.
        let index = if index.ends_with("_pkey") {
            "PRIMARY KEY"
        } else {
            index
        };
        let index = if table == "ledger_job_queues" {
            "sqlite_autoindex"
        } else {
            index
        };
        assert!(
            steps.iter().any(|step| step.contains(index)),
            "{statement}: {steps:?}"
        );
        let is_slow = |step: &String| step.starts_with("SCAN ledger_") && !step.contains("USING");
        assert!(!steps.iter().any(is_slow), "{statement}: {steps:?}");
    }
    ledger.pool().close().await;
}

#[tokio::test]
async fn a_server_with_many_events_is_read_by_indexes() {
    let Some(stage) = stage().await else {
        return;
    };
    let planned = run_to_the_end(async {
        let ledger = &stage.ledger;
        fill(ledger).await;
        ledger
            .run(
                "ANALYZE ledger_job_events; ANALYZE ledger_publish_slots; ANALYZE ledger_jobs;
                 ANALYZE ledger_job_queues",
            )
            .await;
        let own = [postgres::UNSEEN, postgres::EVENT_PAGE, postgres::IDLE];
        for (statement, parameters, [table, index]) in statements(own) {
            let plan = plan(ledger, statement, parameters).await;
            assert!(plan.contains(index), "{statement}: {plan}");
            let scan = format!("Seq Scan on {table}");
            assert!(!plan.contains(&scan), "{statement}: {plan}");
        }
    })
    .await;
    stage.end().await;
    if let Err(panic) = planned {
        std::panic::resume_unwind(panic);
    }
}
