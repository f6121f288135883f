//! What callers and probes read: the SQL that both databases accept. Used by `statements.rs`.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use super::{
    hashes,
    known::{EVERY_PLATFORM, post},
};
use crate::domain::{
    content_hash::ContentHash,
    image::ImageName,
    ledger::{Entry, EntryState, Position},
    platform::Platform,
    publication::{FailureReason, LookupKey},
};

/// A row that is like a lease, of no tenant; a random one, so that replicas do not wait for each
/// other.
pub(super) const PROBE: &str = "INSERT INTO ledger_leases
        (tenant, content_hash, holder, session, expires_at)
    VALUES ('', $1, '', 0, $2)";

pub(super) const END_PROBE: &str =
    "DELETE FROM ledger_leases WHERE tenant = '' AND content_hash = $1 AND expires_at = $2";

/// Why a platform does not certainly have an image, of which `stored` was written down last.
fn reason(state: EntryState, stored: Option<&str>) -> Option<FailureReason> {
    match state {
        EntryState::InProgress | EntryState::Published => None,
        // Also if it could not be written down that the answer was lost.
        EntryState::Unknown => Some(FailureReason::LostAnswer),
        EntryState::Failed | EntryState::Skipped => stored.and_then(FailureReason::from_name),
    }
}

/// What stands for platforms in entries that this version knows, each between commas.
pub(super) fn platforms() -> String {
    let known = Platform::ALL.map(Platform::as_str).join(",");
    format!(",{EVERY_PLATFORM},{known},")
}

/// A row of an entry: the key of the hash that was asked for, id, filename, key, kind and hash, platform, state, post
/// id and URL, reason, error, the key of the look-up, start and end.
pub(super) type EntryRow = (
    String,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    Option<i64>,
);

/// The entry that a row holds.
pub(super) fn entry(row: EntryRow) -> Result<Entry, sqlx::Error> {
    let (
        _,
        id,
        filename,
        key,
        kind,
        hash,
        platform,
        state,
        post_id,
        post_url,
        stored,
        error,
        lookup_key,
        started_ms,
        ended,
    ) = row;
    let hash = hashes::shown(&key, kind.as_deref(), hash.as_deref());
    let unreadable = |column: &str| sqlx::Error::Decode(column.into());
    let known = |name: String| Platform::from_name(&name).ok_or_else(|| unreadable("platform"));
    let platform = platform.filter(|name| name != EVERY_PLATFORM);
    let image = (!filename.is_empty()).then(|| ImageName::new(&filename));
    let image = image.transpose();
    let state = EntryState::from_name(&state).ok_or_else(|| unreadable("state"))?;
    Ok(Entry {
        position: Position { started_ms, id },
        image: image.map_err(|_| unreadable("filename"))?,
        content_hash: hash.ok_or_else(|| unreadable("content_hash"))?,
        platform: platform.map(known).transpose()?,
        state,
        post: post_id.map(|id| post(id, post_url.as_deref())),
        reason: reason(state, stored.as_deref()),
        error,
        key: lookup_key.map(LookupKey::new),
        started: time(started_ms),
        ended: ended.map(time),
    })
}

/// The entries that rows hold, by the contents that were asked for.
pub(super) fn by_content(
    rows: Vec<EntryRow>,
    contents: &[ContentHash],
) -> Result<HashMap<ContentHash, Vec<Entry>>, sqlx::Error> {
    let keys = contents.iter().map(|hash| (hashes::key_of(hash), hash));
    let asked: HashMap<_, _> = keys.collect();
    let mut entries: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        if let Some(content) = asked.get(&row.0) {
            let of_content = entries.entry(ContentHash::clone(content)).or_default();
            of_content.push(entry(row)?);
        }
    }
    Ok(entries)
}

/// The end of the year 9999, in milliseconds since 1970: later times have no form in answers.
pub(super) const LAST_MILLI: i64 = 253_402_300_799_999;

