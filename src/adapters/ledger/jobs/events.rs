//! What has happened to a tenant's jobs and publications: the SQL that both databases accept.
//!
//! An event gets the number behind the tenant's last one while the tenant's row is taken (`LOCK`), in the transaction of
//! what it tells. So numbers have no gap, and become visible in their order: who has seen one has seen all before.
//!
//! Of each tenant the last [`JOB_EVENTS_KEPT`] are kept. Each hundredth event deletes those before them; the sweep deletes the
//! rest of a tenant that has nothing left (`jobs/idle.rs`).

use sqlx::{ColumnIndex, Database, Decode, Row, Type};

use super::record;
use crate::{
    domain::{
        image::ImageName,
        job::{JobEvent, JobEventKind, JobEventNumber, JobId, JobStatus, StageEvent},
        platform::Platform,
        publication::PublishStage,
        tenant::TenantName,
    },
    ports::{EventPage, JOB_EVENTS_KEPT},
};

/// After how many events of a tenant those that are too many are deleted.
const PRUNED_EVERY: i64 = 100;

/// A job of the tenant was made, or has changed.
pub(in crate::adapters::ledger) const NOTE: &str = "INSERT INTO ledger_job_events
        (tenant, number, job_id, added_at)
    SELECT CAST($1 AS TEXT), COALESCE(max(number), 0) + 1, CAST($2 AS BIGINT), CAST($3 AS BIGINT)
        FROM ledger_job_events WHERE tenant = $1
    RETURNING number";

/// The same for all jobs of the tenant that ended at the time `$2`.
pub(in crate::adapters::ledger) const NOTE_ENDED: &str = "INSERT INTO ledger_job_events
        (tenant, number, job_id, added_at)
    SELECT tenant,
        (SELECT COALESCE(max(number), 0) FROM ledger_job_events WHERE tenant = $1)
            + row_number() OVER (ORDER BY id),
        id, ended_at
        FROM ledger_jobs WHERE tenant = $1 AND ended_at = $2
    RETURNING number";

/// Events up to this number.
pub(in crate::adapters::ledger) const PRUNE: &str =
    "DELETE FROM ledger_job_events WHERE tenant = $1 AND number <= $2";

pub(in crate::adapters::ledger) const LAST: &str =
    "SELECT COALESCE(max(number), 0) FROM ledger_job_events WHERE tenant = $1";

/// The last number to delete once these events were added, if it is time for that.
pub(in crate::adapters::ledger) fn last_to_prune(added: &[i64]) -> Option<i64> {
    let last = added.iter().max()?;
    let before = added.iter().min()? - 1;
    let is_time = last / PRUNED_EVERY != before / PRUNED_EVERY;
    let kept = i64::from(JOB_EVENTS_KEPT);
    (is_time && *last > kept).then(|| last - kept)
}

/// Stages, as a parameter of a statement.
pub(in crate::adapters::ledger) fn stages(stages: &[StageEvent]) -> String {
    let stages = stages.iter().enumerate().map(|(index, event)| {
        let StageEvent {
            job,
            image,
            platform,
            stage,
        } = event;
        serde_json::json!({
            "place": index + 1,
            "job": job.map(|job| job.0),
            "filename": image.as_str(),
            "platform": platform.map(Platform::as_str),
            "stage": stage.as_str(),
        })
    });
    serde_json::Value::from(stages.collect::<Vec<_>>()).to_string()
}

/// Tenants, each with the number that was seen last, as a parameter of a statement.
pub(in crate::adapters::ledger) fn seen(after: &[(TenantName, JobEventNumber)]) -> String {
    let seen = after
        .iter()
        .map(|(tenant, number)| serde_json::json!({ "tenant": tenant.as_str(), "seen": number.0 }));
    serde_json::Value::from(seen.collect::<Vec<_>>()).to_string()
}

/// The events in the rows behind the number `seen`, where `last` is the tenant's last one.
pub(in crate::adapters::ledger) fn page<R>(
    rows: &[R],
    seen: i64,
    last: i64,
) -> Result<EventPage, sqlx::Error>
where
    R: Row,
    for<'a> &'a str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let mut page = EventPage {
        events: Vec::with_capacity(rows.len()),
        // The number of an earlier life of the tenant, of which nothing is kept.
        has_gap: last < seen,
        last: JobEventNumber(last),
    };
    for (index, row) in rows.iter().enumerate() {
        let number = row.try_get::<i64, _>("event_number")?;
        if index == 0 {
            page.has_gap = number != seen + 1;
        }
        page.last = JobEventNumber(number);
        let Some(kind) = kind(row, number)? else {
            continue;
        };
        page.events.push(JobEvent {
            number: page.last,
            kind,
        });
    }
    Ok(page)
}

