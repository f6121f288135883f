//! Calls to platforms whose server a tenant names: their pace, reading of answers, why a call failed, and the look for a post whose
//! answer was lost. Used by the adapters of such platforms.

use std::{
    borrow::Cow,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use reqwest::{RequestBuilder, header::HeaderMap};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::upstream::{
    AttemptError, MAX_WAIT, Retry, RetryPolicy, bounded_body, cause, failed_before_sending,
    retry_after, send_to_tenants,
};
use crate::{
    domain::service_url::InvalidServiceUrl,
    ports::{Clock, LookUp, PublishError},
};

/// The largest answer that is read, in bytes: a page of posts, each with its account and all that belongs to it.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// The headers of a limit's end, in the order in which they count.
const RESET_HEADERS: [&str; 2] = ["x-ratelimit-reset", "ratelimit-reset"];
/// Numbers from here on are a time in Unix seconds, smaller ones a wait.
const FIRST_UNIX_SECONDS: u64 = 1_000_000_000;
/// How calls are repeated: only what has certainly done nothing, or does no harm when it is done twice.
pub(super) const POLICY: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(500),
    max_delay: Duration::from_secs(30),
};
/// The wait before each look at a post that may still be on its way.
pub const LOOK_UP_WAITS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

/// An answer.
#[derive(Debug)]
pub struct PlatformAnswer {
    /// The status.
    pub status: u16,
    /// The wait that it asks for, an hour at most.
    pub wait: Option<Duration>,
    /// The body; empty where it is too long or, beside the status of a failure, has been lost.
    pub body: Bytes,
}

/// Sends a request and reads the answer. The span does not say where it was sent; a failure names `setting`, which does.
///
/// # Errors
/// [`CallFailure::NotSent`] and [`CallFailure::Lost`].
pub async fn exchange(
    request: RequestBuilder,
    setting: &'static str,
    clock: &dyn Clock,
) -> Result<PlatformAnswer, CallFailure> {
    let lost = |error: &reqwest::Error, status| CallFailure::Lost {
        status,
        why: cause(error, setting).to_string(),
        may_repeat: false,
    };
    let response = send_to_tenants(request).await.map_err(|error| {
        if failed_before_sending(&error) {
            CallFailure::NotSent(cause(&error, setting).to_string())
        } else {
            lost(&error, None)
        }
    })?;
    let status = response.status().as_u16();
    let wait = asked_wait(response.headers(), clock);
    let body = match bounded_body(response, MAX_ANSWER_BYTES).await {
        Ok(body) => body.unwrap_or_default(),
        Err(error) if (200..300).contains(&status) => return Err(lost(&error, Some(status))),
        Err(_) => Bytes::new(),
    };
    Ok(PlatformAnswer { status, wait, body })
}

/// The wait that an answer asks for: until its limit's window ends, which is a time in Unix seconds (Bluesky) or by ISO
/// 8601 (Mastodon), or a number of seconds; or else its `Retry-After`. At most [`MAX_WAIT`].
fn asked_wait(headers: &HeaderMap, clock: &dyn Clock) -> Option<Duration> {
    let until_reset = || {
        let mut values = RESET_HEADERS.iter().filter_map(|name| headers.get(*name));
        let reset = values.next()?.to_str().ok()?.trim();
        let end = match reset.parse() {
            Ok(seconds @ ..FIRST_UNIX_SECONDS) => return Some(Duration::from_secs(seconds)),
            Ok(seconds) => match UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) {
                Some(end) => end,
                None => return Some(MAX_WAIT),
            },
            Err(_) => OffsetDateTime::parse(reset, &Rfc3339).ok()?.into(),
        };
        // In the past where the window has just ended.
        Some(end.duration_since(clock.utc()).unwrap_or_default())
    };
    // An end that is over says nothing of when to come back: the clock of the server may be slow.
    let until_reset = until_reset();
    let lies_ahead = until_reset.filter(|wait| !wait.is_zero());
    let wait = lies_ahead.or_else(|| retry_after(headers, clock).or(until_reset));
    wait.map(|wait| wait.min(MAX_WAIT))
}

/// Looks for a post until an answer settles where it is: a request that was on its way may post it meanwhile. The last
/// answer counts.
///
/// # Errors
/// That of the last look.
pub async fn look_until_settled<F, Fut>(waits: &[Duration], look: F) -> Result<LookUp, CallFailure>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<LookUp, CallFailure>>,
{
    let mut found = Ok(LookUp::NotPosted);
    for wait in waits {
        tokio::time::sleep(*wait).await;
        found = look().await;
        let is_settled = match &found {
            Ok(LookUp::NotPosted) => false,
            Ok(LookUp::Posted(_) | LookUp::Undetermined) => true,
            Err(failure) => !failure.may_pass(),
        };
        if is_settled {
            break;
        }
    }
    found
}