/// The time of so many milliseconds since 1970, between that year and the year 9999.
fn time(millis: i64) -> SystemTime {
    let millis = millis.clamp(0, LAST_MILLI).unsigned_abs();
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// Implements [`LedgerReader`](crate::ports::LedgerReader) for a type. `$live` is that of `sql_ledger`, `$names_indexes` that
/// of `entry_list`, and the statements of `sql_hashes` are before it.
macro_rules! sql_reader {
    ($ledger:ty, live: $live:literal, names_indexes: $names_indexes:literal) => {
        /// Whether the holder of the entry `e` is at work at the time `$1`.
        macro_rules! is_held {
            () => {
                concat!(
                    "EXISTS (SELECT 1 FROM ledger_leases l WHERE l.tenant = e.tenant
                        AND l.holder = e.holder AND ",
                    $live,
                    ")"
                )
            };
        }
        /// The first condition is that of the index `ledger_entries_unsettled`, word for word:
        /// nothing else of the ledger is read.
        pub(super) const COUNT_UNKNOWN: &str = concat!(
            "SELECT COUNT(*) FROM ledger_entries e WHERE e.state IN ('intent', 'unknown')
                AND (e.state = 'unknown' OR NOT ",
            is_held!(),
            ")"
        );
        /// The columns of the entry `e`, but for the hash that was asked for.
        macro_rules! columns {
            () => {
                concat!(
                    "e.id, e.filename, e.content_hash, e.hash_kind, e.hash, e.platform,
                        CASE
                            WHEN e.state <> 'intent' THEN e.state
                            WHEN ",
                    is_held!(),
                    " THEN 'in_progress'
                            ELSE 'unknown'
                        END AS now_state,
                        e.post_id, e.post_url, e.reason, e.error, e.lookup_key, e.started_at, e.ended_at"
                )
            };
        }
        /// A later version knows more platforms.
        macro_rules! is_known {
            ($platforms:literal) => {
                concat!(
                    "CAST(",
                    $platforms,
                    " AS TEXT) LIKE '%,' || e.platform || ',%'"
                )
            };
        }
        /// The passed-over image `p` in the columns of entries; their numbers are negative, so that none is an
        /// entry's.
        macro_rules! passed_over {
                            () => {
                                "-p.id AS id, p.filename, p.content_hash, p.hash_kind, p.hash,
                    CAST(NULL AS TEXT) AS platform, 'skipped' AS now_state,
                    CAST(NULL AS TEXT) AS post_id, CAST(NULL AS TEXT) AS post_url, p.reason,
                    NULLIF(p.error, '') AS error, CAST(NULL AS TEXT) AS lookup_key,
                    p.noted_at AS started_at, p.noted_at AS ended_at"
                            };
                        }
        /// What the statement of a list is made of.
        pub(super) const LIST_PARTS: super::entry_list::Parts = super::entry_list::Parts {
            columns: columns!(),
            held: is_held!(),
            live: $live,
            passed_over: passed_over!(),
            names_indexes: $names_indexes,
        };
        pub(super) const OF_CONTENTS: &str = concat!(
            "SELECT a.asked, ",
            columns!(),
            " FROM (",
            asked!(),
            ") AS a CROSS JOIN ledger_entries e
                WHERE e.tenant = $2 AND e.content_hash = a.entry_key AND ",
            is_known!("$4"),
            " UNION ALL SELECT a.asked, ",
            passed_over!(),
            " FROM (",
            asked!(),
            ") AS a CROSS JOIN ledger_passed_over p
                WHERE p.tenant = $2 AND p.content_hash = a.entry_key"
        );

        const FIND: &str = concat!(
            "SELECT '' AS asked, ",
            columns!(),
            " FROM ledger_entries e WHERE e.tenant = $2 AND e.id = $3 AND ",
            is_known!("$5"),
            " UNION ALL SELECT '' AS asked, ",
            passed_over!(),
            " FROM ledger_passed_over p WHERE p.tenant = $2 AND p.id = $4"
        );

        #[async_trait]
        impl LedgerReader for $ledger {
            async fn list(
                &self,
                tenant: &TenantName,
                query: &EntryQuery,
            ) -> Result<Vec<Entry>, LedgerError> {
                measured(&self.clock, "list", async {
                    let Some(statement) = super::entry_list::statement(query, &LIST_PARTS) else {
                        return Ok(Vec::new());
                    };
                    let after = query.after.map(|after| (after.started_ms, after.id));
                    let (started, id) = after.unwrap_or((i64::MAX, i64::MAX));
                    let mut connection = Guarded::acquire(self.pool()).await?;
                    let now = self.now(&mut connection).await?;
                    let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(query.image.as_ref().map(|image| image.as_str().to_owned()))
                        .bind(i64::from(query.limit))
                        .bind(started)
                        .bind(id)
                        .fetch_all(&mut *connection)
                        .await?;
                    connection.give_back();
                    Ok(rows
                        .into_iter()
                        .map(reader::entry)
                        .collect::<Result<_, _>>()?)
                })
                .await
            }

            async fn find(
                &self,
                tenant: &TenantName,
                id: i64,
            ) -> Result<Option<Entry>, LedgerError> {
                measured(&self.clock, "find", async {
                    let mut connection = Guarded::acquire(self.pool()).await?;
                    let now = self.now(&mut connection).await?;
                    let row = sqlx::query_as(FIND)
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(id)
                        .bind(id.checked_neg())
                        .bind(reader::platforms())
                        .fetch_optional(&mut *connection)
                        .await?;
                    connection.give_back();
                    Ok(row.map(reader::entry).transpose()?)
                })
                .await
            }

            async fn entries_of(
                &self,
                tenant: &TenantName,
                contents: &[ContentHash],
            ) -> Result<std::collections::HashMap<ContentHash, Vec<Entry>>, LedgerError> {
                measured(&self.clock, "entries_of", async {
                    let mut connection = Guarded::acquire(self.pool()).await?;
                    let now = self.now(&mut connection).await?;
                    let rows = sqlx::query_as(OF_CONTENTS)
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(hashes::parameter(contents))
                        .bind(reader::platforms())
                        .fetch_all(&mut *connection)
                        .await?;
                    connection.give_back();
                    Ok(reader::by_content(rows, contents)?)
                })
                .await
            }

            async fn count_unknown(&self) -> Result<u64, LedgerError> {
                measured(&self.clock, "count_unknown", async {
                    let mut connection = Guarded::acquire(self.pool()).await?;
                    let now = self.now(&mut connection).await?;
                    let count: i64 = sqlx::query_scalar(COUNT_UNKNOWN)
                        .bind(now)
                        .fetch_one(&mut *connection)
                        .await?;
                    connection.give_back();
                    Ok(count.try_into().unwrap_or_default())
                })
                .await
            }

            /// Writes a lease that no image can have, deletes it, and waits for the disk as any write does: a
            /// database that is full or read-only fails here.
            async fn probe(&self) -> Result<(), LedgerError> {
                measured(&self.clock, "probe", async {
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    let probe = Uuid::new_v4().simple().to_string();
                    for statement in [reader::PROBE, reader::END_PROBE] {
                        sqlx::query(statement)
                            .bind(&probe)
                            .bind(now)
                            .execute(&mut *write)
                            .await?;
                    }
                    Ok(write.commit().await?)
                })
                .await
            }
        }
    };
}
pub(super) use sql_reader;

#[cfg(test)]
mod tests {
    use ::time::OffsetDateTime;

    use super::{LAST_MILLI, time};

    #[test]
    fn every_stored_time_can_be_shown() {
        for (millis, year) in [
            (i64::MIN, 1970),
            (-1, 1970),
            (LAST_MILLI, 9999),
            (LAST_MILLI + 1, 9999),
            (i64::MAX, 9999),
        ] {
            assert_eq!(OffsetDateTime::from(time(millis)).year(), year, "{millis}");
        }
    }
}
