//! What clock changes, the end of a year and a leap day do to posting times.

use super::{next, times};

/// Zone, entry, the instant before, and the posting times that follow.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const ROWS: &[Row] = &[
    // Berlin, forward on 29 March 2026 at 01:00 UTC: 02:00 to 02:59 are skipped.
    (
        "Europe/Berlin",
        "daily 02:30",
        "2026-03-28T00:00:00Z",
        &[
            "2026-03-28T01:30:00Z",
            "2026-03-29T01:00:00Z",
            "2026-03-30T00:30:00Z",
        ],
    ),
    (
        "Europe/Berlin",
        "daily 02:00",
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"],
    ),
    (
        "Europe/Berlin",
        "Sun 03:00",
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-04-05T01:00:00Z"],
    ),
    // Back on 25 October 2026 at 01:00 UTC: 02:00 to 02:59 come twice.
    (
        "Europe/Berlin",
        "daily 02:30",
        "2026-10-24T12:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    ),
    (
        "Europe/Berlin",
        "daily 03:00",
        "2026-10-24T12:00:00Z",
        &["2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"],
    ),
    (
        "Europe/Berlin",
        "daily 18:30",
        "2026-10-24T12:00:00Z",
        &[
            "2026-10-24T16:30:00Z",
            "2026-10-25T17:30:00Z",
            "2026-10-26T17:30:00Z",
        ],
    ),
    // New York, forward on 8 March 2026 at 07:00 UTC, back on 1 November at 06:00 UTC.
    (
        "America/New_York",
        "daily 02:15",
        "2026-03-07T12:00:00Z",
        &["2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"],
    ),
    (
        "America/New_York",
        "daily 01:15",
        "2026-10-31T12:00:00Z",
        &["2026-11-01T05:15:00Z", "2026-11-02T06:15:00Z"],
    ),
    // Lord Howe changes by half an hour: forward on 4 October 2026 at 02:00, back on 5 April at 02:00.
    (
        "Australia/Lord_Howe",
        "daily 02:15",
        "2026-10-03T00:00:00Z",
        &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    ),
    (
        "Australia/Lord_Howe",
        "daily 02:30",
        "2026-10-03T00:00:00Z",
        &["2026-10-03T15:30:00Z", "2026-10-04T15:30:00Z"],
    ),
    (
        "Australia/Lord_Howe",
        "daily 01:45",
        "2026-04-04T00:00:00Z",
        &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    ),
    // São Paulo skipped midnight until 2018, Samoa all of 30 December 2011.
    (
        "America/Sao_Paulo",
        "daily 00:00",
        "2018-11-03T12:00:00Z",
        &["2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"],
    ),
    (
        "Pacific/Apia",
        "daily 09:00",
        "2011-12-29T12:00:00Z",
        &[
            "2011-12-29T19:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-30T19:00:00Z",
        ],
    ),
    (
        "Pacific/Apia",
        "Fri 09:00",
        "2011-12-29T12:00:00Z",
        &["2011-12-30T10:00:00Z", "2012-01-05T19:00:00Z"],
    ),
    // The end of a year, in a zone that has its own later.
    (
        "America/New_York",
        "daily 23:59",
        "2026-12-31T12:00:00Z",
        &["2027-01-01T04:59:00Z", "2027-01-02T04:59:00Z"],
    ),
    (
        "Pacific/Kiritimati",
        "Fri 00:00",
        "2026-12-30T12:00:00Z",
        &["2026-12-31T10:00:00Z", "2027-01-07T10:00:00Z"],
    ),
    // A leap day, and a century without one.
    (
        "Europe/Berlin",
        "daily 09:00",
        "2028-02-28T09:00:00Z",
        &["2028-02-29T08:00:00Z", "2028-03-01T08:00:00Z"],
    ),
    (
        "Europe/Berlin",
        "Tue 09:00",
        "2028-02-22T12:00:00Z",
        &["2028-02-29T08:00:00Z", "2028-03-07T08:00:00Z"],
    ),
    (
        "UTC",
        "daily 09:00",
        "2100-02-28T09:00:00Z",
        &["2100-03-01T09:00:00Z"],
    ),
    // Zones without changes.
    (
        "Asia/Kolkata",
        "daily 02:30",
        "2026-03-28T12:00:00Z",
        &["2026-03-28T21:00:00Z", "2026-03-29T21:00:00Z"],
    ),
    (
        "UTC",
        "Sun 02:30",
        "2026-03-28T12:00:00Z",
        &["2026-03-29T02:30:00Z", "2026-04-05T02:30:00Z"],
    ),
];

#[test]
fn a_skipped_time_is_after_the_gap_and_a_repeated_one_is_the_first() {
    for (zone, entry, after, expected) in ROWS {
        let found = next(&times(zone, &[entry]), after, expected.len());
        assert_eq!(found, *expected, "{entry} in {zone} after {after}");
    }
}

#[test]
fn entries_that_meet_at_one_moment_are_one_posting_time() {
    let meeting = times(
        "Europe/Berlin",
        &["daily 02:15", "Sun 02:45", "Sun 03:00", "daily 03:00"],
    );
    assert_eq!(
        next(&meeting, "2026-03-28T12:00:00Z", 3),
        [
            "2026-03-29T01:00:00Z",
            "2026-03-30T00:15:00Z",
            "2026-03-30T01:00:00Z"
        ]
    );
}
