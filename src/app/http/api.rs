//! All operations, as one type: the routes are built of it, and the spec is generated from it.

use super::{
    account_login::AccountLoginApi, admin::AdminApi, analysis::AnalysisApi, config::ConfigApi,
    curation::CurationApi, docs::DocsApi, health::HealthApi, images::ImagesApi,
    job_events::JobEventsApi, jobs::JobsApi, library::LibraryApi, log_out::LogOutApi,
    media::MediaApi, page::PageApi, problem_pages::ProblemPagesApi, publications::PublicationsApi,
    publishing::PublishingApi, schedule::ScheduleApi, tenant_scope::TenantRoutes,
    voice_profile::VoiceProfileApi,
};

pub(super) type Api = (
    DocsApi,
    HealthApi,
    ProblemPagesApi,
    TenantRoutes<(
        ConfigApi,
        VoiceProfileApi,
        AdminApi,
        (AccountLoginApi, LogOutApi),
        ImagesApi,
        MediaApi,
        PublishingApi,
        LibraryApi,
        CurationApi,
        AnalysisApi,
        PublicationsApi,
        (JobsApi, JobEventsApi, ScheduleApi),
        PageApi,
    )>,
);
