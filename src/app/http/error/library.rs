//! Conversions of the errors of the library's use cases.

use super::{ApiError, usecases::BUSY};
use crate::{
    app::{
        http::{
            dto::{library::CURSOR_RULE, problem::FieldError},
            problem::ProblemKind,
        },
        usecases::{list_library::ListLibraryError, upload_image::UploadImageError},
    },
    domain::upload::MAX_SIDE,
    ports::ImageProcessingError,
};

impl From<ListLibraryError> for ApiError {
    fn from(error: ListLibraryError) -> Self {
        match error {
            ListLibraryError::Cursor => {
                Self::bad_fields(vec![FieldError::new("cursor", CURSOR_RULE)])
            }
            ListLibraryError::Listing(error) => Self::of_listing(error),
            ListLibraryError::Aborted(error) => Self::internal().caused_by(error),
        }
    }
}

impl From<UploadImageError> for ApiError {
    fn from(error: UploadImageError) -> Self {
        match error {
            UploadImageError::Image(error @ ImageProcessingError::TooMuchMemory { .. }) => {
                let detail = format!("There is not enough memory for it: {error}.");
                Self::new(ProblemKind::PayloadTooLarge, detail)
            }
            UploadImageError::Image(error) => Self::new(
                ProblemKind::UnsupportedMediaType,
                format!("The file is not taken: {error}."),
            ),
            UploadImageError::TooManyPixels { width, height } => Self::new(
                ProblemKind::UnsupportedMediaType,
                format!(
                    "The image has {width} × {height} pixels, and at most {MAX_SIDE} a side are taken."
                ),
            ),
            UploadImageError::Exhausted(error) => {
                let detail = "Too many images are being worked on. Nothing was stored.";
                Self::new(ProblemKind::Overloaded, detail).caused_by(error)
            }
            UploadImageError::Spool(error) => {
                let detail = "The upload was lost before it was stored.";
                Self::new(ProblemKind::Overloaded, detail).caused_by(error)
            }
            UploadImageError::InProgress => Self::new(ProblemKind::Conflict, BUSY),
            UploadImageError::Storage(error) => Self::of_admins_storage(error),
            UploadImageError::Ledger(error) => Self::from_ledger(error, "Nothing was stored."),
            UploadImageError::Aborted(error) => Self::new(
                ProblemKind::Internal,
                "This ended unexpectedly. Look whether the image is there before trying again.",
            )
            .caused_by(error),
        }
    }
}
