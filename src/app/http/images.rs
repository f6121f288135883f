//! `/api/images`: a tenant's images, to look at.

use poem_openapi::{OpenApi, param::Query, payload::Json};

use super::{
    auth::Viewer, dto::images::ImageList, error::ApiError, problem::ProblemKind,
    request_id::CurrentRequestId, spec::Tag, tenant_scope::TenantScope,
};
use crate::app::usecases::list_images::ListImages;

/// The problems of each operation, by its id; `spec` adds those that come with tenants, security
/// and bodies.
pub(super) const PROBLEMS: &[(&str, &[ProblemKind])] = &[(
    "listImages",
    &[
        ProblemKind::InvalidRequest,
        ProblemKind::UpstreamFailed,
        ProblemKind::UpstreamLimited,
        ProblemKind::UpstreamTimeout,
    ],
)];

/// A tenant's images.
pub(super) struct ImagesApi {
    pub(super) list: ListImages,
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
}
