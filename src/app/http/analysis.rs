//! `/api/images/{filename}/analyze`: analyzes a tenant's image.

use poem_openapi::{
    OpenApi,
    param::{Path, Query},
    payload::Json,
};

use super::{
    auth::Admin,
    dto::{analysis::ImageAnalysis, images::platform_limits},
    error::ApiError,
    json_body::image_name,
    request_facts::CurrentRequestId,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::app::usecases::analyze::AnalyzeImage;

pub(super) struct AnalysisApi {
    pub(super) analyze: AnalyzeImage,
}

#[OpenApi]
impl AnalysisApi {
    /// Analyze an image.
    ///
    /// For captions that people check before they publish: what the image shows, and captions
    /// for the platforms that are on (for all platforms, if none is). A sidecar that has a
    /// caption is the answer, at no cost. Without one, or with `force_refresh`, a model describes
    /// the image and another writes the captions, as for publishing; then the sidecar is
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
        /// Analyze the image even if its sidecar has a caption.
        #[oai(default)]
        force_refresh: Query<bool>,
    ) -> Result<Json<ImageAnalysis>, ApiError> {
        let name = image_name(&filename)?;
        let limits = platform_limits(tenant.settings());
        let report = self.analyze.run(tenant, name, force_refresh.0, request_id);
        Ok(Json(ImageAnalysis::new(report.await?, limits)))
    }
}
