//! From the `Host` of a request to a tenant that can be served.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use cached::BuildError;

use super::{
    credentials::{CredentialUnavailable, Credentials},
    error_chain::ErrorChain,
    single_flight::{FlightLost, SingleFlight},
    tenant::{Providers, Tenant},
    timed_cache::TimedCache,
};
use crate::{
    domain::{
        credential::{Provider, StorageCredential},
        host::Host,
        request_id::RequestId,
        tenant_config::{TenantConfig, Validated},
    },
    ports::{Clock, ConfigSourceError, CredentialQuery, TenantConfigSource},
};

/// The longest that one resolution may take: config and credential, 10 s each, and some slack.
const FLIGHT_LIMIT: Duration = Duration::from_secs(22);

/// Which hosts are looked up at all.
#[derive(Debug, Clone)]
pub enum HostRules {
    /// Names that a tenant of a multi-tenant service can have.
    TenantNames,
    /// Any name or address: there is one tenant, and it is served under all of them.
    Any,
    /// This one; there is one tenant.
    Only(Host),
}

/// How resolved tenants are kept.
#[derive(Debug, Clone, Copy)]
pub struct TenantCacheSettings {
    /// How many tenants at most.
    pub max_size: NonZeroUsize,
    /// How many unknown hosts at most; apart from the tenants, so that a flood of made-up hosts
    /// evicts none.
    pub unknown_max_size: NonZeroUsize,
    /// How long a host stays unknown.
    pub unknown_ttl: Duration,
}

impl Default for TenantCacheSettings {
    fn default() -> Self {
        let thousand = NonZeroUsize::new(1_000).unwrap_or(NonZeroUsize::MIN);
        Self {
            max_size: thousand,
            unknown_max_size: thousand,
            unknown_ttl: Duration::from_secs(30),
        }
    }
}

/// Why a request has no tenant. The cause has been logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResolveTenantError {
    /// No tenant has this host, or none could.
    #[error("no tenant has this host")]
    Unknown,
    /// There is such a tenant, or there may be one, but it cannot be served at the moment.
    #[error("the tenant cannot be served at the moment")]
    Unavailable {
        /// When to ask again.
        retry_after: Option<Duration>,
    },
}

/// Resolves tenants, and keeps them for as long as their config may be used.
pub struct ResolveTenant {
    host_rules: HostRules,
    tenants: Arc<TimedCache<Host, Arc<Tenant>>>,
    unknown: Arc<TimedCache<Host, ()>>,
    unknown_ttl: Duration,
    flights: SingleFlight<Host, Resolution>,
    lookup: Arc<Lookup>,
}

type Resolution = Result<Arc<Tenant>, ResolveTenantError>;

impl ResolveTenant {
    /// Resolves tenants with configs out of `source`, and storage credentials out of
    /// `credentials`.
    ///
    /// # Errors
    /// The caches cannot be that large.
    pub fn new(
        host_rules: HostRules,
        source: Arc<dyn TenantConfigSource>,
        credentials: Arc<Credentials>,
        providers: Providers,
        clock: &Arc<dyn Clock>,
        settings: TenantCacheSettings,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            host_rules,
            tenants: Arc::new(TimedCache::new(settings.max_size, Arc::clone(clock))?),
            unknown: Arc::new(TimedCache::new(
                settings.unknown_max_size,
                Arc::clone(clock),
            )?),
            unknown_ttl: settings.unknown_ttl,
            flights: SingleFlight::new(FLIGHT_LIMIT),
            lookup: Arc::new(Lookup {
                source,
                credentials,
                providers,
            }),
        })
    }

    /// The tenant that a raw `Host` header names; `None` is a request without one.
    ///
    /// # Errors
    /// [`ResolveTenantError`]; a host that no tenant could have is as unknown as one that none
    /// has.
    pub async fn by_host(&self, raw_host: Option<&str>, request_id: &RequestId) -> Resolution {
        let host = self.accept(raw_host).ok_or(ResolveTenantError::Unknown)?;
        if let Some(tenant) = usable(&self.tenants, &host) {
            return Ok(tenant);
        }
        if self.unknown.get(&host).is_some() {
            return Err(ResolveTenantError::Unknown);
        }
        let (lookup, request_id) = (Arc::clone(&self.lookup), request_id.clone());
        let (tenants, unknown) = (Arc::clone(&self.tenants), Arc::clone(&self.unknown));
        let (unknown_ttl, flight_host) = (self.unknown_ttl, host.clone());
        let flight = || async move {
            if let Some(tenant) = usable(&tenants, &host) {
                return Ok(tenant);
            }
            let result = lookup.run(&host, &request_id).await;
            match &result {
                Ok(tenant) => {
                    let life = tenant.config().ttl().as_duration();
                    tenants.set(host, Arc::clone(tenant), life);
                }
                Err(ResolveTenantError::Unknown) => {
                    tenants.forget(&host);
                    unknown.set(host, (), unknown_ttl);
                }
                Err(ResolveTenantError::Unavailable { .. }) => {}
            }
            result
        };
        let lost = |_: FlightLost| ResolveTenantError::Unavailable { retry_after: None };
        self.flights.run(flight_host, flight).await.map_err(lost)?
    }

    fn accept(&self, raw_host: Option<&str>) -> Option<Host> {
        let raw_host = raw_host?;
        match &self.host_rules {
            HostRules::TenantNames => Host::normalise(raw_host).ok(),
            HostRules::Any => Host::normalise_any(raw_host).ok(),
            HostRules::Only(own) => Host::normalise_any(raw_host)
                .ok()
                .filter(|host| host == own),
        }
    }
}

