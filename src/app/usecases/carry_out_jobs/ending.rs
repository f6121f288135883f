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
        PublishImageError::Plan(error) => of_plan(*error),
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

fn of_plan(error: PlanError) -> JobReason {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::runtime::{background_tasks::TaskAborted, memory_budget::Exhausted},
        domain::{image::ImageName, platform::Platform},
        ports::LedgerError,
    };

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_is_final() {
        use JobReason as Is;

        let wait = Some(Duration::from_secs(7));
        let cases: [(PublishImageError, Is, bool); 18] = [
            (PlanError::PublishingOff.into(), Is::PublishingOff, false),
            (PlanError::NoPlatform.into(), Is::NoPlatform, false),
            (
                PlanError::CaptionMissing(Platform::Email).into(),
                Is::CaptionsUnusable,
                false,
            ),
            (
                PublishImageError::NoPlatformAvailable { retry_after: wait },
                Is::TenantUnavailable,
                true,
            ),
            (PublishImageError::OutOfCredit, Is::OutOfCredit, false),
            (
                PublishImageError::Listing(StorageCallError::TimedOut),
                Is::StorageUnavailable,
                true,
            ),
            (ImageStoreError::NotFound.into(), Is::ImageMissing, false),
            (ImageStoreError::TooLarge.into(), Is::ImageUnsuitable, false),
            (
                ImageStoreError::Timeout("slow".into()).into(),
                Is::StorageUnavailable,
                true,
            ),
            (
                ImageStoreError::RateLimited { retry_after: wait }.into(),
                Is::RateLimited,
                true,
            ),
            (
                ImageStoreError::Unauthorized {
                    setting: None,
                    cause: "no".into(),
                }
                .into(),
                Is::StorageRefused,
                false,
            ),
            (
                PublishImageError::Captions(CaptionError::Timeout("slow".into()).into()),
                Is::AiUnavailable,
                true,
            ),
            (
                PublishImageError::Captions(CaptionError::RateLimited { retry_after: wait }.into()),
                Is::RateLimited,
                true,
            ),
            (
                PublishImageError::Captions(CaptionError::QuotaExhausted.into()),
                Is::NoCaption,
                false,
            ),
            (
                PublishImageError::Captions(ClientUnavailable::Off.into()),
                Is::NoCaption,
                false,
            ),
            (
                PublishImageError::NothingLeft(Platform::Email),
                Is::CaptionsUnusable,
                false,
            ),
            (
                PublishImageError::Ledger(LedgerError::Unavailable("down".into())),
                Is::LedgerUnavailable,
                true,
            ),
            (TaskAborted.into(), Is::Interrupted, true),
        ];
        for (error, expected, is_transient) in cases {
            let told = error.to_string();
            let (reason, retry_after) = reason(&error);
            assert_eq!(reason, expected, "{told}");
            assert_eq!(reason.is_transient(), is_transient, "{told}");
            let names_a_wait = matches!(
                error,
                PublishImageError::NoPlatformAvailable { .. }
                    | PublishImageError::Storage(ImageStoreError::RateLimited { .. })
                    | PublishImageError::Captions(CaptionsUnavailable::Writer(
                        CaptionError::RateLimited { .. }
                    ))
            );
            assert_eq!(retry_after.is_some(), names_a_wait, "{told}");
        }
    }

    #[test]
    fn what_is_busy_is_no_attempt() {
        for error in [
            PublishImageError::TooMany,
            PublishImageError::Exhausted(Exhausted),
            PublishImageError::InProgress,
            PublishImageError::Listing(StorageCallError::Exhausted(Exhausted)),
        ] {
            assert_eq!(ending(Err(error)), AttemptEnd::Busy);
        }
    }

    #[test]
    fn a_report_is_the_end_with_its_results() {
        let report = PublicationReport {
            image: ImageName::new("a.jpg").ok(),
            results: Vec::new(),
            dry_run: false,
            archived: false,
            warnings: Vec::new(),
        };
        let end = AttemptEnd::Reported {
            image: report.image.clone(),
            results: Vec::new(),
        };
        assert_eq!(ending(Ok(report)), end);
    }

    #[test]
    fn what_is_set_up_wrongly_is_told_in_sentences_for_the_tenants_admins() {
        let error = ImageStoreError::Misconfigured {
            problem: "a folder is missing".into(),
            detail: "There is no folder `photos`. Make it.".to_owned(),
        };
        let AttemptEnd::Failed { error, .. } = ending(Err(error.into())) else {
            panic!("it failed");
        };
        assert_eq!(error, "There is no folder `photos`. Make it.");
    }
}
