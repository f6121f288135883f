//! The existing service's database, read through cursors in one read-only transaction. For `existing_records.rs`.
//!
//! What types its columns have is up to whoever made them: each is read as a text, and times as what they are.

use std::collections::BTreeMap;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgRow},
};
use tokio::time::timeout;

use super::{
    fault::{self, Fault},
    location::{self, Location},
    open::options,
    pool::CONNECT_LIMIT,
    reader::LAST_MILLI,
};
use crate::{adapters::http_client::ExtraRoots, domain::secret::Secret};

const RULE: &str = "must be postgres://<user>@<host>/<database>";
const EMPTY: &str =
    "is empty: it is not read from .env, so write it out, or have the shell read that file before";

/// What the existing service has posted.
pub(super) const RECORDS: Table = Table {
    name: "pv2_publish_record",
    columns: &[
        Column::Text("tenant"),
        Column::Text("content_hash"),
        Column::Text("platform"),
        Column::Text("status"),
        Column::Text("post_id"),
        Column::Time("leased_at"),
        Column::Time("finished_at"),
    ],
};
/// The captions that it has sent.
pub(super) const CAPTIONS: Table = Table {
    name: "pv2_caption_history",
    columns: &[
        Column::Text("tenant"),
        Column::Text("platform"),
        Column::Text("caption_text"),
        Column::Text("image_filename"),
        Column::Text("image_sha256"),
        Column::Optional("angle"),
        Column::Time("created_at"),
        Column::Optional("model_version"),
    ],
};

/// A table that is read.
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [Column],
}

/// A column, and as what it is read.
#[derive(Clone, Copy)]
enum Column {
    Text(&'static str),
    /// A text of which some versions know nothing.
    Optional(&'static str),
    /// In milliseconds since 1970.
    Time(&'static str),
}

/// A table or columns that are not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The table.
    #[error(
        "there is no table {0} in the database and the schemas of the user's search_path, or the user may not see it"
    )]
    Table(&'static str),
    /// Columns of a table.
    #[error("the table {table} has no column {}", columns.join(", "))]
    Columns {
        /// Its name.
        table: &'static str,
        /// Their names.
        columns: Vec<&'static str>,
    },
}

/// Where the database is. Its URL is a secret: it may hold a password.
pub struct ExistingDatabase {
    options: PgConnectOptions,
    warning: Option<&'static str>,
}

impl ExistingDatabase {
    /// Reads a URL: `postgres://…`, `postgresql://…` or `postgresql+asyncpg://…`. These roots are trusted beside the
    /// system's.
    ///
    /// # Errors
    /// What is wrong with it; never a part of it.
    pub fn at(url: &Secret, roots: &ExtraRoots) -> Result<Self, String> {
        if url.expose().trim().is_empty() {
            return Err(EMPTY.to_owned());
        }
        let is_sqlite = url.expose().starts_with("sqlite:");
        let server = match Location::from_url(url) {
            Ok(Location::Postgres(server)) => server,
            Err(rule) if rule != location::RULE && !is_sqlite => return Err(rule.to_owned()),
            Ok(Location::Sqlite(_)) | Err(_) => return Err(RULE.to_owned()),
        };
        let options = options(&server, roots.pem().to_vec()).map_err(|fault| fault.to_string())?;
        Ok(Self {
            options: options
                .application_name("publisher import")
                // PgBouncer refuses it, and no number here has a fraction.
                .extra_float_digits(None)
                .disable_statement_logging(),
            warning: server.warning,
        })
    }

    /// A warning for the operator about the URL.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        self.warning
    }

    /// Connects, and begins to read.
    pub(super) async fn read(&self) -> Result<Reading, sqlx::Error> {
        let connected = timeout(CONNECT_LIMIT, self.options.connect()).await;
        let connected = connected.map_err(|_| Fault::Silent(CONNECT_LIMIT))?;
        let mut connection = connected.map_err(fault::explain)?;
        // What is read is of one moment. A time without a zone is of UTC.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL TIME ZONE 'UTC'; \
            SET LOCAL statement_timeout = 0";
        connection.execute(sqlx::raw_sql(begin)).await?;
        Ok(Reading(connection))
    }
}

/// A transaction that only reads.
pub(super) struct Reading(PgConnection);

