//! Times as callers write them: RFC 3339 with an offset, and nothing else.

use std::time::SystemTime;

use jiff::{SignedDuration, civil::DateTime};

/// The length of a date and a time without a fraction: `2026-05-04T18:30:00`.
const BARE: usize = 19;
/// The digits of a fraction that make a difference: those of nanoseconds.
const FRACTION: usize = 9;
/// The moment that others are counted from.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// What a time has to be.
pub const RULE: &str = "must be a time of RFC 3339 with its offset, such as 2026-05-04T18:30:00+02:00: the offset at most 23:59, \
                        the seconds at most 59, the year in UTC at most 9999";

/// Reads a time such as `2026-05-04T18:30:00+02:00` or `2026-05-04T16:30:00.5Z`. The offset must be there, since a time
/// without one is a different moment in each time zone. A fraction may have any number of digits; those behind nanoseconds
/// are dropped. There is no second 60: which minutes to come will have one is not known.
///
/// # Errors
/// [`NotRfc3339`], also for a moment before the year 0000 or after 9999.
pub fn parse(text: &str) -> Result<SystemTime, NotRfc3339> {
    read(text).ok_or(NotRfc3339)
}

/// The time in UTC, such as `2026-05-04T16:30:00.5Z`; empty for one that no calendar of four digits has.
#[must_use]
pub fn format(time: SystemTime) -> String {
    let since = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => SignedDuration::try_from(after),
        Err(before) => SignedDuration::try_from(before.duration()).map(|before| -before),
    };
    let moment = since.ok().and_then(|since| EPOCH.checked_add(since).ok());
    let moment = moment.filter(|moment| moment.year() >= 0);
    moment.map_or_else(String::new, |moment| format!("{moment}Z"))
}

/// The digits and signs have to be in their places. The parser of the library takes more: a space for the `T`, fewer colons,
/// offsets with seconds, the name of a time zone.
fn read(text: &str) -> Option<SystemTime> {
    let (bare, rest) = text.as_bytes().split_at_checked(BARE)?;
    if !fits(bare, b"dddd-dd-ddTdd:dd:dd") {
        return None;
    }
    let (nanos, rest) = fraction(rest)?;
    let part = |at: usize| small(bare.get(at..at + 2)?);
    let year = i16::from(part(0)?) * 100 + i16::from(part(2)?);
    let local = DateTime::new(
        year,
        part(5)?,
        part(8)?,
        part(11)?,
        part(14)?,
        part(17)?,
        nanos,
    );
    let moment = local.ok()?.checked_sub(offset(rest)?).ok()?;
    if moment.year() < 0 {
        return None;
    }
    let since = moment.duration_since(EPOCH);
    let distance = since.unsigned_abs();
    if since.is_negative() {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}

/// The nanoseconds of a fraction, if there is one, and what follows it.
fn fraction(rest: &[u8]) -> Option<(i32, &[u8])> {
    let Some(fraction) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let count = fraction.iter().take_while(|it| it.is_ascii_digit()).count();
    let (digits, rest) = fraction.split_at_checked(count)?;
    if digits.is_empty() {
        return None;
    }
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0'));
    let padded = padded.take(FRACTION);
    let nanos = padded.fold(0, |nanos, digit| nanos * 10 + i32::from(digit - b'0'));
    Some((nanos, rest))
}

/// How far an offset is ahead of UTC, if that is all there is.
fn offset(rest: &[u8]) -> Option<SignedDuration> {
    let (sign, rest) = rest.split_first()?;
    if matches!(sign, b'Z' | b'z') && rest.is_empty() {
        return Some(SignedDuration::ZERO);
    }
    if !fits(rest, b"dd:dd") {
        return None;
    }
    let (hours, minutes) = (small(rest.get(..2)?)?, small(rest.get(3..)?)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let ahead = SignedDuration::from_mins(i64::from(hours) * 60 + i64::from(minutes));
    match sign {
        b'+' => Some(ahead),
        b'-' => Some(-ahead),
        _ => None,
    }
}

/// The number of two digits.
fn small(digits: &[u8]) -> Option<i8> {
    str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether bytes are as a pattern says: a digit for each `d`, a letter in capitals or not, and signs as they are.
fn fits(bytes: &[u8], pattern: &[u8]) -> bool {
    let fit = |(byte, wanted): (&u8, &u8)| match wanted {
        b'd' => byte.is_ascii_digit(),
        wanted => byte.eq_ignore_ascii_case(wanted),
    };
    bytes.len() == pattern.len() && bytes.iter().zip(pattern).all(fit)
}

/// A text is no time of RFC 3339 with an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{RULE}")]
pub struct NotRfc3339;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn times_with_an_offset_are_read() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-05-04T18:30:00+02:00", 1_777_912_200_000),
            ("2026-05-04t16:30:00.5z", 1_777_912_200_500),
            ("2026-05-04T16:30:00.123456789Z", 1_777_912_200_123),
            ("2026-05-04T16:30:00-00:00", 1_777_912_200_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("2026-05-04T16:30:00.123456789999Z", 1_777_912_200_123),
            ("2026-05-04T18:30:00+23:59", 1_777_833_060_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
            ("9999-12-31T23:59:59.999999999Z", 253_402_300_799_999),
            ("9999-12-31T00:00:00-23:59", 253_402_300_740_000),
        ] {
            let read = parse(text).unwrap();
            let since = read.duration_since(at(millis)).unwrap();
            assert!(since < Duration::from_millis(1), "{text} {since:?}");
        }
        assert!(parse("0000-01-01T00:00:00Z").is_ok());
        assert!(parse("1969-12-31T23:59:59Z").is_ok());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "now",
            "2026-05-04",
            "2026-05-04T18:30:00",
            "2026-05-04 18:30:00Z",
            "2026-05-04T18:30Z",
            "2026-05-04T18:30:00 02:00",
            "2026-05-04T18:30:00+0200",
            "2026-05-04T18:30:00+02",
            "2026-05-04T18:30:00+02:00:00",
            "2026-05-04T18:30:00+02:00[Europe/Berlin]",
            "2026-05-04T18:30:00.Z",
            "2026-05-04T18:30:00,5Z",
            "2026-05-04T18:30:00.12x4Z",
            "2026-05-04T18:30:00+24:00",
            "2026-05-04T18:30:00-24:30",
            "2026-05-04T18:30:00+02:60",
            "2026-05-04T18:30:00+1x:00",
            "2026-05-04T18:30:00Z+02:00",
            "2026-05-04T18:30:60Z",
            "2016-12-31T23:59:60Z",
            "0000-01-01T00:00:00+00:01",
            "2026-13-04T18:30:00Z",
            "2026-02-29T18:30:00Z",
            "2026-05-04T24:00:00Z",
            "2026-05-04T18:30:00+99:00",
            "12026-05-04T18:30:00Z",
            "+002026-05-04T18:30:00Z",
            "9999-12-31T23:59:59-23:59",
            "２026-05-04T18:30:00Z",
        ] {
            assert_eq!(parse(text), Err(NotRfc3339), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(millis in 0..253_402_300_800_000_u64) {
            prop_assert_eq!(parse(&format(at(millis))), Ok(at(millis)));
        }

        #[test]
        fn no_text_is_read_without_an_offset(text in "[0-9TtZz:.+ -]{0,32}|\\PC{0,32}") {
            if parse(&text).is_ok() {
                let has_zone = text.ends_with(['Z', 'z']) || text.get(text.len() - 6..).is_some_and(
                    |end| end.starts_with(['+', '-'])
                );
                prop_assert!(has_zone && text.len() >= 20, "{text}");
            }
        }
    }
}
