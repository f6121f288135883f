//! When a line was logged, as RFC 3339 has it, in UTC and to the microsecond. Used by `line.rs`.
//!
//! The date is the same for all lines of a second, and is put together once for them.

use std::{
    cell::RefCell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Adds the time of now, such as `2026-01-02T03:04:05.678901Z`.
#[expect(
    clippy::disallowed_methods,
    reason = "a line of the log says when it was written, whatever the time of the service"
)]
pub(super) fn write_now(line: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock from before 1970 has nothing better to say.
    write(line, now.unwrap_or_default());
}

fn write(line: &mut Vec<u8>, now: Duration) {
    // The last second that was written, and how.
    thread_local! {
        static LAST: RefCell<(u64, String)> = RefCell::default();
    }
    LAST.with_borrow_mut(|(second, text)| {
        if *second != now.as_secs() || text.is_empty() {
            *second = now.as_secs();
            *text = text_of(*second);
        }
        line.extend_from_slice(text.as_bytes());
    });
    let mut digits = *b".000000Z";
    let mut left = now.subsec_micros();
    for digit in digits[1..7].iter_mut().rev() {
        *digit = b'0' + u8::try_from(left % 10).unwrap_or_default();
        left /= 10;
    }
    line.extend_from_slice(&digits);
}

/// The second without what ends it.
fn text_of(second: u64) -> String {
    let seconds = i64::try_from(second).unwrap_or(i64::MAX);
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut text = time.format(&Rfc3339).unwrap_or_default();
    text.truncate(text.trim_end_matches('Z').len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_own_time() {
        let written = |nanoseconds| {
            let mut line = Vec::new();
            write(&mut line, Duration::from_nanos(nanoseconds));
            String::from_utf8(line).unwrap()
        };
        for (nanoseconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_767_323_045_678_901_999, "2026-01-02T03:04:05.678901Z"),
            (1_767_323_045_678_902_000, "2026-01-02T03:04:05.678902Z"),
            (1_767_323_046_000_000_000, "2026-01-02T03:04:06.000000Z"),
            (951_782_400_000_012_000, "2000-02-29T00:00:00.000012Z"),
        ] {
            assert_eq!(written(nanoseconds), text);
        }
    }
}
