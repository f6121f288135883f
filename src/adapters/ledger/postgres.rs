//! The ledger in PostgreSQL, for any number of replicas.
//!
//! A lease is a row, and ends in one of three ways: its holder gives it back; it expires; or the
//! holder's process is gone. The last is known at once: each process keeps one connection on which
//! it holds an advisory lock of a random key, every lease names that key, and a lease whose key is
//! not locked is free. The server drops the lock when the process dies, so a publication that was
//! killed can be taken up by any replica without waiting for the lease to expire. Expiry remains
//! for what a server notices late: a machine that has lost its power or its network.
//!
//! Considered instead: an advisory lock for each publication. It would keep one connection busy
//! for as long as a publication runs, minutes at times.
//!
//! The key must be seen by the server that has the leases, and the lock must live as long as the
//! connection: a pooler between must pool sessions, not transactions, which is looked at before the
//! ledger is used (`pooling.rs`). All times are the server's.
//!
//! The server may be away when the process starts, and come back at any time: [`PostgresLedger::prepare`]
//! is what has to succeed before the first operation, at the start or later.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions as _, Executor as _, PgConnection, Row as _, postgres::PgConnectOptions,
};
use tokio::{sync::Notify, time::timeout};
use uuid::Uuid;

use super::{
    error::OpenLedgerError,
    fault::{self, Fault},
    hashes, known,
    metered::{bounded, measured},
    migrations::{self, Pending},
    pool::{self, ANSWER_LIMIT, CONNECT_LIMIT, Connections, Guarded},
    pooling, reader, requests,
    retention::DROP_RATES,
    statements::{self, Durability, duration_millis, sql_ledger},
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
        Cause, Clock, IdempotencyStore, KEY_HELD_FOR, KEY_KEPT_FOR, LEASE_TTL, Ledger, LedgerError,
        LedgerReader,
    },
};

/// What only a server has that goes with time, each with its age.
const OWN_RETENTION: [(&str, Duration); 1] = [(DROP_RATES, Duration::ZERO)];
/// How long bringing the tables up to date may take, waiting for another replica that does it included.
const MIGRATE_LIMIT: Duration = Duration::from_mins(5);

/// A ledger on a server.
pub(super) struct PostgresLedger {
    connections: Connections,
    /// Measures the operations. All times in the ledger are the server's.
    pub(super) clock: Arc<dyn Clock>,
    session: tokio::sync::Mutex<Option<Session>>,
    /// Notified when what [`prepare`](Self::prepare) has found no longer holds.
    unprepared: Notify,
}

/// The connection that shows that this process lives.
struct Session {
    connection: PgConnection,
    key: i64,
    /// The server's process behind the connection.
    backend: i32,
}

impl PostgresLedger {
    /// A ledger that takes nothing yet: it has to be prepared.
    pub(super) fn new(options: PgConnectOptions, pool_size: u32, clock: Arc<dyn Clock>) -> Self {
        let options = options
            .application_name("publisher")
            // PgBouncer refuses it, and no number here has a fraction.
            .extra_float_digits(None)
            .disable_statement_logging();
        Self {
            connections: Connections::new(options, pool_size),
            clock,
            session: tokio::sync::Mutex::default(),
            unprepared: Notify::new(),
        }
    }

    /// Connects, makes sure that a pooler leaves us our sessions, and brings the tables up to date.
    /// Operations are admitted once all of that is done.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let us, or is not what a ledger needs.
    pub(super) async fn prepare(&self) -> Result<(), OpenLedgerError> {
        let (first, mut second) = self.verified().await?;
        let migrated = timeout(MIGRATE_LIMIT, migrations::apply_to_postgres(&mut second)).await;
        migrated
            .map_err(|_| {
                OpenLedgerError::postgres(sqlx::Error::from(Fault::Silent(MIGRATE_LIMIT)))
            })?
            .map_err(OpenLedgerError::postgres)?;
        // The session first: a server may give out no more connections than these two.
        let begun = self.begin_session(first).await;
        begun.map_err(OpenLedgerError::postgres)?;
        self.connections.keep(second);
        self.connections.admit();
        Ok(())
    }

