//! `/api/config/voice-profile`: shows and stores the example captions that new ones sound like.

use std::sync::Arc;

use poem_openapi::{OpenApi, payload::Json};

use super::{
    auth::Admin,
    dto::voice_profile::{VoiceProfile, VoiceProfileChange},
    error::ApiError,
    json_body::JsonBody,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::app::{
    tenancy::tenant::Tenant,
    usecases::voice_profile::{ShowVoiceProfile, StoreVoiceProfile},
};

pub(super) struct VoiceProfileApi {
    pub(super) show: ShowVoiceProfile,
    pub(super) store: StoreVoiceProfile,
}

#[OpenApi]
impl VoiceProfileApi {
    /// Which voice do captions have?
    ///
    /// For a page on which people choose the captions that new ones are to sound like: the examples that are stored, or
    /// else those of the tenant's config.
    #[oai(
        path = "/api/config/voice-profile",
        method = "get",
        operation_id = "getVoiceProfile",
        tag = "Tag::Config"
    )]
    async fn voice_profile(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
    ) -> Result<Json<VoiceProfile>, ApiError> {
        let report = self.show.run(&tenant).await;
        let report = report.map_err(|error| ApiError::from_ledger(error, "Try again later."))?;
        Ok(Json(report.into()))
    }

    /// Store a voice.
    ///
    /// For a page on which people choose the captions that new ones are to sound like: up to 20 examples, which take the
    /// place of all that were stored and of those of the tenant's config. They survive a restart, and are in effect from
    /// the next caption on; in other processes of the service after `TENANT_SERVICE_TTL_SECONDS` (10 minutes) at the
    /// latest. An empty list stands for no examples, and `null` goes back to those of the config. Where the ledger is
    /// not available, they may be stored all the same.
    #[oai(
        path = "/api/config/voice-profile",
        method = "put",
        operation_id = "putVoiceProfile",
        tag = "Tag::Config"
    )]
    async fn put_voice_profile(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        body: JsonBody<VoiceProfileChange>,
    ) -> Result<Json<VoiceProfile>, ApiError> {
        self.stored(tenant, body).await
    }

    /// Store a voice, as `putVoiceProfile` does.
    ///
    /// For clients that cannot send `PUT`: the same in every respect.
    #[oai(
        path = "/api/config/voice-profile",
        method = "post",
        operation_id = "postVoiceProfile",
        tag = "Tag::Config"
    )]
    async fn post_voice_profile(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        body: JsonBody<VoiceProfileChange>,
    ) -> Result<Json<VoiceProfile>, ApiError> {
        self.stored(tenant, body).await
    }
}

impl VoiceProfileApi {
    async fn stored(
        &self,
        tenant: Arc<Tenant>,
        body: JsonBody<VoiceProfileChange>,
    ) -> Result<Json<VoiceProfile>, ApiError> {
        let mut fields = body.into_fields();
        let profile = VoiceProfileChange::read(&mut fields);
        let profile = fields.finish_with(profile)?;
        Ok(Json(self.store.run(tenant, profile).await?.into()))
    }
}
