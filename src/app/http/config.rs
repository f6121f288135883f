//! `/api/config`: the part of a tenant's config that clients may know.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{OpenApi, payload::Json};

use super::{
    auth::AdminAuth,
    dto::config::{EnabledPublishers, FeatureFlags},
    problem::ProblemKind,
    tag::Tag,
    tenant_scope::TenantScope,
};

/// The problems of each operation, by its id; `spec` adds those that come with tenants and
/// security.
pub(super) const PROBLEMS: &[(&str, &[ProblemKind])] =
    &[("getFeatures", &[]), ("getPublishers", &[])];

/// The operations on a tenant's config.
pub(super) struct ConfigApi;

#[expect(
    clippy::unused_async,
    reason = "the framework wants every handler to be async"
)]
#[OpenApi]
impl ConfigApi {
    /// What may the tenant do?
    ///
    /// For a client that offers only what works: the feature flags as they are in effect, where the
    /// images are, and how admins authenticate.
    #[oai(
        path = "/api/config/features",
        method = "get",
        operation_id = "getFeatures",
        tag = "Tag::Config"
    )]
    async fn features(
        &self,
        TenantScope(tenant): TenantScope,
        Data(auth): Data<&Arc<AdminAuth>>,
    ) -> Json<FeatureFlags> {
        Json(FeatureFlags::new(tenant.settings().features, auth.mode()))
    }

    /// Which platforms are on?
    ///
    /// For a client that lets people choose where to publish. A platform is off, too, when its
    /// settings are incomplete or publishing as a whole is off.
    #[oai(
        path = "/api/config/publishers",
        method = "get",
        operation_id = "getPublishers",
        tag = "Tag::Config"
    )]
    async fn publishers(&self, TenantScope(tenant): TenantScope) -> Json<EnabledPublishers> {
        Json(tenant.settings().into())
    }
}
