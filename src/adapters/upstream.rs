//! How every call to an upstream runs: attempts with back-off and jitter, a `Retry-After`
//! honoured, each attempt counted and timed, and one log line at the end that names no host, no
//! URL and no secret.

mod call;
mod meter;
mod trace;
mod transport_fault;

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder, Retryable as _};
use futures_util::FutureExt as _;
use reqwest::{
    Response,
    header::{HeaderMap, RETRY_AFTER},
};
use tracing::{Instrument as _, Level, Span};

pub(super) use self::call::{Answer, AttemptError, Call, Retry};
use self::meter::Meter;
pub use self::trace::UNTRACED;
pub(super) use self::trace::{PROBE, attempt, send, send_in_trace, send_to_tenants};
use self::transport_fault::TransportFault;
use super::retry_budget::RetryBudget;
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

impl RetryPolicy {
    /// The same as long as the budget lasts.
    pub(super) fn within(self, budget: &RetryBudget) -> Retries<'_> {
        Retries {
            policy: self,
            budget: Some(budget),
        }
    }
}

/// A policy, and what limits the retries of all calls together, if anything does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retries<'a> {
    policy: RetryPolicy,
    budget: Option<&'a RetryBudget>,
}

impl From<RetryPolicy> for Retries<'_> {
    fn from(policy: RetryPolicy) -> Self {
        Self {
            policy,
            budget: None,
        }
    }
}

impl Call<'_> {
    /// Runs a call until it succeeds, fails for good, or runs out of attempts.
    pub(super) async fn run<'r, T, E, F, Fut>(
        self,
        retries: impl Into<Retries<'r>>,
        attempt: F,
    ) -> Result<T, E>
    where
        E: AttemptError,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Answer<T>, E>>,
    {
        let started = self.clock.now();
        let mut attempts = 0;
        let span = self.span();
        let calls = self.repeat(retries.into(), &mut attempts, attempt);
        let result = self.under_way(calls).instrument(span.clone()).await;
        self.log(&span, started, attempts, &result);
        result.map(|answer| answer.value)
    }

    /// The same, given up with `timed_out` when all attempts and the waits between them take
    /// longer than `limit`.
    pub(super) async fn run_within<'r, T, E, F, Fut>(
        self,
        limit: Duration,
        timed_out: impl FnOnce() -> E,
        retries: impl Into<Retries<'r>>,
        attempt: F,
    ) -> Result<T, E>
    where
        E: AttemptError,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Answer<T>, E>>,
    {
        let started = self.clock.now();
        let mut attempts = 0;
        let span = self.span();
        let calls = self.repeat(retries.into(), &mut attempts, attempt);
        let calls = self.under_way(calls).instrument(span.clone());
        let result = tokio::time::timeout(limit, calls).await;
        let result = result.unwrap_or_else(|_| Err(timed_out()));
        self.log(&span, started, attempts, &result);
        result.map(|answer| answer.value)
    }

    /// Makes the attempts, and counts them where the count outlives a call that is given up.
    async fn repeat<T, E, F, Fut>(
        self,
        Retries { policy, budget }: Retries<'_>,
        attempts: &mut u32,
        mut attempt: F,
    ) -> Result<Answer<T>, E>
    where
        E: AttemptError,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Answer<T>, E>>,
    {
        if let Some(budget) = budget
            && policy.attempts > 1
        {
            budget.deposit();
        }
        let backoff = ExponentialBuilder::default()
            .with_min_delay(policy.first_delay)
            .with_max_delay(policy.max_delay)
            .with_factor(2.0)
            .with_jitter()
            .with_max_times(policy.attempts.saturating_sub(1))
            .build();
        (|| {
            *attempts += 1;
            let meter = Meter::start(self, *attempts);
            // No block around it: that would hold the attempt twice.
            attempt().inspect(move |result| meter.end(result))
        })
        .retry(backoff)
        .sleep(tokio::time::sleep)
        .when(|error: &E| match error.retry() {
            Retry::Never => false,
            Retry::Soon => true,
            Retry::After(wait) => wait <= policy.max_delay,
        })
        .adjust(|error, delay| {
            let delay = match error.retry() {
                // The time that it tells may have passed by our clock: calls do not follow each other at once.
                Retry::After(wait) => delay.map(|_| wait.max(policy.first_delay)),
                _ => delay.map(|delay| delay.min(policy.max_delay)),
            };
            // Last, so that only a retry that takes place is paid for.
            delay.filter(|_| budget.is_none_or(RetryBudget::withdraw))
        })
        .await
    }

    fn log<T, E: AttemptError>(
        self,
        span: &Span,
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
                macro_rules! log {
                    ($level:expr) => {
                        tracing::event!(
                            $level,
                            upstream,
                            operation,
                            http_status,
                            latency_ms,
                            attempts,
                            "upstream call succeeded"
                        )
                    };
                }
                if operation == PROBE {
                    log!(Level::DEBUG);
                } else {
                    log!(Level::INFO);
                }
            }
            Err(error) => {
                let http_status = error.http_status();
                trace::failed(span, error);
                tracing::warn!(
                    upstream, operation, http_status, latency_ms, attempts, %error,
                    "upstream call failed"
                );
            }
        }
    }
}

/// A transport error as a cause for people and the log: names no host and no URL, but the setting that
/// the URL is from.
pub(super) fn cause(error: &reqwest::Error, setting: &'static str) -> Cause {
    NoAnswer {
        fault: TransportFault::of(error),
        setting,
    }
    .into()
}

/// A request without an answer, and the setting that says where it was sent.
#[derive(Debug, thiserror::Error)]
#[error("{fault} ({setting})")]
struct NoAnswer {
    fault: TransportFault,
    setting: &'static str,
}

/// Whether the call failed before a byte of the request was sent.
pub(super) fn failed_before_sending(error: &reqwest::Error) -> bool {
    error.is_connect() || error.is_builder()
}

/// The longest `Retry-After` that is honoured; a longer one counts as this.
pub(super) const MAX_WAIT: Duration = Duration::from_hours(1);

/// The wait that an answer asks for: seconds, or an HTTP date. At most [`MAX_WAIT`].
pub(super) fn retry_after(headers: &HeaderMap, clock: &dyn Clock) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number takes are a long time, too.
        let wait = value.parse().map_or(MAX_WAIT, Duration::from_secs);
        return Some(wait.min(MAX_WAIT));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let wait = date.duration_since(clock.utc()).unwrap_or_default();
    Some(wait.min(MAX_WAIT))
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
mod endless;
#[cfg(test)]
mod tests;
