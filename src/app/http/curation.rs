//! Keeps, removes and deletes a tenant's images.

use std::sync::Arc;

use poem_openapi::{OpenApi, param::Path, payload::Json};

use super::{
    auth::Admin,
    dto::curation::{CurationRequest, CurationResult},
    error::ApiError,
    json_body::JsonBody,
    request_facts::CurrentRequestId,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::{
    app::{tenancy::tenant::Tenant, usecases::curate::CurateImage},
    domain::{curation::Curation, request_id::RequestId},
};

pub(super) struct CurationApi {
    pub(super) curate: CurateImage,
}

#[OpenApi]
impl CurationApi {
    /// Keep an image.
    ///
    /// For an image that shall be kept and not be published: moves it and its sidecar to the
    /// keep folder. Overwrites nothing: an image whose name is taken there gets a new one
    /// (`destination_filename`). Needs `keep_enabled`. An image that is being published is not
    /// moved (`conflict`). The body may be left out.
    #[oai(
        path = "/api/images/:filename/keep",
        method = "post",
        operation_id = "keepImage",
        tag = "Tag::Images"
    )]
    async fn keep_image(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
        body: JsonBody<CurationRequest>,
    ) -> Result<Json<CurationResult>, ApiError> {
        self.curated(tenant, &filename, body, Curation::Keep, request_id)
            .await
    }

    /// Sort an image out.
    ///
    /// For an image that is not wanted, but may be wanted back: moves it and its sidecar
    /// to the remove folder. Overwrites nothing: an image whose name is taken there
    /// gets a new one (`destination_filename`). Needs `remove_enabled`. An image that is being
    /// published is not moved (`conflict`). The body may be left out.
    #[oai(
        path = "/api/images/:filename/remove",
        method = "post",
        operation_id = "removeImage",
        tag = "Tag::Images"
    )]
    async fn remove_image(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
        body: JsonBody<CurationRequest>,
    ) -> Result<Json<CurationResult>, ApiError> {
        self.curated(tenant, &filename, body, Curation::Remove, request_id)
            .await
    }

    /// Delete an image.
    ///
    /// For an image that shall be gone: deletes it and its sidecar permanently. Needs
    /// `delete_enabled`. An image that is being published is not deleted (`conflict`); one whose
    /// deletion failed can be deleted again. The body may be left out.
    #[oai(
        path = "/api/images/:filename/delete",
        method = "post",
        operation_id = "deleteImage",
        tag = "Tag::Images"
    )]
    async fn delete_image(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
        body: JsonBody<CurationRequest>,
    ) -> Result<Json<CurationResult>, ApiError> {
        self.curated(tenant, &filename, body, Curation::Delete, request_id)
            .await
    }
}

impl CurationApi {
    async fn curated(
        &self,
        tenant: Arc<Tenant>,
        filename: &str,
        body: JsonBody<CurationRequest>,
        curation: Curation,
        request_id: RequestId,
    ) -> Result<Json<CurationResult>, ApiError> {
        let mut fields = body.into_fields();
        let name = fields.image_name(filename);
        let CurationRequest { preview_only } = CurationRequest::read(&mut fields);
        let name = fields.finish_with(name)?;
        let report = self
            .curate
            .run(tenant, name, curation, preview_only, request_id);
        Ok(Json(report.await?.into()))
    }
}
