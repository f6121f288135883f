//! One entry of the posting times: its days, and its time of day.

use std::fmt;

use jiff::civil::{Time, Weekday};

/// The names of the days, in the order of a week.
const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];
const DAILY: &str = "daily";

/// A time of day, on one day of each week or on every day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostingTime {
    /// `None`: every day.
    day: Option<Weekday>,
    time: Time,
}

impl PostingTime {
    /// Reads an entry: a day (`Mon` to `Sun`, or `daily`, in capitals or not) and a time (`00:00` to `23:59`), with spaces
    /// between.
    ///
    /// # Errors
    /// The rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, PostingTimeRule> {
        let mut words = text.split_ascii_whitespace();
        let (Some(day), Some(time), None) = (words.next(), words.next(), words.next()) else {
            return Err(PostingTimeRule::Form);
        };
        Ok(Self {
            day: parse_day(day).ok_or(PostingTimeRule::Day)?,
            time: parse_time(time).ok_or(PostingTimeRule::Time)?,
        })
    }

    /// Whether it is on this day of the week.
    pub(super) fn is_on(&self, day: Weekday) -> bool {
        self.day.is_none_or(|own| own == day)
    }

    /// The time of day.
    pub(super) fn time(&self) -> Time {
        self.time
    }
}

/// The form that [`PostingTime::parse`] reads, such as `Mon 18:30`.
impl fmt::Display for PostingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = DAYS.iter().find(|(_, day)| Some(*day) == self.day);
        let name = name.map_or(DAILY, |(name, _)| name);
        let (hour, minute) = (self.time.hour(), self.time.minute());
        write!(f, "{name} {hour:02}:{minute:02}")
    }
}

#[expect(
    clippy::option_option,
    reason = "no day of the week is `daily`, and no text of a day is an error"
)]
fn parse_day(text: &str) -> Option<Option<Weekday>> {
    if text.eq_ignore_ascii_case(DAILY) {
        return Some(None);
    }
    let mut days = DAYS.iter();
    let day = days.find(|(name, _)| text.eq_ignore_ascii_case(name));
    day.map(|(_, day)| Some(*day))
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|it| it.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

/// What an entry has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostingTimeRule {
    /// It is not a day and a time.
    #[error("must be a day and a time, such as \"Mon 18:30\" or \"daily 09:00\"")]
    Form,
    /// The day is none.
    #[error("must begin with Mon, Tue, Wed, Thu, Fri, Sat, Sun or daily")]
    Day,
    /// The time is none.
    #[error("must end with a time from 00:00 to 23:59")]
    Time,
    /// An entry before it is the same.
    #[error("must not repeat an earlier entry")]
    Repeated,
}
