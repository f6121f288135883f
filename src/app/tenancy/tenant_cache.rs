//! The cache of open tenants. A tenant is opened once, confirmed before its time to live ends, and opened
//! again when its config or its storage credential has changed.

use std::{
    hash::{Hash, Hasher},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use super::{
    credentials::Credentials,
    resolve_error::ResolveTenantError,
    tenant::{ProviderFactories, Tenant},
};
use crate::{
    app::runtime::{
        refreshing_cache::{Cached, LoadError, RefreshingCache},
        timed_cache::{Found, Loaded, TimedCache},
    },
    domain::{
        request_id::RequestId,
        tenant::TenantName,
        tenant_config::{TenantConfig, Validated},
    },
    ports::Clock,
};

/// The longest that opening a tenant may take: the credential store's limit of 10 s, and slack.
const OPEN_LIMIT: Duration = Duration::from_secs(12);

/// A config, shared by all requests for its hosts.
pub(in crate::app) type SharedConfig = Arc<TenantConfig<Validated>>;

/// How opened tenants are kept.
#[derive(Debug, Clone, Copy)]
pub struct TenantCacheSettings {
    /// How many at most.
    pub max_size: NonZeroUsize,
    /// How long at most, before the storage credential is confirmed.
    pub ttl: Duration,
    /// How long after that, when only a stale config can be had.
    pub max_stale: Duration,
}

impl Default for TenantCacheSettings {
    fn default() -> Self {
        Self {
            max_size: NonZeroUsize::new(1_000).unwrap_or(NonZeroUsize::MIN),
            ttl: Duration::from_mins(10),
            max_stale: Duration::from_hours(24),
        }
    }
}

/// The tenants that have been opened, by the config that they were opened with. The configs of two hosts
/// may have the same tenant and version, and differ in their settings: what is opened for the one must
/// not be served under the other.
pub(in crate::app) struct TenantCache {
    cached: RefreshingCache<OpenedWith, Arc<Tenant>, ResolveTenantError>,
    opener: Arc<Opener>,
}

#[derive(Clone)]
struct OpenedWith(SharedConfig);

impl PartialEq for OpenedWith {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.is_equivalent_to(&other.0)
    }
}

impl Eq for OpenedWith {}

impl Hash for OpenedWith {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.tenant(), self.0.version()).hash(state);
    }
}

impl TenantCache {
    /// Tenants whose clients are opened by `factories`, with credentials from `credentials`.
    pub(in crate::app) fn new(
        credentials: Arc<Credentials>,
        factories: ProviderFactories,
        clock: &Arc<dyn Clock>,
        settings: TenantCacheSettings,
    ) -> Self {
        let max_size = settings.max_size.get();
        let entries = TimedCache::new("tenant_services", max_size, Arc::clone(clock));
        Self {
            cached: RefreshingCache::new(entries.with_refreshes(), OPEN_LIMIT),
            opener: Arc::new(Opener {
                credentials,
                factories,
                clock: Arc::clone(clock),
                settings,
            }),
        }
    }

    /// The tenant that a config describes, ready to be served.
    ///
    /// With a stale config no source is asked: the tenant is served as it was opened, for as long as its
    /// storage credential is good.
    pub(in crate::app) async fn get(
        &self,
        config: Cached<SharedConfig>,
        request_id: &RequestId,
    ) -> Result<Arc<Tenant>, ResolveTenantError> {
        let key = OpenedWith(config.value);
        let load = |before: Option<Arc<Tenant>>| {
            let (opener, config) = (Arc::clone(&self.opener), Arc::clone(&key.0));
            let request_id = request_id.clone();
            async move { opener.open(config, before, &request_id).await }
        };
        match self.cached.entries().get_with_status(&key) {
            Some(found) if !found.is_expired => {
                let tenant = self.cached.refresh_if_due(&key, found, load).await;
                tenant.map(|tenant| tenant.value)
            }
            Some(Found { value: tenant, .. })
                if config.is_stale && tenant.has_good_storage_at(self.opener.clock.utc()) =>
            {
                Ok(tenant)
            }
            _ => self.cached.load(&key, load).await,
        }
    }

    /// The same, if it is in memory and no refresh is due.
    pub(in crate::app) fn get_fresh(&self, config: SharedConfig) -> Option<Arc<Tenant>> {
        self.cached.entries().get_fresh(&OpenedWith(config))
    }

    /// Drops a tenant that has ended or whose config has changed, and its credentials.
    pub(in crate::app) fn evict(&self, tenant: &TenantName) {
        let is_another = |key: &OpenedWith, _: &_| key.0.tenant() != tenant;
        self.cached.entries().retain(is_another);
        self.opener.credentials.forget_tenant(tenant);
    }

    /// Drops what is no longer kept.
    pub(in crate::app) fn sweep(&self) {
        self.cached.entries().sweep();
        self.opener.credentials.sweep();
    }
}

/// Opens tenants.
struct Opener {
    credentials: Arc<Credentials>,
    factories: ProviderFactories,
    clock: Arc<dyn Clock>,
    settings: TenantCacheSettings,
}

impl Opener {
    async fn open(
        &self,
        config: SharedConfig,
        before: Option<Arc<Tenant>>,
        request_id: &RequestId,
    ) -> Result<Loaded<Arc<Tenant>>, LoadError<ResolveTenantError>> {
        let credential = Tenant::storage_credential(&config, &self.credentials, request_id).await;
        let credential = credential.map_err(|error| ResolveTenantError::Unavailable {
            retry_after: error.retry_after(),
        })?;
        let life = self.life_of(&config, credential.as_ref().and_then(|it| it.expires_at()));
        let same = before.filter(|before| before.has_storage_credential(credential.as_deref()));
        let tenant = if let Some(same) = same {
            same
        } else {
            let name = config.tenant().clone();
            let credentials = Arc::clone(&self.credentials);
            let opened = Tenant::open(config, credential, &self.factories, credentials);
            Arc::new(opened.map_err(|error| {
                tracing::error!(tenant = %name, %request_id, %error, "tenant cannot be opened");
                ResolveTenantError::Unavailable { retry_after: None }
            })?)
        };
        Ok(Loaded::new(tenant, life).with_stale_ttl(self.settings.max_stale))
    }

    fn life_of(
        &self,
        config: &SharedConfig,
        expires_at: Option<std::time::SystemTime>,
    ) -> Duration {
        let life = self.settings.ttl.min(config.ttl().as_duration());
        expires_at.map_or(life, |end| {
            life.min(
                end.duration_since(self.clock.utc())
                    .unwrap_or(Duration::ZERO),
            )
        })
    }
}
