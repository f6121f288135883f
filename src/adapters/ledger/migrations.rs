//! The ledger's tables, and how they change from one version to the next. Used by the adapters of
//! this folder.
//!
//! # The policy: expand, then contract
//!
//! Migrations only go forward, and a version ignores those that it does not know. So the version
//! before still starts, and publishes, on tables that a later one has changed: going back needs no
//! copy. That holds only as long as each migration keeps to this:
//!
//! - **A release expands.** It adds tables, indexes, and columns that are nullable or have a
//!   default. It renames nothing, drops nothing, narrows no type, and adds no constraint that a row
//!   of the version before could break.
//! - **It writes for both.** What the version before reads stays filled in as that version
//!   understands it, until no supported version reads it any more. A new column is read as `NULL`
//!   in rows of the version before.
//! - **A later release contracts.** A column or table is dropped by the first release whose
//!   predecessor neither reads nor writes it.
//! - A migration that was released never changes: its checksum stands in every ledger.
//! - Its statements are quick on a large table, and run in one transaction.
//!
//! 0.2.0 and those before it do not ignore what they do not know: they do not start on a ledger that
//! a later migration than 3 has been applied to.
//!
//! To add one: a file for each database in `migrations/`, and a line for it in the list below. The
//! tests run this version on tables that invented later migrations have been applied to.
//!
//! Nothing is run where nothing is pending, so that a user who may only read and write rows can run
//! the service on tables that are ready: the migrator creates its own table and takes locks.

use sqlx::{
    PgConnection, SqlSafeStr as _, SqliteConnection, SqlitePool,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

/// Where the migrator notes what it has applied.
const TABLE: &str = "_sqlx_migrations";

/// What has to be done to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    /// There are no tables of ours.
    Everything,
    /// So many migrations.
    Some(usize),
    /// Nothing.
    Nothing,
}

/// The migrations of one database, from its folder.
macro_rules! migrations {
    ($folder:literal) => {
        migrator([
            (
                1,
                "ledger",
                include_str!(concat!("migrations/", $folder, "/0001_ledger.sql")),
            ),
            (
                2,
                "requests",
                include_str!(concat!("migrations/", $folder, "/0002_requests.sql")),
            ),
            (
                3,
                "reasons",
                include_str!(concat!("migrations/", $folder, "/0003_reasons.sql")),
            ),
            (
                4,
                "unknown",
                include_str!(concat!("migrations/", $folder, "/0004_unknown.sql")),
            ),
            (
                5,
                "hashes",
                include_str!(concat!("migrations/", $folder, "/0005_hashes.sql")),
            ),
            (
                6,
                "look_ups",
                include_str!(concat!("migrations/", $folder, "/0006_look_ups.sql")),
            ),
            (
                7,
                "usage",
                include_str!(concat!("migrations/", $folder, "/0007_usage.sql")),
            ),
            (
                8,
                "voice_profile",
                include_str!(concat!("migrations/", $folder, "/0008_voice_profile.sql")),
            ),
            (
                9,
                "caption_history",
                include_str!(concat!("migrations/", $folder, "/0009_caption_history.sql")),
            ),
            (
                10,
                "kept_captions",
                include_str!(concat!("migrations/", $folder, "/0010_kept_captions.sql")),
            ),
            (
                11,
                "jobs",
                include_str!(concat!("migrations/", $folder, "/0011_jobs.sql")),
            ),
            (
                12,
                "lists",
                include_str!(concat!("migrations/", $folder, "/0012_lists.sql")),
            ),
            (
                13,
                "job_turns",
                include_str!(concat!("migrations/", $folder, "/0013_job_turns.sql")),
            ),
        ])
    };
}

fn of_sqlite() -> Migrator {
    migrations!("sqlite")
}

fn of_postgres() -> Migrator {
    migrations!("postgres")
}

/// A migrator of these versions, names and statements.
fn migrator<const COUNT: usize>(
    migrations: [(i64, &'static str, &'static str); COUNT],
) -> Migrator {
    let migrations = migrations.into_iter().map(|(version, name, sql)| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    migrator
}

/// The migrations of a file up to this version, for tests.
#[cfg(test)]
pub(super) fn of_sqlite_up_to(version: i64) -> Migrator {
    up_to(version, &of_sqlite())
}

/// The migrations of a schema on a server up to this version, for tests.
#[cfg(test)]
pub(super) fn of_postgres_up_to(version: i64) -> Migrator {
    up_to(version, &of_postgres())
}

#[cfg(test)]
fn up_to(version: i64, migrator: &Migrator) -> Migrator {
    let earlier = migrator.iter().filter(|it| it.version <= version);
    Migrator::with_migrations(earlier.cloned().collect())
}

/// Brings the tables in a file up to date.
///
/// # Errors
/// A migration fails, or has another content than the one that was applied.
pub(super) async fn apply_to_sqlite(pool: &SqlitePool) -> Result<(), MigrateError> {
    let mut connection = pool.acquire().await?;
    if pending_in_sqlite(&mut connection).await? == Pending::Nothing {
        return Ok(());
    }
    of_sqlite().run(&mut *connection).await
}

/// Brings the tables on a server up to date. Replicas that start together wait for each other.
///
/// # Errors
/// As of [`apply_to_sqlite`]; or the user may not create tables, where some are missing.
pub(super) async fn apply_to_postgres(connection: &mut PgConnection) -> Result<(), MigrateError> {
    if pending_in_postgres(connection).await? == Pending::Nothing {
        return Ok(());
    }
    of_postgres().run_direct(None, connection, false).await
}

/// What has to be done to a file. Only reads.
///
/// # Errors
/// The file is no database, or a migration has another content than the one that was applied.
pub(super) async fn pending_in_sqlite(
    connection: &mut SqliteConnection,
) -> Result<Pending, MigrateError> {
    let is_known = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)",
    );
    let is_known = is_known.bind(TABLE).fetch_one(&mut *connection).await?;
    pending(&of_sqlite(), is_known, connection).await
}

/// What has to be done to a schema on a server. Only reads.
///
/// # Errors
/// As of [`pending_in_sqlite`].
pub(super) async fn pending_in_postgres(
    connection: &mut PgConnection,
) -> Result<Pending, MigrateError> {
    let is_known = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL");
    let is_known = is_known.bind(TABLE).fetch_one(&mut *connection).await?;
    pending(&of_postgres(), is_known, connection).await
}

async fn pending(
    migrator: &Migrator,
    is_known: bool,
    connection: &mut impl Migrate,
) -> Result<Pending, MigrateError> {
    if !is_known {
        return Ok(Pending::Everything);
    }
    if let Some(version) = connection.dirty_version(TABLE).await? {
        return Err(MigrateError::Dirty(version));
    }
    let applied = connection.list_applied_migrations(TABLE).await?;
    let mut count = 0;
    for migration in migrator.iter() {
        let twin = applied.iter().find(|it| it.version == migration.version);
        match twin {
            None => count += 1,
            Some(twin) if twin.checksum == migration.checksum => {}
            Some(_) => return Err(MigrateError::VersionMismatch(migration.version)),
        }
    }
    Ok(match count {
        0 => Pending::Nothing,
        count if count == migrator.iter().count() => Pending::Everything,
        count => Pending::Some(count),
    })
}
