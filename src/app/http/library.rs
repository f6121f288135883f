//! `/api/library`: lists a tenant's folders, takes uploads, moves and deletes images. Tenants whose storage takes no
//! uploads have no such paths.

pub(super) mod upload_rate;

use std::sync::Arc;

use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
    payload::Json,
};

use self::upload_rate::UploadRate;
use super::{
    auth::{Admin, AdminCaller},
    dto::{
        library::{
            CURSOR_RULE, DeletionResult, LibraryList, LibraryOrder, LibrarySort, MoveRequest,
            MoveResult, UploadResult, folder_of_prefix,
        },
        problem::FieldError,
    },
    error::ApiError,
    json_body::{Fields, JsonBody, image_name},
    problem::ProblemKind,
    request_facts::CurrentRequestId,
    tag::Tag,
    tenant_scope::TenantScope,
    upload_form::{ReceivedFile, UploadForm},
};
use crate::{
    app::{
        tenancy::tenant::Tenant,
        usecases::{
            curate::CurateImage,
            list_library::{Cursor, LibraryQuery, ListLibrary, PageStart},
            upload_image::{Upload, UploadImage, UploadOutcome},
        },
    },
    domain::{curation::Curation, image::ImageName},
    ports::RateLimits,
};

/// The default length of a page.
const DEFAULT_LIMIT: u32 = 50;

pub(super) struct LibraryApi {
    list: ListLibrary,
    upload: UploadImage,
    curate: CurateImage,
    max_upload_bytes: u64,
    rate: UploadRate,
}

impl LibraryApi {
    pub(super) fn new(
        list: ListLibrary,
        upload: UploadImage,
        curate: CurateImage,
        max_upload_bytes: u64,
        rates: Arc<dyn RateLimits>,
    ) -> Self {
        Self {
            list,
            upload,
            curate,
            max_upload_bytes,
            rate: UploadRate::new(rates),
        }
    }
}

/// The tenant, if it has a library. Asked for behind [`Admin`]: who may not see a library is not told of it.
struct LibraryScope(Arc<Tenant>);

impl<'a> FromRequest<'a> for LibraryScope {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let TenantScope(tenant) = TenantScope::from_request(request, body).await?;
        if tenant.has_library() {
            Ok(Self(tenant))
        } else {
            let detail = "The tenant has no library: its storage takes no uploads, or its config turns it off.";
            Err(ApiError::new(ProblemKind::NotFound, detail).into())
        }
    }
}

