//! A job as its columns have it.

use std::time::{Duration, SystemTime};

use sqlx::{ColumnIndex, Database, Decode, Row, Type};

use super::{
    super::{hashes, stored_text::storable},
    json,
};
use crate::domain::{
    image::ImageName,
    job::{Job, JobId, JobReason, JobStatus},
    publication::PublishStage,
    tenant::TenantName,
};

/// The columns that [`job`] reads.
macro_rules! job_columns {
    () => {
        "id, tenant, status, filename, hashes, what, publish_at, posting_time, due_at, created_at, \
         begun_at, ended_at, attempts, failures, interrupted, remaining, results, stage, reason, \
         error, is_next, approved_at"
    };
}
pub(in crate::adapters::ledger) use job_columns;

/// The end of the year 9999, in milliseconds since 1970: later times have no form in answers.
const LAST_MILLI: i64 = 253_402_300_799_999;

/// The time of so many milliseconds since 1970, between that year and the year 9999.
pub(in crate::adapters::ledger) fn time(millis: i64) -> SystemTime {
    let millis = millis.clamp(0, LAST_MILLI).unsigned_abs();
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// Milliseconds since 1970, up to the year 9999.
pub(in crate::adapters::ledger) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    i64::try_from(millis).unwrap_or(LAST_MILLI).min(LAST_MILLI)
}

/// A time as it is kept.
pub(in crate::adapters::ledger) fn kept(moment: SystemTime) -> SystemTime {
    time(millis(moment))
}

/// A job, and whether it stands for the next posting time.
#[derive(Debug, Clone)]
pub(in crate::adapters::ledger) struct JobRecord {
    pub(in crate::adapters::ledger) job: Job,
    pub(in crate::adapters::ledger) is_next: bool,
}

/// The job in a row. The error names the column, and has nothing of its content.
pub(in crate::adapters::ledger) fn job<R>(row: &R) -> Result<JobRecord, sqlx::Error>
where
    R: Row,
    for<'a> &'a str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let unreadable = |column: &'static str| sqlx::Error::Decode(column.into());
    let number = |column: &'static str| row.try_get::<i64, _>(column);
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let count = |column| Ok::<_, sqlx::Error>(u32::try_from(number(column)?).unwrap_or(u32::MAX));
    let maybe_time = |column: &'static str| {
        let millis = row.try_get::<Option<i64>, _>(column)?;
        Ok::<_, sqlx::Error>(millis.map(time))
    };
    let maybe_text = |column: &'static str| row.try_get::<Option<String>, _>(column);
    let status = JobStatus::from_name(&text("status")?).ok_or_else(|| unreadable("status"))?;
    let tenant = TenantName::new(&text("tenant")?).ok_or_else(|| unreadable("tenant"))?;
    let mut order = json::order(&text("what")?).ok_or_else(|| unreadable("what"))?;
    if let Some(name) = maybe_text("filename")? {
        order.image = Some(ImageName::new(&name).map_err(|_| unreadable("filename"))?);
    }
    let remaining = maybe_text("remaining")?.map(|text| json::platforms(&text));
    let results = json::results(&text("results")?).ok_or_else(|| unreadable("results"))?;
    let job = Job {
        id: JobId(number("id")?),
        tenant,
        status,
        order,
        hashes: maybe_text("hashes")?.and_then(|texts| hashes::of_texts(&texts)),
        publish_at: time(number("publish_at")?),
        posting_time: maybe_time("posting_time")?,
        due_at: time(number("due_at")?),
        created_at: time(number("created_at")?),
        approved_at: maybe_time("approved_at")?,
        begun_at: maybe_time("begun_at")?,
        ended_at: maybe_time("ended_at")?,
        attempts: count("attempts")?,
        failures: count("failures")?,
        interrupted: number("interrupted")? != 0,
        remaining: match remaining {
            Some(platforms) => Some(platforms.ok_or_else(|| unreadable("remaining"))?),
            None => None,
        },
        results,
        // Words that only a later version knows are none to this one.
        stage: maybe_text("stage")?.and_then(|word| PublishStage::from_name(&word)),
        reason: maybe_text("reason")?.and_then(|word| JobReason::from_name(&word)),
        error: maybe_text("error")?,
    };
    let is_next = number("is_next")? != 0;
    Ok(JobRecord { job, is_next })
}

/// The columns of a job that are texts, as parameters of a statement.
pub(in crate::adapters::ledger) struct Texts {
    pub(in crate::adapters::ledger) what: String,
    pub(in crate::adapters::ledger) remaining: Option<String>,
    pub(in crate::adapters::ledger) results: String,
    pub(in crate::adapters::ledger) error: Option<String>,
}

impl From<&Job> for Texts {
    fn from(job: &Job) -> Self {
        Self {
            what: json::order_text(&job.order),
            remaining: job.remaining.as_deref().map(json::platforms_text),
            results: json::results_text(&job.results),
            error: job.error.as_deref().map(storable),
        }
    }
}
