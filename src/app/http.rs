//! The HTTP API: one file for each resource, the wire types in `dto`, the layers around
//! the routes in `middleware`. Imports the rest of `app`; only the binary imports it.
//!
//! To add an operation: write its types in `dto`, its handler in the file of its resource with
//! the tenant first and [`auth::Admin`] or [`auth::Viewer`] second, list its problems in `spec/amend/problems.rs`
//! under its id, and renew the spec (`openapi/README.md`).

mod account_login;
mod admin;
mod analysis;
mod api;
pub mod auth;
mod config;
mod curation;
mod docs;
pub mod dto;
mod entity_tag;
pub mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod health;
mod idempotency_key;
mod images;
mod job_events;
mod jobs;
pub mod json_body;
mod library;
mod log_out;
mod media;
mod media_links;
mod middleware;
mod page;
mod prefer;
pub mod problem;
mod problem_pages;
mod publications;
mod publishing;
mod raw_header;
mod request_facts;
mod route_table;
mod schedule;
pub mod spec;
mod tag;
pub mod tenant_scope;
pub mod trace_context;
mod upload_form;
mod voice_profile;

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt as _, Request, Response, Result, endpoint::BoxEndpoint,
    middleware::AddDataEndpoint,
};
use poem_openapi::OpenApiService;

use self::{
    account_login::AccountLoginApi,
    admin::AdminApi,
    analysis::AnalysisApi,
    api::Api,
    auth::{AdminAuth, AuthSettings},
    config::ConfigApi,
    curation::CurationApi,
    docs::DocsApi,
    health::HealthApi,
    images::ImagesApi,
    job_events::JobEventsApi,
    jobs::JobsApi,
    library::LibraryApi,
    log_out::LogOutApi,
    media::MediaApi,
    media_links::MediaLinks,
    middleware::{
        admission::Admission, head_check::HeadCheck, observe::Observe, problems::Problems,
        whole_body::WholeBody,
    },
    page::PageApi,
    problem_pages::ProblemPagesApi,
    publications::PublicationsApi,
    publishing::PublishingApi,
    route_table::RouteTable,
    schedule::ScheduleApi,
    tenant_scope::TenantRoutes,
    voice_profile::VoiceProfileApi,
};
pub use self::{job_events::OpenEnded, middleware::admission::MAX_EVENT_STREAMS};
use crate::{
    app::{
        runtime::{concurrency_limit::ConcurrencyLimit, event_hub::EventHub},
        tenancy::resolve_tenant::ResolveTenant,
        usecases::{
            analyze::AnalyzeImage,
            check_publication::CheckPublication,
            curate::CurateImage,
            describe_image::DescribeImage,
            fetch_thumbnail::FetchThumbnail,
            list_images::ListImages,
            list_library::ListLibrary,
            list_publications::ListPublications,
            log_in::LogIn,
            manage_jobs::ManageJobs,
            publish_once::PublishOnce,
            random_image::RandomImage,
            readiness::CheckReadiness,
            upload_image::UploadImage,
            voice_profile::{ShowVoiceProfile, StoreVoiceProfile},
        },
    },
    domain::{publication::PublicationReport, trusted_proxies::TrustedProxies},
    ports::{Clock, RateLimits},
};

/// The use cases and settings of the routes.
pub struct HttpDependencies {
    /// Finds the tenant of a request.
    pub resolve_tenant: Arc<ResolveTenant>,
    /// Lists a tenant's images.
    pub list: ListImages,
    /// Describes an image.
    pub describe: DescribeImage,
    /// Chooses an image at random.
    pub draw: RandomImage,
    /// Fetches thumbnails.
    pub thumbnails: FetchThumbnail,
    /// Publishes an image.
    pub publish: PublishOnce,
    /// Moves and deletes images.
    pub curate: CurateImage,
    /// Lists libraries.
    pub library: ListLibrary,
    /// Stores uploads.
    pub upload: UploadImage,
    /// The largest upload, in bytes.
    pub max_upload_bytes: u64,
    /// Analyzes an image.
    pub analyze: AnalyzeImage,
    /// Lists publications.
    pub publications: ListPublications,
    /// Asks platforms about publications in doubt.
    pub check: CheckPublication,
    /// Adds, lists and changes jobs.
    pub jobs: ManageJobs,
    /// Brings events to those who watch jobs.
    pub hub: Arc<EventHub>,
    /// Shows voice profiles.
    pub show_voice: ShowVoiceProfile,
    /// Stores voice profiles.
    pub store_voice: StoreVoiceProfile,
    /// Checks whether tenants can be served.
    pub readiness: Arc<CheckReadiness>,
    /// The limit on requests that are answered at a time.
    pub concurrency: ConcurrencyLimit,
    /// The credentials of admins.
    pub auth: AuthSettings,
    /// Logs people in with accounts of their own; `None` where no identity provider is configured.
    pub log_in: Option<LogIn>,
    /// The proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: TrustedProxies,
    /// Counts wrong credentials, and uploads.
    pub rates: Arc<dyn RateLimits>,
    /// Measures latencies, and ends sessions.
    pub clock: Arc<dyn Clock>,
    /// Whether the traces of all requests are recorded, and not only those that a caller names.
    pub records_traces: bool,
}

