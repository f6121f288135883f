//! Conversions of the errors of use cases: one exhaustive match for each type.

use std::borrow::Cow;

use super::ApiError;
use crate::{
    app::{
        http::{dto::problem::FieldError, problem::ProblemKind},
        tenancy::{
            access::ClientUnavailable, credentials::CredentialUnavailable,
            resolve_error::ResolveTenantError,
        },
        usecases::{
            analyze::AnalyzeImageError, curate::CurateImageError, publish::PublishImageError,
            publish_once::PublishOnceError, steps::captioning::CaptionsUnavailable,
            voice_profile::StoreVoiceProfileError,
        },
    },
    domain::{curation::Curation, publication::PlanError},
    ports::{CaptionError, ImageProcessingError, LedgerError},
};

pub(super) const BUSY: &str = "Another request is working on this image.";
pub(super) const OUT_OF_CREDIT: &str = "The tenant is out of credit.";

impl From<ResolveTenantError> for ApiError {
    fn from(error: ResolveTenantError) -> Self {
        // The use case has logged the cause, once for all requests that waited for it.
        match error {
            ResolveTenantError::Unknown => {
                Self::new(ProblemKind::TenantNotFound, "No tenant is served here.")
            }
            ResolveTenantError::Unavailable { retry_after } => Self::new(
                ProblemKind::TenantUnavailable,
                "The tenant cannot be served at the moment.",
            )
            .retry_after(retry_after),
        }
    }
}

impl From<PublishImageError> for ApiError {
    fn from(error: PublishImageError) -> Self {
        match error {
            PublishImageError::Plan(error) => error.into(),
            PublishImageError::TooMany => Self::new(
                ProblemKind::RateLimited,
                "As many images of this tenant are being published as may be at a time.",
            ),
            PublishImageError::Exhausted(_) => Self::new(
                ProblemKind::Overloaded,
                "Too many images are being worked on. Nothing was sent.",
            ),
            PublishImageError::NoPlatformAvailable { retry_after } => Self::new(
                ProblemKind::FeatureUnavailable,
                "No platform's credential is available at the moment. Nothing was sent.",
            )
            .retry_after(retry_after),
            PublishImageError::OutOfCredit => Self::new(
                ProblemKind::InsufficientBalance,
                format!("{OUT_OF_CREDIT} Nothing was sent."),
            ),
            PublishImageError::InProgress => Self::new(ProblemKind::Conflict, BUSY),
            PublishImageError::Replaced(_) => Self::new(
                ProblemKind::Conflict,
                "The image was replaced while it was being fetched. Nothing was sent.",
            ),
            PublishImageError::Listing(error) => Self::of_admins_listing(error),
            PublishImageError::Storage(error) => Self::of_admins_storage(error),
            PublishImageError::Image(error) => error.into(),
            PublishImageError::Captions(error) => {
                let consequence = "Give a caption, or allow an empty one. Nothing was sent.";
                Self::from_captions(&error, ProblemKind::CaptionRequired, consequence)
            }
            PublishImageError::NothingLeft(platform) => Self::new(
                ProblemKind::CaptionRequired,
                format!(
                    "Nothing is left of the caption for {platform}: hashtags alone, or more than it takes in one \
                     piece. Give another one, or allow an empty one. Nothing was sent."
                ),
            ),
            PublishImageError::Ledger(error) => Self::from_ledger(error, "Nothing was sent."),
            PublishImageError::Aborted(_) => Self::new(
                ProblemKind::Internal,
                "The publication ended unexpectedly. Look at the platforms before trying again.",
            )
            .caused_by(error),
        }
    }
}

impl From<PublishOnceError> for ApiError {
    fn from(error: PublishOnceError) -> Self {
        match error {
            PublishOnceError::Running => Self::new(
                ProblemKind::Conflict,
                "A request under this idempotency key is being carried out.",
            ),
            PublishOnceError::Mismatch => Self::new(
                ProblemKind::IdempotencyMismatch,
                "This idempotency key belongs to a request that asked for something else.",
            ),
            PublishOnceError::Publish(error) => error.into(),
        }
    }
}

