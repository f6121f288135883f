//! What can go wrong with a call to a bucket, and what follows from it.

use std::{io, iter::successors, time::Duration};

use reqwest::StatusCode;

use super::{
    code::Code,
    refusals::{set_up, unusable_credential},
};
use crate::{
    adapters::upstream::{self, AttemptError, Retry},
    ports::{Cause, ImageStoreError},
};

/// Why one attempt failed. Its text goes to the log: it holds no secret, no key, no URL, and of the
/// answer only the status and the store's own code.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nothing of the request was sent.
    #[error("there was no connection")]
    Unsent(#[source] Cause),
    /// No whole answer in time.
    #[error("there was no answer in time")]
    Timeout(#[source] Cause),
    /// The connection was lost after the request may have been sent.
    #[error("the connection broke")]
    Broken(#[source] Cause),
    /// 429, or `SlowDown`.
    #[error("our requests are being limited")]
    RateLimited {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// 5xx, or a code that asks for another attempt.
    #[error("answered with status {status} ({code})")]
    Failing {
        status: u16,
        code: Code,
        retry_after: Option<Duration>,
    },
    /// The key or the signature was not accepted.
    #[error("the access key was not accepted ({code}){}", remedy(*setting))]
    Unauthorized {
        status: u16,
        code: Code,
        /// The setting that holds the key, if it is one.
        setting: Option<&'static str>,
    },
    /// Any other refusal. Without a code, as the answer to HEAD is, it may be about the access key.
    #[error("answered with status {status} ({code})")]
    Refused { status: u16, code: Code },
    /// An answer that cannot be what it should be; this says in which way.
    #[error("sent {0}")]
    Malformed(&'static str),
    /// The content of an object ended before its length.
    #[error("an object ended too early")]
    Incomplete(#[source] Cause),
    /// We could not do our own part; this says which.
    #[error("failed on our side: {0}")]
    Internal(&'static str),
    /// The credential cannot be one of a bucket: it is sent nowhere.
    #[error("not called: the storage credential cannot be used")]
    UnusableCredential,
    /// An object larger than the caller takes.
    #[error("the object is too large")]
    TooLarge,
}

/// Where the URL and the key are from, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// The name of the URL.
    pub(super) url: &'static str,
    /// The setting of this service that holds the key; `None` where another one can be fetched.
    pub(super) key: Option<&'static str>,
}

impl Failure {
    /// Sorts a status and a code.
    pub(super) fn of(
        status: StatusCode,
        code: Code,
        retry_after: Option<Duration>,
        origin: Origin,
    ) -> Self {
        let (is_failing, number) = (status.is_server_error(), status.as_u16());
        match code.as_str() {
            "SlowDown" | "TooManyRequests" | "RequestLimitExceeded" => Self::RateLimited {
                status: number,
                retry_after,
            },
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "NotSignedUp"
            | "Unauthorized" => Self::Unauthorized {
                status: number,
                code,
                setting: origin.key,
            },
            "InternalError"
            | "ServiceUnavailable"
            | "RequestTimeout"
            | "OperationAborted"
            | "ConditionalRequestConflict" => Self::Failing {
                status: number,
                code,
                retry_after,
            },
            _ if status == StatusCode::TOO_MANY_REQUESTS => Self::RateLimited {
                status: number,
                retry_after,
            },
            _ if status == StatusCode::UNAUTHORIZED => Self::Unauthorized {
                status: number,
                code,
                setting: origin.key,
            },
            _ if is_failing && status != StatusCode::NOT_IMPLEMENTED => Self::Failing {
                status: number,
                code,
                retry_after,
            },
            _ => Self::Refused {
                status: number,
                code,
            },
        }
    }

    /// Sorts a transport error by what the caller must know of it.
    pub(super) fn transport(error: &reqwest::Error, origin: Origin) -> Self {
        let cause = upstream::cause(error, origin.url);
        if upstream::failed_before_sending(error) {
            Self::Unsent(cause)
        } else if error.is_timeout() {
            Self::Timeout(cause)
        } else {
            Self::Broken(cause)
        }
    }

    /// Sorts an error of the content of an object.
    pub(super) fn content(error: &reqwest::Error, origin: Origin) -> Self {
        if ends_too_early(error) {
            return Self::Incomplete(upstream::cause(error, origin.url));
        }
        Self::transport(error, origin)
    }

    /// Whether there is no such object: HEAD has no code.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Refused { status: 404, code } if matches!(code.as_str(), "" | "NoSuchKey"))
    }

    /// Whether the answer is a 403 that does not say why.
    pub(super) fn is_unexplained(&self) -> bool {
        matches!(self, Self::Refused { status: 403, code } if code.as_str().is_empty())
    }

    /// Whether a condition of the request does not hold.
    pub(super) fn is_failed_condition(&self) -> bool {
        matches!(self, Self::Refused { status: 412, .. })
    }

    /// Whether the store does not know a condition of the request.
    pub(super) fn is_unknown_condition(&self) -> bool {
        matches!(self, Self::Refused { status: 501, .. })
    }

    /// May the call have had its effect all the same? A 5xx counts: it does not say how far the store had
    /// got.
    pub(super) fn may_have_happened(&self) -> bool {
        matches!(
            self,
            Self::Timeout(_)
                | Self::Broken(_)
                | Self::Failing { .. }
                | Self::Malformed(_)
                | Self::Incomplete(_)
        )
    }

    /// What follows where the failed call was to say whether a name is taken: nothing is written.
    pub(super) fn undecided(self) -> ImageStoreError {
        match self {
            Self::Unauthorized { .. } | Self::UnusableCredential => self.into(),
            // It would say so of every name.
            Self::Refused { status, ref code }
                if status != 403 && set_up(code.as_str()).is_some() =>
            {
                self.into()
            }
            undecided => ImageStoreError::Undecided(undecided.into()),
        }
    }

    /// What follows from the failure of a call about one object. If the store itself has not failed, the
    /// fault is in the object, and another one may be readable.
    pub(super) fn of_one_object(self) -> ImageStoreError {
        let detail = match &self {
            Self::Incomplete(_) => "its content ends too early each time",
            Self::Refused { code, .. } if code.as_str() == "InvalidObjectState" => {
                return ImageStoreError::Restricted {
                    detail: "it is in a storage class that has to be restored first",
                };
            }
            _ if self.is_absence() => return ImageStoreError::NotFound,
            _ => return self.into(),
        };
        ImageStoreError::Unreadable {
            detail,
            cause: self.into(),
        }
    }
}

/// What to do about a dead credential, where this service's settings hold it.
fn remedy(setting: Option<&str>) -> String {
    setting.map_or_else(String::new, |name| format!("; set a new {name}"))
}

/// Did the connection end before the body did?
fn ends_too_early(error: &reqwest::Error) -> bool {
    let first = error as &dyn std::error::Error;
    let mut causes = successors(Some(first), |error| error.source());
    causes.any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
    })
}

impl AttemptError for Failure {
    /// As if every call were a read: what writes has a condition, and looks before it is believed.
    fn retry(&self) -> Retry {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Failing { retry_after, .. } => {
                retry_after.map_or(Retry::Soon, Retry::After)
            }
            Self::Unsent(_) | Self::Timeout(_) | Self::Broken(_) | Self::Incomplete(_) => {
                Retry::Soon
            }
            Self::Unauthorized { .. }
            | Self::Refused { .. }
            | Self::Malformed(_)
            | Self::Internal(_)
            | Self::UnusableCredential
            | Self::TooLarge => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::RateLimited { status, .. }
            | Self::Failing { status, .. }
            | Self::Unauthorized { status, .. }
            | Self::Refused { status, .. } => Some(*status),
            Self::Malformed(_) | Self::Incomplete(_) | Self::TooLarge => Some(200),
            Self::Unsent(_)
            | Self::Timeout(_)
            | Self::Broken(_)
            | Self::Internal(_)
            | Self::UnusableCredential => None,
        }
    }
}

impl From<Failure> for ImageStoreError {
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::RateLimited { retry_after, .. } => Self::RateLimited {
                retry_after: *retry_after,
            },
            Failure::TooLarge => Self::TooLarge,
            Failure::UnusableCredential => unusable_credential(),
            Failure::Timeout(_) => Self::Timeout(failure.into()),
            Failure::Unauthorized { setting, .. } => Self::Unauthorized {
                setting: *setting,
                cause: failure.into(),
            },
            Failure::Refused { status, code } => {
                let code = match (*status, code.as_str()) {
                    // A redirect leads to the region of the bucket; a 403 says that something is not allowed.
                    (301 | 307, "") => "PermanentRedirect",
                    (403, code) if set_up(code).is_none() => "AccessDenied",
                    (_, code) => code,
                };
                set_up(code).unwrap_or_else(|| Self::Unavailable(failure.into()))
            }
            Failure::Unsent(_)
            | Failure::Broken(_)
            | Failure::Failing { .. }
            | Failure::Malformed(_)
            | Failure::Incomplete(_)
            | Failure::Internal(_) => Self::Unavailable(failure.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, code: &str) -> Failure {
        let origin = Origin {
            url: "URL",
            key: Some("KEY"),
        };
        let status = StatusCode::from_u16(status).unwrap();
        Failure::of(status, Code::new(code), None, origin)
    }

    #[test]
    fn a_refusal_is_what_its_code_says() {
        for (status, code) in [
            (403, "InvalidAccessKeyId"),
            (403, "SignatureDoesNotMatch"),
            (401, "Unauthorized"),
            (401, ""),
        ] {
            let error = ImageStoreError::from(of(status, code));
            assert!(
                matches!(
                    error,
                    ImageStoreError::Unauthorized {
                        setting: Some("KEY"),
                        ..
                    }
                ),
                "{status} {code}: {error:?}"
            );
        }
        for (status, code) in [
            (403, "AccessDenied"),
            (403, "NobodyKnowsThis"),
            (403, ""),
            (404, "NoSuchBucket"),
            (301, "PermanentRedirect"),
            (307, ""),
            (400, "AuthorizationHeaderMalformed"),
            (403, "RequestTimeTooSkewed"),
        ] {
            let error = ImageStoreError::from(of(status, code));
            assert!(
                matches!(error, ImageStoreError::Misconfigured { .. }),
                "{status} {code}: {error:?}"
            );
        }
        for (status, code) in [(503, "SlowDown"), (429, ""), (503, "TooManyRequests")] {
            let failure = of(status, code);
            assert_eq!(failure.retry(), Retry::Soon);
            let error = ImageStoreError::from(failure);
            assert!(matches!(error, ImageStoreError::RateLimited { .. }));
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for (status, code) in [
            (500, "InternalError"),
            (503, "ServiceUnavailable"),
            (502, ""),
            (200, "InternalError"),
            (400, "RequestTimeout"),
            (409, "ConditionalRequestConflict"),
        ] {
            assert_eq!(of(status, code).retry(), Retry::Soon, "{status} {code}");
        }
        for (status, code) in [
            (400, "InvalidRequest"),
            (403, "AccessDenied"),
            (404, "NoSuchKey"),
            (412, "PreconditionFailed"),
            (501, "NotImplemented"),
        ] {
            assert_eq!(of(status, code).retry(), Retry::Never, "{status} {code}");
        }
    }

    #[test]
    fn only_a_missing_object_is_absent() {
        assert!(of(404, "NoSuchKey").is_absence() && of(404, "").is_absence());
        assert!(!of(404, "NoSuchBucket").is_absence() && !of(403, "").is_absence());
    }
}
