//! Why publications end before a platform is called, as a metric: what is never sent has no outcome.

use super::error::PublishImageError;
use crate::{app::usecases::captioning::CaptionsUnavailable, ports::ImageStoreError};

/// What a publication was refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The ledger cannot be read or written.
    Ledger,
    /// The tenant's storage does not serve.
    Storage,
    /// The tenant's config or credentials cannot be had.
    Tenant,
    /// No caption can be had.
    Captions,
    /// The image cannot be published, or read.
    Image,
    /// There is no room at the moment.
    Busy,
    /// Another request is working on the same image, or under the same key: to ask again is how a caller
    /// waits for its outcome.
    Conflict,
}

impl Refusal {
    const ALL: [Self; 7] = [
        Self::Ledger,
        Self::Storage,
        Self::Tenant,
        Self::Captions,
        Self::Image,
        Self::Busy,
        Self::Conflict,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Storage => "storage",
            Self::Tenant => "tenant",
            Self::Captions => "captions",
            Self::Image => "image",
            Self::Busy => "busy",
            Self::Conflict => "conflict",
        }
    }

    /// Shows all reasons from the start, at 0.
    pub fn register() {
        for refusal in Self::ALL {
            refusal.add(0);
        }
    }

    /// Counts one more.
    pub fn count(self) {
        self.add(1);
    }

    fn add(self, number: u64) {
        metrics::counter!("publisher_publish_refusals_total", "reason" => self.as_str())
            .increment(number);
    }

    /// What an error means here. `None` for what the caller asked for and cannot have, such as a name that no
    /// image has, and where something may have been sent.
    pub(in crate::app::usecases) fn of(error: &PublishImageError) -> Option<Self> {
        Some(match error {
            PublishImageError::Plan(_)
            | PublishImageError::Storage(ImageStoreError::NotFound)
            | PublishImageError::Aborted(_) => return None,
            PublishImageError::TooMany | PublishImageError::Exhausted(_) => Self::Busy,
            PublishImageError::InProgress | PublishImageError::Replaced => Self::Conflict,
            PublishImageError::NoPlatformAvailable { .. } => Self::Tenant,
            PublishImageError::Storage(error) if error.is_about_the_image() => Self::Image,
            PublishImageError::Storage(_) => Self::Storage,
            PublishImageError::Image(_)
            | PublishImageError::Captions(CaptionsUnavailable::Image(_)) => Self::Image,
            PublishImageError::Captions(_) => Self::Captions,
            PublishImageError::Ledger(_) => Self::Ledger,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::usecases::background_tasks::TaskAborted,
        domain::publication::PlanError,
        ports::{CaptionError, LedgerError},
    };

    #[test]
    fn refusals_are_told_apart_and_what_the_caller_asked_wrongly_is_none() {
        type Error = PublishImageError;
        for (error, expected) in [
            (Error::Plan(PlanError::NoPlatform), None),
            (Error::Storage(ImageStoreError::NotFound), None),
            (Error::Aborted(TaskAborted), None),
            (Error::TooMany, Some("busy")),
            (Error::InProgress, Some("conflict")),
            (Error::Replaced, Some("conflict")),
            (
                Error::NoPlatformAvailable { retry_after: None },
                Some("tenant"),
            ),
            (Error::Storage(ImageStoreError::TooLarge), Some("image")),
            (
                Error::Storage(ImageStoreError::Unavailable("503".into())),
                Some("storage"),
            ),
            (
                Error::Captions(CaptionsUnavailable::Writer(CaptionError::QuotaExhausted)),
                Some("captions"),
            ),
            (
                Error::Ledger(LedgerError::Unavailable("full".into())),
                Some("ledger"),
            ),
        ] {
            let refusal = Refusal::of(&error).map(Refusal::as_str);
            assert_eq!(refusal, expected, "{error:?}");
        }
    }
}
