//! The publication ledger: an `SQLite` file for one process, PostgreSQL for several.
//!
//! | file | holds |
//! | --- | --- |
//! | `statements.rs` | what is the same for both: the statements, and the ports made of them |
//! | `reader.rs` | the same for what people and probes ask |
//! | `requests.rs` | the same for requests under an idempotency key |
//! | `location.rs` | what a URL says |
//! | `connection.rs` | a connection that is closed unless its work came to its end |
//! | `retention.rs` | the same for what goes with time |
//! | `merge.rs` | the same for what comes from another ledger |
//! | `sqlite.rs`, `postgres.rs` | how each is opened, tells the time, and knows a dead holder |
//! | `metered.rs` | the metrics of what each operation takes, around either |
//! | `watch.rs` | the gauges that are read from the ledger |
//! | `pool.rs`, `pooling.rs`, `fault.rs` | connections to PostgreSQL, poolers before it, and what is wrong with it |
//! | `waiting.rs` | opening a ledger whose server is away |
//! | `file_lock.rs`, `private_file.rs` | whose an `SQLite` file is, and who may read it |
//! | `migrations.rs`, `migrations/` | the tables, shipped in the binary, and how they change |
//! | `inspect.rs` | what there is, without changing it |
//! | `advice.rs` | what to do about a file that cannot be opened |
//! | `backup.rs` | a copy of an `SQLite` ledger |
//! | `import.rs`, `ledger_file.rs`, `wal.rs` | another ledger, read and taken over |
//!
//! Every write of a holder first takes his lease again, in the same transaction: one that was
//! lost writes nothing. The outcome of an attempt is the exception: it belongs to that attempt alone,
//! and is written as long as no other attempt has begun. Neither a secret nor an image is ever written.

mod advice;
mod backup;
mod connection;
mod fault;
mod file_lock;
mod import;
mod inspect;
mod ledger_file;
mod location;
mod merge;
mod metered;
mod migrations;
mod pool;
mod pooling;
mod postgres;
mod private_file;
mod reader;
mod requests;
mod retention;
mod sqlite;
mod statements;
mod waiting;
mod wal;
mod watch;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

pub use self::{
    backup::{BackupError, backup},
    import::{ImportError, ImportSummary, import_file},
    inspect::{LedgerState, inspect},
    metered::OPERATIONS,
};
use self::{
    fault::Fault,
    location::{Location, Server},
    merge::Merge,
    metered::Metered,
    postgres::PostgresLedger,
    sqlite::SqliteLedger,
    waiting::Waiting,
};
use crate::{
    adapters::http_client::ExtraRoots,
    domain::secret::Secret,
    ports::{Cause, Clock, IdempotencyStore, Ledger, LedgerError, LedgerReader, LedgerRetention},
};

/// How many connections to PostgreSQL there are beside that of the session, when nobody says: each
/// operation takes one for milliseconds.
pub const DEFAULT_POOL_SIZE: u32 = 2;
/// How long an operation waits for the connection to a file, and opening for the first one.
const POOL_WAIT: Duration = Duration::from_secs(5);

/// What has become of a write when it is done.
#[derive(Clone, Copy)]
enum Keep {
    /// It survives the end of the machine.
    OnDisk,
    /// It is of a lease alone, which need not outlive the process that holds it.
    InProcess,
}

/// Where the ledger is, and how it is reached.
pub struct LedgerSettings {
    location: Location,
    roots: Vec<u8>,
    pool_size: u32,
}

impl LedgerSettings {
    /// Reads a URL: `sqlite://<file>` or `postgres://…`.
    ///
    /// # Errors
    /// The rule that it breaks; never a part of it.
    pub fn from_url(url: &Secret) -> Result<Self, &'static str> {
        Ok(Self {
            location: Location::from_url(url)?,
            roots: Vec::new(),
            pool_size: DEFAULT_POOL_SIZE,
        })
    }

    /// A file, for tests.
    #[cfg(test)]
    fn of_file(path: &std::path::Path) -> Self {
        Self {
            location: Location::Sqlite(path.to_owned()),
            roots: Vec::new(),
            pool_size: DEFAULT_POOL_SIZE,
        }
    }

    /// With roots that are trusted beside the system's.
    #[must_use]
    pub fn trusting(mut self, roots: &ExtraRoots) -> Self {
        self.roots = roots.pem().to_vec();
        self
    }

    /// With so many connections to a server, beside that of the session; at least one.
    #[must_use]
    pub fn with_pool_size(mut self, size: u32) -> Self {
        self.pool_size = size.max(1);
        self
    }

    /// Where the ledger is, for people: the file, or that it is in `PostgreSQL`, whose URL is a secret.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.location {
            Location::Sqlite(path) => format!("the SQLite file {}", path.display()),
            Location::Postgres(_) => "PostgreSQL".to_owned(),
        }
    }

    /// Whether it is on a server.
    #[must_use]
    pub fn is_on_server(&self) -> bool {
        matches!(self.location, Location::Postgres(_))
    }

    /// What an operator should be told of the URL.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        match &self.location {
            Location::Postgres(server) => server.warning,
            Location::Sqlite(_) => None,
        }
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
    /// What takes out what is not needed any more.
    pub retention: Arc<dyn LedgerRetention>,
    merge: Arc<dyn Merge>,
    pool: Pool,
}

