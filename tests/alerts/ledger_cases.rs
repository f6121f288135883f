//! What another program does to the file of a ledger.

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};

use crate::service::Stage;

/// A lock on the file, held by another program.
pub(crate) struct Lock(SqliteConnection);

impl Lock {
    /// Ends that program.
    pub(crate) async fn end(self) {
        self.0.close().await.unwrap();
    }
}

/// Takes the lock that a writer has, and keeps it.
pub(crate) async fn lock(stage: &Stage) -> Lock {
    let mut connection = connect(stage).await;
    run(&mut connection, "BEGIN IMMEDIATE".to_owned()).await;
    Lock(connection)
}

/// Gives a table another name: what is asked of it fails.
pub(crate) async fn rename(stage: &Stage, from: &str, to: &str) {
    let mut connection = connect(stage).await;
    run(
        &mut connection,
        format!("ALTER TABLE {from} RENAME TO {to}"),
    )
    .await;
    connection.close().await.unwrap();
}

/// Makes usage events that wait two hours older.
pub(crate) async fn age_usage(stage: &Stage) {
    let mut connection = connect(stage).await;
    let aged = "UPDATE ledger_usage SET added_at = added_at - 7200000, due_at = due_at - 7200000";
    run(&mut connection, aged.to_owned()).await;
    connection.close().await.unwrap();
}

/// Has the time of all jobs been so many minutes ago.
pub(crate) async fn age_jobs(stage: &Stage, minutes: u32) {
    let then = format!("CAST(unixepoch('subsec') * 1000 AS INTEGER) - {minutes} * 60000");
    let mut connection = connect(stage).await;
    for statement in [
        format!("UPDATE ledger_jobs SET publish_at = {then}, due_at = {then}"),
        format!("UPDATE ledger_job_queues SET turn_at = {then}"),
    ] {
        run(&mut connection, statement).await;
    }
    connection.close().await.unwrap();
}

async fn connect(stage: &Stage) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(stage.ledger());
    options.connect().await.unwrap()
}

async fn run(connection: &mut SqliteConnection, statement: String) {
    sqlx::query(AssertSqlSafe(statement))
        .execute(connection)
        .await
        .unwrap();
}
