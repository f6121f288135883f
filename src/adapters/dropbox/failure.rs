//! What can go wrong with a call to Dropbox, and what follows from it.

use std::{fmt, sync::Arc, time::Duration};

use super::refusals;
use crate::{
    adapters::upstream::{self, AttemptError, Retry},
    ports::{Cause, ImageStoreError},
};

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
    #[error("the access token was not accepted ({0})")]
    Unauthorized(Tags),
    /// The app, or the connection of the account to it, lacks a permission.
    #[error("the app lacks the permission {0}")]
    MissingScope(Scope),
    /// The refresh token was not accepted.
    #[error("the refresh token is revoked or was never good")]
    DeadCredential,
    /// No access token was to be had, for this reason, found by whoever asked for it.
    #[error("there is no access token")]
    NoToken(#[source] Arc<Failure>),
    /// Any other status that is no success, such as 409.
    #[error("answered with status {status} ({tags})")]
    Refused { status: u16, tags: Tags },
    /// An answer that cannot be what it should be; this says in which way.
    #[error("sent {0}")]
    Malformed(&'static str),
    /// We could not do our own part; this says which.
    #[error("failed on our side: {0}")]
    Internal(&'static str),
    /// A file larger than the caller takes.
    #[error("the file is too large")]
    TooLarge,
    /// The tenant's root folder is not there.
    #[error("the root folder does not exist")]
    NoRoot,
    /// There is a file where the tenant's root folder should be, or Dropbox does not open the folder.
    #[error("the root folder cannot be listed ({0})")]
    RootRefused(Tags),
    /// The tenant's root folder holds more than is listed.
    #[error("the root folder holds more than this service lists")]
    FolderTooLarge,
}

impl Failure {
    /// Sorts a transport error by what the caller must know of it.
    pub(super) fn transport(error: reqwest::Error) -> Self {
        let unsent = upstream::failed_before_sending(&error);
        let timeout = error.is_timeout();
        let cause = upstream::cause(error);
        match (unsent, timeout) {
            (true, _) => Self::Unsent(cause),
            (false, true) => Self::Timeout(cause),
            (false, false) => Self::Broken(cause),
        }
    }

    /// May the call have had its effect all the same? A 5xx counts, because it does not say how
    /// far Dropbox had got.
    pub(super) fn may_have_happened(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Broken(_) | Self::Failing { .. } | Self::Malformed(_) => true,
            Self::Refused { tags, .. } => tags.end_with("internal_error"),
            _ => false,
        }
    }

    /// Would a new access token help?
    pub(super) fn is_stale_token(&self) -> bool {
        matches!(self, Self::Unauthorized(tags)
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

impl AttemptError for Failure {
    /// As if every call were a read: what writes, looks before it repeats.
    fn retry(&self) -> Retry {
        match self {
            Self::RateLimited { retry_after } | Self::Failing { retry_after, .. } => {
                retry_after.map_or(Retry::Soon, Retry::After)
            }
            Self::Unsent(_) | Self::Timeout(_) | Self::Broken(_) => Retry::Soon,
            // "Please retry this request", says Dropbox of this one.
            Self::Refused { tags, .. }
                if tags.end_with("too_many_write_operations")
                    || tags.end_with("internal_error") =>
            {
                Retry::Soon
            }
            // `NoToken` had its own attempts.
            Self::Unauthorized(_)
            | Self::MissingScope(_)
            | Self::DeadCredential
            | Self::NoToken(_)
            | Self::Refused { .. }
            | Self::Malformed(_)
            | Self::Internal(_)
            | Self::TooLarge
            | Self::NoRoot
            | Self::RootRefused(_)
            | Self::FolderTooLarge => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::RateLimited { .. } => Some(429),
            Self::Failing { status, .. } | Self::Refused { status, .. } => Some(*status),
            Self::Unauthorized(_) | Self::MissingScope(_) => Some(401),
            Self::DeadCredential => Some(400),
            Self::NoToken(failure) => failure.http_status(),
            Self::Malformed(_) | Self::TooLarge | Self::FolderTooLarge => Some(200),
            Self::NoRoot | Self::RootRefused(_) => Some(409),
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
            Failure::Unauthorized(_) | Failure::DeadCredential => {
                Self::Unauthorized(failure.into())
            }
            Failure::MissingScope(scope) => refusals::missing_scope(scope),
            Failure::NoRoot => refusals::no_root(None),
            Failure::RootRefused(_) => refusals::root_refused(None),
            Failure::FolderTooLarge => refusals::folder_too_large(None),
            Failure::Refused { tags, .. } => {
                refusals::of(tags).unwrap_or_else(|| Self::Unavailable(failure.into()))
            }
            Failure::Unsent(_)
            | Failure::Broken(_)
            | Failure::Failing { .. }
            | Failure::NoToken(_)
            | Failure::Malformed(_)
            | Failure::Internal(_) => Self::Unavailable(failure.into()),
        }
    }
}

/// Dropbox's words for an error, from general to special: `path/not_found`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tags(String);

impl Tags {
    /// More than any real tag path has, in bytes.
    const MAX_LEN: usize = 120;

    /// Reads an `error_summary`. Anything but tags (it is foreign text on its way to the log) is
    /// left out as a whole.
    pub(super) fn new(summary: &str) -> Self {
        let sound = summary.len() <= Self::MAX_LEN
            && summary
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'/' | b'.'));
        // The end is a number of dots, which Dropbox varies on purpose.
        let tags = summary.trim_end_matches(['/', '.']);
        Self(if sound {
            tags.to_owned()
        } else {
            String::new()
        })
    }

    /// The tags one by one, from general to special.
    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|tag| !tag.is_empty())
    }

    pub(super) fn begin_with(&self, beginning: &str) -> bool {
        self.0
            .strip_prefix(beginning)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn end_with(&self, tag: &str) -> bool {
        self.0.rsplit('/').next() == Some(tag)
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags = if self.0.is_empty() {
            "no tags"
        } else {
            &self.0
        };
        f.write_str(tags)
    }
}

/// The name of a permission, such as `files.content.read`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope(String);

impl Scope {
    /// Reads a name out of a foreign text; what cannot be one is left out as a whole.
    pub(super) fn new(name: &str) -> Self {
        let is_sound = (3..=60).contains(&name.len())
            && name
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'.'));
        Self(if is_sound {
            name.to_owned()
        } else {
            String::new()
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("that this call takes");
        }
        write!(f, "\"{}\"", self.0)
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
            error(Failure::DeadCredential),
            ImageStoreError::Unauthorized(_)
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
