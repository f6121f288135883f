//! Why a job is as it is, for people.

use super::{entity::Job, reason::JobReason, results::not_sent};
use crate::domain::publication::Outcome;

impl Job {
    /// Why the last attempt did not succeed, or why there will be none, in sentences for the tenant's admins. `None` if there
    /// is nothing to explain. Holds no secret.
    #[must_use]
    pub fn explanation(&self) -> Option<String> {
        let reason = self.reason?;
        if let Some(error) = self.error.as_deref().filter(|text| !text.is_empty()) {
            return Some(sentence(error));
        }
        if reason == JobReason::PlatformsFailed {
            return Some(self.failures_on_platforms());
        }
        Some(text_of(reason).to_owned())
    }

    /// The platforms that have not taken the image, each with the reason.
    fn failures_on_platforms(&self) -> String {
        let failures = self.results.iter().filter_map(|result| {
            not_sent(result)?;
            let (Outcome::Failed(failure) | Outcome::Skipped(failure)) = &result.outcome else {
                return None;
            };
            Some(sentence(&format!("{}: {}", result.platform, failure.text)))
        });
        let failures: Vec<_> = failures.collect();
        if failures.is_empty() {
            return text_of(JobReason::PlatformsFailed).to_owned();
        }
        failures.join(" ")
    }
}

/// The text with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    let stop = if text.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{}{}{stop}", first.unwrap_or_default(), chars.as_str())
}

const fn text_of(reason: JobReason) -> &'static str {
    match reason {
        JobReason::StorageUnavailable => "Storage does not answer at the moment.",
        JobReason::AiUnavailable => "The model that writes captions does not answer at the moment.",
        JobReason::RateLimited => "Too many requests: a limit has to be waited for.",
        JobReason::TenantUnavailable => {
            "The tenant's configuration, or one of its credentials, is not available at the moment."
        }
        JobReason::LedgerUnavailable => "The ledger is not available at the moment.",
        JobReason::Busy => {
            "Another request works on the image, or too many publications are under way."
        }
        JobReason::ImageReplaced => "The image was replaced while it was being fetched.",
        JobReason::Interrupted => {
            "The attempt ended without a report. What was sent is in the results."
        }
        JobReason::PublishingOff => "Publishing is off for this tenant.",
        JobReason::NoPlatform => "No platform of the job is on for this tenant.",
        JobReason::CaptionsUnusable => {
            "The captions do not go with the platforms, or nothing is left of one."
        }
        JobReason::NoCaption => "No caption could be written, and an empty one is not allowed.",
        JobReason::NothingToPublish => "There was no image left that was not published.",
        JobReason::ImageMissing => "The image is not there any more.",
        JobReason::ImageUnsuitable => "The file cannot be published as an image.",
        JobReason::StorageRefused => "Storage refused the tenant's credential.",
        JobReason::OutOfCredit => "The tenant is out of credit.",
        JobReason::PlatformsFailed => "Platforms have not taken the image.",
        JobReason::DryRun => {
            "Nothing was sent: the tenant's configuration is for trying things out (`content.debug`)."
        }
        JobReason::TooLate => "It had not begun in time, or was not approved in time.",
        JobReason::Superseded => "A later posting time had come before this one could begin.",
        JobReason::ByRequest => "Somebody cancelled it.",
        JobReason::ScheduleChanged => "The posting times were changed.",
        JobReason::TenantGone => "The tenant is gone.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_a_sentence() {
        for reason in JobReason::ALL {
            let text = text_of(reason);
            assert_eq!(sentence(text), text, "{reason:?}");
        }
        assert_eq!(sentence("publishing is off"), "Publishing is off.");
    }
}
