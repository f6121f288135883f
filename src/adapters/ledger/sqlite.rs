//! The ledger in an `SQLite` file, for one process.
//!
//! The file is one process's at a time: the process holds a lock of the operating system on
//! `<file>.lock`, which ends with it, however it ends. (Not on the file itself: closing any handle
//! of a file would drop `SQLite`'s own locks on it.) So whoever opens the file knows that every
//! lease in it belongs to a process that is gone, and drops them all: an image whose publication
//! was killed need not wait for its lease to expire, nor a request for that of its key. Leases expire
//! by the service's own clock.
//!
//! One connection does everything, which makes every operation alone; `synchronous = FULL` makes a
//! commit wait for the disk, so that an intent survives a power cut. Each write says whether it has
//! to: leases are all dropped after one, and those that are taken and given back wait for no disk.

use std::{
    collections::BTreeMap,
    fs::{File, TryLockError},
    io,
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions as _, Executor as _, Row as _, Sqlite, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

use super::{
    Keep, OpenLedgerError, POOL_WAIT,
    connection::Guarded,
    migration, private_file, reader, requests,
    statements::{self, bounded, duration_millis, sql_ledger, unavailable},
};
use crate::{
    domain::{
        idempotency::{Begun, ChosenImage, KeyedRequest},
        image::{ContentHash, ImageName},
        ledger::{Claim, Entry, EntryQuery, EntryState, Known, Lease, Position, Settlement},
        platform::Platform,
        publication::{Failure, PostId},
        tenant::TenantName,
    },
    ports::{
        Clock, IdempotencyStore, KEY_HELD_FOR, KEY_KEPT_FOR, LEASE_TTL, Ledger, LedgerError,
        LedgerReader,
    },
};

/// A ledger in a local file.
pub(super) struct SqliteLedger {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
    _lock: File,
}

impl SqliteLedger {
    /// Opens the file, which is made if it is not there, and which nobody else may read.
    ///
    /// # Errors
    /// The file is another process's, or cannot be opened and written.
    pub(super) async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenLedgerError> {
        let lock = lock(path)?;
        private_file::prepare_database(path).map_err(|source| file_error(path, source))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // A file that only this process has does not go away.
            .test_before_acquire(false)
            .acquire_timeout(POOL_WAIT)
            .connect_with(options)
            .await
            .map_err(OpenLedgerError::sqlite)?;
        let ledger = include_str!("migrations/sqlite/0001_ledger.sql");
        let requests = include_str!("migrations/sqlite/0002_requests.sql");
        let reasons = include_str!("migrations/sqlite/0003_reasons.sql");
        let unknown = include_str!("migrations/sqlite/0004_unknown.sql");
        Migrator::with_migrations(vec![
            migration(1, "ledger", ledger),
            migration(2, "requests", requests),
            migration(3, "reasons", reasons),
            migration(4, "unknown", unknown),
        ])
        .run(&pool)
        .await
        .map_err(OpenLedgerError::sqlite)?;
        for left_behind in [
            "DELETE FROM ledger_leases",
            "UPDATE ledger_requests SET holder = NULL",
        ] {
            sqlx::query(left_behind)
                .execute(&pool)
                .await
                .map_err(OpenLedgerError::sqlite)?;
        }
        Ok(Self {
            pool,
            clock,
            _lock: lock,
        })
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    pub(super) async fn begin(&self, keep: Keep) -> Result<(Guarded<Sqlite>, i64), sqlx::Error> {
        let mut connection = Guarded::acquire(&self.pool).await?;
        let begin = match keep {
            Keep::OnDisk => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Keep::InProcess => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        };
        connection.execute(sqlx::raw_sql(begin)).await?;
        let now = self.now(&mut connection).await?;
        Ok((connection, now))
    }

    async fn alone(&self, keep: Keep) -> Result<Guarded<Sqlite>, sqlx::Error> {
        let mut connection = Guarded::acquire(&self.pool).await?;
        let wait = match keep {
            Keep::OnDisk => "PRAGMA synchronous = FULL",
            Keep::InProcess => "PRAGMA synchronous = NORMAL",
        };
        sqlx::query(wait).execute(&mut *connection).await?;
        Ok(connection)
    }

    #[expect(clippy::unused_async, reason = "PostgreSQL has to be asked")]
    async fn now(&self, _connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
        Ok(statements::millis(self.clock.utc()))
    }

    /// All leases in the file are of this process.
    #[expect(clippy::unused_async, reason = "PostgreSQL has to be asked")]
    async fn session(&self) -> Result<i64, sqlx::Error> {
        Ok(0)
    }
}

sql_ledger!(
    SqliteLedger,
    Sqlite,
    live: "l.expires_at > $1",
    texts: "SELECT value FROM json_each($3)"
);

/// The lock that says whose file it is.
fn lock(path: &Path) -> Result<File, OpenLedgerError> {
    let failed = |source| file_error(path, source);
    let name = private_file::with_suffix(path, ".lock");
    let file = private_file::open(Path::new(&name)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenLedgerError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn file_error(path: &Path, source: io::Error) -> OpenLedgerError {
    OpenLedgerError::File {
        path: path.to_owned(),
        source,
    }
}
