//! The connections to PostgreSQL: how each is made, kept, and found to be dead. Used by `postgres.rs`.
//!
//! Not sqlx's own pool. That one says "pool timed out" whatever the server says; it retries for as
//! long as it may; and it waits without a limit for the answer of a connection that it takes or gives
//! back: behind a firewall that drops packets in silence each of them costs all the time that an
//! operation has. Here
//!
//! - a connection that was idle has to answer within [`ANSWER_LIMIT`] before anything is written on
//!   it. If it does not, it and all others that are idle are closed, and a new one is made. Nothing
//!   was sent but a question, so nothing is repeated;
//! - an error is the one that the server or the network gave;
//! - a change of that cause is logged, once.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::fault::{self, Fault};

/// How long a connection that is there already may take to answer a question: more than any network
/// needs that a ledger can be kept over, less than a readiness probe waits.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// How long a new connection may take, TLS and login included.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long an operation waits for others to give a connection back.
const POOL_WAIT: Duration = Duration::from_secs(5);
/// How often, and after what, a server that is full or starting is asked again: it may not have
/// noticed yet that a connection of ours is gone.
const BUSY_RETRIES: u32 = 4;
const BUSY_WAIT: Duration = Duration::from_millis(200);

/// The statements that each session begins with. The server sends keepalives on a silent connection. So it notices
/// within a minute that a process is gone without closing the connection, and drops its lock; and no firewall forgets
/// the connection. (The driver cannot set this for our end of it; on a Unix socket it is ignored.) A transaction that
/// was cut off half-way does not keep its rows locked for long: an operation takes milliseconds, and is given up after
/// ten seconds.
const BEGINNING: &str = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; \
    SET tcp_keepalives_count = 3; SET idle_in_transaction_session_timeout = 5000; \
    SET lock_timeout = 10000";

/// All connections of a ledger but the one of its session, which is made here, too.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    options: PgConnectOptions,
    size: u32,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<PgConnection>>,
    /// Notified of each connection that becomes idle.
    given_back: Notify,
    faults: Mutex<Faults>,
    closed: CancellationToken,
}

/// How many connections there are of each kind.
pub(super) struct PoolState {
    /// Open, and not at work.
    pub(super) idle: usize,
    /// At work.
    pub(super) in_use: usize,
    /// How many there may be.
    pub(super) max: u32,
}

#[derive(Default)]
struct Faults {
    /// The reason why every operation is refused until the ledger has been made ready.
    closed_for: Option<String>,
    /// The last problem with the server, as it was logged.
    told: Option<String>,
}

impl Connections {
    /// None yet, and at most so many; no operation gets one before [`admit`](Self::admit).
    pub(super) fn new(options: PgConnectOptions, size: u32) -> Self {
        let closed_for = Some("the ledger is being opened".to_owned());
        Self(Arc::new(Shared {
            options,
            size,
            permits: Arc::new(Semaphore::new(size as usize)),
            idle: Mutex::default(),
            given_back: Notify::new(),
            faults: Mutex::new(Faults {
                closed_for,
                told: None,
            }),
            closed: CancellationToken::new(),
        }))
    }

    /// How many there may be.
    pub(super) fn max_size(&self) -> u32 {
        self.0.size
    }

    /// How many there are of each kind.
    pub(super) fn state(&self) -> PoolState {
        let free = self.0.permits.available_permits();
        PoolState {
            idle: self.0.idle.lock().len(),
            in_use: (self.0.size as usize).saturating_sub(free),
            max: self.0.size,
        }
    }

    /// Waits until [`close`](Self::close) is called.
    pub(super) async fn closed(&self) {
        self.0.closed.cancelled().await;
    }

    /// Operations get connections from now on.
    pub(super) fn admit(&self) {
        self.0.faults.lock().closed_for = None;
    }

    /// Operations fail with this cause until [`admit`](Self::admit).
    pub(super) fn keep_out(&self, cause: String) {
        self.0.faults.lock().closed_for = Some(cause);
    }

    /// Fails before [`admit`](Self::admit).
    pub(super) fn check_admitted(&self) -> Result<(), sqlx::Error> {
        let cause = self.0.faults.lock().closed_for.clone();
        cause.map_or(Ok(()), |cause| Err(Fault::NotOpen(cause).into()))
    }

