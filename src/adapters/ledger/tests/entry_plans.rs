//! The plans of the list of publications: with every set of filters, each part of a page is a range of an index, in the order of
//! the list.

use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;

use super::{super::pool::Guarded, postgres::stage, *};
use crate::{
    adapters::ledger::{entry_list, postgres, sqlite},
    domain::{
        image::ImageName,
        ledger::{EntryState, Position},
        platform::Platform,
    },
};

/// Enough for an index to be of use: a server reads a smaller table as a whole.
const ENTRIES: u32 = 60_000;

/// Entries, most of them of one tenant, and images that were passed over.
async fn fill(ledger: &impl Backstage) {
    ledger
        .run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ENTRIES})
             INSERT INTO ledger_entries
                (tenant, content_hash, platform, filename, state, holder, started_at)
             SELECT CASE WHEN i % 5 = 0 THEN 'tenant-' || i ELSE 'alice' END, 'hash-' || (i / 2),
                CASE WHEN i % 2 = 0 THEN 'telegram' ELSE 'email' END, 'image-' || (i / 2) || '.jpg',
                CASE WHEN i % 997 = 0 THEN 'intent' WHEN i % 499 = 0 THEN 'unknown'
                    WHEN i % 100 = 0 THEN 'failed' ELSE 'published' END,
                'holder-' || i, i FROM n;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ENTRIES})
             INSERT INTO ledger_passed_over
                (tenant, content_hash, filename, reason, error, noted_at)
             SELECT 'alice', 'broken-' || i, 'broken-' || i || '.jpg', 'image_unsuitable', '', i
                FROM n"
        ))
        .await;
}

/// Every set of filters, on a later page.
fn queries() -> Vec<EntryQuery> {
    let images = [None, Some(ImageName::new("image-7.jpg").unwrap())];
    let platforms = [None, Some(Platform::Email)];
    let states = [
        None,
        Some(EntryState::Published),
        Some(EntryState::Failed),
        Some(EntryState::Unknown),
        Some(EntryState::InProgress),
        Some(EntryState::Skipped),
    ];
    let mut queries = Vec::new();
    for image in &images {
        for platform in platforms {
            for state in states {
                queries.push(EntryQuery {
                    image: image.clone(),
                    platform,
                    state,
                    after: Some(Position {
                        started_ms: 50_000,
                        id: 7,
                    }),
                    limit: 50,
                });
            }
        }
    }
    queries
}

/// The indexes that lead to entries and to what was passed over; `None`: none of them is in the list.
fn indexes(query: &EntryQuery) -> (Option<&'static str>, Option<&'static str>) {
    let entries = match query.state {
        Some(EntryState::Skipped) => None,
        Some(EntryState::InProgress) => Some("ledger_entries_at_work"),
        _ if query.image.is_some() => Some("ledger_entries_by_image"),
        None if query.platform.is_none() => Some("ledger_entries_newest"),
        _ => Some("ledger_entries_listed"),
    };
    let is_any = query.platform.is_none();
    let passed_over = match query.state {
        None | Some(EntryState::Skipped) if is_any && query.image.is_some() => {
            Some("ledger_passed_over_by_image")
        }
        None | Some(EntryState::Skipped) if is_any => Some("ledger_passed_over_newest"),
        _ => None,
    };
    (entries, passed_over)
}

#[test]
fn no_entry_is_skipped_on_a_platform() {
    let without: Vec<_> = queries()
        .into_iter()
        .filter(|query| entry_list::statement(query, &sqlite::LIST_PARTS).is_none())
        .collect();
    assert_eq!(without.len(), 2);
    for query in without {
        assert_eq!(query.platform, Some(Platform::Email));
        assert_eq!(query.state, Some(EntryState::Skipped));
    }
}

#[tokio::test]
async fn a_file_with_many_entries_is_listed_by_indexes() {
    let folder = TempDir::new().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), clock())
        .await
        .unwrap();
    fill(&ledger).await;
    for query in queries() {
        let Some(statement) = entry_list::statement(&query, &sqlite::LIST_PARTS) else {
            continue;
        };
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let rows = sqlx::query(AssertSqlSafe(explain))
            .fetch_all(ledger.pool())
            .await
            .unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let of_table = |table: &str| {
            let step = format!(" {table} ");
            let steps = steps
                .iter()
                .filter(move |it| format!("{it} ").contains(&step));
            steps.cloned().collect::<Vec<_>>()
        };
        let (entries, passed_over) = indexes(&query);
        for (table, index) in [("e", entries), ("p", passed_over)] {
            let found = of_table(table);
            assert_eq!(found.is_empty(), index.is_none(), "{query:?}: {steps:?}");
            for step in found {
                let is_page = step.contains("INTEGER PRIMARY KEY (rowid=?)");
                let is_range = step.starts_with("SEARCH")
                    && index.is_some_and(|index| step.contains(index))
                    && (step.contains("_at<?")
                        || index == Some("ledger_entries_at_work")
                        || step.contains("(started_at,id)<(?,?)"));
                assert!(is_page || is_range, "{query:?}: {step}");
            }
        }
    }
    ledger.pool().close().await;
}

#[tokio::test]
async fn a_server_with_many_entries_is_listed_by_indexes() {
    let Some(stage) = stage().await else {
        return;
    };
    let planned = run_to_the_end(async {
        let ledger = &stage.ledger;
        fill(ledger).await;
        ledger
            .run("ANALYZE ledger_entries; ANALYZE ledger_passed_over")
            .await;
        for query in queries() {
            let Some(statement) = entry_list::statement(&query, &postgres::LIST_PARTS) else {
                continue;
            };
            let plan = plan(ledger, &statement).await;
            let (entries, passed_over) = indexes(&query);
            for index in [entries, passed_over].into_iter().flatten() {
                // The entries of one image are few, too.
                let is_of_image = query.image.is_some() && plan.contains("ledger_entries_by_image");
                assert!(plan.contains(index) || is_of_image, "{query:?}: {plan}");
            }
            for table in ["ledger_entries", "ledger_passed_over"] {
                let scan = format!("Seq Scan on {table}");
                assert!(!plan.contains(&scan), "{query:?}: {plan}");
            }
        }
    })
    .await;
    stage.end().await;
    if let Err(panic) = planned {
        std::panic::resume_unwind(panic);
    }
}

async fn plan(ledger: &PostgresLedger, statement: &str) -> String {
    let mut connection = Guarded::acquire(ledger.pool()).await.unwrap();
    let statements = format!(
        "PREPARE planned (BIGINT, TEXT, TEXT, BIGINT, BIGINT, BIGINT) AS {statement};
         EXPLAIN EXECUTE planned(1700000000000, 'alice', 'image-7.jpg', 50, 50000, 7);
         DEALLOCATE planned"
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(statements))
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    connection.give_back();
    let lines = rows.iter().map(|row| row.get::<String, _>(0));
    lines.collect::<Vec<_>>().join("\n")
}
