//! Attempts, waits and the budget, on a paused clock.

use super::*;
use crate::adapters::clock::SystemClock;

#[derive(Debug, thiserror::Error)]
#[error("failed")]
struct Failure(Retry);

impl AttemptError for Failure {
    fn retry(&self) -> Retry {
        self.0
    }

    fn http_status(&self) -> Option<u16> {
        None
    }
}

const POLICY: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(250),
    max_delay: Duration::from_secs(5),
};

async fn attempts_until(retry: Retry, success_at: u32) -> (u32, bool, Duration) {
    let call = Call {
        clock: &SystemClock,
        upstream: "test",
        operation: "test",
    };
    let mut attempts = 0;
    let started = SystemClock.now();
    let result = call
        .run(POLICY, || {
            attempts += 1;
            let done = attempts == success_at;
            async move {
                if done {
                    Ok(Answer {
                        status: 200,
                        value: (),
                    })
                } else {
                    Err(Failure(retry))
                }
            }
        })
        .await;
    (attempts, result.is_ok(), SystemClock.now() - started)
}

#[tokio::test(start_paused = true)]
async fn what_may_be_repeated_is_tried_three_times_with_growing_delays() {
    let (attempts, succeeded, time) = attempts_until(Retry::Soon, 9).await;
    assert_eq!((attempts, succeeded), (3, false));
    assert!(
        time >= Duration::from_millis(750) && time <= Duration::from_millis(1600),
        "{time:?}"
    );
    assert!(attempts_until(Retry::Soon, 2).await.1);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_repeated_is_tried_once() {
    assert_eq!(attempts_until(Retry::Never, 9).await.0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_upstream_asks_for_is_kept_up_to_the_longest_delay() {
    let (attempts, succeeded, time) = attempts_until(Retry::After(Duration::from_secs(4)), 2).await;
    assert_eq!((attempts, succeeded), (2, true));
    assert!(
        time >= Duration::from_secs(4) && time < Duration::from_millis(4100),
        "{time:?}"
    );
    assert_eq!(
        attempts_until(Retry::After(Duration::from_secs(6)), 2)
            .await
            .0,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_already_is_no_leave_to_call_at_once() {
    let (attempts, _, time) = attempts_until(Retry::After(Duration::ZERO), 9).await;
    assert_eq!(attempts, 3);
    assert!(time >= 2 * POLICY.first_delay, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_with_a_limit_is_given_up_in_the_middle_of_a_wait() {
    let call = Call {
        clock: &SystemClock,
        upstream: "test",
        operation: "test",
    };
    let started = SystemClock.now();
    let limit = Duration::from_secs(1);
    let mut attempts = 0;
    let attempt = || {
        attempts += 1;
        async { Err::<Answer<()>, _>(Failure(Retry::After(Duration::from_secs(4)))) }
    };
    let timed_out = || Failure(Retry::Never);
    let result = call.run_within(limit, timed_out, POLICY, attempt).await;
    assert_eq!(result.unwrap_err().0, Retry::Never);
    assert_eq!((attempts, SystemClock.now() - started), (1, limit));
}

#[test]
fn retry_after_is_read_as_seconds_or_as_a_date() {
    let wait = |value: &str| {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        retry_after(&headers, &SystemClock)
    };
    assert_eq!(wait("7"), Some(Duration::from_secs(7)));
    assert_eq!(wait("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
    assert_eq!(wait("soon"), None);
    assert_eq!(wait("-1"), None);
    assert_eq!(wait(""), None);
    // An hour is what is believed.
    let hour = Some(Duration::from_hours(1));
    for long in [
        "3601",
        "99999999999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        assert_eq!(wait(long), hour, "{long}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_budget_a_call_fails_with_the_failure_at_hand() {
    let budget = RetryBudget::new();
    let call = Call {
        clock: &SystemClock,
        upstream: "test",
        operation: "test",
    };
    let mut attempts = 0;
    for _ in 0..100 {
        let attempt = || {
            attempts += 1;
            async { Err::<Answer<()>, _>(Failure(Retry::Soon)) }
        };
        let failure = call.run(POLICY.within(&budget), attempt).await;
        assert_eq!(failure.unwrap_err().0, Retry::Soon);
    }
    // A fifth of them, and the reserve.
    assert!((129..=130).contains(&attempts), "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_does_not_take_place_costs_nothing() {
    let budget = RetryBudget::new();
    let call = Call {
        clock: &SystemClock,
        upstream: "test",
        operation: "test",
    };
    for retry in [Retry::Never, Retry::After(Duration::from_secs(6))] {
        for _ in 0..20 {
            let attempt = || async { Err::<Answer<()>, _>(Failure(retry)) };
            call.run(POLICY.within(&budget), attempt).await.unwrap_err();
        }
    }
    let left = (0..100).filter(|_| budget.withdraw()).count();
    assert_eq!(left, 10);
}
