//! This version on tables that a later one has changed: it starts, and publishes.

use publisher_sandbox::Sandbox;
use serde_json::json;

use crate::database::Database;

/// What a later version may do, by the policy in `adapters::ledger::migrations`: it expands.
const LATER: &str = "
    ALTER TABLE ledger_entries ADD COLUMN invented TEXT;
    ALTER TABLE ledger_requests ADD COLUMN invented INTEGER NOT NULL DEFAULT 7;
    CREATE TABLE ledger_invented (tenant TEXT NOT NULL PRIMARY KEY);
    INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        SELECT 999, 'invented', success, checksum, 1 FROM _sqlx_migrations WHERE version = 1;
    INSERT INTO ledger_entries (tenant, content_hash, platform, filename, state, holder, started_at)
        VALUES ('alice', 'f00d', 'invented', 'a.gif', 'published', 'later', 1)";

async fn it_starts_and_publishes(mut database: Database) {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    database.start(&sandbox).await.kill().await;
    database.run(LATER).await;
    let service = database.start(&sandbox).await;
    service.becomes_ready().await;
    let answer = service
        .publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await;
    let published = &answer.json()["results"]["telegram"]["outcome"];
    assert_eq!(published, "published", "{answer:?}");
    let entries = service.publications(&sandbox, alice).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    service.kill().await;
    database.remove().await;
}

#[tokio::test]
async fn it_starts_and_publishes_on_sqlite() {
    it_starts_and_publishes(Database::sqlite().await.unwrap()).await;
}

#[tokio::test]
async fn it_starts_and_publishes_on_postgres() {
    if let Some(database) = Database::postgres().await {
        it_starts_and_publishes(database).await;
    }
}
