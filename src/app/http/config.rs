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
use crate::app::usecases::voice_profile::ShowVoiceProfile;

pub(super) struct ConfigApi {
    pub(super) voice: ShowVoiceProfile,
}

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
        let matches_voice = self.voice.is_on(&tenant).await;
        let (mode, methods) = (auth.mode(&tenant), auth.methods(&tenant));
        Json(FeatureFlags::new(&tenant, matches_voice, mode, methods))
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
    #[expect(
        clippy::unused_async,
        reason = "the framework wants every handler to be async"
    )]
    async fn publishers(&self, TenantScope(tenant): TenantScope) -> Json<EnabledPublishers> {
        Json(tenant.settings().into())
    }
}
