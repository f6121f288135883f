//! What can go wrong with a call to the orchestrator, and what its statuses mean.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use zeroize::Zeroize as _;

use crate::{
    adapters::upstream::{self, AttemptError, Retry},
    ports::{Cause, Clock, ConfigSourceError, CredentialError},
};

/// The longest answer that is read, in bytes. A runtime config takes a few thousand.
const MAX_BODY: usize = 1024 * 1024;

/// Why an attempt failed. Holds nothing of the request or of the answer but its status.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No tenant's host, or no reference of this tenant's.
    #[error("the orchestrator does not know it")]
    NotFound {
        /// 404, or 200 for another kind of app.
        status: u16,
    },
    #[error("the orchestrator refused the service token")]
    Unauthorized,
    #[error("the tenant is out of credit")]
    OutOfCredit,
    #[error("the orchestrator is unavailable for the moment")]
    Busy {
        status: u16,
        retry_after: Option<Duration>,
    },
    #[error("the orchestrator {what}")]
    Transport {
        what: &'static str,
        #[source]
        cause: Cause,
    },
    #[error("the orchestrator did not answer within the time for the whole call")]
    OutOfTime,
    #[error("the orchestrator answered with a status that means nothing to us")]
    Status(u16),
    /// A usage event that is not taken as it is, while others may be.
    #[error("the orchestrator does not accept this usage event")]
    NotAccepted(u16),
    #[error("the orchestrator's answer {0}")]
    Malformed(&'static str),
    #[error("the orchestrator's answer has a value in `{0}` that cannot be used")]
    UnusableField(&'static str),
}

impl Failure {
    pub(super) fn of_transport(error: &reqwest::Error) -> Self {
        let what = if error.is_connect() {
            "could not be connected to"
        } else if error.is_timeout() {
            "did not answer in time"
        } else {
            "broke the connection off"
        };
        Self::Transport {
            what,
            cause: upstream::cause(error, "ORCHESTRATOR_BASE_URL"),
        }
    }
}

impl AttemptError for Failure {
    fn retry(&self) -> Retry {
        match self {
            Self::Busy {
                retry_after: Some(wait),
                ..
            } => Retry::After(*wait),
            Self::Busy { .. } | Self::Transport { .. } => Retry::Soon,
            Self::NotFound { .. }
            | Self::Unauthorized
            | Self::OutOfCredit
            | Self::OutOfTime
            | Self::Status(_)
            | Self::NotAccepted(_)
            | Self::Malformed(_)
            | Self::UnusableField(_) => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::NotFound { status }
            | Self::Busy { status, .. }
            | Self::Status(status)
            | Self::NotAccepted(status) => Some(*status),
            Self::Unauthorized | Self::OutOfCredit => Some(403),
            Self::Malformed(_) | Self::UnusableField(_) => Some(200),
            Self::Transport { .. } | Self::OutOfTime => None,
        }
    }
}

/// What the status of a by-host answer says, unless it is 200.
pub(super) fn of_by_host(response: &Response, clock: &dyn Clock) -> Result<(), Failure> {
    match response.status().as_u16() {
        200 => Ok(()),
        403 => Err(Failure::Unauthorized),
        404 => Err(Failure::NotFound { status: 404 }),
        429 | 500 | 502 | 503 | 504 => Err(busy(response, clock)),
        status => Err(Failure::Status(status)),
    }
}

/// The same for a credentials answer other than 403.
pub(super) fn of_resolve(response: &Response, clock: &dyn Clock) -> Result<(), Failure> {
    match response.status().as_u16() {
        200 => Ok(()),
        404 => Err(Failure::NotFound { status: 404 }),
        429 | 500..=599 => Err(busy(response, clock)),
        status => Err(Failure::Status(status)),
    }
}

/// The same for an answer to a usage event, other than 422.
pub(super) fn of_usage(response: &Response, clock: &dyn Clock) -> Result<(), Failure> {
    match response.status().as_u16() {
        200..=299 => Ok(()),
        403 => Err(Failure::Unauthorized),
        404 => Err(Failure::NotFound { status: 404 }),
        status @ (400 | 413) => Err(Failure::NotAccepted(status)),
        429 | 500..=599 => Err(busy(response, clock)),
        status => Err(Failure::Status(status)),
    }
}

/// 403 for a credential: the token, unless the body says that the tenant is out of credit.
pub(super) async fn of_refused_credential(response: Response) -> Failure {
    let is_out_of_credit = json_body(response)
        .await
        .is_ok_and(|body| body["error"] == "insufficient_balance");
    if is_out_of_credit {
        Failure::OutOfCredit
    } else {
        Failure::Unauthorized
    }
}

/// The body as JSON. The buffer is wiped afterwards: there may be a secret in it.
pub(super) async fn json_body(response: Response) -> Result<Value, Failure> {
    let body = upstream::bounded_body(response, MAX_BODY)
        .await
        .map_err(|error| Failure::of_transport(&error))?
        .ok_or(Failure::Malformed("is too long"))?;
    let document = serde_json::from_slice(&body).map_err(|_| Failure::Malformed("is no JSON"));
    if let Ok(mut body) = body.try_into_mut() {
        body.zeroize();
    }
    document
}

fn busy(response: &Response, clock: &dyn Clock) -> Failure {
    Failure::Busy {
        status: response.status().as_u16(),
        retry_after: upstream::retry_after(response.headers(), clock),
    }
}

impl From<Failure> for ConfigSourceError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound { .. } => Self::NotFound,
            // A host has no credit to be out of: by-host never fails so.
            Failure::Unauthorized | Failure::OutOfCredit => Self::Unauthorized(failure.into()),
            Failure::Busy { retry_after, .. } => Self::Unavailable {
                retry_after,
                cause: failure.into(),
            },
            Failure::Transport { .. } | Failure::OutOfTime => Self::Unavailable {
                retry_after: None,
                cause: failure.into(),
            },
            Failure::Status(_)
            | Failure::NotAccepted(_)
            | Failure::Malformed(_)
            | Failure::UnusableField(_) => Self::Malformed(failure.into()),
        }
    }
}

impl From<Failure> for CredentialError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound { .. } => Self::NotFound,
            Failure::Unauthorized => Self::Unauthorized(failure.into()),
            Failure::OutOfCredit => Self::OutOfCredit,
            Failure::Busy { retry_after, .. } => Self::Unavailable {
                retry_after,
                cause: failure.into(),
            },
            Failure::Transport { .. } | Failure::OutOfTime => Self::Unavailable {
                retry_after: None,
                cause: failure.into(),
            },
            Failure::Status(_)
            | Failure::NotAccepted(_)
            | Failure::Malformed(_)
            | Failure::UnusableField(_) => Self::Malformed(failure.into()),
        }
    }
}