impl From<CurateImageError> for ApiError {
    fn from(error: CurateImageError) -> Self {
        match error {
            CurateImageError::Off(curation) => {
                let detail = match curation {
                    Curation::Keep => "Keeping images is off for this tenant.",
                    Curation::Remove => "Sorting images out is off for this tenant.",
                    Curation::Delete => "Deleting images is off for this tenant.",
                };
                Self::new(ProblemKind::FeatureDisabled, detail)
            }
            CurateImageError::InProgress => Self::new(ProblemKind::Conflict, BUSY),
            CurateImageError::Storage(error) => Self::of_admins_storage(error),
            CurateImageError::Ledger(error) => {
                Self::from_ledger(error, "Nothing was moved or deleted.")
            }
            CurateImageError::Aborted(error) => Self::new(
                ProblemKind::Internal,
                "This ended unexpectedly. Look where the image is before trying again.",
            )
            .caused_by(error),
        }
    }
}

impl From<AnalyzeImageError> for ApiError {
    fn from(error: AnalyzeImageError) -> Self {
        match error {
            AnalyzeImageError::Off
            | AnalyzeImageError::Captions(CaptionsUnavailable::NoWriter(ClientUnavailable::Off)) => {
                Self::new(
                    ProblemKind::FeatureDisabled,
                    "Analysis is off for this tenant.",
                )
            }
            AnalyzeImageError::TooMany => Self::new(
                ProblemKind::RateLimited,
                "As many images of this tenant are being published and analyzed as may be at a time.",
            ),
            AnalyzeImageError::InProgress => Self::new(ProblemKind::Conflict, BUSY),
            AnalyzeImageError::Exhausted(_) => Self::new(
                ProblemKind::Overloaded,
                "Too many images are being worked on.",
            ),
            AnalyzeImageError::Replaced(_) => Self::new(
                ProblemKind::Conflict,
                "The image was replaced while it was being fetched.",
            ),
            AnalyzeImageError::Storage(error) => Self::of_admins_storage(error),
            AnalyzeImageError::Image(error) => error.into(),
            AnalyzeImageError::Captions(error) => {
                let consequence = "The image was not analyzed.";
                Self::from_captions(&error, ProblemKind::UnusableImage, consequence)
            }
            AnalyzeImageError::Ledger(error) => {
                Self::from_ledger(error, "The image was not analyzed.")
            }
            AnalyzeImageError::Aborted(error) => {
                Self::new(ProblemKind::Internal, "The analysis ended unexpectedly.")
                    .caused_by(error)
            }
        }
    }
}

impl From<StoreVoiceProfileError> for ApiError {
    fn from(error: StoreVoiceProfileError) -> Self {
        match error {
            StoreVoiceProfileError::Ledger(error) => {
                Self::from_ledger(error, "The voice profile may not be stored.")
            }
            StoreVoiceProfileError::Aborted(error) => Self::new(
                ProblemKind::Internal,
                "This ended unexpectedly. Look which voice profile is stored before trying again.",
            )
            .caused_by(error),
        }
    }
}

impl ApiError {
    /// The problem of a failure of the ledger; `consequence` is the end of the detail.
    #[must_use]
    pub fn from_ledger(error: LedgerError, consequence: &str) -> Self {
        match error {
            LedgerError::LeaseLost => Self::new(ProblemKind::Conflict, BUSY),
            LedgerError::Unavailable(_) => Self::new(
                ProblemKind::LedgerUnavailable,
                format!("The publication ledger is unavailable. {consequence}"),
            )
            .caused_by(error),
        }
    }
}

