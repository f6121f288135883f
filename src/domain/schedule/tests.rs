use std::{collections::BTreeSet, time::Duration};

use proptest::{collection::vec, prelude::*};

use super::*;

fn schedule(entries: &[&str]) -> Schedule {
    let times = PostingTimes::parse("Europe/Berlin", entries).unwrap();
    Schedule::new(times, None, true, false).unwrap()
}

/// An instant, in hours since some Monday at midnight in Berlin.
fn hours(hours: u64) -> SystemTime {
    // 2026-11-30T00:00:00+01:00
    SystemTime::UNIX_EPOCH + Duration::from_hours(498_887 + hours)
}

/// No posting time has had a job.
fn untaken() -> BTreeSet<SystemTime> {
    BTreeSet::new()
}

#[test]
fn a_posting_time_that_has_had_its_job_gets_no_other() {
    let daily = schedule(&["daily 09:00", "daily 12:00"]);
    let taken = BTreeSet::from([9, 12, 36].map(hours));
    assert_eq!(daily.first(hours(0), &taken), Some(hours(33)));
    assert_eq!(
        daily.following(hours(33), hours(33), &taken),
        Some(hours(57))
    );
    // The last that has come since had its job.
    assert_eq!(
        daily.following(hours(33), hours(37), &taken),
        Some(hours(57))
    );
}

#[test]
fn the_order_of_entries_and_platforms_makes_no_difference() {
    let of = |entries: &[&str], platforms: &[Platform]| {
        let times = PostingTimes::parse("Europe/Berlin", entries).unwrap();
        Schedule::new(times, Some(platforms.to_vec()), true, false).unwrap()
    };
    let (email, telegram) = (Platform::Email, Platform::Telegram);
    let one = of(&["daily 09:00", "Mon 18:30"], &[email, telegram]);
    assert!(one.is_equivalent_to(&of(&["Mon 18:30", "daily 09:00"], &[telegram, email])));
    for other in [
        of(&["daily 09:00"], &[email, telegram]),
        of(&["daily 09:00", "Mon 18:31"], &[email, telegram]),
        of(&["daily 09:00", "Mon 18:30"], &[email]),
        one.clone().disabled(),
    ] {
        assert!(!one.is_equivalent_to(&other), "{other:?}");
    }
}

#[test]
fn a_schedule_that_is_followed_has_posting_times() {
    let none = || PostingTimes::parse::<&str>("UTC", &[]).unwrap();
    assert_eq!(Schedule::new(none(), None, true, false), Err(NoTimes));
    let off = Schedule::new(none(), None, false, false).unwrap();
    assert_eq!(off.first(hours(0), &untaken()), None);
}

#[test]
fn a_schedule_that_is_not_followed_has_no_jobs() {
    let off = schedule(&["daily 09:00"]).disabled();
    assert!(!off.is_enabled());
    assert_eq!(off.first(hours(0), &untaken()), None);
    assert_eq!(off.following(hours(9), hours(9), &untaken()), None);
    assert!(!off.is_superseded(hours(9), hours(100)));
}

#[test]
fn the_next_posting_time_follows_the_one_that_has_begun() {
    let daily = schedule(&["daily 09:00"]);
    assert_eq!(daily.first(hours(0), &untaken()), Some(hours(9)));
    assert_eq!(daily.first(hours(9), &untaken()), Some(hours(33)));
    assert_eq!(
        daily.following(hours(9), hours(9), &untaken()),
        Some(hours(33))
    );
    assert_eq!(
        daily.following(hours(9), hours(10), &untaken()),
        Some(hours(33))
    );
    // Cancelled, or moved, before its time.
    assert_eq!(
        daily.following(hours(9), hours(1), &untaken()),
        Some(hours(33))
    );
}

#[test]
fn of_posting_times_that_passed_only_the_last_is_caught_up_with() {
    let daily = schedule(&["daily 09:00"]);
    let now = hours(3 * 24 + 10);
    assert!(daily.is_superseded(hours(9), now));
    let last = daily.following(hours(9), now, &untaken()).unwrap();
    assert_eq!(last, hours(3 * 24 + 9));
    assert!(!daily.is_superseded(last, now));
    assert_eq!(
        daily.following(last, now, &untaken()),
        Some(hours(4 * 24 + 9))
    );
}

#[test]
fn the_job_of_a_posting_time_is_for_the_next_image_at_that_time() {
    let times = PostingTimes::parse("UTC", &["daily 09:00"]).unwrap();
    let platforms = Some(vec![Platform::Email]);
    let schedule = Schedule::new(times, platforms.clone(), true, true).unwrap();
    let job = schedule.job_at(hours(9));
    assert_eq!(
        (job.publish_at, job.posting_time),
        (Some(hours(9)), Some(hours(9)))
    );
    assert_eq!((job.order.image, job.order.platforms), (None, platforms));
    assert!(job.order.needs_approval && !job.order.force);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_posting_time_is_carried_out_twice_nor_left_out_while_a_process_runs(
        // How long each look at the queue is after the one before, in minutes.
        pauses in vec(prop_oneof![8 => 1..20_u64, 1 => 60..5_000_u64], 1..400),
        entries in proptest::sample::subsequence(
            vec!["daily 09:00", "Mon 09:30", "daily 02:30", "Tue 18:00", "daily 23:59"], 1..5,
        ),
    ) {
        let schedule = schedule(&entries);
        let mut now = hours(0);
        let mut next = schedule.first(now, &untaken()).unwrap();
        let mut begun = vec![now];
        for pause in pauses {
            let before = now;
            now += Duration::from_mins(pause);
            let mut due = 0;
            while next <= now {
                prop_assert!(next > *begun.last().unwrap(), "strictly increasing");
                if !schedule.is_superseded(next, now) {
                    begun.push(next);
                    due += 1;
                }
                next = schedule.following(next, now, &untaken()).unwrap();
            }
            prop_assert!(due <= 1, "only the last is caught up with");
            prop_assert_eq!(schedule.first(now, &untaken()), Some(next), "the next has its job");
            let last = schedule.times().last_until(now).unwrap();
            prop_assert!(last <= before || *begun.last().unwrap() == last, "none is left out");
        }
    }
}
