//! The cache of tenant configs, by host.

use std::{collections::BTreeSet, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    model_lifecycles::ModelLifecycles,
    resolve_error::ResolveTenantError,
    tenant_cache::{SharedConfig, TenantCache},
};
use crate::{
    app::runtime::{
        error_chain::ErrorChain,
        refreshing_cache::{Cached, LoadError, RefreshingCache},
        single_flight::Aborted,
        timed_cache::{Found, Loaded, TimedCache},
    },
    domain::{
        host::Host,
        platform_spec::PlatformSpecs,
        request_id::RequestId,
        tenant_config::{People, TenantConfig, Validated},
    },
    ports::{Clock, ConfigSourceError, TenantConfigSource},
};

/// The longest that one lookup may take: the source's own limit of 10 s and some slack.
const LOOKUP_LIMIT: Duration = Duration::from_secs(12);
/// How many hosts without a config in memory are looked up at a time; made-up ones, for the most part.
/// Each is a call to the source.
const MAX_FIRST_LOOKUPS: usize = 256;
/// How many requests wait for those at a time, none of which takes a place of those that are answered.
const MAX_FIRST_WAITERS: usize = 1_024;
/// When to come back for a host that cannot be looked up now.
const FIRST_LOOKUP_PAUSE: Duration = Duration::from_secs(1);

/// How many bad fields of a config are logged one by one: a config may have any number of them.
const MOST_WARNINGS: usize = 50;

/// How configs are kept.
#[derive(Debug, Clone, Copy)]
pub struct ConfigCacheSettings {
    /// How many tenants at most.
    pub max_size: NonZeroUsize,
    /// How long after its life a config may be served when no other can be had.
    pub max_stale: Duration,
    /// How many unknown hosts at most; apart from the tenants, so that a flood of made-up hosts
    /// evicts none.
    pub unknown_max_size: NonZeroUsize,
    /// How long a host stays unknown.
    pub unknown_ttl: Duration,
    /// Whether people can log in with accounts; where they cannot, a tenant whose config lets some is warned of.
    pub has_account_login: bool,
}

impl Default for ConfigCacheSettings {
    fn default() -> Self {
        let thousand = NonZeroUsize::new(1_000).unwrap_or(NonZeroUsize::MIN);
        Self {
            max_size: thousand,
            max_stale: Duration::from_hours(24),
            unknown_max_size: thousand,
            unknown_ttl: Duration::from_secs(30),
            has_account_login: true,
        }
    }
}

/// The configs of all hosts that have been asked for.
pub(in crate::app) struct ConfigCache {
    cached: RefreshingCache<Host, SharedConfig, FetchError>,
    loader: Arc<Loader>,
    first_waiters: Semaphore,
}

/// Why a lookup has brought no config. The cause has been logged.
#[derive(Debug, Clone, Copy)]
enum FetchError {
    /// No tenant has this host.
    Unknown,
    /// No usable config has come, and nothing speaks against the one before.
    Unavailable { retry_after: Option<Duration> },
    /// The source has answered that storage is no longer what the config before says. That one must
    /// not be served any more, though there is no other yet.
    StorageChanged,
}

impl From<Aborted> for FetchError {
    fn from(_: Aborted) -> Self {
        Self::Unavailable { retry_after: None }
    }
}

impl From<FetchError> for ResolveTenantError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Unknown => Self::Unknown,
            FetchError::Unavailable { retry_after } => Self::Unavailable { retry_after },
            FetchError::StorageChanged => Self::Unavailable { retry_after: None },
        }
    }
}