/// All routes, with their layers. Every failure is answered with a problem. The type is named, since boxing it
/// would cost an allocation for each request.
pub struct Routes(Observe<Problems<HeadCheck<WholeBody<Admission<Routed>>>>>);

/// The names of the limits whose turns are counted in [`HttpDependencies::rates`].
pub const RATE_LIMITS: [&str; 4] = [
    auth::LOGINS.name,
    auth::ACCOUNT_LOGINS.name,
    auth::AUTHORIZATION.name,
    library::upload_rate::UPLOADS.name,
];

/// The answer to a request to publish, as JSON: for the command line, which publishes without a request.
#[must_use]
pub fn publish_answer(report: &PublicationReport) -> String {
    publishing::write_down(report)
}

/// The routes without layers.
type Routed = AddDataEndpoint<BoxEndpoint<'static>, Arc<AdminAuth>>;

impl Endpoint for Routes {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        self.0.call(request)
    }
}

/// Builds the routes.
#[must_use]
pub fn routes(dependencies: HttpDependencies) -> Routes {
    let HttpDependencies {
        resolve_tenant,
        list,
        describe,
        draw,
        thumbnails,
        publish,
        curate,
        library,
        upload,
        max_upload_bytes,
        analyze,
        publications,
        check,
        jobs,
        hub,
        show_voice,
        store_voice,
        readiness,
        concurrency,
        auth,
        log_in,
        trusted_proxies,
        rates,
        clock,
        records_traces,
    } = dependencies;
    let links = Arc::new(MediaLinks::new(auth.session_secret(), Arc::clone(&clock)));
    let tenants = (
        ConfigApi {
            voice: show_voice.clone(),
        },
        VoiceProfileApi {
            show: show_voice,
            store: store_voice,
        },
        AdminApi,
        (AccountLoginApi, LogOutApi),
        ImagesApi {
            list,
            describe,
            draw,
            thumbnails,
            links: Arc::clone(&links),
        },
        MediaApi { links },
        PublishingApi {
            publish,
            jobs: jobs.clone(),
        },
        LibraryApi::new(
            library,
            upload,
            curate.clone(),
            max_upload_bytes,
            Arc::clone(&rates),
        ),
        CurationApi { curate },
        AnalysisApi { analyze },
        PublicationsApi {
            list: publications,
            check,
        },
        (
            JobsApi { jobs: jobs.clone() },
            JobEventsApi::new(hub, Arc::clone(&resolve_tenant)),
            ScheduleApi { jobs },
        ),
        PageApi,
    );
    let api: Api = (
        DocsApi {
            json: spec::json,
            yaml: spec::yaml,
            page: spec::page,
        },
        HealthApi { readiness },
        ProblemPagesApi,
        TenantRoutes::new(tenants, resolve_tenant),
    );
    let service = OpenApiService::new(api, "Publisher", env!("CARGO_PKG_VERSION"));
    let auth = AdminAuth::new(auth, log_in, trusted_proxies, Arc::clone(&clock), rates);
    let admitted = Admission::new(service.data(Arc::new(auth)), concurrency);
    let undescribed = [&docs::PATHS[..], &page::PATHS].concat();
    let routes = Arc::new(RouteTable::of::<Api>(&undescribed));
    Routes(Observe {
        inner: Problems {
            inner: HeadCheck(WholeBody::new(admitted)),
            routes: Arc::clone(&routes),
        },
        routes,
        clock,
        records_traces,
    })
}

#[cfg(test)]
mod tests;