impl From<PlanError> for ApiError {
    fn from(error: PlanError) -> Self {
        let detail = match error {
            PlanError::PublishingOff => "Publishing is off for this tenant.",
            PlanError::NoPlatform => "No platform is on for this tenant.",
            PlanError::PlatformOff(platform) => {
                let rule = format!("{platform} is not on for this tenant");
                return Self::bad_fields(vec![FieldError::new("platforms", rule)]);
            }
            PlanError::CaptionMissing(platform) => {
                let rule = "is required: `captions` must have every platform of the request; to leave \
                            this one out, name fewer in `platforms`";
                return Self::bad_fields(vec![FieldError::new(
                    format!("captions.{platform}"),
                    rule,
                )]);
            }
            PlanError::CaptionOfOther(platform) => {
                let rule = "is for a platform that the request does not publish to: leave it out, or, if the \
                            platform is on, name it in `platforms`";
                return Self::bad_fields(vec![FieldError::new(
                    format!("captions.{platform}"),
                    rule,
                )]);
            }
        };
        Self::new(ProblemKind::FeatureDisabled, detail)
    }
}

impl From<ImageProcessingError> for ApiError {
    fn from(error: ImageProcessingError) -> Self {
        let detail = format!("The image cannot be used: {error}.");
        Self::new(ProblemKind::UnusableImage, detail)
    }
}

impl ApiError {
    /// The problem of captions that are not available. `refused` is the kind for an image that the model refuses;
    /// `consequence` is the end of the detail.
    fn from_captions(error: &CaptionsUnavailable, refused: ProblemKind, consequence: &str) -> Self {
        // The use case has logged the cause, also for requests that continue without a caption.
        let retry_after = match error {
            CaptionsUnavailable::NoWriter(ClientUnavailable::Credential(
                CredentialUnavailable::ForNow { retry_after },
            ))
            | CaptionsUnavailable::Writer(CaptionError::RateLimited { retry_after }) => {
                *retry_after
            }
            _ => None,
        };
        let failed = ProblemKind::UpstreamFailed;
        let (kind, what): (_, Cow<'_, str>) = match error {
            CaptionsUnavailable::Image(error) => return (*error).into(),
            CaptionsUnavailable::NoWriter(ClientUnavailable::Off) => (
                ProblemKind::CaptionRequired,
                "Captions are not written for this tenant.".into(),
            ),
            CaptionsUnavailable::NoWriter(ClientUnavailable::Credential(
                CredentialUnavailable::OutOfCredit,
            )) => (ProblemKind::InsufficientBalance, OUT_OF_CREDIT.into()),
            CaptionsUnavailable::NoWriter(ClientUnavailable::Credential(
                CredentialUnavailable::Refused | CredentialUnavailable::ForNow { .. },
            )) => (
                ProblemKind::FeatureUnavailable,
                "The credential of the caption writer is not available at the moment.".into(),
            ),
            CaptionsUnavailable::Writer(error) => match error {
                CaptionError::ImageRefused { detail } => (refused, sentence(detail).into()),
                CaptionError::Misconfigured { detail } => (failed, sentence(detail).into()),
                CaptionError::RateLimited { .. } => (
                    ProblemKind::UpstreamLimited,
                    "The caption writer is limiting requests.".into(),
                ),
                CaptionError::Timeout(_) => (
                    ProblemKind::UpstreamTimeout,
                    "The caption writer did not answer in time.".into(),
                ),
                CaptionError::Unauthorized(_) => (
                    failed,
                    "The caption writer does not accept the tenant's API key: replace it by a valid one."
                        .into(),
                ),
                CaptionError::QuotaExhausted => (
                    failed,
                    "The account of the tenant's API key has no credit left at the caption writer: add \
                     credit there, or raise its spending limit."
                        .into(),
                ),
                CaptionError::Unusable(why) => (
                    failed,
                    format!("The model's answer could not be used: {why}. Another try may help.").into(),
                ),
                CaptionError::Unavailable(_) => (failed, "The caption writer failed.".into()),
            },
        };
        Self::new(kind, format!("{what} {consequence}")).retry_after(retry_after)
    }
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut rest = clause.chars();
    let first = rest.next().map(char::to_uppercase);
    let first: String = first.into_iter().flatten().collect();
    format!("{first}{}.", rest.as_str())
}
