//! The voice profiles that people have stored for their tenants, kept in memory for as long as an opened tenant is. A
//! profile that this process stores is in effect at once; one that another replica stores, when this one reads it again.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use super::tenant_cache::TenantCacheSettings;
use crate::{
    app::runtime::{
        error_chain::ErrorChain,
        refreshing_cache::{LoadError, RefreshingCache},
        single_flight::Aborted,
        timed_cache::{Loaded, TimedCache},
    },
    domain::{tenant::TenantName, voice::VoiceProfile},
    ports::{Clock, LedgerError, VoiceProfileStore},
};

/// The longest that reading a profile may take: the ledger's limit of 10 s, and slack.
const LOAD_LIMIT: Duration = Duration::from_secs(12);
/// How long a request waits for a profile of which nothing is known yet. After that it goes on with the config's.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// A tenant's stored profile, which may be empty; `None` if none is stored.
pub(in crate::app) type StoredVoice = Option<Arc<VoiceProfile>>;

/// The profile could not be read. The log has the cause.
#[derive(Debug, Clone, Copy)]
struct NotRead;

impl From<Aborted> for NotRead {
    fn from(_: Aborted) -> Self {
        Self
    }
}

/// The stored profiles, by tenant.
pub struct VoiceProfiles {
    store: Arc<dyn VoiceProfileStore>,
    kept: RefreshingCache<TenantName, StoredVoice, NotRead>,
    /// Held while a profile is stored and kept, so that the last one that is stored is the last one that is kept.
    writes: Mutex<()>,
    settings: TenantCacheSettings,
}

impl VoiceProfiles {
    /// Profiles from `store`, kept as opened tenants are.
    #[must_use]
    pub fn new(
        store: Arc<dyn VoiceProfileStore>,
        clock: &Arc<dyn Clock>,
        settings: TenantCacheSettings,
    ) -> Self {
        let max_size = settings.max_size.get();
        let entries = TimedCache::new("voice_profile", max_size, Arc::clone(clock));
        Self {
            store,
            kept: RefreshingCache::new(entries.with_refreshes(), LOAD_LIMIT),
            writes: Mutex::default(),
            settings,
        }
    }

    /// What is known of a tenant's stored profile. While the ledger is away that is what was read last; where nothing
    /// was read, it is as if nothing were stored.
    pub(in crate::app) async fn known(&self, tenant: &TenantName) -> StoredVoice {
        let load = |_| {
            let (store, tenant, settings) =
                (Arc::clone(&self.store), tenant.clone(), self.settings);
            async move {
                let read = store.load(&tenant).await;
                let stored = read.map_err(|error| {
                    tracing::warn!(
                        %tenant, error = %ErrorChain(&error),
                        "the stored voice profile could not be read; what is known of it is used"
                    );
                    LoadError::Failed(NotRead)
                })?;
                Ok(kept(stored.map(Arc::new), settings))
            }
        };
        let known = self.kept.get(tenant, load);
        match tokio::time::timeout(FIRST_WAIT, known).await {
            Ok(Ok(stored)) => stored,
            Ok(Err(NotRead)) | Err(_) => None,
        }
    }

    /// A tenant's stored profile, read now.
    pub(in crate::app) async fn read(
        &self,
        tenant: &TenantName,
    ) -> Result<Option<VoiceProfile>, LedgerError> {
        self.store.load(tenant).await
    }

    /// Stores a profile, or forgets the one that is stored. In effect in this process when this returns.
    pub(in crate::app) async fn write(
        &self,
        tenant: &TenantName,
        profile: StoredVoice,
    ) -> Result<(), LedgerError> {
        let _one_at_a_time = self.writes.lock().await;
        let written = match &profile {
            Some(profile) => self.store.store(tenant, profile).await,
            None => self.store.forget(tenant).await,
        };
        if written.is_ok() {
            let loaded = kept(profile, self.settings);
            self.kept.replace(tenant.clone(), loaded);
        } else if let Some(before) = self.kept.entries().peek(tenant) {
            // It may be written all the same: the next request reads it.
            let settings = TenantCacheSettings {
                ttl: Duration::ZERO,
                ..self.settings
            };
            let loaded = kept(before.value, settings);
            self.kept.replace(tenant.clone(), loaded);
        }
        written
    }

    /// Drops what is no longer kept.
    pub fn sweep(&self) {
        self.kept.entries().sweep();
    }
}

fn kept(stored: StoredVoice, settings: TenantCacheSettings) -> Loaded<StoredVoice> {
    Loaded::new(stored, settings.ttl).with_stale_ttl(settings.max_stale)
}

#[cfg(test)]
mod tests;
