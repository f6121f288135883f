//! Times as callers write them: RFC 3339 with an offset, and nothing else.

use std::time::SystemTime;

use jiff::Timestamp;

/// The most digits of a fraction of a second.
const MAX_FRACTION: usize = 9;
/// The length of a date and a time without a fraction: `2026-05-04T18:30:00`.
const BARE: usize = 19;

/// Reads a time such as `2026-05-04T18:30:00+02:00` or `2026-05-04T16:30:00.5Z`. The offset must be there, since a time
/// without one is a different moment in each time zone. A leap second is the last second of its minute.
///
/// # Errors
/// [`NotRfc3339`], also for a moment before the year 0000 or after 9999.
pub fn parse(text: &str) -> Result<SystemTime, NotRfc3339> {
    if !has_form(text) {
        return Err(NotRfc3339);
    }
    let time: Timestamp = text.parse().map_err(|_| NotRfc3339)?;
    SystemTime::try_from(time).map_err(|_| NotRfc3339)
}

/// The time in UTC, such as `2026-05-04T16:30:00.5Z`; empty for one that no calendar of four digits has.
#[must_use]
pub fn format(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| String::new(), |time| time.to_string())
}

/// Whether a text has the digits and signs of RFC 3339 in their places. The parser takes more: a space for the `T`,
/// fewer colons, offsets with seconds, the name of a time zone.
fn has_form(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((bare, rest)) = bytes.split_at_checked(BARE) else {
        return false;
    };
    fits(bare, b"dddd-dd-ddTdd:dd:dd") && has_offset(after_fraction(rest))
}

/// What follows a fraction, if there is one that is valid.
fn after_fraction(rest: &[u8]) -> &[u8] {
    let Some(fraction) = rest.strip_prefix(b".") else {
        return rest;
    };
    let digits = fraction.iter().take_while(|it| it.is_ascii_digit()).count();
    let is_valid = (1..=MAX_FRACTION).contains(&digits);
    is_valid
        .then(|| fraction.get(digits..))
        .flatten()
        .unwrap_or_default()
}

fn has_offset(rest: &[u8]) -> bool {
    let is_numeric = |sign| rest.first() == Some(sign) && fits(&rest[1..], b"dd:dd");
    matches!(rest, b"Z" | b"z") || is_numeric(&b'+') || is_numeric(&b'-')
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
#[error("must be a time of RFC 3339 with an offset, such as 2026-05-04T18:30:00+02:00")]
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
            ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        ] {
            let read = parse(text).unwrap();
            let since = read.duration_since(at(millis)).unwrap();
            assert!(since < Duration::from_millis(1), "{text} {since:?}");
        }
        assert!(parse("9999-12-30T00:00:00Z").is_ok());
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
            "2026-05-04T18:30:00.0123456789Z",
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
        fn what_is_written_is_read_again(millis in 0..253_402_207_200_000_u64) {
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