/// A cached tenant, unless storage has refused its credential since.
fn usable(tenants: &TimedCache<Host, Arc<Tenant>>, host: &Host) -> Option<Arc<Tenant>> {
    tenants.get(host).filter(|tenant| !tenant.is_spent())
}

/// One resolution, without caches.
struct Lookup {
    source: Arc<dyn TenantConfigSource>,
    credentials: Arc<Credentials>,
    providers: Providers,
}

impl Lookup {
    async fn run(&self, host: &Host, request_id: &RequestId) -> Resolution {
        let unvalidated = self
            .source
            .fetch(host, request_id)
            .await
            .map_err(|e| report(&e))?;
        let (tenant, version) = (unvalidated.tenant().clone(), unvalidated.version().clone());
        let validated = unvalidated.validate().map_err(|violations| {
            tracing::error!(%tenant, config_version = %version, %violations, "config does not validate");
            ResolveTenantError::Unavailable { retry_after: None }
        })?;
        for warning in validated.warnings() {
            tracing::warn!(%tenant, config_version = %version, field = warning.path(), rule = warning.rule(),
                "config field is bad; what it belongs to is off");
        }
        let storage = self.storage_credential(&validated, request_id).await?;
        let config = Arc::new(validated.resolve(storage));
        Ok(Arc::new(Tenant::open(
            config,
            &self.providers,
            Arc::clone(&self.credentials),
        )))
    }

    async fn storage_credential(
        &self,
        config: &TenantConfig<Validated>,
        request_id: &RequestId,
    ) -> Result<StorageCredential, ResolveTenantError> {
        let query = CredentialQuery {
            tenant: config.tenant().clone(),
            reference: config.settings().storage.credentials_ref.clone(),
            provider: Provider::Dropbox,
            request_id: request_id.clone(),
        };
        let credential = self
            .credentials
            .critical(query, config.ttl())
            .await
            .map_err(|error| match error {
                CredentialUnavailable::Refused => {
                    ResolveTenantError::Unavailable { retry_after: None }
                }
                CredentialUnavailable::ForNow { retry_after } => {
                    ResolveTenantError::Unavailable { retry_after }
                }
            })?;
        StorageCredential::try_from(credential).map_err(|error| {
            tracing::error!(tenant = %config.tenant(), %error, "storage credential is unusable");
            ResolveTenantError::Unavailable { retry_after: None }
        })
    }
}

/// Logs the cause, once for all who wait, and keeps what a caller must know.
fn report(error: &ConfigSourceError) -> ResolveTenantError {
    let retry_after = match error {
        ConfigSourceError::NotFound => return ResolveTenantError::Unknown,
        ConfigSourceError::Unavailable { retry_after, .. } => *retry_after,
        ConfigSourceError::Unauthorized(_) | ConfigSourceError::Malformed(_) => None,
    };
    tracing::error!(error = %ErrorChain(error), "tenant config could not be fetched");
    ResolveTenantError::Unavailable { retry_after }
}

#[cfg(test)]
mod tests;