/// Why a call to a platform failed. No text here holds a secret or an address, but for those of the platform, which the
/// adapter has sanitized, and which are not logged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallFailure {
    /// It cannot be made.
    #[error("the request cannot be made: {0}")]
    Unsendable(&'static str),
    /// The credential names an address that no request is sent to.
    #[error("not called: {setting} {problem}")]
    Unusable {
        /// The field of the credential.
        setting: &'static str,
        /// The rule that it breaks.
        problem: InvalidServiceUrl,
    },
    /// It failed before a byte of it was sent.
    #[error("not reached: {0}")]
    NotSent(String),
    /// It may have been processed.
    #[error("no answer of use: {why}")]
    Lost {
        /// The status, if there was one.
        status: Option<u16>,
        /// What was seen instead of an answer.
        why: String,
        /// Whether it does no harm when it is processed twice.
        may_repeat: bool,
    },
    /// The platform is still at work on what was sent before.
    #[error("not ready: {0}")]
    NotReady(&'static str),
    /// A post may have been taken, and cannot be looked up.
    #[error("no answer of use, and the post cannot be looked up: {0}")]
    Undecided(String),
    /// A post was sent, and is not there.
    #[error("the post was sent, and is not there")]
    NotTaken,
    /// The token is refused; another may do.
    #[error("refused the token with {code}")]
    TokenRefused {
        /// The status.
        code: u16,
        /// What can be done, for people.
        advice: &'static str,
    },
    /// The credential is dead.
    #[error("refused the credential with {code}")]
    Unauthorized {
        /// The status.
        code: u16,
        /// What the platform says, sanitized, and what can be done, for people.
        advice: Cow<'static, str>,
    },
    /// There were too many requests.
    #[error("too many requests")]
    RateLimited(Option<Duration>),
    /// The image's file is larger than the server takes.
    #[error("answered {code}: the image is too large")]
    TooLarge {
        /// The status.
        code: u16,
    },
    /// No copy of the image can be made that the platform takes.
    #[error("the image cannot be processed")]
    ImageUnsuitable {
        /// The status, where it is the platform that says so.
        code: Option<u16>,
        /// The reason, sanitized.
        why: String,
    },
    /// It was refused for good.
    #[error("answered {code}")]
    Rejected {
        /// The status.
        code: u16,
        /// The platform's words, sanitized.
        reason: String,
    },
}

impl CallFailure {
    /// The failure of a call that was answered with this status.
    #[must_use]
    pub fn lost(status: u16, why: impl Into<String>) -> Self {
        Self::Lost {
            status: Some(status),
            why: why.into(),
            may_repeat: false,
        }
    }

    /// The same of a call that does no harm when it is processed twice.
    #[must_use]
    pub fn repeatable(self) -> Self {
        match self {
            Self::Lost { status, why, .. } => Self::Lost {
                status,
                why,
                may_repeat: true,
            },
            other => other,
        }
    }

    /// Whether the same question may get an answer later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NotSent(_) | Self::Lost { .. } | Self::NotReady(_) | Self::RateLimited(_)
        )
    }
}

impl AttemptError for CallFailure {
    fn retry(&self) -> Retry {
        match self {
            Self::NotSent(_)
            | Self::NotReady(_)
            | Self::Lost {
                may_repeat: true, ..
            } => Retry::Soon,
            Self::RateLimited(Some(wait)) => Retry::After(*wait),
            _ => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::Lost { status, .. } => *status,
            Self::RateLimited(_) => Some(429),
            Self::NotReady(_) => Some(206),
            Self::TokenRefused { code, .. }
            | Self::Unauthorized { code, .. }
            | Self::TooLarge { code }
            | Self::Rejected { code, .. } => Some(*code),
            Self::ImageUnsuitable { code, .. } => *code,
            Self::Unsendable(_)
            | Self::Unusable { .. }
            | Self::NotSent(_)
            | Self::Undecided(_)
            | Self::NotTaken => None,
        }
    }
}

impl From<CallFailure> for PublishError {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Unsendable(_)
            | CallFailure::NotSent(_)
            | CallFailure::Lost { .. }
            | CallFailure::NotTaken => Self::unavailable(failure),
            CallFailure::NotReady(what) => Self::Unavailable {
                detail: what.to_owned(),
                source: failure.into(),
            },
            CallFailure::Undecided(_) => Self::Unknown(failure.into()),
            CallFailure::Unusable { setting, problem } => Self::Unauthorized {
                detail: format!("{setting} {problem}"),
                source: failure.into(),
            },
            CallFailure::TokenRefused { advice, .. } => Self::Unauthorized {
                detail: advice.to_owned(),
                source: failure.into(),
            },
            CallFailure::Unauthorized { code, advice } => Self::Unauthorized {
                detail: advice.clone().into_owned(),
                source: CallFailure::Unauthorized { code, advice }.into(),
            },
            CallFailure::RateLimited(retry_after) => Self::RateLimited { retry_after },
            CallFailure::TooLarge { .. } => {
                Self::ImageUnsuitable("its file is larger than the server takes".to_owned())
            }
            CallFailure::ImageUnsuitable { code, why } => {
                Self::ImageUnsuitable(or_status(why, code))
            }
            CallFailure::Rejected { code, reason } => Self::Rejected(or_status(reason, Some(code))),
        }
    }
}

/// A platform's words, or its status where it has none.
fn or_status(words: String, code: Option<u16>) -> String {
    match code {
        Some(code) if words.is_empty() => format!("answered {code}"),
        _ => words,
    }
}

#[cfg(test)]
mod tests;
