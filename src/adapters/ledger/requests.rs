//! Requests with an idempotency key: the SQL that both databases accept. Used by `statements.rs`.

use super::hashes;
use crate::domain::{
    idempotency::{Begun, ChosenImage},
    image::ImageName,
    job::JobId,
};

/// A key is new, or it is not: no other request can insert it in between.
pub(super) const ENTER: &str = "INSERT INTO ledger_requests
        (tenant, key_hash, fingerprint, holder, session, expires_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (tenant, key_hash) DO NOTHING";

pub(super) const FORGET_OLD: &str = "DELETE FROM ledger_requests WHERE created_at <= $1";

pub(super) const FIND: &str = "SELECT fingerprint, filename, content_hash, hashes, answer, job_id
    FROM ledger_requests WHERE tenant = $1 AND key_hash = $2";

/// Only the holder writes. If no row is returned, the key has been taken by another request.
pub(super) const CHOOSE: &str =
    "UPDATE ledger_requests SET filename = $1, content_hash = $2, hashes = $3
    WHERE tenant = $4 AND key_hash = $5 AND holder = $6";

/// In the transaction that adds the job: there is one if, and only if, it stands here.
pub(super) const NOTE_JOB: &str = "UPDATE ledger_requests SET job_id = $1
    WHERE tenant = $2 AND key_hash = $3 AND holder = $4 AND job_id IS NULL";

pub(super) const FINISH: &str = "UPDATE ledger_requests SET answer = $1, holder = NULL
    WHERE tenant = $2 AND key_hash = $3 AND holder = $4";

pub(super) const ABANDON: &str = "UPDATE ledger_requests SET holder = NULL,
        filename = CASE WHEN $1 THEN filename END,
        content_hash = CASE WHEN $1 THEN content_hash END,
        hashes = CASE WHEN $1 THEN hashes END
    WHERE tenant = $2 AND key_hash = $3 AND holder = $4";

/// One row of [`FIND`].
pub(super) type FoundRow = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

/// How a request begins whose key is in the ledger already; `is_taken` if it has taken the key over.
pub(super) fn begun(row: FoundRow, is_taken: bool, fingerprint: &str) -> Begun {
    let (found, filename, key, hashes, answer, job) = row;
    if is_taken {
        if let Some(id) = job {
            return Begun::HasJob(JobId(id));
        }
        let chosen = filename.zip(key).and_then(|(name, key)| {
            Some(ChosenImage {
                name: ImageName::new(&name).ok()?,
                hashes: hashes::of_row(&key, hashes.as_deref())?,
            })
        });
        return chosen.map_or(Begun::First, Begun::Resumed);
    }
    match answer {
        _ if found != fingerprint => Begun::Mismatch,
        Some(answer) => Begun::Answered(answer),
        None => Begun::Running,
    }
}

/// Implements [`IdempotencyStore`](crate::ports::IdempotencyStore) for a type. `$live` says in SQL
/// whether the holder `l` is at work at the time `$1`.
macro_rules! sql_requests {
    ($ledger:ty, live: $live:literal) => {
        /// Takes over a request that no process carries out any more, if this one asks for the same.
        const TAKE_OVER: &str = concat!(
            "UPDATE ledger_requests AS l SET holder = $2, session = $3, expires_at = $4
             WHERE l.tenant = $5 AND l.key_hash = $6 AND l.fingerprint = $7 AND l.answer IS NULL
                AND (l.holder IS NULL OR NOT (",
            $live,
            "))"
        );

        #[async_trait]
        impl IdempotencyStore for $ledger {
            async fn begin(&self, request: &KeyedRequest) -> Result<Begun, LedgerError> {
                measured(&self.clock, "key_begin", async {
                    let session = self.session().await?;
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    let expires = now.saturating_add(duration_millis(KEY_HELD_FOR));
                    let (tenant, key) = (request.tenant().as_str(), request.key_hash());
                    let fingerprint = request.fingerprint().as_str();
                    sqlx::query(requests::FORGET_OLD)
                        .bind(now.saturating_sub(duration_millis(KEY_KEPT_FOR)))
                        .execute(&mut *write)
                        .await?;
                    let entered = sqlx::query(requests::ENTER)
                        .bind(tenant)
                        .bind(key)
                        .bind(fingerprint)
                        .bind(request.holder())
                        .bind(session)
                        .bind(expires)
                        .bind(now)
                        .execute(&mut *write)
                        .await?;
                    if entered.rows_affected() > 0 {
                        write.commit().await?;
                        return Ok(Begun::First);
                    }
                    let taken = sqlx::query(TAKE_OVER)
                        .bind(now)
                        .bind(request.holder())
                        .bind(session)
                        .bind(expires)
                        .bind(tenant)
                        .bind(key)
                        .bind(fingerprint)
                        .execute(&mut *write)
                        .await?;
                    let found = sqlx::query_as(requests::FIND)
                        .bind(tenant)
                        .bind(key)
                        .fetch_one(&mut *write)
                        .await?;
                    write.commit().await?;
                    Ok(requests::begun(found, taken.rows_affected() > 0, fingerprint))
                })
                .await
            }

            async fn choose(
                &self,
                request: &KeyedRequest,
                image: &ChosenImage,
            ) -> Result<(), LedgerError> {
                measured(&self.clock, "key_choose", async {
                    let mut alone = self.alone(Durability::Synced).await?;
                    let chosen = sqlx::query(requests::CHOOSE)
                        .bind(image.name.as_str())
                        .bind(hashes::key(&image.hashes))
                        .bind(hashes::texts(&image.hashes))
                        .bind(request.tenant().as_str())
                        .bind(request.key_hash())
                        .bind(request.holder())
                        .execute(&mut *alone)
                        .await?;
                    alone.give_back();
                    match chosen.rows_affected() {
                        0 => Err(LedgerError::LeaseLost),
                        _ => Ok(()),
                    }
                })
                .await
            }

            async fn add_keyed_job(
                &self,
                request: &KeyedRequest,
                host: &crate::domain::host::Host,
                job: &crate::domain::job::NewJob,
            ) -> Result<crate::domain::job::Job, LedgerError> {
                measured(&self.clock, "key_add_job", async {
                    let tenant = request.tenant();
                    let (mut write, now, _) = self.begin_jobs(Durability::Synced, tenant).await?;
                    Self::set_host(&mut write, tenant, host).await?;
                    let job = Self::insert_job(&mut write, tenant, job, false, now).await?;
                    let noted = sqlx::query(requests::NOTE_JOB)
                        .bind(job.id.0)
                        .bind(tenant.as_str())
                        .bind(request.key_hash())
                        .bind(request.holder())
                        .execute(&mut *write)
                        .await?;
                    if noted.rows_affected() == 0 {
                        write.roll_back().await?;
                        return Err(LedgerError::LeaseLost);
                    }
                    write.commit().await?;
                    Ok(job)
                })
                .await
            }

            async fn finish(
                &self,
                request: &KeyedRequest,
                answer: &str,
            ) -> Result<(), LedgerError> {
                measured(&self.clock, "key_finish", async {
                    let mut alone = self.alone(Durability::Synced).await?;
                    sqlx::query(requests::FINISH)
                        .bind(answer)
                        .bind(request.tenant().as_str())
                        .bind(request.key_hash())
                        .bind(request.holder())
                        .execute(&mut *alone)
                        .await?;
                    alone.give_back();
                    Ok(())
                })
                .await
            }

            async fn abandon(
                &self,
                request: &KeyedRequest,
                may_have_sent: bool,
            ) -> Result<(), LedgerError> {
                measured(&self.clock, "key_abandon", async {
                    let mut alone = self.alone(Durability::Synced).await?;
                    sqlx::query(requests::ABANDON)
                        .bind(may_have_sent)
                        .bind(request.tenant().as_str())
                        .bind(request.key_hash())
                        .bind(request.holder())
                        .execute(&mut *alone)
                        .await?;
                    alone.give_back();
                    Ok(())
                })
                .await
            }
        }
    };
}
pub(super) use sql_requests;
