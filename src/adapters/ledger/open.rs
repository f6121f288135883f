//! Opening a ledger, whichever database it is in.

use std::sync::Arc;

use super::{
    error::OpenLedgerError,
    fault::Fault,
    location::{Location, Server},
    merge::Merge,
    pool::PoolState,
    postgres::PostgresLedger,
    settings::LedgerSettings,
    sqlite::SqliteLedger,
    waiting::Waiting,
};
use crate::{
    adapters::http_client::ExtraRoots,
    ports::{Clock, IdempotencyStore, Ledger, LedgerReader, LedgerRetention},
};

/// An open ledger.
pub struct OpenLedger {
    /// Where publications are written.
    pub ledger: Arc<dyn Ledger>,
    /// Where callers and probes read them.
    pub reader: Arc<dyn LedgerReader>,
    /// Where requests are kept by their keys.
    pub requests: Arc<dyn IdempotencyStore>,
    /// Deletes what is no longer needed.
    pub retention: Arc<dyn LedgerRetention>,
    pub(super) merge: Arc<dyn Merge>,
    pub(super) pool: Pool,
    waiting: Option<Waiting>,
}

/// The connections of a ledger.
#[derive(Clone)]
pub(super) enum Pool {
    Sqlite(sqlx::SqlitePool),
    Postgres(Arc<PostgresLedger>),
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
        match &settings.location {
            Location::Sqlite(path) => Ok(Self::of_file(SqliteLedger::open(path, clock).await?)),
            Location::Postgres(server) => {
                let ledger = on_server(server, &settings, clock)?;
                ledger.prepare().await?;
                Ok(Self::of(&ledger, Pool::Postgres(Arc::clone(&ledger))))
            }
        }
    }

    /// The same for a command that writes beside a service, which may run, start or end meanwhile. Such a command makes no
    /// ledger: it looks for [`LedgerSettings::missing_file`] first.
    ///
    /// # Errors
    /// [`OpenLedgerError`].
    pub async fn open_beside(
        settings: LedgerSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenLedgerError> {
        let Location::Sqlite(path) = &settings.location else {
            return Self::open(settings, clock).await;
        };
        let path = path.clone();
        match Self::open(settings, Arc::clone(&clock)).await {
            // Its tables are up to date now. It is not kept: a service could not start.
            Ok(ledger) => ledger.close().await,
            Err(OpenLedgerError::InUse(_)) => {}
            Err(error) => return Err(error),
        }
        let ledger = SqliteLedger::open_beside(&path, clock).await?;
        Ok(Self::of_file(ledger))
    }

    /// The same for a process that serves: a ledger on a server that is away is unavailable, and opened as soon
    /// as the server can be reached.
    ///
    /// # Errors
    /// [`OpenLedgerError`], where waiting does not help.
    pub async fn open_or_wait(
        settings: LedgerSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenLedgerError> {
        let Location::Postgres(server) = &settings.location else {
            return Self::open(settings, clock).await;
        };
        let ledger = on_server(server, &settings, clock)?;
        let waiting = Some(Waiting::begin(&ledger).await?);
        let pool = Pool::Postgres(Arc::clone(&ledger));
        Ok(Self {
            waiting,
            ..Self::of(&ledger, pool)
        })
    }

    /// A ledger in a file.
    pub(super) fn of_file(ledger: SqliteLedger) -> Self {
        let pool = Pool::Sqlite(ledger.pool().clone());
        Self::of(&Arc::new(ledger), pool)
    }

    fn of<L>(ledger: &Arc<L>, pool: Pool) -> Self
    where
        L: Ledger + LedgerReader + IdempotencyStore + LedgerRetention + Merge + 'static,
    {
        Self {
            ledger: Arc::clone(ledger) as _,
            reader: Arc::clone(ledger) as _,
            requests: Arc::clone(ledger) as _,
            retention: Arc::clone(ledger) as _,
            merge: Arc::clone(ledger) as _,
            pool,
            waiting: None,
        }
    }

    /// The database, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.pool {
            Pool::Sqlite(_) => "sqlite",
            Pool::Postgres(_) => "postgresql",
        }
    }

    /// How many connections it takes at most, that of the session included.
    #[must_use]
    pub fn connections(&self) -> u32 {
        match &self.pool {
            Pool::Sqlite(_) => 1,
            Pool::Postgres(ledger) => ledger.pool().max_size().saturating_add(1),
        }
    }

    /// Waits for what is being written, and closes the ledger.
    pub async fn close(self) {
        drop(self.waiting);
        match self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(ledger) => ledger.close().await,
        }
    }
}

impl Pool {
    /// Waits until the ledger is closed.
    pub(super) async fn closed(&self) {
        match self {
            Self::Sqlite(pool) => pool.close_event().await,
            Self::Postgres(ledger) => ledger.pool().closed().await,
        }
    }

    pub(super) fn state(&self) -> PoolState {
        match self {
            Self::Sqlite(pool) => {
                let idle = pool.num_idle();
                let open = usize::try_from(pool.size()).unwrap_or(usize::MAX);
                PoolState {
                    idle,
                    in_use: open.saturating_sub(idle),
                    max: pool.options().get_max_connections(),
                }
            }
            Self::Postgres(ledger) => ledger.pool().state(),
        }
    }
}

/// A ledger on a server, which has to be prepared.
pub(super) fn on_server(
    server: &Server,
    settings: &LedgerSettings,
    clock: Arc<dyn Clock>,
) -> Result<Arc<PostgresLedger>, OpenLedgerError> {
    let mut options = server.options.clone();
    let mut roots = settings.roots.clone();
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
    let ledger = PostgresLedger::new(options, settings.pool_size, clock);
    Ok(Arc::new(ledger))
}
