//! The publication ledger: an `SQLite` file for one process, PostgreSQL for several.
//!
//! | file | holds |
//! | --- | --- |
//! | `statements.rs` | what is the same for both: the statements, and the ports made of them |
//! | `reader.rs` | the same for what people and probes ask |
//! | `requests.rs` | the same for requests under an idempotency key |
//! | `connection.rs` | a connection that is closed unless its work came to its end |
//! | `sqlite.rs`, `postgres.rs` | how each is opened, tells the time, and knows a dead holder |
//! | `migrations/` | the tables, shipped in the binary; a file that was released never changes |
//!
//! Every write of a holder first takes his lease again, in the same transaction: one that was
//! lost writes nothing. Neither a secret nor an image is ever written.

mod connection;
mod postgres;
mod private_file;
mod reader;
mod requests;
mod sqlite;
mod statements;

use std::{io, path::PathBuf, str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType},
    postgres::PgConnectOptions,
};

use self::{postgres::PostgresLedger, sqlite::SqliteLedger};
use crate::{
    domain::secret::Secret,
    ports::{Cause, Clock, IdempotencyStore, Ledger, LedgerReader},
};

/// How long an operation waits for a connection, and opening for the first one.
const POOL_WAIT: Duration = Duration::from_secs(5);

/// What has become of a write when it is done.
#[derive(Clone, Copy)]
enum Keep {
    /// It survives the end of the machine.
    OnDisk,
    /// It is of a lease alone, which need not outlive the process that holds it.
    InProcess,
}

/// Where the ledger is.
pub struct LedgerSettings(Location);

enum Location {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl LedgerSettings {
    /// Reads a URL: `sqlite://<file>` or `postgres://…`.
    ///
    /// # Errors
    /// The rule that it breaks; never a part of it.
    pub fn from_url(url: &Secret) -> Result<Self, &'static str> {
        const RULE: &str = "must be sqlite://<file> or postgres://<user>@<host>/<database>";
        let url = url.expose();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.starts_with(':') || path.contains(['?', '#', '\0']) {
                return Err("must name a file after sqlite://, without options");
            }
            return Ok(Self(Location::Sqlite(PathBuf::from(path))));
        }
        // As another driver has it: the rest is the same.
        let plain = url
            .strip_prefix("postgresql+asyncpg://")
            .map(|rest| format!("postgresql://{rest}"));
        let url = plain.as_deref().unwrap_or(url);
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).map_err(|_| RULE)?;
            return Ok(Self(Location::Postgres(Box::new(options))));
        }
        Err(RULE)
    }
}

/// An open ledger.
pub struct OpenLedger {
    /// Where publications are written.
    pub ledger: Arc<dyn Ledger>,
    /// Where people and probes read them.
    pub reader: Arc<dyn LedgerReader>,
    /// Where requests are kept under their keys.
    pub requests: Arc<dyn IdempotencyStore>,
    pool: Pool,
}

enum Pool {
    Sqlite(sqlx::SqlitePool),
    Postgres(sqlx::PgPool),
}

impl OpenLedger {
    /// Opens the ledger and brings its tables up to date.
    ///
    /// # Errors
    /// [`OpenLedgerError`].
    pub async fn open(
        settings: LedgerSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenLedgerError> {
        match settings.0 {
            Location::Sqlite(path) => {
                let ledger = Arc::new(SqliteLedger::open(&path, clock).await?);
                Ok(Self {
                    pool: Pool::Sqlite(ledger.pool().clone()),
                    ledger: Arc::clone(&ledger) as _,
                    requests: Arc::clone(&ledger) as _,
                    reader: ledger,
                })
            }
            Location::Postgres(options) => {
                let ledger = Arc::new(PostgresLedger::open(*options).await?);
                Ok(Self {
                    pool: Pool::Postgres(ledger.pool().clone()),
                    ledger: Arc::clone(&ledger) as _,
                    requests: Arc::clone(&ledger) as _,
                    reader: ledger,
                })
            }
        }
    }

    /// What kind of database it is in.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.pool {
            Pool::Sqlite(_) => "sqlite",
            Pool::Postgres(..) => "postgresql",
        }
    }

    /// Waits for what is being written, and closes the ledger.
    pub async fn close(self) {
        match self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

/// Why the ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenLedgerError {
    /// Two processes must not share a file.
    #[error(
        "PUBLISH_LEDGER_URL: another process has the ledger {}; several replicas need PostgreSQL",
        .0.display()
    )]
    InUse(PathBuf),
    /// The file, or the folder that it is in.
    #[error("PUBLISH_LEDGER_URL: the ledger {} cannot be opened for writing", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database in the file.
    #[error("PUBLISH_LEDGER_URL: the file is no ledger that can be written")]
    Sqlite(#[source] Cause),
    /// The server.
    #[error("PUBLISH_LEDGER_URL: the ledger in PostgreSQL cannot be opened")]
    Postgres(#[source] Cause),
}

impl OpenLedgerError {
    fn sqlite(error: impl Into<Cause>) -> Self {
        Self::Sqlite(error.into())
    }

    fn postgres(error: impl Into<Cause>) -> Self {
        Self::Postgres(error.into())
    }
}

fn migration(version: i64, name: &'static str, sql: &'static str) -> Migration {
    let kind = MigrationType::Simple;
    Migration::new(version, name.into(), kind, sql.into_sql_str(), false)
}

#[cfg(test)]
mod tests;
