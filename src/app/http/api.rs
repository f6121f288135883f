//! All operations, as one type: what is served, and what the document is written of.

use super::{
    admin::AdminApi, analysis::AnalysisApi, config::ConfigApi, curation::CurationApi,
    docs::DocsApi, health::HealthApi, images::ImagesApi, problem_pages::ProblemPagesApi,
    publications::PublicationsApi, publishing::PublishingApi, tenant_scope::TenantRoutes,
};

/// Everything there is.
pub(super) type Api = (
    DocsApi,
    HealthApi,
    ProblemPagesApi,
    TenantRoutes<(
        ConfigApi,
        AdminApi,
        ImagesApi,
        PublishingApi,
        CurationApi,
        AnalysisApi,
        PublicationsApi,
    )>,
);
