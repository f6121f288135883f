//! What can go wrong with a call to Dropbox, and what follows from it.

use std::{io, sync::Arc, time::Duration};

use super::{refusals, tags::Tags};
use crate::{
    adapters::upstream::{self, AttemptError, Retry},
    ports::{Cause, ImageStoreError},
};

/// The settings that the URLs of Dropbox are from.
pub(super) const API_URL: &str = "DROPBOX_API_URL";
pub(super) const CONTENT_URL: &str = "DROPBOX_CONTENT_URL";

/// Why one attempt failed. Its text goes to the log: it holds no secret, no path, no URL, and of
/// the answer only the status and Dropbox's own tags.
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
    /// 429.
    #[error("our requests are being limited")]
    RateLimited { retry_after: Option<Duration> },
    /// 5xx.
    #[error("answered with status {status}")]
    Failing {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// 401: the access token was not accepted.
    #[error("the access token was not accepted ({tags}){}", remedy(*setting))]
    Unauthorized {
        tags: Tags,
        /// The setting that the refresh token comes from, if it is one.
        setting: Option<&'static str>,
    },
    /// The app, or the connection of the account to it, lacks a permission.
    #[error("the app lacks the permission {0}")]
    MissingScope(String),
    /// The refresh token was not accepted.
    #[error("the refresh token is revoked or was never good{}", remedy(*setting))]
    DeadCredential {
        /// The setting that it comes from, if it is one.
        setting: Option<&'static str>,
    },
    /// The app was not accepted: its key or its secret is wrong.
    #[error("the app is not accepted: DROPBOX_APP_KEY or DROPBOX_APP_SECRET is wrong")]
    BadApp { status: u16 },
    /// No access token was available. The reason is the one that the caller that asked for it
    /// found.
    #[error("there is no access token")]
    NoToken(#[source] Arc<Failure>),
    /// Any other status that is no success, such as 409.
    #[error("answered with status {status} ({tags})")]
    Refused { status: u16, tags: Tags },
    /// An answer that cannot be what it should be; this says in which way.
    #[error("sent {0}")]
    Malformed(&'static str),
    /// The content of a file ended before its length.
    #[error("a file ended too early")]
    Incomplete(#[source] Cause),
    /// The content of a file is not what the answer says of it; this says in which way.
    #[error("sent {0}")]
    Corrupt(&'static str),
    /// We could not do our own part; this says which.
    #[error("failed on our side: {0}")]
    Internal(&'static str),
    /// A file larger than the caller takes.
    #[error("the file is too large")]
    TooLarge,
}

impl Failure {
    /// Sorts a transport error by what the caller must know of it.
    /// `setting` names the one that the URL is from.
    pub(super) fn transport(error: &reqwest::Error, setting: &'static str) -> Self {
        let unsent = upstream::failed_before_sending(error);
        let timeout = error.is_timeout();
        let cause = upstream::cause(error, setting);
        match (unsent, timeout) {
            (true, _) => Self::Unsent(cause),
            (false, true) => Self::Timeout(cause),
            (false, false) => Self::Broken(cause),
        }
    }

    /// Sorts an error of the content of a file.
    pub(super) fn content(error: &reqwest::Error) -> Self {
        if ends_too_early(error) {
            return Self::Incomplete(upstream::cause(error, CONTENT_URL));
        }
        Self::transport(error, CONTENT_URL)
    }

    /// What follows from the failure of a call about one file. If the storage itself has not
    /// failed, the fault is in the file, and another file may be readable.
    pub(super) fn of_one_file(self) -> ImageStoreError {
        let detail = match &self {
            Self::Refused { tags, status } => match (refusals::of(tags), *status) {
                (Some(known), _) => return known,
                (None, 451) => return refusals::for_legal_reasons(),
                // A refusal that was worth another try is a failure of storage.
                (None, 409) if self.retry() != Retry::Never => return self.into(),
                (None, 400 | 404..=406 | 409..=420 | 422..=424) => {
                    "Dropbox refuses it without a reason"
                }
                (None, _) => return self.into(),
            },
            Self::Incomplete(_) => "its content ends too early each time",
            Self::Corrupt(_) => "its content is not what Dropbox says of it",
            _ => return self.into(),
        };
        ImageStoreError::Unreadable {
            detail,
            cause: self.into(),
        }
    }

    /// May the call have had its effect all the same? A 5xx counts, because it does not say how
    /// far Dropbox had got.
    pub(super) fn may_have_happened(&self) -> bool {
        match self {
            Self::Timeout(_)
            | Self::Broken(_)
            | Self::Failing { .. }
            | Self::Malformed(_)
            | Self::Incomplete(_)
            | Self::Corrupt(_) => true,
            Self::Refused { tags, .. } => tags.end_with("internal_error"),
            _ => false,
        }
    }

    /// Would a new access token help?
    pub(super) fn is_stale_token(&self) -> bool {
        matches!(self, Self::Unauthorized { tags, .. }
            if tags.begin_with("expired_access_token") || tags.begin_with("invalid_access_token"))
    }

    /// The tags of a refusal.
    pub(super) fn refusal(&self) -> Option<&Tags> {
        match self {
            Self::Refused { tags, .. } => Some(tags),
            _ => None,
        }
    }

    /// Did Dropbox refuse with tags that begin like this?
    pub(super) fn is_refusal(&self, beginning: &str) -> bool {
        matches!(self, Self::Refused { tags, .. } if tags.begin_with(beginning))
    }
}

/// What to do about a dead credential, where this service's settings hold it.
fn remedy(setting: Option<&str>) -> String {
    setting.map_or_else(String::new, |name| format!("; set a new {name}"))
}

/// Did the connection end before the body did? One that breaks is no fault of what was sent.
fn ends_too_early(error: &reqwest::Error) -> bool {
    let first = error as &dyn std::error::Error;
    let mut causes = std::iter::successors(Some(first), |error| error.source());
    causes.any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
    })
}

impl AttemptError for Failure {
    /// As if every call were a read: what writes, looks before it repeats.
    fn retry(&self) -> Retry {
        match self {
            Self::RateLimited { retry_after } | Self::Failing { retry_after, .. } => {
                retry_after.map_or(Retry::Soon, Retry::After)
            }
            Self::Unsent(_) | Self::Timeout(_) | Self::Broken(_) | Self::Incomplete(_) => {
                Retry::Soon
            }
            // "Please retry this request", says Dropbox of this one.
            Self::Refused { tags, .. }
                if tags.end_with("too_many_write_operations")
                    || tags.end_with("internal_error") =>
            {
                Retry::Soon
            }
            // `NoToken` had its own attempts.
            Self::Unauthorized { .. }
            | Self::MissingScope(_)
            | Self::DeadCredential { .. }
            | Self::BadApp { .. }
            | Self::NoToken(_)
            | Self::Refused { .. }
            | Self::Malformed(_)
            | Self::Corrupt(_)
            | Self::Internal(_)
            | Self::TooLarge => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::RateLimited { .. } => Some(429),
            Self::Failing { status, .. }
            | Self::Refused { status, .. }
            | Self::BadApp { status } => Some(*status),
            Self::Unauthorized { .. } | Self::MissingScope(_) => Some(401),
            Self::DeadCredential { .. } => Some(400),
            Self::NoToken(failure) => failure.http_status(),
            Self::Malformed(_) | Self::Incomplete(_) | Self::Corrupt(_) | Self::TooLarge => {
                Some(200)
            }
            Self::Unsent(_) | Self::Timeout(_) | Self::Broken(_) | Self::Internal(_) => None,
        }
    }
}

impl From<Failure> for ImageStoreError {
    fn from(failure: Failure) -> Self {
        let reason = match &failure {
            Failure::NoToken(reason) => reason,
            own => own,
        };
        match reason {
            Failure::RateLimited { retry_after } => Self::RateLimited {
                retry_after: *retry_after,
            },
            Failure::TooLarge => Self::TooLarge,
            Failure::Timeout(_) => Self::Timeout(failure.into()),
            Failure::Unauthorized { setting, .. } | Failure::DeadCredential { setting } => {
                Self::Unauthorized {
                    setting: *setting,
                    cause: failure.into(),
                }
            }
            Failure::BadApp { .. } => refusals::bad_app(),
            Failure::MissingScope(scope) => refusals::missing_scope(scope),
            Failure::Refused { tags, .. } => {
                refusals::of(tags).unwrap_or_else(|| Self::Unavailable(failure.into()))
            }
            Failure::Unsent(_)
            | Failure::Broken(_)
            | Failure::Failing { .. }
            | Failure::NoToken(_)
            | Failure::Malformed(_)
            | Failure::Incomplete(_)
            | Failure::Corrupt(_)
            | Failure::Internal(_) => Self::Unavailable(failure.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_as_wholes() {
        let tags = Tags::new("path/not_found/...");
        assert!(tags.begin_with("path/not_found") && tags.begin_with("path"));
        assert!(!tags.begin_with("path/not") && !tags.begin_with("path/not_found/x"));
        assert!(tags.end_with("not_found") && !tags.end_with("found"));
        assert_eq!(tags.to_string(), "path/not_found");
    }

    #[test]
    fn what_is_no_tag_path_never_reaches_the_log() {
        for summary in [
            "Bearer sl.x",
            "path/\n",
            "/Photos/a.jpg",
            "é",
            &"a".repeat(121),
        ] {
            assert_eq!(Tags::new(summary).to_string(), "no tags", "{summary:?}");
        }
    }

    #[test]
    fn only_failures_after_sending_leave_a_doubt() {
        let cause = || Cause::from("test");
        assert!(Failure::Timeout(cause()).may_have_happened());
        assert!(Failure::Broken(cause()).may_have_happened());
        assert!(!Failure::Unsent(cause()).may_have_happened());
        assert!(!Failure::RateLimited { retry_after: None }.may_have_happened());
    }

    #[test]
    fn a_token_that_cannot_be_had_is_the_failure_that_it_is() {
        let error = |failure| ImageStoreError::from(Failure::NoToken(Arc::new(failure)));
        assert!(matches!(
            error(Failure::DeadCredential { setting: None }),
            ImageStoreError::Unauthorized { setting: None, .. }
        ));
        assert!(matches!(
            error(Failure::RateLimited { retry_after: None }),
            ImageStoreError::RateLimited { retry_after: None }
        ));
        assert!(matches!(
            error(Failure::Malformed("nonsense")),
            ImageStoreError::Unavailable(_)
        ));
    }

    #[test]
    fn a_crowded_dropbox_is_tried_again() {
        let tags = Tags::new("path/too_many_write_operations/..");
        let failure = Failure::Refused { status: 409, tags };
        assert_eq!(failure.retry(), Retry::Soon);
    }
}
