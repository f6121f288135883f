//! What there is of jobs that have not come to their end, found out without changing anything. For `publisher check` and
//! `publisher import`.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};

use super::{
    database_summary::counted,
    error::OpenLedgerError,
    file_lock,
    ledger_file::{self, Aside},
    location::Location,
    migrations::{self, Pending},
    open::on_server,
    pool,
    private_file::by_own_name,
    settings::LedgerSettings,
    statements::millis,
};
use crate::ports::Clock;

/// A due job that nobody has claimed for so long: polls of the queue are a second apart.
const LATE: Duration = Duration::from_mins(1);

/// Jobs by what they wait for. A narrow index counts them; few of all jobs are open.
pub(super) const SUMMARY: &str = "SELECT
    (SELECT count(*) FROM ledger_jobs WHERE status = 'scheduled' AND due_at > $1),
    (SELECT count(*) FROM ledger_jobs WHERE status = 'scheduled' AND due_at <= $1),
    (SELECT min(due_at) FROM ledger_jobs WHERE status = 'scheduled' AND due_at <= $1),
    (SELECT count(*) FROM ledger_jobs WHERE status = 'awaiting_approval'),
    (SELECT count(*) FROM ledger_jobs WHERE status = 'running' AND due_at > $1),
    (SELECT count(*) FROM ledger_jobs WHERE status = 'running' AND due_at <= $1)";

const OPEN: &str = "SELECT count(*) FROM ledger_jobs WHERE ended_at IS NULL";

type Row = (i64, i64, Option<i64>, i64, i64, i64);

/// Jobs of all tenants that have not come to their end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueSummary {
    /// Those whose time is to come, that of another attempt included.
    pub to_come: u64,
    /// Those whose time has come, and that nobody has claimed.
    pub due: u64,
    /// For how long the first of them has been due.
    pub oldest_due: Option<Duration>,
    /// Those that wait for a yes.
    pub awaiting: u64,
    /// Those that a process carries out.
    pub running: u64,
    /// Those whose process is gone: its claim has ended.
    pub abandoned: u64,
}

impl QueueSummary {
    fn of((to_come, due, oldest, awaiting, running, abandoned): Row, now: i64) -> Self {
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        Self {
            to_come: count(to_come),
            due: count(due),
            oldest_due: oldest.map(|since| Duration::from_millis(count(now.saturating_sub(since)))),
            awaiting: count(awaiting),
            running: count(running),
            abandoned: count(abandoned),
        }
    }

    /// Whether there is no job.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether jobs wait that a process should have begun.
    #[must_use]
    pub fn is_behind(self) -> bool {
        self.abandoned > 0 || self.oldest_due.is_some_and(|age| age > LATE)
    }
}

impl fmt::Display for QueueSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            to_come,
            due,
            oldest_due,
            awaiting,
            running,
            abandoned,
        } = *self;
        write!(f, "{to_come} to come, {due} due")?;
        if let Some(age) = oldest_due {
            write!(f, " (the first for {} s)", age.as_secs())?;
        }
        write!(f, ", {awaiting} waiting for approval, {running} running")?;
        if abandoned > 0 {
            let jobs = counted(
                abandoned,
                "whose process has ended",
                "whose processes have ended",
            );
            write!(f, ", {jobs}")?;
        }
        if self.is_behind() {
            f.write_str("; those that are due begin once a process runs that carries jobs out")?;
        }
        Ok(())
    }
}

/// Looks at the jobs of a ledger that no migration is pending for. `None` for another one, and for a file that is not there or
/// that a running process has.
///
/// # Errors
/// [`OpenLedgerError`]: it cannot be read.
pub async fn inspect_jobs(
    settings: &LedgerSettings,
    clock: Arc<dyn Clock>,
) -> Result<Option<QueueSummary>, OpenLedgerError> {
    match &settings.location {
        Location::Sqlite(path) => in_file(path, millis(clock.utc())).await,
        Location::Postgres(server) => {
            let ledger = on_server(server, settings, clock)?;
            let failed = OpenLedgerError::postgres;
            let mut connection = ledger.pool().dial().await.map_err(failed)?;
            let pending = migrations::pending_in_postgres(&mut connection).await;
            if pending.map_err(OpenLedgerError::postgres)? != Pending::Nothing {
                pool::close(connection).await;
                return Ok(None);
            }
            let now = ledger.now(&mut connection).await.map_err(failed)?;
            let row: Row = sqlx::query_as(SUMMARY)
                .bind(now)
                .fetch_one(&mut connection)
                .await
                .map_err(failed)?;
            pool::close(connection).await;
            Ok(Some(QueueSummary::of(row, now)))
        }
    }
}

async fn in_file(path: &Path, now: i64) -> Result<Option<QueueSummary>, OpenLedgerError> {
    let failed = |source| OpenLedgerError::file(path, source);
    let path = &by_own_name(path).map_err(failed)?;
    if !path.try_exists().map_err(failed)? || file_lock::is_in_use(path).map_err(failed)? {
        return Ok(None);
    }
    if ledger_file::has_unmerged_writes(path).map_err(failed)? {
        let copy = Aside::copy(path).map_err(failed)?;
        return in_closed_file(SqliteConnectOptions::new().filename(copy.path()), now).await;
    }
    let options = SqliteConnectOptions::new().filename(path).immutable(true);
    in_closed_file(options, now).await
}

async fn in_closed_file(
    options: SqliteConnectOptions,
    now: i64,
) -> Result<Option<QueueSummary>, OpenLedgerError> {
    let options = options.read_only(true).disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(OpenLedgerError::sqlite)?;
    let pending = migrations::pending_in_sqlite(&mut connection).await;
    let mut summary = None;
    if pending.map_err(OpenLedgerError::sqlite)? == Pending::Nothing {
        let row: Row = sqlx::query_as(SUMMARY)
            .bind(now)
            .fetch_one(&mut connection)
            .await
            .map_err(OpenLedgerError::sqlite)?;
        summary = Some(QueueSummary::of(row, now));
    }
    connection.close().await.map_err(OpenLedgerError::sqlite)?;
    Ok(summary)
}

/// How many jobs in a file have not come to their end.
pub(super) async fn open_jobs(pool: &SqlitePool) -> Result<u64, sqlx::Error> {
    let count: i64 = sqlx::query_scalar(OPEN).fetch_one(pool).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_waits_for_what() {
        let quiet = QueueSummary::of((2, 1, Some(9_000), 1, 3, 0), 10_500);
        assert_eq!(
            quiet.to_string(),
            "2 to come, 1 due (the first for 1 s), 1 waiting for approval, 3 running"
        );
        assert!(!quiet.is_behind() && !quiet.is_empty());
        let behind = QueueSummary::of((0, 1, Some(0), 0, 0, 2), 61_000);
        assert_eq!(
            behind.to_string(),
            "0 to come, 1 due (the first for 61 s), 0 waiting for approval, 0 running, 2 whose \
             processes have ended; those that are due begin once a process runs that carries jobs out"
        );
        assert!(behind.is_behind());
        assert!(QueueSummary::of((0, 0, None, 0, 0, 0), 1).is_empty());
    }
}