    /// A new connection, which is not counted.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let result = self.dial().await;
        self.tell(result.as_ref().err());
        result
    }

    /// The same, for a caller that reports the problem itself.
    pub(super) async fn dial(&self) -> Result<PgConnection, sqlx::Error> {
        let hung = |_| Err(Fault::Silent(CONNECT_LIMIT).into());
        timeout(CONNECT_LIMIT, self.try_to_connect())
            .await
            .unwrap_or_else(hung)
            .map_err(fault::explain)
    }

    /// One that has answered just now, or a new one.
    async fn sound(&self) -> Result<PgConnection, sqlx::Error> {
        loop {
            // The guard of the lock must be gone before anything is waited for.
            let idle = self.0.idle.lock().pop();
            let Some(mut connection) = idle else {
                match self.new_or_given_back().await? {
                    Some(connection) => return Ok(connection),
                    None => continue,
                }
            };
            match timeout(ANSWER_LIMIT, connection.ping()).await {
                Ok(Ok(())) => return Ok(connection),
                // The server has ended it, and said so.
                Ok(Err(error)) => tracing::debug!(%error, "an idle connection had ended"),
                Err(_) => self.close_silent(),
            }
        }
    }

    /// A new connection; `None` once another one is idle. A server, or a pooler before it, may give out fewer than
    /// ours may be: then those that there are have to do.
    async fn new_or_given_back(&self) -> Result<Option<PgConnection>, sqlx::Error> {
        tokio::select! {
            () = self.becomes_idle() => Ok(None),
            connected = self.connect() => match connected {
                Err(error) if fault::is_full(&error) && self.state().in_use > 1 => {
                    let idle = timeout(POOL_WAIT, self.becomes_idle()).await;
                    idle.map(|()| None).map_err(|_| error)
                }
                connected => connected.map(Some),
            },
        }
    }

    /// Waits until a connection is idle. One that its holder gives back and takes again at once is none: a caller that
    /// went after it would begin to connect anew each time, and be kept waiting by a holder that works without a pause.
    async fn becomes_idle(&self) {
        loop {
            self.0.given_back.notified().await;
            if !self.0.idle.lock().is_empty() {
                return;
            }
        }
    }

    /// How many connections are available at a time, and how many are taken, that of the session included. For a caller
    /// that has not taken one yet.
    pub(super) async fn count_available(&self) -> (u32, u32) {
        let takes = self.0.size.saturating_add(1);
        let mut connections = Vec::new();
        while connections.len() < takes as usize {
            match self.dial().await {
                Ok(connection) => connections.push(connection),
                Err(_) => break,
            }
        }
        let can = connections.len().try_into().unwrap_or(takes);
        for connection in connections {
            close(connection).await;
        }
        (can, takes)
    }

    /// Closes what is idle.
    pub(super) fn close_idle(&self) {
        // Closed by being dropped: no answer is waited for.
        drop(mem::take(&mut *self.0.idle.lock()));
    }

    /// Closes what is idle: a connection that went the same way does not answer.
    pub(super) fn close_silent(&self) {
        tracing::warn!(
            closed = self.0.idle.lock().len() + 1,
            "a connection to PostgreSQL does not answer: connecting anew"
        );
        self.close_idle();
    }

    /// Puts a new connection to what is idle, if there is room.
    pub(super) fn keep(&self, connection: PgConnection) {
        let mut idle = self.0.idle.lock();
        if idle.len() < self.0.size as usize {
            idle.push(connection);
            self.0.given_back.notify_one();
        }
    }

    /// Waits for what is at work, and says good-bye to the server.
    pub(super) async fn close(&self) {
        self.0.closed.cancel();
        let all = self.0.permits.acquire_many(self.0.size).await;
        self.0.permits.close();
        drop(all);
        let idle = mem::take(&mut *self.0.idle.lock());
        for connection in idle {
            close(connection).await;
        }
    }

    async fn try_to_connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut retries = 0;
        loop {
            match self.0.options.connect().await {
                Err(error) if fault::is_busy(&error) && retries < BUSY_RETRIES => {
                    retries += 1;
                    tokio::time::sleep(BUSY_WAIT).await;
                }
                Err(error) => return Err(error),
                Ok(mut connection) => {
                    connection.execute(sqlx::raw_sql(BEGINNING)).await?;
                    return Ok(connection);
                }
            }
        }
    }

    /// Logs what has changed since the last attempt to connect.
    fn tell(&self, error: Option<&sqlx::Error>) {
        let cause = error.map(fault::text);
        let before = mem::replace(&mut self.0.faults.lock().told, cause.clone());
        match (before, cause) {
            (before, Some(cause)) if before.as_ref() != Some(&cause) => {
                tracing::warn!(error = %cause, "no connection to PostgreSQL");
            }
            (Some(_), None) => tracing::info!("PostgreSQL can be reached again"),
            _ => {}
        }
    }
}

/// Says good-bye to the server, without waiting for long.
pub(super) async fn close(connection: PgConnection) {
    let closed = timeout(ANSWER_LIMIT, connection.close()).await;
    if !matches!(closed, Ok(Ok(()))) {
        tracing::debug!("a connection to PostgreSQL did not close in order");
    }
}

/// A connection at work, closed when it is dropped unless its work was completed: what
/// [`connection::Guarded`](super::connection::Guarded) is for a file.
pub(super) struct Guarded {
    connection: PgConnection,
    owner: Connections,
    _permit: OwnedSemaphorePermit,
}

impl Guarded {
    /// Takes a connection.
    ///
    /// # Errors
    /// None becomes free in time, the server cannot be reached, or the ledger is not open yet.
    pub(super) async fn acquire(owner: &Connections) -> Result<Self, sqlx::Error> {
        owner.check_admitted()?;
        let permit = timeout(POOL_WAIT, Arc::clone(&owner.0.permits).acquire_owned());
        let permit = permit.await.map_err(|_| Fault::AllBusy(owner.0.size))?;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(Self {
            connection: owner.sound().await?,
            owner: owner.clone(),
            _permit: permit,
        })
    }

    /// Ends work that needs no transaction: the connection can be used again.
    pub(super) fn give_back(self) {
        self.owner.keep(self.connection);
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// The server did not confirm that it is written.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.connection.execute(sqlx::raw_sql("COMMIT")).await?;
        self.give_back();
        Ok(())
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// The server did not confirm it.
    pub(super) async fn roll_back(mut self) -> Result<(), sqlx::Error> {
        self.connection.execute(sqlx::raw_sql("ROLLBACK")).await?;
        self.give_back();
        Ok(())
    }
}

impl Deref for Guarded {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Guarded {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