impl ConfigCache {
    /// Configs from `source`. A tenant whose config is replaced or gone is evicted from `tenants`.
    pub(in crate::app) fn new(
        source: Arc<dyn TenantConfigSource>,
        tenants: Arc<TenantCache>,
        platforms: PlatformSpecs,
        clock: &Arc<dyn Clock>,
        settings: ConfigCacheSettings,
    ) -> Self {
        let (max_size, max_unknown) = (settings.max_size, settings.unknown_max_size);
        let known = TimedCache::new("runtime_config", max_size.get(), Arc::clone(clock));
        let unknown = TimedCache::new("unknown_host", max_unknown.get(), Arc::clone(clock));
        Self {
            cached: RefreshingCache::new(known.with_refreshes(), LOOKUP_LIMIT),
            loader: Arc::new(Loader {
                source,
                platforms,
                tenants,
                unknown,
                settings,
                first_lookups: Arc::new(Semaphore::new(MAX_FIRST_LOOKUPS)),
                lifecycles: ModelLifecycles::new(max_size.get()),
            }),
            first_waiters: Semaphore::new(MAX_FIRST_WAITERS),
        }
    }

    /// The config of a host.
    pub(in crate::app) async fn get(
        &self,
        host: &Host,
        request_id: &RequestId,
    ) -> Result<Cached<SharedConfig>, ResolveTenantError> {
        let load = |before: Option<SharedConfig>| {
            let (loader, host, request_id) =
                (Arc::clone(&self.loader), host.clone(), request_id.clone());
            let permit = loader.permit(before.as_ref());
            async move {
                let _permit = permit?;
                loader.load(host, before, &request_id).await
            }
        };
        if let Some(found) = self.cached.entries().get_with_status(host) {
            return Ok(self.cached.refresh_if_due(host, found, load).await?);
        }
        if self.loader.unknown.get(host).is_some() {
            return Err(ResolveTenantError::Unknown);
        }
        let _waiter = self.first_waiters.try_acquire().map_err(|_| crowded())?;
        let (value, is_stale) = (self.cached.load(host, load).await?, false);
        Ok(Cached { value, is_stale })
    }

    /// The same, if it is in memory and no refresh is due. It is not counted before [`count_hit`](Self::count_hit).
    pub(in crate::app) fn peek_fresh(&self, host: &Host) -> Option<SharedConfig> {
        let found = self.cached.entries().peek(host).filter(Found::is_fresh)?;
        Some(found.value)
    }

    /// Counts a request that was answered after a [`ConfigCache::peek_fresh`].
    pub(in crate::app) fn count_hit(&self) {
        self.cached.entries().count(Some(false));
    }

    /// Whether the config of a host is in memory.
    pub(in crate::app) fn contains(&self, host: &Host) -> bool {
        self.cached.entries().peek(host).is_some()
    }

    /// Drops what is no longer kept.
    pub(in crate::app) fn sweep(&self) {
        self.cached.entries().sweep();
        self.loader.unknown.sweep();
        let mut served = BTreeSet::new();
        self.cached.entries().retain(|_, config| {
            served.insert(config.tenant().clone());
            true
        });
        self.loader.lifecycles.retain(&served);
    }
}

/// The answer while too many unknown hosts are looked up. Each such request has its line in the log
/// already.
fn crowded() -> FetchError {
    FetchError::Unavailable {
        retry_after: Some(FIRST_LOOKUP_PAUSE),
    }
}

/// Looks configs up.
struct Loader {
    source: Arc<dyn TenantConfigSource>,
    platforms: PlatformSpecs,
    tenants: Arc<TenantCache>,
    unknown: TimedCache<Host, ()>,
    settings: ConfigCacheSettings,
    first_lookups: Arc<Semaphore>,
    lifecycles: ModelLifecycles,
}

impl Loader {
    /// A host without a config needs a permit to be looked up.
    fn permit(
        &self,
        before: Option<&SharedConfig>,
    ) -> Result<Option<OwnedSemaphorePermit>, FetchError> {
        match before {
            Some(_) => Ok(None),
            None => match Arc::clone(&self.first_lookups).try_acquire_owned() {
                Ok(permit) => Ok(Some(permit)),
                Err(_) => Err(crowded()),
            },
        }
    }

