//! Analysing a tenant's images.

use poem_openapi::{
    OpenApi,
    param::{Path, Query},
    payload::Json,
};

use super::{
    auth::Admin, dto::analysis::ImageAnalysis, error::ApiError, json_body::Fields,
    problem::ProblemKind, request_facts::CurrentRequestId, tag::Tag, tenant_scope::TenantScope,
};
use crate::app::usecases::analyze::AnalyzeImage;

/// The problems of each operation, by its id; `spec` adds those that come with tenants and
/// security.
pub(super) const PROBLEMS: &[(&str, &[ProblemKind])] = &[(
    "analyzeImage",
    &[
        ProblemKind::InvalidRequest,
        ProblemKind::FeatureDisabled,
        ProblemKind::ImageNotFound,
        ProblemKind::Conflict,
        ProblemKind::PayloadTooLarge,
        ProblemKind::UnusableImage,
        ProblemKind::RateLimited,
        ProblemKind::FeatureUnavailable,
        ProblemKind::LedgerUnavailable,
        ProblemKind::UpstreamFailed,
        ProblemKind::UpstreamLimited,
        ProblemKind::UpstreamTimeout,
    ],
)];

/// Has images looked at.
pub(super) struct AnalysisApi {
    pub(super) analyze: AnalyzeImage,
}

#[OpenApi]
impl AnalysisApi {
    /// Analyse an image.
    ///
    /// For captions that people look over before they publish: what the image shows, and captions
    /// for the platforms that are on (for all there are, if none is). A caption file that has a
    /// caption answers, and costs nothing. Without one, or with `force_refresh`, a model looks at
    /// the image and another writes the captions, as for publishing; then the caption file is
    /// written, or updated. Needs `analyze_caption_enabled`.
    #[oai(
        path = "/api/images/:filename/analyze",
        method = "post",
        operation_id = "analyzeImage",
        tag = "Tag::Images"
    )]
    async fn analyze_image(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
        /// Have the image looked at even if its caption file has a caption.
        #[oai(default)]
        force_refresh: Query<bool>,
    ) -> Result<Json<ImageAnalysis>, ApiError> {
        let mut fields = Fields::default();
        let name = fields.image_name(&filename);
        let name = fields.finish_with(name)?;
        let report = self.analyze.run(tenant, name, force_refresh.0, request_id);
        Ok(Json(report.await?.into()))
    }
}
