//! What the result on a platform means for its job.

use std::time::Duration;

use crate::domain::publication::{FailureReason, Outcome, PlatformResult};

/// Why a platform certainly does not have the image; `None` if it has it, may have it, or was not meant to get it.
pub(super) fn not_sent(result: &PlatformResult) -> Option<FailureReason> {
    match &result.outcome {
        Outcome::Failed(failure) | Outcome::Skipped(failure) => {
            Some(failure.reason).filter(|it| *it != FailureReason::DryRun)
        }
        Outcome::Published(_) | Outcome::AlreadyPublished(_) | Outcome::Unknown(_) => None,
    }
}

/// Whether nothing was sent because the tenant's config is for trying things out.
pub(super) fn is_dry_run(result: &PlatformResult) -> bool {
    matches!(&result.outcome, Outcome::Skipped(failure) if failure.reason == FailureReason::DryRun)
}

/// Whether a later attempt may succeed by itself.
pub(super) fn is_transient(result: &PlatformResult) -> bool {
    match not_sent(result) {
        Some(FailureReason::RateLimited | FailureReason::Unavailable) => true,
        Some(
            FailureReason::Rejected
            | FailureReason::Unauthorized
            | FailureReason::ImageUnsuitable
            | FailureReason::LostAnswer
            | FailureReason::Off
            | FailureReason::DryRun,
        )
        | None => false,
    }
}

/// The wait before the next attempt, if the platform named one.
pub(super) fn retry_after(result: &PlatformResult) -> Option<Duration> {
    match &result.outcome {
        Outcome::Failed(failure) | Outcome::Skipped(failure) => failure.retry_after,
        Outcome::Published(_) | Outcome::AlreadyPublished(_) | Outcome::Unknown(_) => None,
    }
}
