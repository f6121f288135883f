//! Keeping, removing and deleting images: request and result.

use poem_openapi::{Enum, Object};

use crate::{
    app::{http::json_body::Fields, usecases::curate::CurationReport},
    domain::curation::Curation,
};

/// Options of a request that keeps, removes or deletes an image. Every field may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(deny_unknown_fields)]
pub struct CurationRequest {
    /// Report what would be done, and do nothing.
    #[oai(default)]
    pub preview_only: bool,
}

/// What was done with the image, or would be done.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct CurationResult {
    /// The name that the image had.
    pub filename: String,
    /// What was done.
    pub action: CurationAction,
    /// The folder that it moves to, as the full path in the tenant's storage; `null` if it is
    /// deleted.
    #[oai(nullable)]
    pub destination_folder: Option<String>,
    /// Its name in that folder: a new one if the old one was taken. `null` if it is deleted, and
    /// in a preview.
    #[oai(nullable)]
    pub destination_filename: Option<String>,
    /// Nothing was moved or deleted.
    pub preview_only: bool,
    /// What went wrong after the image had moved, for people: its sidecar was not moved.
    pub warnings: Vec<String>,
}

/// What is done with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum CurationAction {
    /// It moves to the keep folder.
    Keep,
    /// It moves to the remove folder.
    Remove,
    /// It is deleted permanently.
    Delete,
}

impl CurationRequest {
    /// Reads a request out of a body's fields.
    pub fn read(fields: &mut Fields) -> Self {
        Self {
            preview_only: fields.flag("preview_only"),
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
            with_sidecar: _,
            preview_only,
            warnings,
        } = report;
        Self {
            filename: image.as_str().to_owned(),
            action: curation.into(),
            destination_folder: destination.map(|path| path.as_str().to_owned()),
            destination_filename: new_name,
            preview_only,
            warnings,
        }
    }
}

same_variants!(Curation => CurationAction: Keep, Remove, Delete);
