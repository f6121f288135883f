//! `/api/config`: what a client has to know of a tenant's config to show the right buttons.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use poem_openapi::OpenApi;

use super::{
    auth::AdminAuth,
    dto::{
        config::{EnabledPublishers, FeatureFlags},
        kept_json::KeptJson,
    },
    error::ApiError,
    problem::ProblemKind,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::app::tenancy::tenant::ResponseCache;

/// The problems of each operation, by its id; `spec` adds those that come with tenants and
/// security.
pub(super) const PROBLEMS: &[(&str, &[ProblemKind])] =
    &[("getFeatures", &[]), ("getPublishers", &[])];

/// Where among a tenant's answers one is kept.
pub(super) type KeptAt = fn(&ResponseCache) -> &OnceLock<Bytes>;

/// The answers that the config alone decides, by the paths of their operations.
pub(super) const KEPT: [(&str, KeptAt); 2] = [
    ("/api/config/features", |answers| &answers.features),
    ("/api/config/publishers", |answers| &answers.publishers),
];

/// A tenant's config, as far as clients may know it.
pub(super) struct ConfigApi {
    pub(super) auth: Arc<AdminAuth>,
}

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
    ) -> Result<KeptJson<FeatureFlags>, ApiError> {
        Ok(KeptJson::of(&tenant.answers().features, || {
            FeatureFlags::new(tenant.settings().features, self.auth.mode())
        }))
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
    async fn publishers(
        &self,
        TenantScope(tenant): TenantScope,
    ) -> Result<KeptJson<EnabledPublishers>, ApiError> {
        Ok(KeptJson::of(&tenant.answers().publishers, || {
            tenant.settings().into()
        }))
    }
}
