//! Publishing a tenant's images.

use poem_openapi::{OpenApi, param::Path, payload::Json};

use super::{
    auth::Admin,
    dto::publish::{PublishRequest, PublishResult},
    error::ApiError,
    json_body::JsonBody,
    problem::ProblemKind,
    request_id::CurrentRequestId,
    spec::Tag,
    tenant_scope::TenantScope,
};
use crate::app::usecases::publish::PublishImage;

/// The problems of each operation, by its id; `spec` adds those that come with tenants, security
/// and bodies.
pub(super) const PROBLEMS: &[(&str, &[ProblemKind])] = &[(
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
)];

/// Sends images to platforms.
pub(super) struct PublishingApi {
    pub(super) publish: PublishImage,
}

#[OpenApi]
impl PublishingApi {
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
        let name = fields.image_name(&filename);
        let request = PublishRequest::read(&mut fields);
        let name = fields.finish_with(name)?;
        let report = self.publish.run(tenant, name, request.into(), request_id);
        Ok(Json(report.await?.into()))
    }
}
