//! The SQL that both databases take as it stands. Used by the adapters of this folder.
//!
//! The statements of [`sql_ledger`] make both ports of what the two databases do in their own
//! way: `begin` (some writes), `alone` (for a single one), `now`, `session` and `pool`. A macro and
//! not a generic function: the bounds that sqlx asks for would be longer than the code.

use std::time::{Duration, SystemTime};

use crate::{
    domain::ledger::Settlement,
    ports::{Cause, LedgerError},
};

/// Takes a lease back from its holder if it is still his, for as long as `$1` says.
pub(super) const HOLD: &str = "UPDATE ledger_leases SET expires_at = $1, session = $2
    WHERE tenant = $3 AND content_hash = $4 AND holder = $5";

pub(super) const RELEASE: &str =
    "DELETE FROM ledger_leases WHERE tenant = $1 AND content_hash = $2 AND holder = $3";

pub(super) const KNOWN: &str = "SELECT platform, state, post_id FROM ledger_entries
    WHERE tenant = $1 AND content_hash = $2";

/// Only an intent is settled, so that the same write may come twice.
pub(super) const SETTLE: &str = "UPDATE ledger_entries SET
        state = CASE
            WHEN CAST($1 AS TEXT) = 'failed' AND prior IS NOT NULL THEN prior
            ELSE CAST($1 AS TEXT)
        END,
        prior = CASE WHEN CAST($1 AS TEXT) = 'unknown' THEN prior ELSE NULL END,
        post_id = COALESCE(CAST($2 AS TEXT), post_id),
        error = $3,
        ended_at = $4
    WHERE tenant = $5 AND content_hash = $6 AND platform = $7 AND holder = $8
        AND state = 'intent'";

/// How long one operation may take, waiting for a connection included.
const LIMIT: Duration = Duration::from_secs(10);

/// What of a settlement stands in which column: state, post id, error.
pub(super) fn columns(settlement: &Settlement) -> (&'static str, Option<String>, Option<String>) {
    // PostgreSQL takes every character but this one, and both texts come from outside.
    let clean = |text: &str| Some(text.replace('\0', ""));
    match settlement {
        Settlement::Published(id) => ("published", clean(id.as_str()), None),
        Settlement::Failed(error) => ("failed", None, clean(error)),
        Settlement::Unknown(error) => ("unknown", None, clean(error)),
    }
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    duration_millis(since.unwrap_or_default())
}

pub(super) fn duration_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The time that so many milliseconds since 1970 are.
pub(super) fn time(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.try_into().unwrap_or_default())
}

/// Ends an operation that takes too long. What it had written is rolled back.
pub(super) async fn bounded<T>(
    operation: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    tokio::time::timeout(LIMIT, operation)
        .await
        .unwrap_or_else(|elapsed| Err(LedgerError::Unavailable(elapsed.into())))
}

/// For the log. sqlx's errors name neither the URL nor a value.
pub(super) fn unavailable(error: impl Into<Cause>) -> LedgerError {
    LedgerError::Unavailable(error.into())
}