    /// What [`prepare`](Self::prepare) would have to do to the tables. Changes nothing.
    ///
    /// # Errors
    /// Those of `prepare`.
    pub(super) async fn pending(&self) -> Result<Pending, OpenLedgerError> {
        let (first, mut second) = self.verified().await?;
        let pending = pending_and_possible(&mut second).await;
        pool::close(first).await;
        pool::close(second).await;
        pending.map_err(OpenLedgerError::Postgres)
    }

    /// Two connections at a time, which a pooler has not mixed up.
    async fn verified(&self) -> Result<(PgConnection, PgConnection), OpenLedgerError> {
        let failed = OpenLedgerError::postgres;
        let mut first = self.connections.dial().await.map_err(failed)?;
        let mut second = self.connections.dial().await.map_err(failed)?;
        let verified = pooling::verify(&mut first, &mut second).await;
        verified.map_err(failed)?;
        Ok((first, second))
    }

    /// Takes nothing until it has been prepared again.
    pub(super) fn keep_out(&self, cause: String) {
        self.connections.keep_out(cause);
    }

    /// Waits until it has to be prepared again.
    pub(super) async fn becomes_unprepared(&self) {
        self.unprepared.notified().await;
    }

    pub(super) fn pool(&self) -> &Connections {
        &self.connections
    }

    /// Waits for what is being written, and says good-bye to the server.
    pub(super) async fn close(&self) {
        self.connections.close().await;
        if let Some(session) = self.session.lock().await.take() {
            pool::close(session.connection).await;
        }
    }

    /// Every commit waits for the server's disk. A session that takes no writes is left, and with
    /// it all that were opened beside it: the server may take them again since.
    async fn begin(&self, _durability: Durability) -> Result<(Guarded, i64), sqlx::Error> {
        self.begin_with("BEGIN").await
    }

    /// The same for what the end of the server may undo: the commit waits for no disk.
    async fn begin_lightly(&self) -> Result<(Guarded, i64), sqlx::Error> {
        self.begin_with("BEGIN; SET LOCAL synchronous_commit = off")
            .await
    }

    async fn begin_with(&self, statement: &'static str) -> Result<(Guarded, i64), sqlx::Error> {
        if let Some(begun) = self.begin_on_any(statement).await? {
            return Ok(begun);
        }
        self.connections.close_idle();
        let begun = self.begin_on_any(statement).await?;
        begun.ok_or_else(|| Fault::TakesNoWrites.into())
    }

    /// `None` if the session that came out of the pool takes no writes.
    async fn begin_on_any(
        &self,
        statement: &'static str,
    ) -> Result<Option<(Guarded, i64)>, sqlx::Error> {
        let mut connection = Guarded::acquire(&self.connections).await?;
        connection.execute(sqlx::raw_sql(statement)).await?;
        let state = sqlx::query(
            "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now,
                current_setting('transaction_read_only') = 'on' AS takes_no_writes",
        )
        .fetch_one(&mut *connection)
        .await?;
        if state.try_get("takes_no_writes")? {
            return Ok(None);
        }
        let now = state.try_get("now")?;
        Ok(Some((connection, now)))
    }

    async fn alone(&self, _durability: Durability) -> Result<Guarded, sqlx::Error> {
        Guarded::acquire(&self.connections).await
    }

    pub(super) async fn now(&self, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")
            .fetch_one(connection)
            .await
    }

    /// The key that this process has locked, seen to be locked now. A connection that has broken
    /// takes its key with it, and leases under that key may be taken by others; a holder who is
    /// faster puts his own under the new key with his next write.
    pub(super) async fn session(&self) -> Result<i64, sqlx::Error> {
        self.connections.check_admitted()?;
        let mut kept = self.session.lock().await;
        // Taken out, so that a call that is given up half-way leaves no half-used connection.
        if let Some(mut session) = kept.take() {
            match timeout(ANSWER_LIMIT, session.is_good()).await {
                Ok(Ok(true)) => return Ok(kept.insert(session).key),
                Ok(Err(error)) if Fault::is_pooler(&error) => {
                    self.keep_out(Fault::Pooler.to_string());
                    self.unprepared.notify_one();
                    return Err(error);
                }
                // The server has ended it, or has become a standby.
                Ok(_) => {}
                Err(_) => self.connections.close_silent(),
            }
        }
        let connection = match self.connections.connect().await {
            Err(error) if fault::is_full(&error) => {
                self.connections.close_idle();
                self.connections.connect().await?
            }
            connected => connected?,
        };
        Ok(kept.insert(Session::begin_in_time(connection).await?).key)
    }