/// What the event in a row tells; `None` for a job that is deleted, and for what makes no sense to this version.
///
/// A job is told of as it is now, so only its last event tells of it: an earlier one would tell its end before its stages. For the
/// same reason nothing is told of a stage that was written after the attempt had ended.
fn kind<R>(row: &R, number: i64) -> Result<Option<JobEventKind>, sqlx::Error>
where
    R: Row,
    for<'a> &'a str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let text = |column: &'static str| row.try_get::<Option<String>, _>(column);
    let last_of_job = row.try_get::<Option<i64>, _>("told_number")?;
    let is_told_later = last_of_job.is_some_and(|last| last > number);
    let Some(stage) = text("event_stage")? else {
        if is_told_later {
            return Ok(None);
        }
        if row.try_get::<Option<i64>, _>("id")?.is_none() {
            return Ok(None);
        }
        let job = record::job(row).map(|found| JobEventKind::Job(Box::new(found.job)));
        return Ok(job
            .inspect_err(
                |error| tracing::warn!(%error, "an event of a job makes no sense to this version"),
            )
            .ok());
    };
    let status = text("event_status")?;
    let is_over = status.is_some_and(|status| status != JobStatus::Running.as_str());
    if is_over && !is_told_later {
        return Ok(None);
    }
    let platform = text("event_platform")?;
    let known = platform.as_deref().map(Platform::from_name);
    let image = text("event_filename")?.and_then(|name| ImageName::new(&name).ok());
    let (Some(stage), Some(image), false) =
        (PublishStage::from_name(&stage), image, known == Some(None))
    else {
        return Ok(None);
    };
    let job = row.try_get::<Option<i64>, _>("event_job")?.map(JobId);
    Ok(Some(JobEventKind::Stage(StageEvent {
        job,
        image,
        platform: known.flatten(),
        stage,
    })))
}

