//! The library: its pages, uploads and moves.

use poem_openapi::{
    Enum, Object,
    registry::{MetaSchema, MetaSchemaRef},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    app::{
        http::{dto::problem::FieldError, json_body::Fields},
        usecases::{
            curate::{CurationReport, Relocation},
            list_library::{LibraryImage, LibraryPage, SortBy},
            upload_image::StoredUpload,
        },
    },
    ports::Folder,
};

/// The rule of cursors.
pub const CURSOR_RULE: &str = "must be the `cursor` of a page of the same list";

/// One page of a folder's images.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct LibraryList {
    /// The images on this page.
    pub objects: Vec<LibraryObject>,
    /// `cursor` for the next page; `null` if this is the last one.
    #[oai(nullable)]
    pub cursor: Option<String>,
    /// How many images of the folder match.
    pub total_in_window: u64,
    /// The folder holds more images than were read of it, and so may match.
    pub truncated: bool,
    /// How many images come before the page that has the image of `anchor_key`: the page is that one. `null` if there
    /// is no such image, or none was asked for.
    #[oai(nullable)]
    pub anchor_offset: Option<u64>,
}

/// An image in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct LibraryObject {
    /// Its file name.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written (RFC 3339, UTC); `null` where the storage does not say.
    #[oai(nullable)]
    pub last_modified: Option<String>,
}

/// An image that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct UploadResult {
    /// Its file name.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct DeletionResult {
    /// The image was deleted. It was not if the tenant's content settings have `debug`.
    pub deleted: bool,
    /// A sidecar was deleted with it.
    pub sidecar_deleted: bool,
}

/// Where an image is moved.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(deny_unknown_fields)]
pub struct MoveRequest {
    /// The folder that it moves to.
    pub target_folder: LibraryFolder,
    /// The folder that it is in; left out, the root folder.
    pub source_folder: Option<LibraryFolder>,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct MoveResult {
    /// The image was moved. It was not if the tenant's content settings have `debug`.
    pub moved: bool,
    /// The folder that it moves to.
    pub destination: LibraryFolder,
    /// What went wrong after the image had moved, for people: its sidecar was not moved.
    pub warnings: Vec<String>,
}

/// A folder of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum LibraryFolder {
    /// Where images are published from.
    Root,
    /// For what was published.
    Archive,
    /// For what is to be kept.
    Keep,
    /// For what was sorted out.
    Remove,
}

/// What a list is sorted by; images that are alike are sorted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum LibrarySort {
    /// The file name, by its bytes.
    Name,
    /// The time of the last write.
    LastModified,
    /// The size.
    Size,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum LibraryOrder {
    /// The least first.
    Asc,
    /// The greatest first.
    Desc,
}

/// The schema of the form of an upload.
#[must_use]
pub fn upload_form() -> MetaSchemaRef {
    let file = MetaSchema {
        description: Some("The image, with its file name."),
        ..MetaSchema::new_with_format("string", "binary")
    };
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        properties: vec![("file", MetaSchemaRef::Inline(Box::new(file)))],
        required: vec!["file"],
        ..MetaSchema::new("object")
    }))
}

impl LibraryFolder {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "root" => Self::Root,
            "archive" => Self::Archive,
            "keep" => Self::Keep,
            "remove" => Self::Remove,
            _ => return None,
        })
    }
}

/// The folder of a list: `prefix`, which is empty for the root folder.
#[must_use]
pub fn folder_of_prefix(prefix: &str) -> Option<Folder> {
    match prefix {
        "" => Some(Folder::Root),
        "root" => None,
        name => LibraryFolder::from_name(name).map(Into::into),
    }
}

impl MoveRequest {
    /// Reads a request out of a body's fields: from where, and to where.
    pub fn read(fields: &mut Fields) -> Option<(Folder, Folder)> {
        const RULE: &str = "must be root, archive, keep or remove";
        let folder = |value: &serde_json::Value| {
            let folder = value.as_str().and_then(LibraryFolder::from_name);
            folder.map(Folder::from)
        };
        let to = fields.require("target_folder", RULE, folder);
        let from = fields.take("source_folder", RULE, folder);
        let (from, to) = (from.unwrap_or(Folder::Root), to?);
        if from == to {
            let rule = "must be another folder than the image is in";
            fields.reject(FieldError::new("target_folder", rule));
        }
        Some((from, to))
    }
}

impl From<LibraryPage> for LibraryList {
    fn from(page: LibraryPage) -> Self {
        let LibraryPage {
            images,
            next,
            total,
            is_truncated,
            anchor_offset,
        } = page;
        Self {
            objects: images.into_iter().map(LibraryObject::from).collect(),
            cursor: next.map(|cursor| cursor.encode()),
            total_in_window: total as u64,
            truncated: is_truncated,
            anchor_offset: anchor_offset.map(|offset| offset as u64),
        }
    }
}

impl From<LibraryImage> for LibraryObject {
    fn from(image: LibraryImage) -> Self {
        let LibraryImage {
            name,
            size,
            last_modified,
        } = image;
        // Fails only beyond the year 9999.
        let rfc3339 = |time| OffsetDateTime::from(time).format(&Rfc3339).ok();
        Self {
            key: name.as_str().to_owned(),
            size,
            last_modified: last_modified.and_then(rfc3339),
        }
    }
}

impl From<StoredUpload> for UploadResult {
    fn from(upload: StoredUpload) -> Self {
        let StoredUpload { name, size, sha256 } = upload;
        Self {
            key: name.as_str().to_owned(),
            size,
            sha256,
        }
    }
}

impl From<CurationReport> for DeletionResult {
    fn from(report: CurationReport) -> Self {
        let CurationReport {
            with_sidecar,
            preview_only,
            image: _,
            curation: _,
            destination: _,
            new_name: _,
            warnings: _,
        } = report;
        Self {
            deleted: !preview_only,
            sidecar_deleted: with_sidecar,
        }
    }
}

impl MoveResult {
    /// The result of a move to a folder.
    #[must_use]
    pub fn new(relocation: Relocation, to: Folder) -> Self {
        let Relocation { is_done, warnings } = relocation;
        Self {
            moved: is_done,
            destination: to.into(),
            warnings,
        }
    }
}

same_variants!(LibraryFolder => Folder: Root, Archive, Keep, Remove);
same_variants!(Folder => LibraryFolder: Root, Archive, Keep, Remove);
same_variants!(LibrarySort => SortBy: Name, LastModified, Size);
