//! The metric of publications that end before a platform is called, and so have no outcome.

use super::error::PublishImageError;
use crate::{
    app::usecases::steps::captioning::CaptionsUnavailable, domain::words::words,
    ports::ImageStoreError,
};

words! {
    /// Why a publication was refused, by its name in the metric.
    pub enum Refusal {
        /// The ledger cannot be read or written.
        Ledger = "ledger",
        /// The tenant's storage fails.
        Storage = "storage",
        /// The tenant's config or credentials are unavailable.
        Tenant = "tenant",
        /// No caption could be written.
        Captions = "captions",
        /// The image cannot be published, or read.
        Image = "image",
        /// A limit is reached at the moment.
        Busy = "busy",
        /// Another request is working on the same image, or under the same key. Callers repeat the request to wait for
        /// its outcome.
        Conflict = "conflict",
    }
}

impl Refusal {
    /// Registers all reasons at 0.
    pub fn register() {
        for refusal in Self::ALL {
            refusal.add(0);
        }
    }

    /// Counts one refusal.
    pub fn count(self) {
        self.add(1);
    }

    fn add(self, number: u64) {
        metrics::counter!("publisher_publish_refusals_total", "reason" => self.as_str())
            .increment(number);
    }

    /// The refusal that an error stands for; `None` for a mistake of the caller, such as a name that no image has, and
    /// where something may have been sent.
    pub(in crate::app::usecases) fn of(error: &PublishImageError) -> Option<Self> {
        Some(match error {
            PublishImageError::Plan(_)
            | PublishImageError::Storage(ImageStoreError::NotFound)
            | PublishImageError::Aborted(_) => return None,
            PublishImageError::TooMany | PublishImageError::Exhausted(_) => Self::Busy,
            PublishImageError::InProgress | PublishImageError::Replaced(_) => Self::Conflict,
            PublishImageError::NoPlatformAvailable { .. } | PublishImageError::OutOfCredit => {
                Self::Tenant
            }
            PublishImageError::Storage(error) if error.is_about_the_image() => Self::Image,
            PublishImageError::Listing(_) | PublishImageError::Storage(_) => Self::Storage,
            PublishImageError::Image(_)
            | PublishImageError::Captions(CaptionsUnavailable::Image(_)) => Self::Image,
            PublishImageError::Captions(_) | PublishImageError::NothingLeft(_) => Self::Captions,
            PublishImageError::Ledger(_) => Self::Ledger,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{runtime::background_tasks::TaskAborted, usecases::steps::loaded_image::Replaced},
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
            (Error::Replaced(Replaced), Some("conflict")),
            (
                Error::NoPlatformAvailable { retry_after: None },
                Some("tenant"),
            ),
            (Error::OutOfCredit, Some("tenant")),
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
