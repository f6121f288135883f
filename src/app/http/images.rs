//! `/api/images`: a tenant's images, and publishing them.

use poem_openapi::{
    OpenApi,
    param::{Path, Query},
    payload::Json,
};

use super::{
    auth::{Admin, Viewer},
    dto::{
        images::ImageList,
        problem::FieldError,
        publish::{PublishRequest, PublishResult},
    },
    error::ApiError,
    json_body::{Fields, JsonBody},
    problem::ProblemKind,
    request_id::CurrentRequestId,
    spec::Tag,
    tenant_scope::TenantScope,
};
use crate::{
    app::usecases::{list_images::ListImages, publish::PublishImage},
    domain::image::ImageName,
};

/// The problems of each operation, by its id; `spec` adds those that come with tenants, security
/// and bodies.
pub(super) const PROBLEMS: &[(&str, &[ProblemKind])] = &[
    (
        "listImages",
        &[
            ProblemKind::InvalidRequest,
            ProblemKind::UpstreamFailed,
            ProblemKind::UpstreamLimited,
            ProblemKind::UpstreamTimeout,
        ],
    ),
    (
        "publishImage",
        &[
            ProblemKind::InvalidRequest,
            ProblemKind::FeatureDisabled,
            ProblemKind::ImageNotFound,
            ProblemKind::Conflict,
            ProblemKind::CaptionRequired,
            ProblemKind::UnusableImage,
            ProblemKind::LedgerUnavailable,
            ProblemKind::UpstreamFailed,
            ProblemKind::UpstreamLimited,
            ProblemKind::UpstreamTimeout,
        ],
    ),
];

/// A tenant's images.
pub(super) struct ImagesApi {
    pub(super) list: ListImages,
    pub(super) publish: PublishImage,
}

#[OpenApi]
impl ImagesApi {
    /// Which images are there?
    ///
    /// The images that stand in the tenant's root folder, sorted by name. Open to everyone if the
    /// tenant says so (`auto_view_enabled`), else to admins.
    #[oai(
        path = "/api/images/list",
        method = "get",
        operation_id = "listImages",
        tag = "Tag::Images"
    )]
    async fn list_images(
        &self,
        TenantScope(tenant): TenantScope,
        _viewer: Viewer,
        CurrentRequestId(request_id): CurrentRequestId,
        /// At most so many names; left out, all of them.
        #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
        limit: Query<Option<u32>>,
        /// Only names that sort after this one: the last name of the page before.
        #[oai(validator(max_length = 255))]
        after: Query<Option<String>>,
    ) -> Result<Json<ImageList>, ApiError> {
        let limit = limit.0.and_then(|limit| usize::try_from(limit).ok());
        let page = self
            .list
            .run(&tenant, &request_id, limit, after.0.as_deref())
            .await;
        Ok(Json(page.map_err(ApiError::from_listing)?.into()))
    }

    /// Publish an image.
    ///
    /// Sends the image to the platforms that are on, in parallel, with a caption that is written
    /// for it unless one is given; then writes the caption file and, once a platform has the
    /// image, moves it to the archive folder if the tenant's config says so. A platform that
    /// fails stops no other, and the answer is still 200: see `results`. A platform that has the
    /// image, or may have it, gets nothing unless `force` says so. The body may be left out.
    #[oai(
        path = "/api/images/:filename/publish",
        method = "post",
        operation_id = "publishImage",
        tag = "Tag::Images"
    )]
    async fn publish_image(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
        body: JsonBody<PublishRequest>,
    ) -> Result<Json<PublishResult>, ApiError> {
        let mut fields = body.into_fields();
        let name = image_name(&filename, &mut fields);
        let request = PublishRequest::read(&mut fields);
        let name = fields.finish_with(name)?;
        let report = self.publish.run(tenant, name, request.into(), request_id);
        Ok(Json(report.await?.into()))
    }
}

fn image_name(filename: &str, fields: &mut Fields) -> Option<ImageName> {
    ImageName::new(filename)
        .map_err(|rule| fields.reject(FieldError::new("filename", rule.to_string())))
        .ok()
}
