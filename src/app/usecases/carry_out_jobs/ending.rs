//! What the result of a publication means for its job.

use std::time::Duration;

use crate::{
    app::{
        tenancy::{
            access::ClientUnavailable, credentials::CredentialUnavailable,
            storage_call::StorageCallError,
        },
        usecases::{publish::PublishImageError, steps::captioning::CaptionsUnavailable},
    },
    domain::{
        job::{AttemptEnd, JobReason},
        publication::{PlanError, PublicationReport},
    },
    ports::{CaptionError, ImageStoreError},
};

/// Why there is no report, and when an upstream wants to be asked again.
type Reason = (JobReason, Option<Duration>);

/// What an attempt came to.
pub(super) fn ending(published: Result<PublicationReport, PublishImageError>) -> AttemptEnd {
    let error = match published {
        Ok(report) => {
            return AttemptEnd::Reported {
                image: report.image,
                results: report.results,
            };
        }
        Err(
            PublishImageError::TooMany
            | PublishImageError::Exhausted(_)
            | PublishImageError::InProgress
            | PublishImageError::Listing(StorageCallError::Exhausted(_)),
        ) => return AttemptEnd::Busy,
        Err(error) => error,
    };
    let (reason, retry_after) = reason(&error);
    AttemptEnd::Failed {
        reason,
        error: text(&error),
        retry_after,
    }
}

fn reason(error: &PublishImageError) -> Reason {
    let reason = match error {
        PublishImageError::Plan(error) => of_plan(error),
        PublishImageError::TooMany
        | PublishImageError::Exhausted(_)
        | PublishImageError::InProgress => JobReason::Busy,
        PublishImageError::NoPlatformAvailable { retry_after } => {
            return (JobReason::TenantUnavailable, *retry_after);
        }
        PublishImageError::OutOfCredit => JobReason::OutOfCredit,
        PublishImageError::Replaced(_) => JobReason::ImageReplaced,
        PublishImageError::Listing(StorageCallError::Storage(error)) => return of_storage(error),
        PublishImageError::Listing(_) => JobReason::StorageUnavailable,
        PublishImageError::Storage(error) => return of_storage(error),
        PublishImageError::Image(_) => JobReason::ImageUnsuitable,
        PublishImageError::Captions(error) => return of_captions(error),
        PublishImageError::NothingLeft(_) => JobReason::CaptionsUnusable,
        PublishImageError::Ledger(_) => JobReason::LedgerUnavailable,
        PublishImageError::Aborted(_) => JobReason::Interrupted,
    };
    (reason, None)
}

fn of_plan(error: &PlanError) -> JobReason {
    match error {
        PlanError::PublishingOff => JobReason::PublishingOff,
        PlanError::NoPlatform | PlanError::PlatformOff(_) => JobReason::NoPlatform,
        PlanError::CaptionMissing(_) | PlanError::CaptionOfOther(_) => JobReason::CaptionsUnusable,
    }
}

fn of_storage(error: &ImageStoreError) -> Reason {
    let reason = match error {
        ImageStoreError::RateLimited { retry_after } => {
            return (JobReason::RateLimited, *retry_after);
        }
        ImageStoreError::NotFound => JobReason::ImageMissing,
        ImageStoreError::Unauthorized { .. } | ImageStoreError::Misconfigured { .. } => {
            JobReason::StorageRefused
        }
        error if error.is_about_the_image() => JobReason::ImageUnsuitable,
        _ => JobReason::StorageUnavailable,
    };
    (reason, None)
}

fn of_captions(error: &CaptionsUnavailable) -> Reason {
    let reason = match error {
        CaptionsUnavailable::NoWriter(ClientUnavailable::Credential(
            CredentialUnavailable::ForNow { retry_after },
        )) => return (JobReason::TenantUnavailable, *retry_after),
        CaptionsUnavailable::NoWriter(error) if error.is_out_of_credit() => JobReason::OutOfCredit,
        CaptionsUnavailable::Writer(CaptionError::RateLimited { retry_after }) => {
            return (JobReason::RateLimited, *retry_after);
        }
        CaptionsUnavailable::Writer(
            CaptionError::Timeout(_) | CaptionError::Unavailable(_) | CaptionError::Unusable(_),
        ) => JobReason::AiUnavailable,
        CaptionsUnavailable::NoWriter(_) | CaptionsUnavailable::Writer(_) => JobReason::NoCaption,
        CaptionsUnavailable::Image(_) => JobReason::ImageUnsuitable,
    };
    (reason, None)
}

/// Why, for the tenant's admins.
fn text(error: &PublishImageError) -> String {
    match error {
        PublishImageError::Storage(ImageStoreError::Misconfigured { detail, .. }) => detail.clone(),
        PublishImageError::Captions(error) => format!("no caption could be written: {error}"),
        error => error.to_string(),
    }
}
