//! Tenants in memory: a config, its storage credential, and the clients that were opened with
//! both. Opened once, confirmed before their life is over, and opened again when the config or
//! the credential has changed.

use std::{
    hash::{Hash, Hasher},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use cached::BuildError;

use super::{
    cached_config::CachedConfig,
    credentials::{CredentialUnavailable, Credentials},
    resolve_error::ResolveTenantError,
    tenant::{Providers, Tenant},
};
use crate::{
    app::runtime::{
        single_flight::{Flight, FlightAborted, SingleFlight},
        timed_cache::{Refresh, TimedCache},
    },
    domain::{
        request_id::RequestId,
        tenant::TenantName,
        tenant_config::{TenantConfig, Validated},
    },
    ports::Clock,
};

/// The longest that opening a tenant may take: the credential store's limit of 10 s, and slack.
const FLIGHT_LIMIT: Duration = Duration::from_secs(12);

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

/// The tenants that have been opened.
pub(in crate::app) struct Tenants {
    flights: SingleFlight<Opened, Resolution>,
    opening: Arc<Opening>,
}

/// What a flight opens: one config. Those of two hosts may have the same tenant and version, and yet
/// say something else; what is opened for the one must not be served under the other.
#[derive(Clone)]
struct Opened(Arc<TenantConfig<Validated>>);

impl PartialEq for Opened {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.is_equivalent_to(&other.0)
    }
}

impl Eq for Opened {}

impl Hash for Opened {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.tenant(), self.0.version()).hash(state);
    }
}

type Resolution = Result<Arc<Tenant>, ResolveTenantError>;

impl Tenants {
    /// Tenants whose clients `providers` open, with credentials out of `credentials`.
    pub(in crate::app) fn new(
        credentials: Arc<Credentials>,
        providers: Providers,
        clock: &Arc<dyn Clock>,
        settings: TenantCacheSettings,
    ) -> Result<Self, BuildError> {
        let cache = TimedCache::new("tenant_services", settings.max_size, Arc::clone(clock))?;
        let clock = Arc::clone(clock);
        let opening = Opening {
            cache,
            credentials,
            providers,
            clock,
            settings,
        };
        Ok(Self {
            flights: SingleFlight::new(FLIGHT_LIMIT),
            opening: Arc::new(opening),
        })
    }

    /// The tenant that a config describes, ready to be served.
    ///
    /// With a stale config nobody is asked for anything: the tenant goes on as it was opened, for
    /// as long as its storage credential is good.
    pub(in crate::app) async fn open(
        &self,
        known: &CachedConfig,
        request_id: &RequestId,
    ) -> Resolution {
        let CachedConfig { config, is_stale } = known;
        let Opening { cache, clock, .. } = &*self.opening;
        let found = cache
            .look_up(config.tenant())
            .filter(|found| found.value.is_of(config));
        match found {
            Some(found) if !found.is_expired => {
                if found.refresh != Refresh::NotDue {
                    drop(self.launch(config, request_id));
                }
                Ok(found.value)
            }
            Some(found) if *is_stale && found.value.has_good_storage_at(clock.utc()) => {
                Ok(found.value)
            }
            _ => {
                let lost = |_: FlightAborted| ResolveTenantError::Unavailable { retry_after: None };
                self.launch(config, request_id)
                    .landed()
                    .await
                    .map_err(lost)?
            }
        }
    }

    /// The same, if it is in memory and need not be opened again.
    pub(in crate::app) fn cached(
        &self,
        config: &Arc<TenantConfig<Validated>>,
    ) -> Option<Arc<Tenant>> {
        let tenant = self.opening.cache.fresh(config.tenant());
        tenant.filter(|tenant| tenant.is_of(config))
    }

    /// Drops everything of a tenant: it has ended, or its config has changed.
    pub(in crate::app) fn end(&self, tenant: &TenantName) {
        self.opening.cache.forget(tenant);
        self.opening.credentials.forget_tenant(tenant);
    }

    /// Drops what is no longer kept.
    pub(in crate::app) fn sweep(&self) {
        self.opening.cache.sweep();
        self.opening.credentials.sweep();
    }

    fn launch(
        &self,
        config: &Arc<TenantConfig<Validated>>,
        request_id: &RequestId,
    ) -> Flight<Resolution> {
        let key = Opened(Arc::clone(config));
        let (opening, config) = (Arc::clone(&self.opening), Arc::clone(config));
        let request_id = request_id.clone();
        self.flights.launch(
            key,
            || async move { opening.run(config, &request_id).await },
        )
    }
}

/// What a flight works with.
struct Opening {
    cache: TimedCache<TenantName, Arc<Tenant>>,
    credentials: Arc<Credentials>,
    providers: Providers,
    clock: Arc<dyn Clock>,
    settings: TenantCacheSettings,
}

impl Opening {
    async fn run(
        &self,
        config: Arc<TenantConfig<Validated>>,
        request_id: &RequestId,
    ) -> Resolution {
        let name = config.tenant().clone();
        let before = self
            .cache
            .look(&name)
            .filter(|found| found.value.is_of(&config));
        // One whose life is over is not good because confirming it has just failed.
        if let Some(found) = before
            .as_ref()
            .filter(|found| !found.is_expired && found.refresh == Refresh::NotDue)
        {
            return Ok(Arc::clone(&found.value));
        }
        let credential = Tenant::storage_credential(&config, &self.credentials, request_id).await;
        let credential = credential.map_err(|error| {
            // What is kept under the name may be of another config, and has not failed.
            if before.is_some() {
                self.cache.note_failure(&name);
            }
            unavailable(error)
        })?;
        let life = self.life_of(&config, credential.as_ref().and_then(|it| it.expires_at()));
        let same = before.filter(|found| found.value.has_storage_credential(credential.as_deref()));
        let tenant = if let Some(found) = same {
            found.value
        } else {
            let credentials = Arc::clone(&self.credentials);
            let opened = Tenant::open(config, credential, &self.providers, credentials);
            Arc::new(opened.map_err(|error| {
                tracing::error!(tenant = %name, %request_id, %error, "tenant cannot be opened");
                ResolveTenantError::Unavailable { retry_after: None }
            })?)
        };
        let kept = Arc::clone(&tenant);
        self.cache
            .set_with_grace(name, kept, life, self.settings.max_stale);
        Ok(tenant)
    }

    fn life_of(
        &self,
        config: &TenantConfig<Validated>,
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

fn unavailable(error: CredentialUnavailable) -> ResolveTenantError {
    ResolveTenantError::Unavailable {
        retry_after: error.retry_after(),
    }
}
