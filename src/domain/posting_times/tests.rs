use std::time::Duration;

use super::*;

mod clock_changes;
mod properties;

fn times(zone: &str, entries: &[&str]) -> PostingTimes {
    PostingTimes::parse(zone, entries).unwrap()
}

/// An instant, such as `2026-03-29T01:00:00Z`.
fn at(text: &str) -> SystemTime {
    SystemTime::try_from(text.parse::<Timestamp>().unwrap()).unwrap()
}

/// The next posting times after an instant, as UTC.
fn next(times: &PostingTimes, after: &str, count: usize) -> Vec<String> {
    let mut found = vec![at(after)];
    while found.len() <= count {
        found.extend(times.next_after(*found.last().unwrap()));
    }
    let texts = found[1..].iter();
    texts
        .map(|it| Timestamp::try_from(*it).unwrap().to_string())
        .collect()
}

#[test]
fn entries_are_read_and_written_in_one_form() {
    let read = times(
        "europe/berlin",
        &["Mon 18:30", "DAILY 09:00", "  sun\t00:00 ", "fri 23:59"],
    );
    assert_eq!(read.timezone(), "Europe/Berlin");
    let written: Vec<String> = read.entries().iter().map(ToString::to_string).collect();
    assert_eq!(
        written,
        ["Mon 18:30", "daily 09:00", "Sun 00:00", "Fri 23:59"]
    );
    let again = PostingTimes::parse(read.timezone(), &written).unwrap();
    assert_eq!(again, read);
}

#[test]
fn every_violation_is_told_with_its_entry_and_its_rule() {
    use PostingTimeRule::{Day, Form, Repeated, Time};

    let entries = [
        ("Mon 18:30", None),
        ("", Some(Form)),
        ("Mon", Some(Form)),
        ("Mon 18:30 sharp", Some(Form)),
        ("Monday 18:30", Some(Day)),
        ("18:30 Mon", Some(Day)),
        ("Mo 18:30", Some(Day)),
        ("daily 24:00", Some(Time)),
        ("daily 9:00", Some(Time)),
        ("daily 09:60", Some(Time)),
        ("daily 09:00:00", Some(Time)),
        ("daily +9:00", Some(Time)),
        ("daily ٠٩:٠٠", Some(Time)),
        ("mon  18:30", Some(Repeated)),
    ];
    let texts = entries.map(|(text, _)| text);
    let violations = PostingTimes::parse("Berlin", &texts).unwrap_err();
    let paths: Vec<_> = violations.iter().map(PostingTimesViolation::path).collect();
    let mut expected = vec![(PostingTimesViolation::UnknownZone, "timezone".to_owned())];
    for (index, (_, rule)) in entries.into_iter().enumerate() {
        let entry = |rule| PostingTimesViolation::Entry { index, rule };
        expected.extend(rule.map(|rule| (entry(rule), format!("times[{index}]"))));
    }
    let told: Vec<_> = violations.into_iter().zip(paths).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_time_zone_is_one_of_the_database() {
    for zone in [
        "",
        "Berlin",
        "Etc/Unknown",
        "factory",
        "+02:00",
        "CET-1CEST",
        "../etc/passwd",
        "Europe/Berlin\0",
        "local",
    ] {
        let violations = PostingTimes::parse(zone, &["daily 09:00"]).unwrap_err();
        assert_eq!(violations, [PostingTimesViolation::UnknownZone], "{zone:?}");
    }
    for zone in [
        "UTC",
        "Asia/Kolkata",
        "America/Argentina/Buenos_Aires",
        "Etc/GMT+12",
    ] {
        assert_eq!(times(zone, &["daily 09:00"]).timezone(), zone);
    }
}

#[test]
fn there_are_at_most_as_many_entries_as_hours_in_a_week() {
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let hours = days
        .iter()
        .flat_map(|day| (0..24).map(move |hour| format!("{day} {hour:02}:00")));
    let mut all: Vec<String> = hours.collect();
    assert_eq!(all.len(), MAX_POSTING_TIMES);
    let hourly = PostingTimes::parse("UTC", &all).unwrap();
    assert_eq!(
        next(&hourly, "2026-11-29T22:59:59.999Z", 2),
        ["2026-11-29T23:00:00Z", "2026-11-30T00:00:00Z"]
    );
    all.push("nonsense".to_owned());
    let violations = PostingTimes::parse("UTC", &all).unwrap_err();
    assert_eq!(violations, [PostingTimesViolation::TooMany]);
}

#[test]
fn without_entries_there_is_no_posting_time() {
    let none = times("UTC", &[]);
    assert_eq!(none.next_after(at("2026-01-01T00:00:00Z")), None);
    assert_eq!(none.last_until(at("2026-01-01T00:00:00Z")), None);
}

#[test]
fn the_next_is_after_an_instant_and_the_last_at_it_or_before() {
    let weekly = times("UTC", &["Mon 18:30", "Thu 06:00"]);
    let monday = at("2026-11-30T18:30:00Z");
    let milli = Duration::from_millis(1);
    assert_eq!(weekly.next_after(monday - milli), Some(monday));
    assert_eq!(weekly.next_after(monday), Some(at("2026-12-03T06:00:00Z")));
    assert_eq!(weekly.last_until(monday), Some(monday));
    assert_eq!(
        weekly.last_until(monday - milli),
        Some(at("2026-11-26T06:00:00Z"))
    );
    let one = times("UTC", &["Mon 18:30"]);
    assert_eq!(one.next_after(monday), Some(at("2026-12-07T18:30:00Z")));
    assert_eq!(
        one.last_until(monday - milli),
        Some(at("2026-11-23T18:30:00Z"))
    );
}

#[test]
fn instants_that_no_calendar_has_are_followed_by_nothing() {
    let daily = times("UTC", &["daily 09:00"]);
    let last = at("9999-12-30T21:59:59Z");
    assert_eq!(daily.next_after(last), None);
    assert_eq!(
        daily.next_after(last + Duration::from_hours(24 * 366)),
        None
    );
}
