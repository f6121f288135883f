//! The posting times of a tenant: days of the week and times of day in a time zone, and the moments that they name.
//!
//! Time zones are those of the IANA database, which is in the binary. What a clock change does to a posting time:
//!
//! - A time that is skipped is at the first moment after the gap. In Berlin, `02:30` is at 03:00 on the last Sunday in March.
//! - A time that happens twice is at its first moment.
//!
//! So each entry names exactly one moment on each date that it matches. Where several entries name the same moment
//! (`Mon 09:00` and `daily 09:00`, or two times in one gap), that is one posting time.

use std::{fmt, time::SystemTime};

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

pub use self::entry::{PostingTime, PostingTimeRule};

mod entry;

/// The most posting times of a tenant: one for each hour of a week.
pub const MAX_POSTING_TIMES: usize = 7 * 24;

/// The zone of the database that says that nobody has set one.
const FACTORY: &str = "Factory";

/// How many days before a date, and after it, the moments are that may be the next after it. An entry matches one of seven
/// dates, and the latest gap was of one whole day.
const DAYS_AROUND: (i16, i16) = (-2, 8);

/// The posting times of a tenant in its time zone.
#[derive(Clone, PartialEq, Eq)]
pub struct PostingTimes {
    zone: TimeZone,
    name: String,
    times: Vec<PostingTime>,
}

impl PostingTimes {
    /// Reads the name of a time zone and the entries, such as `Mon 18:30` and `daily 09:00`. No entries are valid, too.
    ///
    /// # Errors
    /// Every violation, in the order of the fields.
    pub fn parse<S: AsRef<str>>(
        timezone: &str,
        times: &[S],
    ) -> Result<Self, Vec<PostingTimesViolation>> {
        let mut violations = Vec::new();
        let zone = zone(timezone);
        if zone.is_none() {
            violations.push(PostingTimesViolation::UnknownZone);
        }
        if times.len() > MAX_POSTING_TIMES {
            violations.push(PostingTimesViolation::TooMany);
        }
        let mut read: Vec<PostingTime> = Vec::new();
        for (index, text) in times.iter().take(MAX_POSTING_TIMES).enumerate() {
            match PostingTime::parse(text.as_ref()) {
                Ok(time) if read.contains(&time) => {
                    let rule = PostingTimeRule::Repeated;
                    violations.push(PostingTimesViolation::Entry { index, rule });
                }
                Ok(time) => read.push(time),
                Err(rule) => violations.push(PostingTimesViolation::Entry { index, rule }),
            }
        }
        match zone {
            Some((zone, name)) if violations.is_empty() => Ok(Self {
                zone,
                name,
                times: read,
            }),
            _ => Err(violations),
        }
    }

    /// The name of the time zone, as the IANA database writes it.
    #[must_use]
    pub fn timezone(&self) -> &str {
        &self.name
    }

    /// The entries, in the order in which they were given.
    #[must_use]
    pub fn entries(&self) -> &[PostingTime] {
        &self.times
    }

    /// Whether others are the same entries in the same time zone, in whatever order.
    #[must_use]
    pub fn is_equivalent_to(&self, other: &Self) -> bool {
        // No entry is there twice.
        self.name == other.name
            && self.times.len() == other.times.len()
            && self.times.iter().all(|time| other.times.contains(time))
    }

    /// The first posting time after an instant; `None` without any entry, and after the year 9999.
    #[must_use]
    pub fn next_after(&self, instant: SystemTime) -> Option<SystemTime> {
        let instant = Timestamp::try_from(instant).ok()?;
        let later = |moment: &Timestamp| *moment > instant;
        let next = self.moments_around(instant).filter(later).min()?;
        SystemTime::try_from(next).ok()
    }

    /// The last posting time at an instant or before it; `None` without any entry.
    #[must_use]
    pub fn last_until(&self, instant: SystemTime) -> Option<SystemTime> {
        let instant = Timestamp::try_from(instant).ok()?;
        // Of each entry, the seven dates before have one moment.
        let (before, after) = DAYS_AROUND;
        let date = self.zone.to_datetime(instant).date();
        let last = self
            .moments(date, (-after, -before))
            .filter(|moment| *moment <= instant)
            .max()?;
        SystemTime::try_from(last).ok()
    }

    /// All moments near an instant.
    fn moments_around(&self, instant: Timestamp) -> impl Iterator<Item = Timestamp> {
        let date = self.zone.to_datetime(instant).date();
        self.moments(date, DAYS_AROUND)
    }

    /// All moments of these dates, counted in days from `date` on.
    fn moments(&self, date: Date, (from, to): (i16, i16)) -> impl Iterator<Item = Timestamp> {
        let dates = (from..=to).filter_map(move |days| {
            let days = jiff::Span::new().try_days(days).ok()?;
            date.checked_add(days).ok()
        });
        dates.flat_map(|date| self.moments_of(date))
    }

    /// The moments of a date, one of each entry that matches it.
    fn moments_of(&self, date: Date) -> impl Iterator<Item = Timestamp> {
        let weekday = date.weekday();
        let matching = self.times.iter().filter(move |it| it.is_on(weekday));
        matching.filter_map(move |it| moment(&self.zone, date.to_datetime(it.time())))
    }
}

impl fmt::Debug for PostingTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostingTimes")
            .field("timezone", &self.name)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// The zone of a name, in capitals or not, with the name as the database writes it. The zones that stand for an unknown one are
/// none.
fn zone(name: &str) -> Option<(TimeZone, String)> {
    let zone = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())?;
    let name = zone.iana_name()?.to_owned();
    Some((zone, name)).filter(|(_, name)| name != FACTORY)
}

/// The one moment of a local time.
fn moment(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let is_skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    // As if the clock had been changed already: a moment before the change, if the time is skipped.
    let earlier = ambiguous.earlier().ok()?;
    if !is_skipped {
        return Some(earlier);
    }
    let mut changes = zone.following(earlier).map(|change| change.timestamp());
    changes.find(|change| zone.to_datetime(*change) > local)
}

/// Why posting times were refused. Repeats nothing of what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostingTimesViolation {
    /// `timezone` is no name of the IANA database.
    #[error("must be the name of a time zone of the IANA database, such as Europe/Berlin")]
    UnknownZone,
    /// There are more entries than [`MAX_POSTING_TIMES`].
    #[error("must have at most {MAX_POSTING_TIMES} entries")]
    TooMany,
    /// An entry breaks a rule.
    #[error("{rule}")]
    Entry {
        /// The place of the entry, from 0 on.
        index: usize,
        /// The rule.
        rule: PostingTimeRule,
    },
}

impl PostingTimesViolation {
    /// The path of the field in the schedule, such as `times[2]`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::UnknownZone => "timezone".to_owned(),
            Self::TooMany => "times".to_owned(),
            Self::Entry { index, rule: _ } => format!("times[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests;
