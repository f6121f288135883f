//! Showing and storing a tenant's voice profile.

use std::sync::Arc;

use crate::{
    app::{
        runtime::background_tasks::{BackgroundTasks, TaskAborted},
        tenancy::{tenant::Tenant, voice_profiles::VoiceProfiles},
    },
    domain::{tenant_config::TenantSettings, voice::VoiceProfile},
    ports::LedgerError,
};

/// The voice profile that is in effect for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceProfileReport {
    /// The profile; `None` if none is stored, and the config has none.
    pub profile: Option<VoiceProfile>,
    /// Whether captions follow it.
    pub is_on: bool,
}

impl VoiceProfileReport {
    fn of(settings: &TenantSettings, stored: Option<VoiceProfile>) -> Self {
        let profile = settings.voice_profile(stored.as_ref());
        let is_on = settings.matches_voice(profile);
        let configured = &settings.content.voice_profile;
        let configured = Some(configured).filter(|it| !it.as_slice().is_empty());
        Self {
            is_on,
            profile: stored.or_else(|| configured.cloned()),
        }
    }
}

/// Shows voice profiles.
#[derive(Clone)]
pub struct ShowVoiceProfile(Arc<VoiceProfiles>);

impl ShowVoiceProfile {
    /// A use case on these profiles.
    #[must_use]
    pub fn new(profiles: Arc<VoiceProfiles>) -> Self {
        Self(profiles)
    }

    /// The tenant's profile, as it is in the ledger now.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn run(&self, tenant: &Tenant) -> Result<VoiceProfileReport, LedgerError> {
        let stored = self.0.read(tenant.name()).await?;
        Ok(VoiceProfileReport::of(tenant.settings(), stored))
    }

    /// Whether the tenant's captions follow a voice profile, as far as is known: the ledger may be away.
    pub async fn is_on(&self, tenant: &Tenant) -> bool {
        let stored = self.0.known(tenant.name()).await;
        let settings = tenant.settings();
        settings.matches_voice(settings.voice_profile(stored.as_deref()))
    }
}

/// Why a voice profile was not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreVoiceProfileError {
    /// The ledger is unavailable. The profile may be stored all the same.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The task ended without a result.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

/// Stores voice profiles.
#[derive(Clone)]
pub struct StoreVoiceProfile {
    profiles: Arc<VoiceProfiles>,
    tasks: BackgroundTasks,
}

impl StoreVoiceProfile {
    /// A use case on these profiles.
    #[must_use]
    pub fn new(profiles: Arc<VoiceProfiles>, tasks: BackgroundTasks) -> Self {
        Self { profiles, tasks }
    }

    /// Stores a profile in place of the one before, over that of the config; `None` goes back to that of the config. In
    /// effect from the next request on in this process. A caller that goes away does not stop it half-way.
    ///
    /// # Errors
    /// [`StoreVoiceProfileError`].
    pub async fn run(
        &self,
        tenant: Arc<Tenant>,
        profile: Option<VoiceProfile>,
    ) -> Result<VoiceProfileReport, StoreVoiceProfileError> {
        let profiles = Arc::clone(&self.profiles);
        let work = async move {
            let stored = profile.clone().map(Arc::new);
            profiles.write(tenant.name(), stored).await?;
            tracing::info!(
                tenant = %tenant.name(),
                examples = profile.as_ref().map(|it| it.as_slice().len()),
                "the voice profile was stored"
            );
            Ok(VoiceProfileReport::of(tenant.settings(), profile))
        };
        self.tasks.run_to_completion(work).await?
    }
}

#[cfg(test)]
mod tests;
