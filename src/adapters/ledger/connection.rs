//! A connection that goes back to its pool only when it is known to be sound.
//!
//! After an error, a time-out or a caller that went away nobody knows what state a session is in: an
//! `SQLite` commit that found the disk full leaves its transaction open, and a session of PostgreSQL
//! that was opened while the server took no writes goes on taking none. Such a connection is
//! closed, which rolls back what it had begun, and the pool opens another: the ledger works
//! again as soon as its database does.

use std::ops::{Deref, DerefMut};

use sqlx::{Database, Executor, Pool, pool::PoolConnection};

/// A connection, closed when it is dropped unless its work was brought to its end.
pub(super) struct Guarded<DB: Database> {
    connection: PoolConnection<DB>,
    is_sound: bool,
}

impl<DB: Database> Guarded<DB> {
    /// Takes a connection out of the pool.
    ///
    /// # Errors
    /// There is none in time, or the database cannot be reached.
    pub(super) async fn acquire(pool: &Pool<DB>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            connection: pool.acquire().await?,
            is_sound: false,
        })
    }

    /// Ends work that needs no transaction: the connection goes back to the pool.
    pub(super) fn give_back(mut self) {
        self.is_sound = true;
    }

    /// Ends a transaction, and keeps what it wrote.
    ///
    /// # Errors
    /// The database did not say that it is written.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error>
    where
        for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    {
        self.end("COMMIT").await
    }

    /// Ends a transaction, and keeps nothing of it.
    ///
    /// # Errors
    /// The database did not answer.
    pub(super) async fn roll_back(self) -> Result<(), sqlx::Error>
    where
        for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> Result<(), sqlx::Error>
    where
        for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    {
        self.connection.execute(sqlx::raw_sql(statement)).await?;
        self.is_sound = true;
        Ok(())
    }
}

impl<DB: Database> Deref for Guarded<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Guarded<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<DB: Database> Drop for Guarded<DB> {
    fn drop(&mut self) {
        if !self.is_sound {
            self.connection.close_on_drop();
        }
    }
}