    async fn load(
        &self,
        host: Host,
        before: Option<SharedConfig>,
        request_id: &RequestId,
    ) -> Result<Loaded<SharedConfig>, LoadError<FetchError>> {
        let fetched = self.fetch(&host, before.as_deref(), request_id).await;
        let config = fetched.map_err(|error| {
            if let FetchError::Unavailable { .. } = error {
                return LoadError::Failed(error);
            }
            let is_unknown = matches!(error, FetchError::Unknown);
            if let Some(outdated) = &before {
                if is_unknown {
                    tracing::info!(tenant = %outdated.tenant(), "the tenant has ended");
                }
                self.tenants.evict(outdated.tenant());
            }
            if is_unknown {
                let unknown = Loaded::new((), self.settings.unknown_ttl);
                self.unknown.set(host, unknown);
            }
            LoadError::Outdated(error)
        })?;
        let ttl = config.ttl().as_duration();
        let config = match before {
            // The same again: callers that hold the old one hold the current one.
            Some(before) if before.is_equivalent_to(&config) && before.ttl() == config.ttl() => {
                before
            }
            before => {
                if let Some(before) = before {
                    self.tenants.evict(before.tenant());
                }
                self.lifecycles.note(&config);
                Arc::new(config)
            }
        };
        Ok(Loaded::new(config, ttl).with_stale_ttl(self.settings.max_stale))
    }

    async fn fetch(
        &self,
        host: &Host,
        before: Option<&TenantConfig<Validated>>,
        request_id: &RequestId,
    ) -> Result<TenantConfig<Validated>, FetchError> {
        let fetched = self.source.fetch(host, request_id).await;
        let unvalidated = fetched.map_err(|error| report(&error, request_id))?;
        let (tenant, version) = (unvalidated.tenant().clone(), unvalidated.version().clone());
        let validated = unvalidated.validate(self.platforms).map_err(|violations| {
            tracing::error!(
                %tenant, config_version = %version, %request_id, %violations,
                "config does not validate"
            );
            // A change of storage counts at once: what was published from the old one meanwhile
            // could not be taken back.
            let is_of_same = |before: &&TenantConfig<Validated>| *before.tenant() == tenant;
            let before = before.filter(is_of_same);
            if before.is_some_and(|before| violations.leave_storage_as_in(before.settings())) {
                FetchError::Unavailable { retry_after: None }
            } else {
                FetchError::StorageChanged
            }
        })?;
        let warnings = validated.warnings();
        let (named, more) = warnings.split_at(warnings.len().min(MOST_WARNINGS));
        for warning in named {
            tracing::warn!(
                %tenant, config_version = %version, %request_id,
                field = warning.path(), rule = warning.rule(),
                "config field does not keep its rule"
            );
        }
        if !more.is_empty() {
            let more = more.len();
            tracing::warn!(%tenant, config_version = %version, %request_id, more, "and more");
        }
        let lets_people_in = matches!(validated.settings().people, People::Listed(_));
        if lets_people_in && !self.settings.has_account_login {
            tracing::warn!(
                %tenant, config_version = %version, %request_id, field = "auth.enabled",
                "people of the tenant cannot log in: this service has no identity provider (OIDC_ISSUER_URL)"
            );
        }
        Ok(validated)
    }
}

/// Logs the cause, once for all who wait, and keeps what a caller must know.
fn report(error: &ConfigSourceError, request_id: &RequestId) -> FetchError {
    let retry_after = match error {
        ConfigSourceError::NotFound => return FetchError::Unknown,
        ConfigSourceError::Unavailable { retry_after, .. } => *retry_after,
        ConfigSourceError::Unauthorized(_) | ConfigSourceError::Malformed(_) => None,
    };
    tracing::error!(%request_id, error = %ErrorChain(error), "tenant config could not be fetched");
    FetchError::Unavailable { retry_after }
}