impl Reading {
    /// The types of the columns of a table, by their names; empty if there is no such table.
    async fn types(&mut self, table: &Table) -> Result<BTreeMap<String, String>, sqlx::Error> {
        let name = table.name;
        let select = format!(
            "SELECT attname::text, format_type(atttypid, NULL)::text FROM pg_attribute
                WHERE attrelid = to_regclass('{name}') AND attnum > 0 AND NOT attisdropped"
        );
        let rows = self.fetch(select).await?;
        let types = rows
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        types.collect()
    }

    /// What is read of each column of a table, in SQL.
    pub(super) async fn expressions(
        &mut self,
        table: &Table,
    ) -> Result<Result<Vec<String>, Missing>, sqlx::Error> {
        let types = self.types(table).await?;
        if types.is_empty() {
            return Ok(Err(Missing::Table(table.name)));
        }
        let (mut expressions, mut missing) = (Vec::new(), Vec::new());
        for column in table.columns {
            let (Column::Text(name) | Column::Optional(name) | Column::Time(name)) = *column;
            match types.get(name) {
                Some(of_type) => expressions.push(expression(*column, of_type)),
                None if matches!(column, Column::Optional(_)) => {
                    expressions.push("NULL::text".to_owned());
                }
                None => missing.push(name),
            }
        }
        Ok(if missing.is_empty() {
            Ok(expressions)
        } else {
            Err(Missing::Columns {
                table: table.name,
                columns: missing,
            })
        })
    }

    /// Begins to read rows, after those of the query before.
    pub(super) async fn begin(&mut self, select: &str) -> Result<(), sqlx::Error> {
        let declare = format!("DECLARE publisher_rows NO SCROLL CURSOR FOR {select}");
        self.execute(declare).await
    }

    /// The next rows; none at the end, after which another query can begin.
    pub(super) async fn next(&mut self, count: usize) -> Result<Vec<PgRow>, sqlx::Error> {
        let rows = self
            .fetch(format!("FETCH {count} FROM publisher_rows"))
            .await?;
        if rows.is_empty() {
            self.execute("CLOSE publisher_rows".to_owned()).await?;
        }
        Ok(rows)
    }

    /// Ends the transaction, in which nothing was written.
    pub(super) async fn end(mut self) -> Result<(), sqlx::Error> {
        self.execute("ROLLBACK".to_owned()).await?;
        self.0.close().await
    }

    /// Without prepared statements: a pooler may be between.
    async fn fetch(&mut self, query: String) -> Result<Vec<PgRow>, sqlx::Error> {
        self.0.fetch_all(sqlx::raw_sql(AssertSqlSafe(query))).await
    }

    async fn execute(&mut self, statement: String) -> Result<(), sqlx::Error> {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement));
        self.0.execute(statement).await.map(|_| ())
    }
}

/// A column as it is read, of the table `r`. A time that is not stored as one, or as seconds since 1970, is not known.
fn expression(column: Column, of_type: &str) -> String {
    match column {
        Column::Text(name) | Column::Optional(name) if of_type == "bytea" => {
            format!("encode(r.{name}, 'hex')")
        }
        Column::Text(name) | Column::Optional(name) => format!("r.{name}::text"),
        Column::Time(name) if of_type.starts_with("timestamp") || of_type == "date" => format!(
            "CASE WHEN isfinite(r.{name}) THEN (extract(epoch FROM r.{name}) * 1000)::bigint END"
        ),
        Column::Time(name)
            if matches!(
                of_type,
                "bigint" | "integer" | "double precision" | "real" | "numeric"
            ) =>
        {
            format!(
                "CASE WHEN r.{name} BETWEEN 0 AND 253402300799 THEN (r.{name} * 1000::numeric)::bigint END"
            )
        }
        Column::Time(_) => "NULL::bigint".to_owned(),
    }
}

/// A text of a row. One that is blank says nothing.
pub(super) fn text(row: &PgRow, index: usize) -> Option<String> {
    let text: Option<String> = row.try_get(index).ok()?;
    text.filter(|text| !text.trim().is_empty())
}

/// A time of a row, in milliseconds since 1970; one beyond the year 9999 is not known.
pub(super) fn time(row: &PgRow, index: usize) -> Option<i64> {
    let time: Option<i64> = row.try_get(index).ok()?;
    time.filter(|time| (0..=LAST_MILLI).contains(time))
}
