//! How every call to an upstream runs: attempts with back-off and jitter, a `Retry-After`
//! honoured, and one log line at the end that names no host, no URL and no secret.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use backon::{BackoffBuilder as _, ExponentialBuilder, Retryable as _};
use reqwest::{
    Response,
    header::{HeaderMap, RETRY_AFTER},
};

use crate::ports::{Cause, Clock};

/// When a failed call is tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// Attempts in all.
    pub(super) attempts: usize,
    /// Delay after the first failure; it doubles from there.
    pub(super) first_delay: Duration,
    /// The longest delay, a wait that the upstream asks for included: when it asks for more, it
    /// is not called again.
    pub(super) max_delay: Duration,
}

/// What is called, in the words of the log.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) clock: &'a dyn Clock,
    pub(super) upstream: &'static str,
    pub(super) operation: &'static str,
}

/// What the runner must know of an adapter's error.
pub(super) trait AttemptError: Display {
    /// Whether another attempt may help and cannot hurt.
    fn retry(&self) -> Retry;

    /// The HTTP status behind it, if the upstream answered at all.
    fn http_status(&self) -> Option<u16>;
}

/// What a successful attempt brought, with the status for the log.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) status: u16,
    pub(super) value: T,
}

/// Whether a call is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// It is not.
    Never,
    /// After the usual delay.
    Soon,
    /// After the time that the upstream asks for.
    After(Duration),
}

impl Call<'_> {
    /// Runs a call until it succeeds, fails for good, or runs out of attempts.
    pub(super) async fn run<T, E, F, Fut>(self, policy: RetryPolicy, attempt: F) -> Result<T, E>
    where
        E: AttemptError,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Answer<T>, E>>,
    {
        let started = self.clock.now();
        let mut attempts = 0;
        let result = repeat(policy, &mut attempts, attempt).await;
        self.log(started, attempts, &result);
        result.map(|answer| answer.value)
    }

    /// The same, given up with `timed_out` when all attempts and the waits between them take
    /// longer than `limit`.
    pub(super) async fn run_within<T, E, F, Fut>(
        self,
        limit: Duration,
        timed_out: impl FnOnce() -> E,
        policy: RetryPolicy,
        attempt: F,
    ) -> Result<T, E>
    where
        E: AttemptError,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Answer<T>, E>>,
    {
        let started = self.clock.now();
        let mut attempts = 0;
        let result = tokio::time::timeout(limit, repeat(policy, &mut attempts, attempt)).await;
        let result = result.unwrap_or_else(|_| Err(timed_out()));
        self.log(started, attempts, &result);
        result.map(|answer| answer.value)
    }

    fn log<T, E: AttemptError>(
        self,
        started: Instant,
        attempts: u32,
        result: &Result<Answer<T>, E>,
    ) {
        let Self {
            clock,
            upstream,
            operation,
        } = self;
        let latency = clock.now().duration_since(started);
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        match result {
            Ok(answer) => {
                let http_status = answer.status;
                tracing::info!(
                    upstream,
                    operation,
                    http_status,
                    latency_ms,
                    attempts,
                    "upstream call succeeded"
                );
            }
            Err(error) => {
                let http_status = error.http_status();
                tracing::warn!(
                    upstream, operation, http_status, latency_ms, attempts, %error,
                    "upstream call failed"
                );
            }
        }
    }
}

/// Makes the attempts, and counts them where the count outlives a call that is given up.
async fn repeat<T, E, F, Fut>(
    policy: RetryPolicy,
    attempts: &mut u32,
    mut attempt: F,
) -> Result<Answer<T>, E>
where
    E: AttemptError,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Answer<T>, E>>,
{
    let backoff = ExponentialBuilder::default()
        .with_min_delay(policy.first_delay)
        .with_max_delay(policy.max_delay)
        .with_factor(2.0)
        .with_jitter()
        .with_max_times(policy.attempts.saturating_sub(1))
        .build();
    (|| {
        *attempts += 1;
        attempt()
    })
    .retry(backoff)
    .sleep(tokio::time::sleep)
    .when(|error: &E| match error.retry() {
        Retry::Never => false,
        Retry::Soon => true,
        Retry::After(wait) => wait <= policy.max_delay,
    })
    .adjust(|error, delay| match error.retry() {
        Retry::After(wait) => delay.map(|_| wait),
        _ => delay.map(|delay| delay.min(policy.max_delay)),
    })
    .await
}

/// A transport error as a cause for the log: without the URL, which may hold a secret.
pub(super) fn cause(error: reqwest::Error) -> Cause {
    error.without_url().into()
}

/// Did the call fail before a byte of the request was sent?
pub(super) fn failed_before_sending(error: &reqwest::Error) -> bool {
    error.is_connect() || error.is_builder()
}

/// The wait that an answer asks for: seconds, or an HTTP date.
pub(super) fn retry_after(headers: &HeaderMap, clock: &dyn Clock) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(clock.utc()).unwrap_or_default())
}

/// Reads a body of at most `limit` bytes; `None` when it is longer.
pub(super) async fn bounded_body(
    mut response: Response,
    limit: usize,
) -> Result<Option<bytes::Bytes>, reqwest::Error> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Ok(None);
    }
    let capacity = usize::try_from(announced).unwrap_or(0);
    let mut body = bytes::BytesMut::with_capacity(capacity);
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

#[cfg(test)]
mod tests {
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
        let (attempts, succeeded, time) =
            attempts_until(Retry::After(Duration::from_secs(4)), 2).await;
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
    }
}
