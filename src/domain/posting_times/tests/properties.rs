//! Over ten years, no posting time is left out, and none comes twice.

use std::collections::BTreeSet;

use jiff::ToSpan as _;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Zones with changes of all kinds: by an hour, by half an hour, at midnight, twice a year around Ramadan, by a day, by
/// decree, and none at all.
const ZONES: [&str; 14] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Gaza",
    "America/Santiago",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Europe/Moscow",
    "UTC",
];
const DAYS: [&str; 8] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "daily"];

fn entry() -> impl Strategy<Value = String> {
    // Every other time is near midnight or in the hours in which clocks change.
    let hour = prop_oneof![0..24_u8, select(vec![0, 1, 2, 3, 23])];
    let minute = prop_oneof![0..60_u8, select(vec![0, 30, 59])];
    (select(&DAYS[..]), hour, minute)
        .prop_map(|(day, hour, minute)| format!("{day} {hour:02}:{minute:02}"))
}

/// The one moment of an entry on a date, found the slow way: the first minute on a clock of the zone that shows the time, or
/// else that shows a later one.
fn slow_moment(zone: &TimeZone, local: DateTime) -> Timestamp {
    let noon_before = local.checked_sub(36.hours()).unwrap();
    let mut moment = zone
        .to_ambiguous_timestamp(noon_before)
        .compatible()
        .unwrap();
    // Full hours first, then minutes: a clock changes by less than 36 hours.
    for step in [1.hour(), 1.minute()] {
        while zone.to_datetime(moment.checked_add(step).unwrap()) < local {
            moment = moment.checked_add(step).unwrap();
        }
    }
    moment.checked_add(1.minute()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn over_ten_years_each_date_that_matches_has_exactly_one(
        zone in select(&ZONES[..]),
        entries in vec(entry(), 1..4),
        year in 2008_i16..2040,
    ) {
        let unique: BTreeSet<String> = entries.into_iter().collect();
        let entries: Vec<&str> = unique.iter().map(String::as_str).collect();
        let times = times(zone, &entries);
        let begin = Date::new(year, 1, 1).unwrap();
        let end = begin.checked_add(10.years()).unwrap();
        let mut expected = BTreeSet::new();
        for date in begin.series(1.day()).take_while(|date| *date < end) {
            for entry in times.entries().iter().filter(|it| it.is_on(date.weekday())) {
                expected.insert(slow_moment(&times.zone, date.to_datetime(entry.time())));
            }
        }
        let expected: Vec<Timestamp> = expected.into_iter().collect();
        let first = SystemTime::try_from(expected[0]).unwrap();
        let mut found = vec![expected[0]];
        let mut last = first;
        while found.len() < expected.len() {
            let next = times.next_after(last).unwrap();
            prop_assert!(next > last, "strictly increasing");
            prop_assert_eq!(times.last_until(next), Some(next));
            prop_assert_eq!(times.last_until(next - Duration::from_millis(1)), Some(last));
            found.push(Timestamp::try_from(next).unwrap());
            last = next;
        }
        prop_assert_eq!(found, expected);
        let before = first - Duration::from_millis(1);
        prop_assert_eq!(times.next_after(before), Some(first));
    }
}

proptest! {
    #[test]
    fn no_text_is_read_in_two_ways(
        zone in "\\PC{0,20}|Europe/[A-Z][a-z]{3,8}|UTC",
        entries in vec("\\PC{0,12}|[MTWFSdmtwfs][a-z]{2,4}[ \t]{0,2}[0-9]{1,3}:[0-9]{0,3}", 0..6),
    ) {
        match PostingTimes::parse(&zone, &entries) {
            Ok(read) => {
                let written: Vec<String> = read.entries().iter().map(ToString::to_string).collect();
                prop_assert_eq!(written.len(), entries.len());
                prop_assert_eq!(PostingTimes::parse(read.timezone(), &written), Ok(read));
            }
            Err(violations) => {
                prop_assert!(!violations.is_empty());
                for violation in violations {
                    // Texts of callers are not repeated: what is told are a path and a rule of ours.
                    if let PostingTimesViolation::Entry { index, rule } = violation {
                        prop_assert!(index < entries.len());
                        let alone = PostingTime::parse(&entries[index]).err();
                        prop_assert_eq!(alone.unwrap_or(PostingTimeRule::Repeated), rule);
                    }
                }
            }
        }
    }

    #[test]
    fn an_instant_of_any_time_has_a_next_posting_time_within_nine_days(
        zone in select(&ZONES[..]),
        entry in entry(),
        second in -2_000_000_000_i64..20_000_000_000,
    ) {
        let times = times(zone, &[entry.as_str()]);
        let instant = SystemTime::try_from(Timestamp::from_second(second).unwrap()).unwrap();
        let next = times.next_after(instant).unwrap();
        let wait = next.duration_since(instant).unwrap();
        prop_assert!(!wait.is_zero() && wait <= Duration::from_hours(9 * 24), "{wait:?}");
        let last = times.last_until(instant).unwrap();
        prop_assert!(last <= instant);
        prop_assert_eq!(times.next_after(last), Some(next), "nothing is between");
    }
}
