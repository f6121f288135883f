//! The ledger in an `SQLite` file, for one process.
//!
//! Only one process at a time has the file (`file_lock.rs`). So a process that opens the file knows that every lease in
//! it belongs to a process that is gone, and drops them all. An image whose publication was killed need not wait for
//! its lease to expire, nor a request for that of its key, nor a usage event or a job for the end of its claim, nor another publication for the end of its
//! slot. Leases expire by
//! the service's own clock.
//!
//! One connection does everything, which makes every operation alone; `synchronous = FULL` makes a
//! commit wait for the disk, so that an intent survives a power cut. Each write says whether it has
//! to: leases are all dropped after one, and those that are taken and given back wait for no disk.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions as _, Executor as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

use super::{
    connection::Guarded,
    error::OpenLedgerError,
    file_lock::FileLocks,
    hashes, known,
    metered::{bounded, measured},
    migrations::{self, Pending},
    private_file, reader, requests,
    statements::{self, Durability, duration_millis, sql_ledger},
    wal::{self, LogState},
};
use crate::{
    domain::{
        content_hash::ContentHash,
        content_hashes::ContentHashes,
        idempotency::{Begun, ChosenImage, KeyedRequest},
        image::ImageName,
        ledger::{Claim, Entry, EntryQuery, Lease, Prior, Settlement},
        platform::Platform,
        publication::{Failure, LookupKey},
        tenant::TenantName,
    },
    ports::{
        Clock, IdempotencyStore, KEY_HELD_FOR, KEY_KEPT_FOR, LEASE_TTL, Ledger, LedgerError,
        LedgerReader,
    },
};

/// What only a file has that goes with time.
const OWN_RETENTION: [(&str, Duration); 0] = [];
/// How long an operation waits for the connection to a file, and opening for the first one.
const POOL_WAIT: Duration = Duration::from_secs(5);

/// A ledger in a local file.
pub(super) struct SqliteLedger {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
    /// `None` where another process has the file.
    locks: Option<FileLocks>,
}

impl SqliteLedger {
    /// Opens the file, which only this user may read. Creates it if it is not there.
    ///
    /// # Errors
    /// Another process has the file, or it cannot be opened and written.
    pub(super) async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenLedgerError> {
        let locks = FileLocks::acquire(path)?;
        if check_log(path)? == LogState::CutOff {
            tracing::warn!(
                "the ledger's -wal ends early, as after a power cut: what was written last may be missing"
            );
        }
        let ledger = Self {
            pool: connect(options(path).create_if_missing(true)).await?,
            clock,
            locks: Some(locks),
        };
        migrations::apply_to_sqlite(&ledger.pool)
            .await
            .map_err(OpenLedgerError::sqlite)?;
        for left_behind in [
            "DELETE FROM ledger_leases",
            "UPDATE ledger_requests SET holder = NULL",
            "UPDATE ledger_usage SET due_at = added_at, claim = NULL WHERE claim IS NOT NULL",
            "UPDATE ledger_job_queues SET turn_at = 0
                WHERE tenant IN (SELECT tenant FROM ledger_jobs WHERE status = 'running')",
            "UPDATE ledger_jobs SET due_at = 0, claim = NULL WHERE status = 'running'",
            "DELETE FROM ledger_publish_slots",
        ] {
            sqlx::query(left_behind)
                .execute(&ledger.pool)
                .await
                .map_err(OpenLedgerError::sqlite)?;
        }
        Ok(ledger)
    }

    /// Opens a file that another process has, to write beside it: each of its writes waits for ours,
    /// and ours for its. What that process holds stays as it is.
    ///
    /// # Errors
    /// The file cannot be opened and written, or its tables are not those of this version.
    pub(super) async fn open_beside(
        path: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenLedgerError> {
        let pool = connect(options(path)).await?;
        let mut connection = pool.acquire().await.map_err(OpenLedgerError::sqlite)?;
        let pending = migrations::pending_in_sqlite(&mut connection).await;
        drop(connection);
        if pending.map_err(OpenLedgerError::sqlite)? != Pending::Nothing {
            return Err(OpenLedgerError::Behind);
        }
        Ok(Self {
            pool,
            clock,
            locks: None,
        })
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    pub(super) async fn begin(
        &self,
        durability: Durability,
    ) -> Result<(Guarded, i64), sqlx::Error> {
        let mut connection = self.alone(durability).await?;
        let begin = sqlx::raw_sql("BEGIN IMMEDIATE");
        connection.execute(begin).await?;
        let now = self.now(&mut connection).await?;
        Ok((connection, now))
    }

    async fn begin_lightly(&self) -> Result<(Guarded, i64), sqlx::Error> {
        self.begin(Durability::Volatile).await
    }

    async fn alone(&self, durability: Durability) -> Result<Guarded, sqlx::Error> {
        let mut connection = Guarded::acquire(&self.pool).await?;
        let wait = match durability {
            Durability::Synced => "PRAGMA synchronous = FULL",
            Durability::Volatile => "PRAGMA synchronous = NORMAL",
        };
        connection.execute(wait).await?;
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

impl Drop for SqliteLedger {
    fn drop(&mut self) {
        // A pool that was not closed closes its connection later, on a thread of its own.
        if let Some(locks) = self.locks.take()
            && !self.pool.is_closed()
        {
            locks.keep();
        }
    }
}

sql_ledger!(
    SqliteLedger,
    live: "l.expires_at > $1",
    intents: "SELECT value ->> 'platform' AS platform, value ->> 'key' AS lookup_key
        FROM json_each($4)",
    elements: "json_each($4)",
    hashes: "SELECT value ->> 'kind' AS kind, value ->> 'hash' AS hash, value ->> 'own_key' AS own_key
        FROM json_each($3)",
    locked: "",
    skipped: "",
    patience: None,
    by_status: "INDEXED BY ledger_jobs_by_status",
    listed: "json_each($1)",
    names_indexes: true
);

/// Looks at the log of a file that no process has, before `SQLite` opens it: that drops what it cannot
/// read, and says nothing.
///
/// # Errors
/// Writes that were committed cannot be read any more.
pub(super) fn check_log(path: &Path) -> Result<LogState, OpenLedgerError> {
    let failed = |source| OpenLedgerError::file(path, source);
    let own = private_file::by_own_name(path).map_err(failed)?;
    let [log, index] = ["-wal", "-shm"].map(|suffix| private_file::with_suffix(&own, suffix));
    match wal::state(&log, &index).map_err(failed)? {
        LogState::Damaged => Err(OpenLedgerError::DamagedLog(path.to_owned())),
        state => Ok(state),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
}

async fn connect(options: SqliteConnectOptions) -> Result<SqlitePool, OpenLedgerError> {
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        // A file that only this process has does not go away.
        .test_before_acquire(false)
        .acquire_timeout(POOL_WAIT)
        .connect_with(options)
        .await
        .map_err(OpenLedgerError::sqlite)
}