enum Pool {
    Sqlite(sqlx::SqlitePool),
    Postgres(Arc<PostgresLedger>, Option<Waiting>),
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
        match settings.location {
            Location::Sqlite(path) => {
                let ledger = Arc::new(SqliteLedger::open(&path, Arc::clone(&clock)).await?);
                let pool = Pool::Sqlite(ledger.pool().clone());
                Ok(Self::measured(&ledger, pool, clock))
            }
            Location::Postgres(server) => {
                let ledger = on_server(&server, settings.roots, settings.pool_size)?;
                ledger.prepare().await?;
                Ok(Self::of_server(&ledger, None, clock))
            }
        }
    }

    fn measured<L>(ledger: &Arc<L>, pool: Pool, clock: Arc<dyn Clock>) -> Self
    where
        L: Ledger + LedgerReader + IdempotencyStore + LedgerRetention + Merge + 'static,
    {
        let measured = Arc::new(Metered::new(Arc::clone(ledger), clock));
        Self {
            ledger: Arc::clone(&measured) as _,
            requests: Arc::clone(&measured) as _,
            reader: measured,
            retention: Arc::clone(ledger) as _,
            merge: Arc::clone(ledger) as _,
            pool,
        }
    }

    /// The same for a process that serves: a ledger on a server that is away is opened by itself when
    /// it can be, and unavailable until then.
    ///
    /// # Errors
    /// [`OpenLedgerError`], where no waiting would help.
    pub async fn open_or_wait(
        settings: LedgerSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenLedgerError> {
        match settings.location {
            Location::Sqlite(_) => Self::open(settings, clock).await,
            Location::Postgres(server) => {
                let ledger = on_server(&server, settings.roots, settings.pool_size)?;
                let waiting = Waiting::begin(&ledger).await?;
                Ok(Self::of_server(&ledger, Some(waiting), clock))
            }
        }
    }

    fn of_server(
        ledger: &Arc<PostgresLedger>,
        waiting: Option<Waiting>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let pool = Pool::Postgres(Arc::clone(ledger), waiting);
        Self::measured(ledger, pool, clock)
    }

    /// What keeps it, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.pool {
            Pool::Sqlite(_) => "sqlite",
            Pool::Postgres(..) => "postgresql",
        }
    }

    /// How many connections it takes at most, that of the session included.
    #[must_use]
    pub fn connections(&self) -> u32 {
        match &self.pool {
            Pool::Sqlite(_) => 1,
            Pool::Postgres(ledger, _) => ledger.pool().max_size().saturating_add(1),
        }
    }

    /// Waits for what is being written, and closes the ledger.
    pub async fn close(self) {
        match self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(ledger, waiting) => {
                drop(waiting);
                ledger.close().await;
            }
        }
    }
}

/// A ledger on a server, which has to be prepared.
fn on_server(
    server: &Server,
    mut roots: Vec<u8>,
    pool_size: u32,
) -> Result<Arc<PostgresLedger>, OpenLedgerError> {
    let mut options = server.options.clone();
    if let Some(named) = &server.root_certificates {
        let unreadable = |error| OpenLedgerError::Postgres(Fault::Roots(error).into());
        let pem = if named.trim_start().starts_with("-----BEGIN") {
            named.clone().into_bytes()
        } else {
            std::fs::read(named).map_err(|error| unreadable(Some(error)))?
        };
        ExtraRoots::from_pem(&pem).map_err(|_| unreadable(None))?;
        roots.push(b'\n');
        roots.extend(pem);
    }
    if !roots.is_empty() {
        options = options.ssl_root_cert_from_pem(roots);
    }
    Ok(Arc::new(PostgresLedger::new(options, pool_size)))
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
    #[error(
        "PUBLISH_LEDGER_URL: the ledger {} cannot be opened for writing ({})",
        .path.display(), advice::of_file(.source)
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Posts that were written down cannot be read.
    #[error(
        "PUBLISH_LEDGER_URL: the -wal of the ledger {} is damaged, so that its last posts would be sent \
         again: move the database, -wal and -shm aside together, put a copy in their place, and take over \
         what can be read with `publisher import ledger`",
        .0.display()
    )]
    DamagedLog(PathBuf),
    /// The database in the file.
    #[error(
        "PUBLISH_LEDGER_URL: the file is no ledger that can be written ({})",
        advice::of_database(&**.0)
    )]
    Sqlite(#[source] Cause),
    /// A running process has the file, and has not brought its tables to where this version needs
    /// them.
    #[error(
        "PUBLISH_LEDGER_URL: the ledger is that of a running process of another version: stop that first"
    )]
    Behind,
    /// It opens, and cannot be written.
    #[error("PUBLISH_LEDGER_URL: the ledger cannot be written")]
    Unwritable(#[source] LedgerError),
    /// The server.
    #[error("PUBLISH_LEDGER_URL: the ledger in PostgreSQL cannot be opened")]
    Postgres(#[source] Cause),
}

impl OpenLedgerError {
    fn sqlite(error: impl Into<Cause>) -> Self {
        Self::Sqlite(error.into())
    }

    fn postgres(error: impl Into<Cause>) -> Self {
        Self::Postgres(fault::cause(error.into()))
    }

    /// Whether starting the process again changes nothing as long as nobody changes the setting, or
    /// replaces the file.
    #[must_use]
    pub fn is_of_settings(&self) -> bool {
        advice::is_of_settings(self)
    }

    /// Whether trying again does not help as long as nobody mends it and starts the process anew.
    fn is_final(&self) -> bool {
        match self {
            Self::InUse(_)
            | Self::File { .. }
            | Self::DamagedLog(_)
            | Self::Sqlite(_)
            | Self::Behind => true,
            Self::Unwritable(_) => false,
            Self::Postgres(cause) => fault::is_final(&**cause),
        }
    }

    /// What it is, without where.
    fn cause(&self) -> String {
        match self {
            Self::Postgres(cause) => cause.to_string(),
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