    async fn begin_session(&self, connection: PgConnection) -> Result<(), sqlx::Error> {
        let mut kept = self.session.lock().await;
        if kept.is_some() {
            pool::close(connection).await;
        } else {
            *kept = Some(Session::begin_in_time(connection).await?);
        }
        Ok(())
    }
}

impl Session {
    async fn begin_in_time(connection: PgConnection) -> Result<Self, sqlx::Error> {
        let begun = timeout(CONNECT_LIMIT, Self::begin(connection)).await;
        begun.map_err(|_| Fault::Silent(CONNECT_LIMIT))?
    }

    /// Locks a new key.
    async fn begin(mut connection: PgConnection) -> Result<Self, sqlx::Error> {
        let (is_primary, backend) = whereabouts(&mut connection).await?;
        if !is_primary {
            return Err(Fault::TakesNoWrites.into());
        }
        let key = random_key();
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(key)
            .execute(&mut connection)
            .await?;
        Ok(Self {
            connection,
            key,
            backend,
        })
    }

    /// Whether the key is locked where others look for it.
    async fn is_good(&mut self) -> Result<bool, sqlx::Error> {
        let (is_primary, backend) = whereabouts(&mut self.connection).await?;
        if backend != self.backend {
            return Err(Fault::Pooler.into());
        }
        Ok(is_primary)
    }
}

/// What has to be done to the tables, if the user may do it.
async fn pending_and_possible(connection: &mut PgConnection) -> Result<Pending, Cause> {
    let pending = migrations::pending_in_postgres(connection).await;
    let pending = pending.map_err(|error| fault::cause(error.into()))?;
    if pending != Pending::Nothing {
        let may_create = fault::may_create_tables(connection).await;
        may_create.map_err(|error| fault::cause(error.into()))?;
    }
    Ok(pending)
}

/// Whether this connection leads to the server at which leases are looked at, and to which of that server's processes.
/// The locks of a server that has become a standby are not seen from the new primary, where ours would be found gone.
/// Behind a pooler of transactions, the lock may by now belong to another client.
async fn whereabouts(connection: &mut PgConnection) -> Result<(bool, i32), sqlx::Error> {
    let question = "SELECT NOT pg_is_in_recovery(), pg_backend_pid()";
    let row = connection.fetch_one(sqlx::raw_sql(question)).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// 63 random bits, because `pg_locks` shows a key as two unsigned halves.
fn random_key() -> i64 {
    i64::try_from(Uuid::new_v4().as_u128() >> 65).unwrap_or(i64::MAX)
}

sql_ledger!(
    PostgresLedger,
    live: "(l.expires_at > $1 AND EXISTS (
    SELECT 1 FROM pg_locks k WHERE k.locktype = 'advisory' AND k.granted AND k.objsubid = 1
        AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (CAST(k.classid AS BIGINT) << 32) + CAST(k.objid AS BIGINT) = l.session))",
    intents: "SELECT value ->> 'platform' AS platform, value ->> 'key' AS lookup_key
        FROM json_array_elements(CAST($4 AS JSON))",
    elements: "json_array_elements(CAST($4 AS JSON))",
    hashes: "SELECT value ->> 'kind' AS kind, value ->> 'hash' AS hash, value ->> 'own_key' AS own_key
        FROM json_array_elements(CAST($3 AS JSON))",
    locked: "FOR UPDATE",
    skipped: "FOR UPDATE SKIP LOCKED",
    // A process that is frozen half-way holds the tenants' rows no longer.
    patience: Some("SET LOCAL idle_in_transaction_session_timeout = 10000"),
    by_status: "",
    listed: "json_array_elements(CAST($1 AS JSON))",
    names_indexes: false
);
