//! Tenant configs in memory, by host: looked up once for everybody who asks at the same time,
//! refreshed before they expire, and served after that for as long as nothing better can be had.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use cached::BuildError;
use tokio::sync::Semaphore;

use super::{
    cached_config::CachedConfig, resolve_error::ResolveTenantError, tenant_cache::Tenants,
};
use crate::{
    app::runtime::{
        error_chain::ErrorChain,
        single_flight::{Flight, FlightAborted, SingleFlight},
        timed_cache::{Found, Refresh, TimedCache},
    },
    domain::{
        host::Host,
        platform_spec::PlatformSpecs,
        request_id::RequestId,
        tenant_config::{TenantConfig, Validated},
    },
    ports::{Clock, ConfigSourceError, TenantConfigSource},
};

/// The longest that one lookup may take: the source's own limit of 10 s and some slack.
const FLIGHT_LIMIT: Duration = Duration::from_secs(12);
/// How long the first requests after a config has expired wait for a new one, before they are
/// served with the old one. Long enough for a source that is well, too short for anybody to
/// notice one that is not; once it has failed, nobody waits at all.
const BRIEF_WAIT: Duration = Duration::from_millis(100);

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
}

impl Default for ConfigCacheSettings {
    fn default() -> Self {
        let thousand = NonZeroUsize::new(1_000).unwrap_or(NonZeroUsize::MIN);
        Self {
            max_size: thousand,
            max_stale: Duration::from_hours(24),
            unknown_max_size: thousand,
            unknown_ttl: Duration::from_secs(30),
        }
    }
}

/// The configs of all hosts that have been asked for.
pub(in crate::app) struct Configs {
    flights: SingleFlight<Host, Fetched>,
    lookup: Arc<Lookup>,
    first_lookups: Arc<Semaphore>,
    first_waiters: Semaphore,
}

type Fetched = Result<Arc<TenantConfig<Validated>>, FetchError>;

/// Why a lookup has brought no config. The cause has been logged.
#[derive(Debug, Clone, Copy)]
enum FetchError {
    /// No tenant has this host.
    Unknown,
    /// No config that can be used has come; nothing speaks against the one before.
    Unavailable { retry_after: Option<Duration> },
    /// The source has answered that storage is no longer what the config before says. That one must
    /// not be served any more, though there is no other yet.
    StorageChanged,
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

impl Configs {
    /// Configs out of `source`; `tenants` is told what becomes of them.
    pub(in crate::app) fn new(
        source: Arc<dyn TenantConfigSource>,
        tenants: Arc<Tenants>,
        platforms: PlatformSpecs,
        clock: &Arc<dyn Clock>,
        settings: ConfigCacheSettings,
    ) -> Result<Self, BuildError> {
        let ConfigCacheSettings {
            max_size,
            max_stale,
            unknown_max_size,
            unknown_ttl,
        } = settings;
        let lookup = Lookup {
            source,
            platforms,
            tenants,
            known: TimedCache::new("runtime_config", max_size, Arc::clone(clock))?,
            unknown: TimedCache::new("unknown_host", unknown_max_size, Arc::clone(clock))?,
            max_stale,
            unknown_ttl,
        };
        Ok(Self {
            flights: SingleFlight::new(FLIGHT_LIMIT),
            lookup: Arc::new(lookup),
            first_lookups: Arc::new(Semaphore::new(MAX_FIRST_LOOKUPS)),
            first_waiters: Semaphore::new(MAX_FIRST_WAITERS),
        })
    }

    /// The config of a host.
    pub(in crate::app) async fn of_host(
        &self,
        host: &Host,
        request_id: &RequestId,
    ) -> Result<CachedConfig, ResolveTenantError> {
        let Some(Found {
            value: config,
            is_expired,
            refresh,
        }) = self.lookup.known.look_up(host)
        else {
            return self.first_of_host(host, request_id).await;
        };
        match (is_expired, refresh) {
            (_, Refresh::NotDue) => {}
            (false, _) | (true, Refresh::DueAgain) => drop(self.launch(host, request_id)),
            (true, Refresh::Due) => {
                let flight = self.launch(host, request_id).landed();
                match tokio::time::timeout(BRIEF_WAIT, flight).await {
                    Ok(Ok(Ok(config))) => {
                        return Ok(CachedConfig {
                            config,
                            is_stale: false,
                        });
                    }
                    Ok(Ok(Err(error @ (FetchError::Unknown | FetchError::StorageChanged)))) => {
                        return Err(error.into());
                    }
                    Ok(Ok(Err(FetchError::Unavailable { .. })) | Err(FlightAborted)) => {}
                    // As good as failed: who comes next does not wait.
                    Err(_) => self.lookup.known.note_failure(host),
                }
            }
        }
        Ok(CachedConfig {
            config,
            is_stale: is_expired,
        })
    }

