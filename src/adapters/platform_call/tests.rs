//! Tests of waits, and of the look for a post.

use std::{
    future::ready,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::*;
use crate::{adapters::clock::SystemClock, domain::publication::PublishedPost, ports::MockClock};

#[test]
fn a_wait_is_until_the_end_of_the_window_and_an_hour_at_most() {
    const NOW: u64 = 1_780_000_000;
    let mut clock = MockClock::new();
    let now: SystemTime = UNIX_EPOCH + Duration::from_secs(NOW);
    clock.expect_utc().returning(move || now);
    let told = |name: &'static str, value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        asked_wait(&headers, &clock).map(|wait| wait.as_secs())
    };
    let time = |seconds: i64| {
        let time = OffsetDateTime::from(now) + time::Duration::seconds(seconds);
        time.format(&Rfc3339).unwrap()
    };
    for name in RESET_HEADERS {
        let reset = |value: &str| told(name, value);
        assert_eq!(reset(&time(20)), Some(20));
        assert_eq!(reset(&time(20).replace('Z', ".000000Z")), Some(20));
        assert_eq!(reset(&time(-20)), Some(0));
        assert_eq!(reset(&time(100_000)), Some(3_600));
        assert_eq!(reset(&(NOW + 30).to_string()), Some(30));
        assert_eq!(reset(&(NOW - 30).to_string()), Some(0));
        assert_eq!(reset("40"), Some(40));
        assert_eq!(reset("4000"), Some(3_600));
        assert_eq!(reset(&u64::MAX.to_string()), Some(3_600));
        assert_eq!(reset("soon"), None);
    }
    assert_eq!(told("retry-after", "7"), Some(7));
}

/// What comes of these looks, one after the other, and when each took place, in seconds.
async fn looks(
    results: impl IntoIterator<Item = Result<LookUp, CallFailure>>,
) -> (Result<LookUp, CallFailure>, Vec<u64>) {
    let results = Mutex::new((results.into_iter(), Vec::new()));
    let started = SystemClock.now();
    let look = || {
        let (results, times) = &mut *results.lock();
        times.push((SystemClock.now() - started).as_secs());
        ready(results.next().unwrap())
    };
    let found = look_until_settled(&LOOK_UP_WAITS, look).await;
    (found, results.into_inner().1)
}

const NOT_YET: Result<LookUp, CallFailure> = Ok(LookUp::NotPosted);

fn away() -> CallFailure {
    CallFailure::NotSent("away".to_owned())
}

fn there() -> LookUp {
    LookUp::Posted(PublishedPost::new("1"))
}

#[tokio::test(start_paused = true)]
async fn a_post_is_looked_for_within_a_minute_and_the_last_answer_counts() {
    let (found, times) = looks((0..4).map(|_| NOT_YET)).await;
    assert_eq!(found.unwrap(), LookUp::NotPosted);
    assert_eq!(times, [0, 5, 20, 50]);
    let lost = CallFailure::lost(503, "answered 503");
    let (found, times) = looks([Err(away()), Err(lost), NOT_YET, Ok(there())]).await;
    assert_eq!(found.unwrap(), there());
    assert_eq!(times, [0, 5, 20, 50]);
    let limited = CallFailure::RateLimited(None);
    let (found, times) = looks([NOT_YET, Err(limited), NOT_YET, Err(away())]).await;
    assert!(matches!(found, Err(CallFailure::NotSent(_))), "{found:?}");
    assert_eq!(times.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_settled_is_not_asked_again() {
    let dead = CallFailure::Unauthorized {
        code: 401,
        advice: "make a new one".into(),
    };
    for settled in [Ok(there()), Ok(LookUp::Undetermined), Err(dead)] {
        let (_, times) = looks([settled]).await;
        assert_eq!(times, [0]);
    }
    let (found, times) = looks([NOT_YET, Ok(there())]).await;
    assert_eq!((found.unwrap(), times), (there(), vec![0, 5]));
}