#[OpenApi]
impl LibraryApi {
    /// What is in a folder?
    ///
    /// For a file manager: the images of one folder with their sizes and times, searched and sorted, a page at a time.
    /// A page begins after `offset` images, or where the page before ended (`cursor`, which stays right while images
    /// come and go), or is the one that has the image `anchor_key`. Only where `getFeatures` says `library_enabled`.
    #[oai(
        path = "/api/library/objects",
        method = "get",
        operation_id = "listLibrary",
        tag = "Tag::Library"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each parameter of the operation is one"
    )]
    async fn list_library(
        &self,
        TenantScope(_tenant): TenantScope,
        _admin: Admin,
        LibraryScope(tenant): LibraryScope,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The folder: `archive`, `keep` or `remove`; left out or empty, the root folder.
        prefix: Query<Option<String>>,
        /// Only images with this in their names, in whatever case: at most 100 characters.
        q: Query<Option<String>>,
        /// What the images are sorted by; left out, the name.
        sort: Query<Option<LibrarySort>>,
        /// The order; left out, ascending.
        order: Query<Option<LibraryOrder>>,
        /// The largest number of images; left out, 50.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// How many images come before the page. Not beside `cursor`.
        offset: Query<Option<u32>>,
        /// The beginning of the page: `cursor` of the page before. Not beside `offset` or `anchor_key`.
        cursor: Query<Option<String>>,
        /// The file name of an image whose page is wanted. If there is no such image, `offset` counts.
        anchor_key: Query<Option<String>>,
    ) -> Result<Json<LibraryList>, ApiError> {
        let mut fields = Fields::default();
        let folder = folder_of_prefix(prefix.0.as_deref().unwrap_or_default());
        if folder.is_none() {
            let rule = "must be archive, keep or remove, or empty";
            fields.reject(FieldError::new("prefix", rule));
        }
        let q = q.0.filter(|part| !part.is_empty());
        if q.as_ref().is_some_and(|part| part.chars().count() > 100) {
            fields.reject(FieldError::new("q", "must have at most 100 characters"));
        }
        let start = page_start(&mut fields, offset.0, cursor.0, anchor_key.0);
        let query = folder.zip(start).map(|(folder, start)| LibraryQuery {
            folder,
            part_of_name: q,
            sort: sort.0.unwrap_or(LibrarySort::Name).into(),
            descending: order.0 == Some(LibraryOrder::Desc),
            limit: limit.0.unwrap_or(DEFAULT_LIMIT) as usize,
            start,
        });
        let query = fields.finish_with(query)?;
        let page = self.list.run(&tenant, &request_id, query).await?;
        Ok(Json(page.into()))
    }

    /// Upload an image.
    ///
    /// For adding an image: a form (`multipart/form-data`) with one part, `file`, which is a JPEG, PNG or WebP image of
    /// at most 12,000 pixels a side under a name with an ending of its format. It is stored in the root folder under the last component of that
    /// name, in Unicode's form NFC. A name that begins with a dot, or holds control characters or characters that
    /// change the direction of text, is refused. Nothing is stored before the whole form has arrived. An image of the
    /// same name is replaced only with `overwrite`; its sidecar stays, and is not used for the new image. An admin may
    /// upload ten images a minute. Only where `getFeatures` says `library_enabled`.
    #[oai(
        path = "/api/library/upload",
        method = "post",
        operation_id = "uploadImage",
        tag = "Tag::Library"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each parameter of the operation is one"
    )]
    async fn upload_image(
        &self,
        TenantScope(_tenant): TenantScope,
        _admin: Admin,
        LibraryScope(tenant): LibraryScope,
        AdminCaller(caller): AdminCaller,
        CurrentRequestId(request_id): CurrentRequestId,
        /// Replace an image of the same name.
        #[oai(default)]
        overwrite: Query<bool>,
        form: UploadForm,
    ) -> Result<Json<UploadResult>, ApiError> {
        let stored = async {
            self.rate.count(&caller).await?;
            let ReceivedFile { name, file } = form.receive(self.max_upload_bytes).await?;
            let upload = Upload {
                name,
                file,
                overwrite: overwrite.0,
            };
            Ok::<_, ApiError>(self.upload.run(tenant, upload, request_id).await?)
        };
        let stored = stored.await;
        outcome_of(stored.as_ref().err()).count();
        Ok(Json(stored?.into()))
    }

    /// Delete an image of the library.
    ///
    /// For an image that shall be gone: deletes an image of the root folder and its sidecar permanently. Needs `delete_enabled`. An image that is being
    /// published is not deleted (`conflict`). Only where `getFeatures` says `library_enabled`.
    #[oai(
        path = "/api/library/objects/:filename",
        method = "delete",
        operation_id = "deleteLibraryImage",
        tag = "Tag::Library"
    )]
    async fn delete_library_image(
        &self,
        TenantScope(_tenant): TenantScope,
        _admin: Admin,
        LibraryScope(tenant): LibraryScope,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
    ) -> Result<Json<DeletionResult>, ApiError> {
        let name = image_name(&filename)?;
        let delete = self
            .curate
            .run(tenant, name, Curation::Delete, false, request_id);
        Ok(Json(delete.await?.into()))
    }

    /// Move an image to another folder.
    ///
    /// For an image that is in the wrong folder: moves it and its sidecar between the root folder and those for what was published, kept and sorted out,
    /// whichever way, under the same name. Overwrites nothing: where the name is taken, nothing is touched
    /// (`conflict`). An image that is being published is not moved (`conflict`). Only where `getFeatures` says
    /// `library_enabled`.
    #[oai(
        path = "/api/library/objects/:filename/move",
        method = "post",
        operation_id = "moveLibraryImage",
        tag = "Tag::Library"
    )]
    async fn move_library_image(
        &self,
        TenantScope(_tenant): TenantScope,
        _admin: Admin,
        LibraryScope(tenant): LibraryScope,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
        body: JsonBody<MoveRequest>,
    ) -> Result<Json<MoveResult>, ApiError> {
        let mut fields = body.into_fields();
        let name = fields.image_name(&filename);
        let folders = MoveRequest::read(&mut fields);
        let (name, (from, to)) = fields.finish_with(name.zip(folders))?;
        let relocation = self.curate.relocate(tenant, name, from, to, request_id);
        Ok(Json(MoveResult::new(relocation.await?, to)))
    }
}

/// Where a page begins, by the parameters that say so.
fn page_start(
    fields: &mut Fields,
    offset: Option<u32>,
    cursor: Option<String>,
    anchor: Option<String>,
) -> Option<PageStart> {
    let offset_or_first = offset.unwrap_or_default() as usize;
    match (cursor, anchor) {
        (Some(_), _) if offset.is_some() => {
            fields.reject(FieldError::new("cursor", "must not be given beside offset"));
            None
        }
        (Some(_), Some(_)) => {
            fields.reject(FieldError::new(
                "cursor",
                "must not be given beside anchor_key",
            ));
            None
        }
        (Some(cursor), None) => {
            let cursor = Some(cursor).filter(|it| it.len() <= Cursor::MAX_LENGTH);
            let cursor = cursor.and_then(|cursor| Cursor::decode(&cursor));
            if cursor.is_none() {
                fields.reject(FieldError::new("cursor", CURSOR_RULE));
            }
            cursor.map(PageStart::After)
        }
        (None, Some(anchor)) => match ImageName::new(&anchor) {
            Ok(_) => Some(PageStart::Anchor(anchor, offset_or_first)),
            Err(rule) => {
                fields.reject(FieldError::new("anchor_key", rule.to_string()));
                None
            }
        },
        (None, None) => Some(PageStart::Offset(offset_or_first)),
    }
}

/// What an upload came to, for the metric.
fn outcome_of(error: Option<&ApiError>) -> UploadOutcome {
    match error.map(ApiError::kind) {
        None => UploadOutcome::Stored,
        Some(ProblemKind::InvalidRequest | ProblemKind::RequestTimeout) => UploadOutcome::Malformed,
        Some(ProblemKind::UnsupportedMediaType) => UploadOutcome::Unsupported,
        Some(ProblemKind::PayloadTooLarge) => UploadOutcome::TooLarge,
        Some(ProblemKind::Conflict) => UploadOutcome::Conflict,
        Some(ProblemKind::RateLimited) => UploadOutcome::RateLimited,
        Some(_) => UploadOutcome::Failed,
    }
}