/// Implements [`JobEvents`](crate::ports::JobEvents) for a type, and what the writers of jobs need. `$listed` has the elements of
/// the JSON array `$1`.
macro_rules! sql_job_events {
    ($ledger:ty, listed: $listed:literal) => {
        /// The number of each is behind the tenant's last one by its place.
        pub(super) const NOTE_STAGES: &str = concat!(
            "INSERT INTO ledger_job_events
                (tenant, number, job_id, filename, platform, stage, added_at)
            SELECT CAST($2 AS TEXT),
                (SELECT COALESCE(max(number), 0) FROM ledger_job_events WHERE tenant = $2)
                    + CAST(value ->> 'place' AS BIGINT),
                CAST(value ->> 'job' AS BIGINT), value ->> 'filename', value ->> 'platform',
                value ->> 'stage', CAST($3 AS BIGINT)
                FROM ",
            $listed,
            " RETURNING number"
        );
        /// Of the tenants in `$1`, those with another last event than the one that was seen. The number is read from the end of
        /// the tenant's part of the index, once: a plan of its own would read it for the condition, too.
        pub(super) const UNSEEN: &str = concat!(
            "WITH asked AS MATERIALIZED (SELECT value ->> 'tenant' AS tenant,
                CAST(value ->> 'seen' AS BIGINT) AS seen,
                (SELECT COALESCE(max(number), 0) FROM ledger_job_events
                    WHERE ledger_job_events.tenant = value ->> 'tenant') AS last
                FROM ",
            $listed,
            ") SELECT tenant, seen, last FROM asked WHERE last <> seen"
        );
        pub(super) const EVENT_PAGE: &str = concat!(
            "WITH told AS (SELECT job_id AS told_job, max(number) AS told_number
                FROM ledger_job_events
                WHERE tenant = $1 AND number > $2 AND stage IS NULL GROUP BY job_id)
            SELECT event_number, event_job, event_filename, event_platform, event_stage, told_number,
                (SELECT at_work.status FROM ledger_jobs AS at_work
                    WHERE at_work.id = event_job AND at_work.tenant = event_tenant) AS event_status, ",
            super::jobs::record::job_columns!(),
            " FROM (SELECT tenant AS event_tenant, number AS event_number, job_id AS event_job,
                    filename AS event_filename, platform AS event_platform, stage AS event_stage
                FROM ledger_job_events WHERE tenant = $1 AND number > $2
                ORDER BY number LIMIT $3) AS event
            LEFT JOIN told ON told_job = event_job
            LEFT JOIN ledger_jobs
                ON id = event_job AND tenant = event_tenant AND event_stage IS NULL
            ORDER BY event_number"
        );

        impl $ledger {
            /// Adds the event of a job of the tenant whose row is taken.
            async fn note_job(
                write: &mut Guarded,
                tenant: &TenantName,
                id: crate::domain::job::JobId,
                now: i64,
            ) -> Result<(), sqlx::Error> {
                let number: i64 = sqlx::query_scalar(super::jobs::events::NOTE)
                    .bind(tenant.as_str())
                    .bind(id.0)
                    .bind(now)
                    .fetch_one(&mut **write)
                    .await?;
                Self::prune_events(write, tenant, &[number]).await
            }

            /// Adds the events of jobs that one statement has ended, of the tenant whose row is taken.
            async fn note_ended_jobs(
                write: &mut Guarded,
                tenant: &TenantName,
                now: i64,
            ) -> Result<(), sqlx::Error> {
                let numbers: Vec<i64> = sqlx::query_scalar(super::jobs::events::NOTE_ENDED)
                    .bind(tenant.as_str())
                    .bind(now)
                    .fetch_all(&mut **write)
                    .await?;
                Self::prune_events(write, tenant, &numbers).await
            }

            async fn prune_events(
                write: &mut Guarded,
                tenant: &TenantName,
                added: &[i64],
            ) -> Result<(), sqlx::Error> {
                if let Some(last) = super::jobs::events::last_to_prune(added) {
                    sqlx::query(super::jobs::events::PRUNE)
                        .bind(tenant.as_str())
                        .bind(last)
                        .execute(&mut **write)
                        .await?;
                }
                Ok(())
            }
        }

        #[async_trait]
        impl crate::ports::JobEvents for $ledger {
            async fn add_stages(
                &self,
                tenant: &TenantName,
                stages: &[crate::domain::job::StageEvent],
            ) -> Result<(), LedgerError> {
                if stages.is_empty() {
                    return Ok(());
                }
                measured(&self.clock, "event_add", async {
                    let (mut write, now) = self.begin_lightly().await?;
                    sqlx::query(super::jobs::LOCK)
                        .bind(tenant.as_str())
                        .execute(&mut *write)
                        .await?;
                    let numbers: Vec<i64> = sqlx::query_scalar(NOTE_STAGES)
                        .bind(super::jobs::events::stages(stages))
                        .bind(tenant.as_str())
                        .bind(now)
                        .fetch_all(&mut *write)
                        .await?;
                    Self::prune_events(&mut write, tenant, &numbers).await?;
                    Ok(write.commit().await?)
                })
                .await
            }

            async fn last_event(
                &self,
                tenant: &TenantName,
            ) -> Result<crate::domain::job::JobEventNumber, LedgerError> {
                measured(&self.clock, "event_last", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let last = sqlx::query_scalar(super::jobs::events::LAST)
                        .bind(tenant.as_str())
                        .fetch_one(&mut *alone)
                        .await?;
                    alone.give_back();
                    Ok(crate::domain::job::JobEventNumber(last))
                })
                .await
            }

            async fn events_after(
                &self,
                after: &[(TenantName, crate::domain::job::JobEventNumber)],
                limit: u32,
            ) -> Result<
                std::collections::HashMap<TenantName, crate::ports::EventPage>,
                LedgerError,
            > {
                use super::jobs::events;

                let mut pages = std::collections::HashMap::new();
                if after.is_empty() {
                    return Ok(pages);
                }
                measured(&self.clock, "event_pages", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let unseen: Vec<(String, i64, i64)> = sqlx::query_as(UNSEEN)
                        .bind(events::seen(after))
                        .fetch_all(&mut *alone)
                        .await?;
                    for (name, seen, last) in unseen {
                        let rows = sqlx::query(EVENT_PAGE)
                            .bind(&name)
                            .bind(seen)
                            .bind(i64::from(limit))
                            .fetch_all(&mut *alone)
                            .await?;
                        let tenant = TenantName::new(&name)
                            .ok_or_else(|| sqlx::Error::Decode("tenant".into()))?;
                        pages.insert(tenant, events::page(&rows, seen, last)?);
                    }
                    alone.give_back();
                    Ok(pages)
                })
                .await
            }
        }
    };
}
pub(in crate::adapters::ledger) use sql_job_events;

#[cfg(test)]
mod tests {
    use super::last_to_prune;

    #[test]
    fn events_are_pruned_at_every_hundredth() {
        assert_eq!(last_to_prune(&[]), None);
        assert_eq!(last_to_prune(&[1_000]), None, "all of them are kept");
        assert_eq!(last_to_prune(&[1_099]), None);
        assert_eq!(last_to_prune(&[1_100]), Some(100));
        assert_eq!(last_to_prune(&[1_198, 1_199]), None);
        assert_eq!(last_to_prune(&[1_203, 1_198]), Some(203), "in any order");
    }
}
