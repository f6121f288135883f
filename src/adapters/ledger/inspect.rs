//! What a ledger is like, found out without changing anything: neither its tables, nor what is on
//! the disk. For `publisher check`.

use std::{
    fmt,
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use rustix::fs::{Access, access};
use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};

use super::{
    error::OpenLedgerError,
    file_lock,
    ledger_file::{self, Aside},
    location::Location,
    migrations::{self, Pending},
    open::{OpenLedger, on_server},
    private_file::{self, by_own_name},
    settings::LedgerSettings,
    sqlite::check_log,
    wal::LogState,
};
use crate::ports::Clock;

/// What there is where the ledger should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerState {
    /// Nothing yet, and it can be made.
    Absent,
    /// A ledger with the tables of this version.
    Ready,
    /// A ledger that so many migrations have to be applied to.
    Pending(usize),
    /// A file that a running process has.
    InUse,
    /// A file whose log ends early.
    CutOff,
    /// A server that does not allow as many connections as this process takes.
    Crowded {
        /// How many are available at a time.
        can: u32,
        /// How many are taken.
        takes: u32,
    },
}

impl LedgerState {
    /// Whether there is nothing to say but that all is well.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Absent | Self::Ready)
    }
}

impl fmt::Display for LedgerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is none yet; serve, publish and imports make it"),
            Self::Ready => f.write_str("it can be written, and its tables are up to date"),
            Self::Pending(1) => f.write_str("1 migration pending; serve applies it"),
            Self::Pending(count) => write!(f, "{count} migrations pending; serve applies them"),
            Self::InUse => f.write_str("a running process has it, so that it was not opened"),
            Self::CutOff => f.write_str(
                "its -wal ends early, as after a power cut: what was written last may be missing",
            ),
            Self::Crowded { can, takes } => write!(
                f,
                "only {can} of the {takes} connections that this process takes can be had now, so that \
                 requests wait for each other: raise the limit of the server, its user or its pooler, \
                 or lower LEDGER_POOL_SIZE"
            ),
        }
    }
}

/// Looks at the ledger. With `migrate` it is opened as a start does it, and its tables are made or
/// brought up to date, unless a running process has it.
///
/// # Errors
/// [`OpenLedgerError`]: the service would not start, or could not write.
pub async fn inspect(
    settings: LedgerSettings,
    migrate: bool,
    clock: Arc<dyn Clock>,
) -> Result<LedgerState, OpenLedgerError> {
    if migrate {
        return open(settings, clock).await;
    }
    match &settings.location {
        Location::Sqlite(path) => inspect_file(path).await,
        Location::Postgres(server) => {
            let ledger = on_server(server, &settings, Arc::clone(&clock))?;
            match ledger.pending().await? {
                Pending::Everything => return Ok(LedgerState::Absent),
                Pending::Some(count) => return Ok(LedgerState::Pending(count)),
                // Nothing to be applied: opening it finds out the rest, and changes nothing.
                Pending::Nothing => {}
            }
            let (can, takes) = ledger.pool().count_available().await;
            let state = open(settings, clock).await?;
            Ok(if can < takes {
                LedgerState::Crowded { can, takes }
            } else {
                state
            })
        }
    }
}

async fn open(
    settings: LedgerSettings,
    clock: Arc<dyn Clock>,
) -> Result<LedgerState, OpenLedgerError> {
    let ledger = match OpenLedger::open(settings, clock).await {
        Ok(ledger) => ledger,
        Err(OpenLedgerError::InUse(_)) => return Ok(LedgerState::InUse),
        Err(error) => return Err(error),
    };
    let probed = ledger.reader.probe().await;
    ledger.close().await;
    probed.map_err(OpenLedgerError::Unwritable)?;
    Ok(LedgerState::Ready)
}

async fn inspect_file(path: &Path) -> Result<LedgerState, OpenLedgerError> {
    let failed = |source| OpenLedgerError::file(path, source);
    let path = &by_own_name(path).map_err(failed)?;
    // `SQLite` makes files beside the database, so the folder has to be writable as well.
    let folder = private_file::folder_of(path);
    let may_write = Access::READ_OK | Access::WRITE_OK;
    access(folder, may_write | Access::EXEC_OK).map_err(|error| failed(error.into()))?;
    // Not every folder that may be written takes files. This one has no name, and is gone at once.
    try_to_write(folder).map_err(|error| match error.kind() {
        // The folder is there.
        io::ErrorKind::NotFound => failed(io::Error::other(error)),
        _ => failed(error),
    })?;
    if !path.try_exists().map_err(failed)? {
        return Ok(LedgerState::Absent);
    }
    access(path, may_write).map_err(|error| failed(error.into()))?;
    if file_lock::is_in_use(path).map_err(failed)? {
        return Ok(LedgerState::InUse);
    }
    private_file::refuse_other_files(path).map_err(failed)?;
    let log = check_log(path)?;
    let pending = if ledger_file::has_unmerged_writes(path).map_err(failed)? {
        let copy = Aside::copy(path).map_err(failed)?;
        pending_in(SqliteConnectOptions::new().filename(copy.path())).await?
    } else {
        // Without locks and files beside it: no process has it open.
        pending_in(SqliteConnectOptions::new().filename(path).immutable(true)).await?
    };
    Ok(match pending {
        Pending::Everything => LedgerState::Absent,
        Pending::Some(count) => LedgerState::Pending(count),
        Pending::Nothing if log == LogState::CutOff => LedgerState::CutOff,
        Pending::Nothing => LedgerState::Ready,
    })
}

/// Whether there is room for what `SQLite` makes when it opens a database.
fn try_to_write(folder: &Path) -> io::Result<()> {
    static ROOM: [u8; 64 * 1024] = [1; 64 * 1024];
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&ROOM)?;
    file.sync_all()
}

async fn pending_in(options: SqliteConnectOptions) -> Result<Pending, OpenLedgerError> {
    let options = options.read_only(true).disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(OpenLedgerError::sqlite)?;
    let pending = migrations::pending_in_sqlite(&mut connection).await;
    connection.close().await.map_err(OpenLedgerError::sqlite)?;
    pending.map_err(OpenLedgerError::sqlite)
}
