//! The tenant's posting times.

use poem_openapi::Object;
use serde_json::Value;

use super::{
    problem::FieldError,
    publish::{PlatformName, all_of, read_platforms},
};
use crate::{
    app::{http::json_body::Fields, usecases::manage_jobs::ScheduleReport},
    domain::{platform::Platform, posting_times::PostingTimes, rfc3339, schedule},
};

/// The time zone of a tenant that never put a schedule.
const NO_ZONE: &str = "UTC";

/// The longest text of a posting time, in characters, as the document has it.
const LONGEST_TIME: usize = 64;

/// The posting times of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct Schedule {
    /// The time zone, by its name in the IANA database.
    pub timezone: String,
    /// The posting times, such as `Mon 18:30` and `daily 09:00`.
    pub times: Vec<String>,
    /// The platforms of each publication; `null`: all that are on by then.
    #[oai(nullable)]
    pub platforms: Option<Vec<PlatformName>>,
    /// The schedule is followed.
    pub enabled: bool,
    /// Each publication waits for somebody to approve it.
    pub needs_approval: bool,
    /// The next times at which something is to be published, up to five (RFC 3339, UTC); empty if the schedule is not followed.
    /// The first of them has a job. Posting times whose job was cancelled, was moved, or has begun early are left out.
    pub next: Vec<String>,
}

/// Posting times that take the place of all that were there.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(deny_unknown_fields)]
pub struct ScheduleChange {
    /// The time zone, by its name in the IANA database, such as `Europe/Berlin`.
    pub timezone: String,
    /// The posting times: a day (`Mon`, `Tue`, `Wed`, `Thu`, `Fri`, `Sat`, `Sun`, or `daily`) and a time of day. A time
    /// that a clock change skips is the first moment after it; one that it repeats is its first moment. Up to 168; none
    /// only if the schedule is not enabled.
    #[oai(validator(unique_items))]
    pub times: Vec<String>,
    /// The platforms of each publication; each must be on for the tenant if the schedule is enabled. Left out: all that are
    /// on by then.
    #[oai(validator(min_items = 1, unique_items))]
    pub platforms: Option<Vec<PlatformName>>,
    /// Follow the schedule.
    pub enabled: bool,
    /// Have each publication wait for somebody to approve it.
    #[oai(default)]
    pub needs_approval: bool,
    /// Has no effect, so that what was answered can be sent back: the posting times follow from the rest.
    pub next: Option<Vec<String>>,
}

impl ScheduleChange {
    /// Reads the schedule out of a body's fields.
    pub fn read(fields: &mut Fields) -> Option<schedule::Schedule> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list = |value: &Value| value.as_array().cloned();
        let timezone = fields.require("timezone", "must be a text", text);
        let times = fields.require("times", "must be a list of texts", list);
        let times = times.and_then(|times| read_times(fields, &times));
        let platforms = read_platforms(fields).map(all_of);
        let enabled = fields.require("enabled", "must be true or false", Value::as_bool);
        let needs_approval = fields.flag("needs_approval");
        let times_told = |value: &Value| {
            let is_time = |it: &Value| it.as_str().is_some_and(|it| rfc3339::parse(it).is_ok());
            value
                .as_array()
                .filter(|all| all.iter().all(is_time))
                .cloned()
        };
        fields.take("next", "must be a list of times of RFC 3339", times_told);
        let times = posting_times(fields, timezone.as_deref(), times)?;
        let schedule = schedule::Schedule::new(times, platforms, enabled?, needs_approval);
        schedule
            .map_err(|rule| fields.reject(FieldError::new("times", rule.to_string())))
            .ok()
    }
}

/// Reads texts; `None` in the place of what is none.
fn read_times(fields: &mut Fields, times: &[Value]) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for (index, value) in times.iter().enumerate() {
        let text = value.as_str();
        if let Some(text) = text.filter(|text| text.len() <= LONGEST_TIME) {
            texts.push(text.to_owned());
        } else {
            let rule = format!("must be a text of at most {LONGEST_TIME} characters");
            fields.reject(FieldError::new(format!("times[{index}]"), rule));
        }
    }
    (texts.len() == times.len()).then_some(texts)
}

/// Reads the posting times. The zone is checked also where the times cannot be read, and the other way round, so that the
/// answer names all that is bad.
fn posting_times(
    fields: &mut Fields,
    timezone: Option<&str>,
    times: Option<Vec<String>>,
) -> Option<PostingTimes> {
    let is_complete = timezone.is_some() && times.is_some();
    let texts = times.unwrap_or_default();
    match PostingTimes::parse(timezone.unwrap_or(NO_ZONE), &texts) {
        Ok(times) => Some(times).filter(|_| is_complete),
        Err(violations) => {
            for violation in violations {
                fields.reject(FieldError::new(violation.path(), violation.to_string()));
            }
            None
        }
    }
}

impl From<ScheduleReport> for Schedule {
    fn from(report: ScheduleReport) -> Self {
        let ScheduleReport { schedule, next } = report;
        let next = next.into_iter().map(rfc3339::format).collect();
        let Some(schedule) = schedule else {
            return Self {
                timezone: NO_ZONE.to_owned(),
                times: Vec::new(),
                platforms: None,
                enabled: false,
                needs_approval: false,
                next,
            };
        };
        let times = schedule.times();
        let platforms = schedule.platforms();
        let name = |platform: &Platform| PlatformName::from(*platform);
        Self {
            timezone: times.timezone().to_owned(),
            times: times.entries().iter().map(ToString::to_string).collect(),
            platforms: platforms.map(|all| all.iter().map(name).collect()),
            enabled: schedule.is_enabled(),
            needs_approval: schedule.needs_approval(),
            next,
        }
    }
}
