//! A connection to a file that goes back to its pool only when it is known to be sound.
//!
//! After an error, a time-out or a dropped call the state of a session is unknown: a commit that found the disk
//! full leaves its transaction open. Such a connection is closed, which rolls back its transaction, and the pool opens
//! another. So the ledger works again as soon as its database does. `pool::Guarded` is the same for PostgreSQL.

use std::ops::{Deref, DerefMut};

use sqlx::{Executor as _, Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};

/// A connection, closed when it is dropped unless its work was completed.
pub(super) struct Guarded {
    connection: PoolConnection<Sqlite>,
    is_sound: bool,
}

impl Guarded {
    /// Takes a connection out of the pool.
    ///
    /// # Errors
    /// None becomes free in time, or the database cannot be opened.
    pub(super) async fn acquire(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        Ok(Self {
            connection: pool.acquire().await?,
            is_sound: false,
        })
    }

    /// Ends work that needs no transaction: the connection goes back to the pool.
    pub(super) fn give_back(mut self) {
        self.is_sound = true;
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// The database did not confirm that it is written.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.connection.execute(sqlx::raw_sql("COMMIT")).await?;
        self.give_back();
        Ok(())
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// The database did not confirm it.
    pub(super) async fn roll_back(mut self) -> Result<(), sqlx::Error> {
        self.connection.execute(sqlx::raw_sql("ROLLBACK")).await?;
        self.give_back();
        Ok(())
    }
}

impl Deref for Guarded {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl DerefMut for Guarded {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if !self.is_sound {
            self.connection.close_on_drop();
        }
    }
}
