//! Conversions of the errors of a tenant's storage.

use super::ApiError;
use crate::{
    app::{
        http::problem::ProblemKind, tenancy::storage_call::StorageCallError,
        usecases::random_image::RandomImageError,
    },
    ports::ImageStoreError,
};

const DEAD_CREDENTIAL: &str = "The tenant's storage does not accept the credential that it was \
                               given. Another is fetched for the next request.";

impl From<ImageStoreError> for ApiError {
    fn from(error: ImageStoreError) -> Self {
        Self::of_storage(&error).caused_by(error)
    }
}

impl ApiError {
    /// The problem of an admin's request, who may see the tenant's config.
    pub(super) fn of_admins_storage(error: ImageStoreError) -> Self {
        let answer = match &error {
            ImageStoreError::Misconfigured { detail, .. } => {
                Self::new(ProblemKind::UpstreamFailed, detail.clone())
            }
            other => Self::of_storage(other),
        };
        answer.caused_by(error)
    }
}

impl ApiError {
    /// The problem of a failed listing, in an admin's request.
    pub(super) fn of_admins_listing(error: StorageCallError) -> Self {
        match &error {
            StorageCallError::Storage(storage) => match &**storage {
                ImageStoreError::Misconfigured { detail, .. } => {
                    Self::new(ProblemKind::UpstreamFailed, detail.clone()).caused_by(error)
                }
                _ => Self::of_listing(error),
            },
            _ => Self::of_listing(error),
        }
    }
}

impl From<StorageCallError> for ApiError {
    fn from(error: StorageCallError) -> Self {
        let answer = match &error {
            StorageCallError::Storage(storage) => Self::of_storage(storage),
            StorageCallError::TimedOut => Self::new(
                ProblemKind::UpstreamTimeout,
                "The tenant's storage did not answer in time.",
            ),
            StorageCallError::Exhausted(_) => Self::new(
                ProblemKind::Overloaded,
                "Too many images are being worked on.",
            ),
            StorageCallError::Aborted => Self::internal(),
        };
        answer.caused_by(error)
    }
}

impl From<RandomImageError> for ApiError {
    fn from(error: RandomImageError) -> Self {
        match error {
            RandomImageError::NoImage => {
                Self::new(ProblemKind::ImageNotFound, "The tenant has no image.")
            }
            RandomImageError::Listing(error) => Self::of_listing(error),
            RandomImageError::Storage(error) => error.into(),
        }
    }
}

impl ApiError {
    /// The problem of a failed listing.
    pub(in crate::app::http) fn of_listing(error: StorageCallError) -> Self {
        let answer = match &error {
            StorageCallError::Storage(storage) => match &**storage {
                // A listing names no image, so the folder is missing.
                ImageStoreError::NotFound
                | ImageStoreError::Restricted { .. }
                | ImageStoreError::Unreadable { .. } => Self::new(
                    ProblemKind::UpstreamFailed,
                    "The tenant's storage has no folder where the images should be.",
                ),
                other => Self::of_storage(other),
            },
            StorageCallError::TimedOut => Self::new(
                ProblemKind::UpstreamTimeout,
                "The tenant's storage did not list the images in time.",
            ),
            StorageCallError::Exhausted(_) => Self::new(
                ProblemKind::Overloaded,
                "Too many images are being worked on.",
            ),
            StorageCallError::Aborted => Self::internal(),
        };
        answer.caused_by(error)
    }

    /// The problem of any caller's request.
    pub(super) fn of_storage(error: &ImageStoreError) -> Self {
        match error {
            ImageStoreError::NotFound => {
                Self::new(ProblemKind::ImageNotFound, "There is no such image.")
            }
            ImageStoreError::TooLarge => Self::new(
                ProblemKind::PayloadTooLarge,
                "The image has more than 50 MB.",
            ),
            ImageStoreError::NoThumbnail => Self::new(
                ProblemKind::UnusableImage,
                "The tenant's storage can make no thumbnail of this image.",
            ),
            ImageStoreError::Restricted { detail } | ImageStoreError::Unreadable { detail, .. } => {
                Self::new(
                    ProblemKind::UnusableImage,
                    format!("The tenant's storage does not hand out this file: {detail}."),
                )
            }
            // Viewers may see the problem; admins get the detail.
            ImageStoreError::Misconfigured { problem, .. } => Self::new(
                ProblemKind::UpstreamFailed,
                format!("The tenant's storage cannot be used as it is set up: {problem}."),
            ),
            ImageStoreError::NameTaken => {
                Self::new(ProblemKind::Conflict, "There is another file of this name.")
            }
            ImageStoreError::Undecided(_) => Self::new(
                ProblemKind::FeatureUnavailable,
                "The tenant's storage does not say whether the name is taken, so nothing was written.",
            ),
            // Use cases turn this into a warning: no request ends with it.
            ImageStoreError::SidecarChanged => Self::new(
                ProblemKind::UpstreamFailed,
                "The image's sidecar was changed meanwhile.",
            ),
            ImageStoreError::Unauthorized { setting: None, .. } => {
                Self::new(ProblemKind::TenantUnavailable, DEAD_CREDENTIAL)
            }
            ImageStoreError::Unauthorized {
                setting: Some(setting),
                ..
            } => Self::new(
                ProblemKind::TenantUnavailable,
                format!(
                    "The storage does not accept the credential: it was revoked, or the account is \
                     suspended. Set a new {setting}, and restart the service."
                ),
            ),
            ImageStoreError::RateLimited { retry_after } => Self::new(
                ProblemKind::UpstreamLimited,
                "The tenant's storage is limiting requests.",
            )
            .retry_after(*retry_after),
            ImageStoreError::Timeout(_) => Self::new(
                ProblemKind::UpstreamTimeout,
                "The tenant's storage did not answer in time.",
            ),
            ImageStoreError::Unavailable(_) => {
                Self::new(ProblemKind::UpstreamFailed, "The tenant's storage failed.")
            }
        }
    }
}
