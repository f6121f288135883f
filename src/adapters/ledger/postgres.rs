//! The ledger in PostgreSQL, for any number of replicas.
//!
//! A lease is a row, and ends in one of three ways: its holder gives it back; it expires; or the
//! holder's process is gone. The last is known at once: each process keeps one connection on which
//! it holds an advisory lock of a random key, every lease names that key, and a lease whose key
//! nobody has locked is free. The server drops the lock when the process dies, so a publication
//! that was killed can be taken up by any replica without waiting for the lease to expire. Expiry
//! remains for what a server notices late: a machine that has lost its power or its network.
//!
//! Considered instead: an advisory lock for each publication. It would keep one connection busy
//! for as long as a publication runs, minutes at times.
//!
//! The key must be seen by the server that has the leases, and the lock must live as long as the
//! connection: a pooler between must pool sessions, not transactions. All times are the server's.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::{
    ConnectOptions as _, Executor as _, PgConnection, PgPool, Postgres, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use super::{
    Keep, OpenLedgerError, POOL_WAIT,
    connection::Guarded,
    migrations, reader, requests,
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
        IdempotencyStore, KEY_HELD_FOR, KEY_KEPT_FOR, LEASE_TTL, Ledger, LedgerError, LedgerReader,
    },
};

/// Each operation takes a connection for milliseconds: a few serve many publications.
const MAX_CONNECTIONS: u32 = 8;

/// What a server says that has failed over, or is set to be read only.
const TAKES_NO_WRITES: &str = "the server takes no writes: it is a standby, or read only";

/// A ledger on a server.
pub(super) struct PostgresLedger {
    pool: PgPool,
    options: PgConnectOptions,
    session: tokio::sync::Mutex<Option<Session>>,
}

/// The connection that shows that this process lives.
struct Session {
    connection: PgConnection,
    key: i64,
}

impl PostgresLedger {
    /// Connects, and brings the tables up to date.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let us.
    pub(super) async fn open(options: PgConnectOptions) -> Result<Self, OpenLedgerError> {
        let options = options
            .application_name("publisher")
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(POOL_WAIT)
            .connect_with(options.clone())
            .await
            .map_err(OpenLedgerError::postgres)?;
        migrations::apply_to_postgres(&pool)
            .await
            .map_err(OpenLedgerError::postgres)?;
        Ok(Self {
            pool,
            options,
            session: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Every commit waits for the server's disk. A session that takes no writes is left, and with
    /// it all that were opened beside it: the server may take them again since.
    async fn begin(&self, _keep: Keep) -> Result<(Guarded<Postgres>, i64), sqlx::Error> {
        if let Some(begun) = self.begin_on_any().await? {
            return Ok(begun);
        }
        while let Some(mut idle) = self.pool.try_acquire() {
            idle.close_on_drop();
        }
        let begun = self.begin_on_any().await?;
        begun.ok_or_else(|| sqlx::Error::Protocol(TAKES_NO_WRITES.to_owned()))
    }

    /// `None` if the session that came out of the pool takes no writes.
    async fn begin_on_any(&self) -> Result<Option<(Guarded<Postgres>, i64)>, sqlx::Error> {
        let mut connection = Guarded::acquire(&self.pool).await?;
        connection.execute(sqlx::raw_sql("BEGIN")).await?;
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

    async fn alone(&self, _keep: Keep) -> Result<Guarded<Postgres>, sqlx::Error> {
        Guarded::acquire(&self.pool).await
    }

    async fn now(&self, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")
            .fetch_one(connection)
            .await
    }

    /// The key that this process has locked, seen to be locked now. A connection that has broken
    /// takes its key with it, and leases under that key may be taken by others; a holder who is
    /// faster puts his own under the new key with his next write.
    pub(super) async fn session(&self) -> Result<i64, sqlx::Error> {
        let mut kept = self.session.lock().await;
        // Taken out, so that a call that is given up half-way leaves no half-used connection.
        if let Some(mut session) = kept.take()
            && is_primary(&mut session.connection).await.unwrap_or(false)
        {
            return Ok(kept.insert(session).key);
        }
        let mut connection = self.options.connect().await?;
        if !is_primary(&mut connection).await? {
            return Err(sqlx::Error::Protocol(TAKES_NO_WRITES.to_owned()));
        }
        let key = random_key();
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(key)
            .execute(&mut connection)
            .await?;
        Ok(kept.insert(Session { connection, key }).key)
    }
}

/// Whether leases are looked at where this connection leads: a server that has become a standby keeps
/// its locks to itself, and whoever looks at the new primary would find ours gone.
async fn is_primary(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT NOT pg_is_in_recovery()")
        .fetch_one(connection)
        .await
}

/// 63 random bits: a key in `pg_locks` stands in two halves without a sign.
fn random_key() -> i64 {
    i64::try_from(Uuid::new_v4().as_u128() >> 65).unwrap_or(i64::MAX)
}

sql_ledger!(
    PostgresLedger,
    Postgres,
    live: "(l.expires_at > $1 AND EXISTS (
    SELECT 1 FROM pg_locks k WHERE k.locktype = 'advisory' AND k.granted AND k.objsubid = 1
        AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (CAST(k.classid AS BIGINT) << 32) + CAST(k.objid AS BIGINT) = l.session))",
    texts: "SELECT value FROM json_array_elements_text(CAST($3 AS JSON))"
);
