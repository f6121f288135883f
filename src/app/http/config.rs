//! `/api/config`: the part of a tenant's config that clients may know.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{OpenApi, payload::Json};

use super::{
    auth::AdminAuth,
    dto::config::{EnabledPublishers, FeatureFlags},
    tag::Tag,
    tenant_scope::TenantScope,
};

pub(super) struct ConfigApi;

#[expect(
    clippy::unused_async,
    reason = "the framework wants every handler to be async"
)]
#[OpenApi]
impl ConfigApi {
    /// What may the tenant do?
    ///
    /// For a client that offers only what works: the feature flags that are in effect, the storage of the
    /// images, and how admins authenticate.
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
        Json(FeatureFlags::new(&tenant, auth.mode()))
    }

    /// Which platforms are on?
    ///
    /// For a client that lets people choose the platforms. A platform is off, too, when its
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
