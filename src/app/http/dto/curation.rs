//! What a client says to have an image sorted, and what it is told.

use poem_openapi::{Enum, Object, types::Example};

use crate::{
    app::{http::json_body::Fields, usecases::curate::CurationReport},
    domain::{curation::Curation, tenant_config::StoragePath},
};

/// How to sort an image. Every field may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example, deny_unknown_fields)]
pub struct CurationRequest {
    /// Say what would be done, and do nothing.
    #[oai(default)]
    pub preview_only: bool,
}

/// What was done with the image, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct CurationResult {
    /// The image, by the name that it had.
    pub filename: String,
    /// What was done.
    pub action: CurationAction,
    /// The folder that it moves to, by its whole path in the tenant's storage; `null` if it is
    /// deleted.
    #[oai(nullable)]
    pub destination_folder: Option<String>,
    /// The name that it has there: a new one if the old one was taken. `null` if it is deleted, and
    /// in a preview.
    #[oai(nullable)]
    pub destination_filename: Option<String>,
    /// Nothing was moved or deleted.
    pub preview_only: bool,
    /// What went wrong after the image had moved, for people: its caption file stayed behind.
    pub warnings: Vec<String>,
}

/// What becomes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum CurationAction {
    /// It moves to the folder of those that are kept.
    Keep,
    /// It moves to the folder of those that were sorted out.
    Remove,
    /// It is deleted for good.
    Delete,
}

impl CurationRequest {
    /// Reads a request out of a body's fields; what is bad is noted in `fields`.
    pub fn read(fields: &mut Fields) -> Self {
        Self {
            preview_only: fields
                .take("preview_only", "must be true or false", |value| {
                    value.as_bool()
                })
                .unwrap_or_default(),
        }
    }
}

impl From<CurationReport> for CurationResult {
    fn from(report: CurationReport) -> Self {
        let CurationReport {
            image,
            curation,
            destination,
            new_name,
            preview_only,
            warnings,
        } = report;
        Self {
            filename: image.as_str().to_owned(),
            action: curation.into(),
            destination_folder: destination
                .as_ref()
                .map(StoragePath::as_str)
                .map(str::to_owned),
            destination_filename: new_name,
            preview_only,
            warnings,
        }
    }
}

impl From<Curation> for CurationAction {
    fn from(curation: Curation) -> Self {
        match curation {
            Curation::Keep => Self::Keep,
            Curation::Remove => Self::Remove,
            Curation::Delete => Self::Delete,
        }
    }
}

impl Example for CurationRequest {
    fn example() -> Self {
        Self {
            preview_only: false,
        }
    }
}

impl Example for CurationResult {
    fn example() -> Self {
        Self {
            filename: "harbour-dawn.jpg".to_owned(),
            action: CurationAction::Keep,
            destination_folder: Some("/Photos/queue/keep".to_owned()),
            destination_filename: Some("harbour-dawn (1).jpg".to_owned()),
            preview_only: false,
            warnings: Vec::new(),
        }
    }
}
