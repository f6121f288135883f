//! Opening a ledger, whichever database it is in.

use std::sync::Arc;

use super::{
    error::OpenLedgerError,
    fault::Fault,
    location::{Location, Server},
    merge::Merge,
    metered::Metered,
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
    /// Where people and probes read them.
    pub reader: Arc<dyn LedgerReader>,
    /// Where requests are kept under their keys.
    pub requests: Arc<dyn IdempotencyStore>,
    /// What takes out what is not needed any more.
    pub retention: Arc<dyn LedgerRetention>,
    pub(super) merge: Arc<dyn Merge>,
    pub(super) pool: Pool,
}

pub(super) enum Pool {
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

    pub(super) fn measured<L>(ledger: &Arc<L>, pool: Pool, clock: Arc<dyn Clock>) -> Self
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
pub(super) fn on_server(
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