    /// The same, if it is in memory and need not be refreshed.
    pub(in crate::app) fn cached(&self, host: &Host) -> Option<Arc<TenantConfig<Validated>>> {
        self.lookup.known.fresh(host)
    }

    /// Whether there is one in memory.
    pub(in crate::app) fn knows(&self, host: &Host) -> bool {
        self.lookup.known.look(host).is_some()
    }

    async fn first_of_host(
        &self,
        host: &Host,
        request_id: &RequestId,
    ) -> Result<CachedConfig, ResolveTenantError> {
        if self.lookup.unknown.get(host).is_some() {
            return Err(ResolveTenantError::Unknown);
        }
        let lost = |_: FlightAborted| FetchError::Unavailable { retry_after: None };
        let _waiter = self.first_waiters.try_acquire().map_err(|_| crowded())?;
        let fetched = self.launch_first(host, request_id).landed().await;
        let config = fetched.map_err(lost)??;
        Ok(CachedConfig {
            config,
            is_stale: false,
        })
    }

    fn launch(&self, host: &Host, request_id: &RequestId) -> Flight<Fetched> {
        let (lookup, request_id) = (Arc::clone(&self.lookup), request_id.clone());
        let flight_host = host.clone();
        self.flights.launch(host.clone(), || async move {
            lookup.run(flight_host, &request_id).await
        })
    }

    /// The same for a host without a config in memory, unless too many of those are looked up.
    fn launch_first(&self, host: &Host, request_id: &RequestId) -> Flight<Fetched> {
        let (lookup, request_id) = (Arc::clone(&self.lookup), request_id.clone());
        let flight_host = host.clone();
        self.flights.launch(host.clone(), || {
            let permit = Arc::clone(&self.first_lookups).try_acquire_owned();
            async move {
                let _permit = permit.map_err(|_| crowded())?;
                lookup.run(flight_host, &request_id).await
            }
        })
    }

    /// Drops what is no longer kept.
    pub(in crate::app) fn sweep(&self) {
        self.lookup.known.sweep();
        self.lookup.unknown.sweep();
    }
}

/// Too many hosts that are not known are being looked up. Each request that is told so has its line in
/// the log already.
fn crowded() -> FetchError {
    FetchError::Unavailable {
        retry_after: Some(FIRST_LOOKUP_PAUSE),
    }
}

/// What a flight works with.
struct Lookup {
    platforms: PlatformSpecs,
    source: Arc<dyn TenantConfigSource>,
    tenants: Arc<Tenants>,
    known: TimedCache<Host, Arc<TenantConfig<Validated>>>,
    unknown: TimedCache<Host, ()>,
    max_stale: Duration,
    unknown_ttl: Duration,
}

impl Lookup {
    async fn run(&self, host: Host, request_id: &RequestId) -> Fetched {
        let before = self.known.look(&host);
        if let Some(found) = before
            .as_ref()
            .filter(|found| found.refresh == Refresh::NotDue)
        {
            return Ok(Arc::clone(&found.value));
        }
        let before = before.map(|found| found.value);
        match self.fetch(&host, before.as_deref(), request_id).await {
            Ok(config) => Ok(self.keep(host, before, config)),
            Err(FetchError::Unknown) => {
                if let Some(ended) = before {
                    tracing::info!(tenant = %ended.tenant(), "the tenant has ended");
                    self.known.forget(&host);
                    self.tenants.end(ended.tenant());
                }
                self.unknown.set(host, (), self.unknown_ttl);
                Err(FetchError::Unknown)
            }
            Err(FetchError::StorageChanged) => {
                if let Some(outdated) = before {
                    self.known.forget(&host);
                    self.tenants.end(outdated.tenant());
                }
                Err(FetchError::StorageChanged)
            }
            Err(error @ FetchError::Unavailable { .. }) => {
                self.known.note_failure(&host);
                Err(error)
            }
        }
    }

    fn keep(
        &self,
        host: Host,
        before: Option<Arc<TenantConfig<Validated>>>,
        config: TenantConfig<Validated>,
    ) -> Arc<TenantConfig<Validated>> {
        let life = config.ttl().as_duration();
        let config = match before {
            // The same again: whoever holds the old one holds the current one.
            Some(before) if before.is_equivalent_to(&config) && before.ttl() == config.ttl() => {
                before
            }
            Some(before) => {
                self.tenants.end(before.tenant());
                Arc::new(config)
            }
            None => Arc::new(config),
        };
        self.known
            .set_with_grace(host, Arc::clone(&config), life, self.max_stale);
        config
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
