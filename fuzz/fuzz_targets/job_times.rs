//! The times of jobs and schedules: what is read is written, and reads the same again.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use publisher::domain::{posting_times::PostingTimes, rfc3339};

fuzz_target!(|input: (&str, &str, Vec<&str>, u32)| {
    let (time, timezone, entries, minutes) = input;
    if let Ok(read) = rfc3339::parse(time) {
        assert!(time.is_ascii() && time.len() >= 20);
        assert_eq!(rfc3339::parse(&rfc3339::format(read)), Ok(read));
    }
    for timezone in [timezone, "Europe/Berlin", "Australia/Lord_Howe"] {
        match PostingTimes::parse(timezone, &entries) {
            Ok(times) => {
                let written: Vec<_> = times.entries().iter().map(ToString::to_string).collect();
                let again = PostingTimes::parse(times.timezone(), &written);
                assert_eq!(again.as_ref(), Ok(&times));
                // Up to the year 6053.
                let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(minutes) * 30);
                assert_eq!(times.next_after(now).is_none(), written.is_empty());
                if let Some(next) = times.next_after(now) {
                    assert!(next > now);
                    assert_eq!(times.last_until(next), Some(next));
                }
            }
            Err(violations) => {
                assert!(!violations.is_empty());
                assert!(violations.iter().all(|it| !it.path().is_empty()));
            }
        }
    }
});
