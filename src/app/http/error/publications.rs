//! Conversion of the errors of checking a publication.

use super::{
    ApiError,
    usecases::{BUSY, OUT_OF_CREDIT},
};
use crate::{
    app::{
        http::problem::ProblemKind, tenancy::credentials::CredentialUnavailable,
        usecases::check_publication::CheckPublicationError,
    },
    ports::PublishError,
};

impl From<CheckPublicationError> for ApiError {
    fn from(error: CheckPublicationError) -> Self {
        match error {
            CheckPublicationError::NotFound => Self::no_publication(),
            CheckPublicationError::InProgress => Self::new(ProblemKind::Conflict, BUSY),
            CheckPublicationError::CannotBeAsked(why) => Self::new(ProblemKind::CannotBeAsked, why),
            CheckPublicationError::NoCredential(CredentialUnavailable::OutOfCredit) => Self::new(
                ProblemKind::InsufficientBalance,
                format!("{OUT_OF_CREDIT} Nothing was sent."),
            ),
            CheckPublicationError::NoCredential(error) => Self::new(
                ProblemKind::FeatureUnavailable,
                "The platform's credential is not available at the moment.",
            )
            .retry_after(error.retry_after()),
            // The use case has logged the cause.
            CheckPublicationError::Platform(error) => {
                let retry_after = match error {
                    PublishError::RateLimited { retry_after } => retry_after,
                    _ => None,
                };
                let kind = match error {
                    PublishError::RateLimited { .. } => ProblemKind::UpstreamLimited,
                    PublishError::Rejected(_)
                    | PublishError::ImageUnsuitable(_)
                    | PublishError::Unauthorized { .. }
                    | PublishError::Unavailable { .. }
                    | PublishError::Unknown(_) => ProblemKind::UpstreamFailed,
                };
                let detail = format!(
                    "The platform did not say whether it has the post: {}.",
                    error.sentence()
                );
                Self::new(kind, detail).retry_after(retry_after)
            }
            CheckPublicationError::Ledger(error) => Self::from_ledger(error, "Nothing was sent."),
            CheckPublicationError::Aborted(error) => Self::new(
                ProblemKind::Internal,
                "The check ended unexpectedly. Nothing was sent.",
            )
            .caused_by(error),
        }
    }
}