/// Makes the ports of the ledger of a type (those of `requests` with them). `$live` says in SQL whether the lease `l` holds at the time `$1`, and `$texts` selects the
/// elements of the JSON array `$3`.
macro_rules! sql_ledger {
    ($ledger:ty, $database:ty, live: $live:literal, texts: $texts:literal) => {
        const TAKE: &str = concat!(
            "INSERT INTO ledger_leases AS l (tenant, content_hash, holder, session, expires_at)
             VALUES ($2, $3, $4, $5, $6)
             ON CONFLICT (tenant, content_hash) DO UPDATE SET
                holder = excluded.holder,
                session = excluded.session,
                expires_at = excluded.expires_at
             WHERE NOT (",
            $live,
            ")"
        );

        macro_rules! entries {
            ($condition:expr) => {
                concat!(
                    "SELECT id, filename, content_hash, platform, now_state, post_id, error,
                        started_at, ended_at
                     FROM (SELECT e.*, CASE
                            WHEN e.state <> 'intent' THEN e.state
                            WHEN EXISTS (SELECT 1 FROM ledger_leases l WHERE l.tenant = e.tenant
                                AND l.content_hash = e.content_hash AND l.holder = e.holder
                                AND ",
                    $live,
                    ") THEN 'in_progress'
                            ELSE 'unknown'
                        END AS now_state FROM ledger_entries e WHERE e.tenant = $2) AS entries
                     WHERE ",
                    $condition
                )
            };
        }
        const LIST: &str = entries!(
            "(CAST($3 AS TEXT) IS NULL OR filename = $3)
                AND (CAST($4 AS TEXT) IS NULL OR platform = $4)
                AND (CAST($5 AS TEXT) IS NULL OR now_state = $5)
                AND (CAST($6 AS BIGINT) IS NULL OR started_at < $6
                    OR (started_at = $6 AND id < $7))
             ORDER BY started_at DESC, id DESC LIMIT $8"
        );
        /// What was known before an attempt is kept beside it, for the case that it fails.
        const INTEND: &str = concat!(
            "INSERT INTO ledger_entries AS e
                (tenant, content_hash, platform, filename, state, holder, started_at)
             SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), platforms.value, CAST($4 AS TEXT), 'intent',
                CAST($5 AS TEXT), CAST($6 AS BIGINT)
             FROM (",
            $texts,
            ") AS platforms WHERE true
             ON CONFLICT (tenant, content_hash, platform) DO UPDATE SET
                filename = excluded.filename,
                state = 'intent',
                prior = CASE
                    WHEN e.state = 'failed' THEN NULL
                    WHEN e.state = 'published' OR e.prior = 'published' THEN 'published'
                    ELSE 'unknown'
                END,
                error = NULL,
                holder = excluded.holder,
                started_at = excluded.started_at,
                ended_at = NULL"
        );
        const OF_CONTENTS: &str = entries!(concat!("content_hash IN (", $texts, ")"));

        super::requests::sql_requests!($ledger, live: $live);

        impl $ledger {
            /// Begins a write of the holder; fails if the lease is not his any more. The row is
            /// locked from here on, so that nobody can take it before the end of the write.
            async fn begin_as_holder(
                &self,
                lease: &Lease,
            ) -> Result<(Transaction<'static, $database>, i64), LedgerError> {
                let session = self.session().await.map_err(unavailable)?;
                let mut write = self.begin(Keep::OnDisk).await.map_err(unavailable)?;
                let now = self.now(&mut write).await.map_err(unavailable)?;
                let held = sqlx::query(statements::HOLD)
                    .bind(now.saturating_add(duration_millis(LEASE_TTL)))
                    .bind(session)
                    .bind(lease.tenant().as_str())
                    .bind(lease.content_hash().as_str())
                    .bind(lease.holder())
                    .execute(&mut *write)
                    .await
                    .map_err(unavailable)?;
                if held.rows_affected() == 0 {
                    return Err(LedgerError::LeaseLost);
                }
                Ok((write, now))
            }

            async fn take(
                &self,
                lease: &Lease,
                platforms: &[Platform],
            ) -> Result<Claim, sqlx::Error> {
                let session = self.session().await?;
                let mut write = self.begin(Keep::InProcess).await?;
                let now = self.now(&mut write).await?;
                let (tenant, hash) = (lease.tenant().as_str(), lease.content_hash().as_str());
                let taken = sqlx::query(TAKE)
                    .bind(now)
                    .bind(tenant)
                    .bind(hash)
                    .bind(lease.holder())
                    .bind(session)
                    .bind(now.saturating_add(duration_millis(LEASE_TTL)))
                    .execute(&mut *write)
                    .await?;
                if taken.rows_affected() == 0 {
                    return Ok(Claim::HeldByOther);
                }
                let rows = sqlx::query(statements::KNOWN)
                    .bind(tenant)
                    .bind(hash)
                    .fetch_all(&mut *write)
                    .await?;
                let mut known = BTreeMap::new();
                for row in rows {
                    let platform: String = row.try_get("platform")?;
                    let state: String = row.try_get("state")?;
                    let post_id: Option<String> = row.try_get("post_id")?;
                    let platform = Platform::from_name(&platform)
                        .filter(|platform| platforms.contains(platform));
                    let Some(platform) = platform else { continue };
                    let what = match state.as_str() {
                        "published" => Known::Published(PostId::new(post_id.unwrap_or_default())),
                        "failed" => Known::Failed,
                        // An intent too: the lease is ours, so nobody works on it.
                        _ => Known::Unknown,
                    };
                    known.insert(platform, what);
                }
                write.commit().await?;
                Ok(Claim::Held(known))
            }

            async fn entries(
                &self,
                tenant: &TenantName,
                query: &EntryQuery,
            ) -> Result<Vec<Entry>, sqlx::Error> {
                let mut connection = self.pool().acquire().await?;
                let now = self.now(&mut connection).await?;
                let rows = sqlx::query(LIST)
                    .bind(now)
                    .bind(tenant.as_str())
                    .bind(query.image.as_ref().map(|image| image.as_str().to_owned()))
                    .bind(query.platform.map(Platform::as_str))
                    .bind(query.state.map(EntryState::as_str))
                    .bind(query.after.map(|after| after.started_ms))
                    .bind(query.after.map(|after| after.id))
                    .bind(i64::from(query.limit))
                    .fetch_all(&mut *connection)
                    .await?;
                rows.iter().map(Self::entry).collect()
            }

            async fn entries_of_contents(
                &self,
                tenant: &TenantName,
                contents: &[ContentHash],
            ) -> Result<Vec<Entry>, sqlx::Error> {
                let mut connection = self.pool().acquire().await?;
                let now = self.now(&mut connection).await?;
                let hashes: Vec<&str> = contents.iter().map(ContentHash::as_str).collect();
                let rows = sqlx::query(OF_CONTENTS)
                    .bind(now)
                    .bind(tenant.as_str())
                    .bind(serde_json::Value::from(hashes).to_string())
                    .fetch_all(&mut *connection)
                    .await?;
                rows.iter().map(Self::entry).collect()
            }

            fn entry(row: &<$database as sqlx::Database>::Row) -> Result<Entry, sqlx::Error> {
                let unreadable = |what: &str| sqlx::Error::Decode(what.to_owned().into());
                    let text = |column: &str| row.try_get::<String, _>(column);
                    let started_ms = row.try_get("started_at")?;
                    let ended: Option<i64> = row.try_get("ended_at")?;
                    let post_id: Option<String> = row.try_get("post_id")?;
                    Ok(Entry {
                        position: Position {
                            started_ms,
                            id: row.try_get("id")?,
                        },
                        image: ImageName::new(&text("filename")?)
                            .map_err(|_| unreadable("filename"))?,
                        content_hash: ContentHash::new(&text("content_hash")?)
                            .ok_or_else(|| unreadable("content_hash"))?,
                        platform: Platform::from_name(&text("platform")?)
                            .ok_or_else(|| unreadable("platform"))?,
                        state: EntryState::from_name(&text("now_state")?)
                            .ok_or_else(|| unreadable("state"))?,
                        post_id: post_id.map(PostId::new),
                        error: row.try_get("error")?,
                        started: statements::time(started_ms),
                        ended: ended.map(statements::time),
                    })
            }
        }

        #[async_trait]
        impl Ledger for $ledger {
            async fn claim(
                &self,
                lease: &Lease,
                platforms: &[Platform],
            ) -> Result<Claim, LedgerError> {
                bounded(async { self.take(lease, platforms).await.map_err(unavailable) }).await
            }

            async fn renew(&self, lease: &Lease) -> Result<(), LedgerError> {
                bounded(async {
                    let (write, _) = self.begin_as_holder(lease).await?;
                    write.commit().await.map_err(unavailable)
                })
                .await
            }

            async fn intend(
                &self,
                lease: &Lease,
                image: &ImageName,
                platforms: &[Platform],
            ) -> Result<(), LedgerError> {
                let platforms: Vec<&str> = platforms.iter().map(|it| it.as_str()).collect();
                bounded(async {
                    let (mut write, now) = self.begin_as_holder(lease).await?;
                    sqlx::query(INTEND)
                        .bind(lease.tenant().as_str())
                        .bind(lease.content_hash().as_str())
                        .bind(serde_json::Value::from(platforms).to_string())
                        .bind(image.as_str())
                        .bind(lease.holder())
                        .bind(now)
                        .execute(&mut *write)
                        .await
                        .map_err(unavailable)?;
                    write.commit().await.map_err(unavailable)
                })
                .await
            }

            async fn settle(
                &self,
                lease: &Lease,
                platform: Platform,
                settlement: &Settlement,
            ) -> Result<(), LedgerError> {
                let (state, post_id, error) = statements::columns(settlement);
                bounded(async {
                    let (mut write, now) = self.begin_as_holder(lease).await?;
                    sqlx::query(statements::SETTLE)
                        .bind(state)
                        .bind(post_id)
                        .bind(error)
                        .bind(now)
                        .bind(lease.tenant().as_str())
                        .bind(lease.content_hash().as_str())
                        .bind(platform.as_str())
                        .bind(lease.holder())
                        .execute(&mut *write)
                        .await
                        .map_err(unavailable)?;
                    write.commit().await.map_err(unavailable)
                })
                .await
            }

            async fn release(&self, lease: &Lease) -> Result<(), LedgerError> {
                bounded(async {
                    let mut alone = self.alone(Keep::InProcess).await.map_err(unavailable)?;
                    sqlx::query(statements::RELEASE)
                        .bind(lease.tenant().as_str())
                        .bind(lease.content_hash().as_str())
                        .bind(lease.holder())
                        .execute(&mut *alone)
                        .await
                        .map_err(unavailable)?;
                    Ok(())
                })
                .await
            }
        }

        #[async_trait]
        impl LedgerReader for $ledger {
            async fn list(
                &self,
                tenant: &TenantName,
                query: &EntryQuery,
            ) -> Result<Vec<Entry>, LedgerError> {
                bounded(async { self.entries(tenant, query).await.map_err(unavailable) }).await
            }

            async fn entries_of(
                &self,
                tenant: &TenantName,
                contents: &[ContentHash],
            ) -> Result<Vec<Entry>, LedgerError> {
                let entries = self.entries_of_contents(tenant, contents);
                bounded(async { entries.await.map_err(unavailable) }).await
            }

            async fn probe(&self) -> Result<(), LedgerError> {
                bounded(async {
                    let probe = sqlx::query("SELECT 1").execute(self.pool());
                    probe.await.map(drop).map_err(unavailable)
                })
                .await
            }
        }
    };
}
pub(super) use sql_ledger;
