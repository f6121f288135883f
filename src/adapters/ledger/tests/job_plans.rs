//! The plans of what reads jobs: among many that have ended, each reads a few rows by an index. And what happens to claims when
//! a process ends, or is frozen.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqliteConnection};
use tempfile::TempDir;

use super::{
    super::pool::Guarded,
    job_suite::{add, alter, claim, everything, find, only},
    postgres::stage,
    *,
};
use crate::adapters::ledger::{
    jobs::{self, queue, schedules, turns},
    postgres, sqlite,
};

/// Enough for an index to be of use: a server reads a smaller table as a whole.
const JOBS: u32 = 100_000;

/// Jobs that have ended, half of them of one tenant, one job of every tenth other tenant that is to come, and as many that run as
/// some replicas carry out; and rows of tenants that wait for their turn.
async fn fill(ledger: &impl Backstage) {
    ledger
        .run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {JOBS})
             INSERT INTO ledger_jobs
                (tenant, status, what, publish_at, due_at, created_at, begun_at, ended_at, is_next)
             SELECT CASE WHEN i % 2 = 0 THEN 'alice' ELSE 'tenant-' || i END,
                CASE WHEN i % 10 = 5 THEN 'scheduled' WHEN i % 200 = 7 THEN 'running' WHEN i % 3 = 0 THEN 'missed' ELSE 'done' END,
                '{{}}', i, 4000000000000 + i, i, i, CASE WHEN i % 10 = 5 OR i % 200 = 7 THEN NULL ELSE i END,
                CASE WHEN i % 10 = 5 THEN 1 ELSE 0 END FROM n;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {JOBS})
             INSERT INTO ledger_job_queues (tenant, turn_at)
             SELECT 'tenant-' || i, 4000000000000 + i FROM n"
        ))
        .await;
}

/// Statements, with the parameters of a plan, and the index of each.
fn statements(
    [turns, lost_turns]: [&'static str; 2],
    by_status: &'static str,
) -> [(&'static str, &'static str, &'static str); 18] {
    let alice = "('alice', 1700000000000)";
    [
        (jobs::FIND, "('alice', 7)", "PRIMARY"),
        (
            jobs::LIST,
            "('alice', 0, 90000, 80000, 7, 50)",
            "ledger_jobs_listed",
        ),
        (
            by_status,
            "('alice', 0, 90000, 80000, 7, 50, 'missed')",
            "ledger_jobs_by_status",
        ),
        (turns::NEXT, "('alice')", "ledger_jobs_next"),
        (
            turns::MISS_LATE,
            "('alice', 1700000000000, 1)",
            "ledger_jobs_open",
        ),
        (turns::RUNNING, alice, "ledger_jobs_"),
        (turns::PICK, alice, "ledger_jobs_due"),
        (turns::PICK, alice, "ledger_jobs_running"),
        (lost_turns, "(1700000000000, 8)", "ledger_jobs_"),
        (schedules::TAKEN, alice, "ledger_jobs_posted"),
        (schedules::PASSED_OVER, alice, "ledger_jobs_posted"),
        (turns::FACTS, alice, "ledger_jobs_due"),
        (turns, "(1700000000000, 8)", "ledger_job_queues_turn"),
        (queue::RENEW, "('alice', 7, 'claim', 1, 'send')", "PRIMARY"),
        (
            queue::CANCEL_WAITING,
            "('alice', 1, 'tenant_gone')",
            "ledger_jobs_open",
        ),
        (queue::SWEEP, "(10, 500)", "ledger_jobs_ended"),
        (schedules::REPLACE, alice, "ledger_jobs_open"),
        (schedules::SCHEDULE, "('alice')", "ledger_job_queues"),
    ]
}

#[tokio::test]
async fn a_file_with_many_jobs_is_read_by_indexes() {
    let folder = TempDir::new().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), clock())
        .await
        .unwrap();
    fill(&ledger).await;
    for (statement, parameters, index) in
        statements([sqlite::TURNS, sqlite::LOST_TURNS], sqlite::LIST_BY_STATUS)
    {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let mut plan = sqlx::query(AssertSqlSafe(explain));
        for _ in parameters.split(',') {
            plan = plan.bind(1_i64);
        }
        let plan = plan.fetch_all(ledger.pool()).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert!(
            steps.iter().any(|step| step.contains(index)),
            "{statement}: {steps:?}"
        );
        let is_slow = |step: &String| {
            let is_scan = step.starts_with("SCAN ledger_job") && !step.contains("USING");
            is_scan || step.contains("TEMP B-TREE")
        };
        assert!(!steps.iter().any(is_slow), "{statement}: {steps:?}");
    }
    ledger.pool().close().await;
}

