//! Opening a ledger, whichever database it is in.

use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;

use super::{
    error::OpenLedgerError,
    fault::Fault,
    location::{Location, Server},
    merge::Merge,
    pool::PoolState,
    postgres::PostgresLedger,
    settings::LedgerSettings,
    sqlite::SqliteLedger,
    takeover::Takeover,
    waiting::Waiting,
};
use crate::{
    adapters::http_client::ExtraRoots,
    ports::{
        CaptionHistory, Clock, IdempotencyStore, JobEvents, JobQueue, JobStore, Ledger,
        LedgerReader, LedgerRetention, PublishSlots, ScheduleStore, SharedRates, UsageOutbox,
        VoiceProfileStore,
    },
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
    /// Where usage events wait to be sent.
    pub usage: Arc<dyn UsageOutbox>,
    /// Where stored voice profiles are.
    pub voices: Arc<dyn VoiceProfileStore>,
    /// What is remembered of captions.
    pub captions: Arc<dyn CaptionHistory>,
    /// Where jobs are, for people.
    pub jobs: Arc<dyn JobStore>,
    /// Where jobs are claimed.
    pub job_queue: Arc<dyn JobQueue>,
    /// Where schedules are.
    pub schedules: Arc<dyn ScheduleStore>,
    /// What happens to jobs and publications.
    pub job_events: Arc<dyn JobEvents>,
    /// The slots of publications that requests wait for.
    pub slots: Arc<dyn PublishSlots>,
    /// The count of all processes, where several can share the ledger.
    pub rates: Option<Arc<dyn SharedRates>>,
    pub(super) merge: Arc<dyn Merge>,
    pub(super) takeover: Arc<dyn Takeover>,
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
                Ok(Self::of_server(&ledger))
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

    /// The same for a command that takes over what was posted before there was a ledger: a file that is not there is
    /// made.
    ///
    /// # Errors
    /// [`OpenLedgerError`].
    pub(super) async fn open_or_make_beside(
        settings: LedgerSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenLedgerError> {
        if settings.missing_file().is_none() {
            return Self::open_beside(settings, clock).await;
        }
        Self::open(settings, clock).await
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
        Ok(Self {
            waiting,
            ..Self::of_server(&ledger)
        })
    }

    /// A ledger in a file.
    pub(super) fn of_file(ledger: SqliteLedger) -> Self {
        let pool = Pool::Sqlite(ledger.pool().clone());
        Self::of(&Arc::new(ledger), pool)
    }

    /// A ledger on a server.
    fn of_server(ledger: &Arc<PostgresLedger>) -> Self {
        Self {
            rates: Some(Arc::clone(ledger) as _),
            ..Self::of(ledger, Pool::Postgres(Arc::clone(ledger)))
        }
    }

    fn of<L>(ledger: &Arc<L>, pool: Pool) -> Self
    where
        L: Ledger
            + LedgerReader
            + IdempotencyStore
            + LedgerRetention
            + UsageOutbox
            + VoiceProfileStore
            + CaptionHistory
            + JobStore
            + JobQueue
            + ScheduleStore
            + JobEvents
            + PublishSlots
            + Merge
            + Takeover
            + 'static,
    {
        Self {
            ledger: Arc::clone(ledger) as _,
            reader: Arc::clone(ledger) as _,
            requests: Arc::clone(ledger) as _,
            retention: Arc::clone(ledger) as _,
            usage: Arc::clone(ledger) as _,
            voices: Arc::clone(ledger) as _,
            captions: Arc::clone(ledger) as _,
            jobs: Arc::clone(ledger) as _,
            job_queue: Arc::clone(ledger) as _,
            schedules: Arc::clone(ledger) as _,
            job_events: Arc::clone(ledger) as _,
            slots: Arc::clone(ledger) as _,
            rates: None,
            merge: Arc::clone(ledger) as _,
            takeover: Arc::clone(ledger) as _,
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
    let options = options(server, settings.roots.clone());
    let options = options.map_err(|fault| OpenLedgerError::Postgres(fault.into()))?;
    let ledger = PostgresLedger::new(options, settings.pool_size, clock);
    Ok(Arc::new(ledger))
}

/// How a server is connected to, with these roots trusted beside the system's and those of its URL.
pub(super) fn options(server: &Server, mut roots: Vec<u8>) -> Result<PgConnectOptions, Fault> {
    let options = server.options.clone();
    if let Some(named) = &server.root_certificates {
        let pem = if named.trim_start().starts_with("-----BEGIN") {
            named.clone().into_bytes()
        } else {
            std::fs::read(named).map_err(|error| Fault::Roots(Some(error)))?
        };
        ExtraRoots::from_pem(&pem).map_err(|_| Fault::Roots(None))?;
        roots.push(b'\n');
        roots.extend(pem);
    }
    Ok(if roots.is_empty() {
        options
    } else {
        options.ssl_root_cert_from_pem(roots)
    })
}
