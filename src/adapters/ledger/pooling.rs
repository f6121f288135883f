//! Whether a pooler before PostgreSQL leaves a client its session. Used by `postgres.rs`.
//!
//! A lease lives as long as the lock of its holder's session. A pooler that hands out a session of
//! the server for each transaction would keep the lock of a process that is gone, or hand it to another.

use std::time::Duration;

use sqlx::{Executor as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::fault::Fault;

/// How long all the queries may take: a pooler that has no free session keeps them waiting.
const LIMIT: Duration = Duration::from_secs(5);
/// How often it is checked: other clients that connect and disconnect at the pooler can hide it
/// once.
const ROUNDS: usize = 3;

/// Makes sure that each of two connections has a session of its own for good: the sessions are
/// different, and one stays what it is while the other is in a transaction.
///
/// # Errors
/// [`Fault::Pooler`]; or the server did not answer.
pub(super) async fn verify(
    one: &mut PgConnection,
    other: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let hung = |_| Err(Fault::Silent(LIMIT).into());
    timeout(LIMIT, compare(one, other))
        .await
        .unwrap_or_else(hung)
}

async fn compare(one: &mut PgConnection, other: &mut PgConnection) -> Result<(), sqlx::Error> {
    let session = backend(one).await?;
    for _ in 0..ROUNDS {
        if backend(other).await? == session {
            return Err(Fault::Pooler.into());
        }
        if let Err(error) = other.execute(sqlx::raw_sql("BEGIN")).await {
            return Err(refused(error));
        }
        // In this order: a pooler that has one session only has none for `one` now.
        if backend(other).await? == session || backend(one).await? != session {
            return Err(Fault::Pooler.into());
        }
        other.execute(sqlx::raw_sql("ROLLBACK")).await?;
    }
    Ok(())
}

/// A pooler of statements takes no transaction.
fn refused(error: sqlx::Error) -> sqlx::Error {
    let words = error
        .as_database_error()
        .map(sqlx::error::DatabaseError::message);
    if words.is_some_and(|words| words.contains("statement pooling")) {
        return Fault::Pooler.into();
    }
    error
}

/// The server's process behind a connection. Without a prepared statement: these have a session of
/// their own at some poolers.
pub(super) async fn backend(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let row = connection.fetch_one(sqlx::raw_sql("SELECT pg_backend_pid()"));
    row.await?.try_get(0)
}