#[tokio::test]
async fn a_server_with_many_jobs_is_read_by_indexes() {
    let Some(stage) = stage().await else {
        return;
    };
    let planned = run_to_the_end(async {
        let ledger = &stage.ledger;
        fill(ledger).await;
        ledger
            .run("ANALYZE ledger_jobs; ANALYZE ledger_job_queues")
            .await;
        let turns = [postgres::TURNS, postgres::LOST_TURNS];
        for (statement, parameters, index) in statements(turns, postgres::LIST_BY_STATUS) {
            let plan = plan(ledger, statement, parameters).await;
            // Where few jobs are open, the index of those is as good.
            let index = if index == "PRIMARY" {
                "Index Scan using ledger_jobs_"
            } else {
                index
            };
            assert!(plan.contains(index), "{statement}: {plan}");
            assert!(!plan.contains("Seq Scan"), "{statement}: {plan}");
            assert!(!plan.contains("Sort Key"), "{statement}: {plan}");
        }
    })
    .await;
    stage.end().await;
    if let Err(panic) = planned {
        std::panic::resume_unwind(panic);
    }
}

pub(super) async fn plan(ledger: &PostgresLedger, statement: &str, parameters: &str) -> String {
    let mut connection = Guarded::acquire(ledger.pool()).await.unwrap();
    let statements = format!(
        "PREPARE planned AS {statement}; EXPLAIN EXECUTE planned{parameters}; DEALLOCATE planned"
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(statements))
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    connection.give_back();
    let lines = rows.iter().map(|row| row.get::<String, _>(0));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_process_that_opens_a_file_takes_over_the_jobs_of_the_one_before() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path, clock()).await.unwrap();
    let job = add(&ledger, "alice").await;
    only(&ledger).await;
    ledger.pool().close().await;
    drop(ledger);
    let ledger = SqliteLedger::open(&path, clock()).await.unwrap();
    let again = only(&ledger).await;
    assert_eq!((again.job.id, again.job.attempts), (job.id, 2));
    assert!(again.job.interrupted);
    ledger.pool().close().await;
}

#[tokio::test]
async fn a_file_that_another_program_writes_to_is_read_meanwhile() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path, clock()).await.unwrap();
    let job = add(&ledger, "alice").await;
    let command = crate::ports::JobCommand::Cancel;
    alter(&ledger, &job, command).await.unwrap();
    // The turn that finds nothing left.
    assert!(claim(&ledger, 10).await.is_empty());
    let other = format!("sqlite://{}", path.display());
    let mut other = SqliteConnection::connect(&other).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let reading = async {
        assert!(claim(&ledger, 10).await.is_empty());
        let jobs = ledger.list_jobs(&tenant("alice"), &everything()).await;
        assert_eq!(jobs.unwrap().len(), 1);
    };
    let soon = Duration::from_secs(2);
    tokio::time::timeout(soon, reading).await.unwrap();
    other.execute("ROLLBACK").await.unwrap();
    ledger.pool().close().await;
}

#[tokio::test]
async fn a_claimant_that_is_frozen_keeps_no_other_tenant_waiting() {
    let Some(stage) = stage().await else {
        return;
    };
    let shared = run_to_the_end(async {
        let ledger = &stage.ledger;
        let alices = add(ledger, "alice").await;
        let bobs = add(ledger, "bob").await;
        let (mut frozen, _) = ledger.begin_patiently(Durability::Volatile).await.unwrap();
        sqlx::query("SELECT * FROM ledger_job_queues WHERE tenant = 'alice' FOR UPDATE")
            .fetch_all(&mut *frozen)
            .await
            .unwrap();
        let claimed = claim(ledger, 10).await;
        let ids: Vec<_> = claimed.iter().map(|it| it.job.id).collect();
        assert_eq!(ids, [bobs.id]);
        let patience =
            "SELECT CAST(current_setting('idle_in_transaction_session_timeout') AS TEXT)";
        let patience: String = sqlx::query_scalar(patience)
            .fetch_one(&mut *frozen)
            .await
            .unwrap();
        assert_eq!(patience, "10s", "then the server ends it");
        frozen.roll_back().await.unwrap();
        assert_eq!(only(ledger).await.job.id, alices.id);
        assert_eq!(find(ledger, &bobs).await.attempts, 1);
    })
    .await;
    stage.end().await;
    if let Err(panic) = shared {
        std::panic::resume_unwind(panic);
    }
}
