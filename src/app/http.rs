//! The HTTP API: one file for each resource, the wire types in `dto`, everything that surrounds
//! the routes in `middleware`. Imports the rest of `app`; the binary alone imports it.
//!
//! To add an operation: write its types in `dto`, its handler in the file of its resource with
//! the tenant first and [`auth::Admin`] or [`auth::Viewer`] second, list its problems there
//! under its id, and renew the spec (`openapi/README.md`).

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
mod health;
mod idempotency_key;
mod images;
pub mod json_body;
mod known_routes;
mod middleware;
pub mod problem;
mod problem_pages;
mod publications;
mod publishing;
mod request_facts;
pub mod request_id;
pub mod spec;
mod tag;
pub mod tenant_scope;
pub mod trace_context;

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt as _, Request, Response, Result, endpoint::BoxEndpoint,
    middleware::AddDataEndpoint,
};
use poem_openapi::OpenApiService;

use self::{
    admin::AdminApi,
    analysis::AnalysisApi,
    api::Api,
    auth::{AdminAuth, AuthSettings},
    config::ConfigApi,
    curation::CurationApi,
    docs::DocsApi,
    health::HealthApi,
    images::ImagesApi,
    known_routes::KnownRoutes,
    middleware::{
        admission::Admission, from_cache::FromCache, header_limit::HeaderLimit, observe::Observe,
        problems::Problems, target_check::TargetCheck, whole_body::WholeBody,
    },
    problem_pages::ProblemPagesApi,
    publications::PublicationsApi,
    publishing::PublishingApi,
    tenant_scope::TenantRoutes,
};
use crate::{
    app::{
        runtime::concurrency_limit::ConcurrencyLimit,
        tenancy::resolve_tenant::ResolveTenant,
        usecases::{
            analyze::AnalyzeImage, curate::CurateImage, describe_image::DescribeImage,
            fetch_thumbnail::FetchThumbnail, list_images::ListImages,
            list_publications::ListPublications, publish_once::PublishOnce,
            random_image::RandomImage, readiness::CheckReadiness,
        },
    },
    domain::trusted_proxies::TrustedProxies,
    ports::Clock,
};

/// What the routes are served with.
pub struct HttpDependencies {
    /// Finds the tenant of a request.
    pub resolve_tenant: Arc<ResolveTenant>,
    /// Lists a tenant's images.
    pub list: ListImages,
    /// Describes one of them.
    pub describe: DescribeImage,
    /// Draws one of them.
    pub draw: RandomImage,
    /// Fetches their thumbnails.
    pub thumbnails: FetchThumbnail,
    /// Publishes one.
    pub publish: PublishOnce,
    /// Moves and deletes images.
    pub curate: CurateImage,
    /// Has images looked at.
    pub analyze: AnalyzeImage,
    /// Lists what has been published.
    pub publications: ListPublications,
    /// Tells whether tenants can be served.
    pub readiness: Arc<CheckReadiness>,
    /// How many requests are answered at a time.
    pub concurrency: ConcurrencyLimit,
    /// How admins are told from others.
    pub auth: AuthSettings,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: TrustedProxies,
    /// Measures how long requests take, and ends sessions.
    pub clock: Arc<dyn Clock>,
    /// Whether the traces of all requests are recorded; otherwise only those go on that a caller
    /// has named.
    pub records_traces: bool,
}

/// All routes, with everything around them. Never answers with an error that is not a problem. It has
/// a name so that nobody has to box it: each request would pay for that.
pub struct Routes(Observe<Problems<TargetCheck<Limited>>>);

/// The routes within their limits.
type Limited = HeaderLimit<WholeBody<Admission<Routed>>>;

/// The routes as the framework knows them.
type Routed = AddDataEndpoint<BoxEndpoint<'static>, Arc<AdminAuth>>;

impl Endpoint for Routes {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        self.0.call(request)
    }
}

/// Puts the routes together.
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
        analyze,
        publications,
        readiness,
        concurrency,
        auth,
        trusted_proxies,
        clock,
        records_traces,
    } = dependencies;
    let auth = Arc::new(AdminAuth::new(auth, trusted_proxies, Arc::clone(&clock)));
    let tenants = (
        ConfigApi {
            auth: Arc::clone(&auth),
        },
        AdminApi {
            auth: Arc::clone(&auth),
        },
        ImagesApi {
            list,
            describe,
            draw,
            thumbnails,
        },
        PublishingApi { publish },
        CurationApi { curate },
        AnalysisApi { analyze },
        PublicationsApi { list: publications },
    );
    let api: Api = (
        DocsApi {
            json: spec::json,
            yaml: spec::yaml,
            page: spec::page,
        },
        HealthApi { readiness },
        ProblemPagesApi,
        TenantRoutes::new(tenants, Arc::clone(&resolve_tenant)),
    );
    let service = OpenApiService::new(api, "Publisher", env!("CARGO_PKG_VERSION"));
    let known = Arc::new(KnownRoutes::of::<Api>(&docs::PATHS));
    let from_cache = FromCache::new(resolve_tenant, &known);
    let admitted = HeaderLimit(WholeBody::new(Admission::new(
        service.data(auth),
        concurrency,
    )));
    let answered = Problems::new(TargetCheck(admitted), Arc::clone(&known));
    Routes(Observe::new(
        answered,
        from_cache,
        known,
        clock,
        records_traces,
    ))
}

#[cfg(test)]
mod tests;
