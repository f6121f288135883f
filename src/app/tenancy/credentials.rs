//! The cache of credentials. A credential is kept for a while, and dropped when its provider refuses it. It
//! never leaves process memory.

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    app::runtime::{
        error_chain::ErrorChain,
        refreshing_cache::{LoadError, RefreshingCache},
        single_flight::Aborted,
        timed_cache::{Loaded, TimedCache},
    },
    domain::{
        credential::{Credential, Provider},
        secret::CredentialsRef,
        tenant::{ConfigTtl, ConfigVersion, TenantName},
    },
    ports::{Clock, CredentialError, CredentialQuery, CredentialStore},
};

/// The longest time that a credential is kept (AC7: at most ten minutes).
pub const MAX_CREDENTIAL_TTL: Duration = Duration::from_mins(10);
/// How long an optional credential that could not be had is not asked for again.
const FAILURE_TTL: Duration = Duration::from_secs(30);
/// The longest that one resolution may take: the store's own limit of 10 s and some slack.
const RESOLVE_LIMIT: Duration = Duration::from_secs(12);

/// How credentials are kept.
#[derive(Debug, Clone, Copy)]
pub struct CredentialCacheSettings {
    /// Whether they are kept at all.
    pub enabled: bool,
    /// How long at most.
    pub ttl: Duration,
    /// How many at most.
    pub max_size: NonZeroUsize,
}

impl Default for CredentialCacheSettings {
    fn default() -> Self {
        let max_size = NonZeroUsize::new(5_000).unwrap_or(NonZeroUsize::MIN);
        Self {
            enabled: true,
            ttl: MAX_CREDENTIAL_TTL,
            max_size,
        }
    }
}

/// Resolves credentials, and keeps them.
pub struct Credentials {
    resolver: Arc<Resolver>,
    cached: RefreshingCache<Key, Arc<Credential>, CredentialUnavailable>,
    failures: TimedCache<Key, CredentialUnavailable>,
}

struct Resolver {
    store: Arc<dyn CredentialStore>,
    clock: Arc<dyn Clock>,
    settings: CredentialCacheSettings,
}

/// With the version of the config that names it: what a lookup brings that began before the config
/// changed is not taken for an answer to one that began after.
type Key = (TenantName, CredentialsRef, ConfigVersion, Provider);

/// Why a credential is not there. The cause has been logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialUnavailable {
    /// It cannot be had until somebody changes something.
    #[error("the credential is not available")]
    Refused,
    /// The tenant is out of credit.
    #[error("the credential is held back, because the tenant is out of credit")]
    OutOfCredit,
    /// It may be had later.
    #[error("the credential is not available at the moment")]
    ForNow {
        /// When to ask again.
        retry_after: Option<Duration>,
    },
}

impl CredentialUnavailable {
    /// When to ask again, if somebody said so.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Refused | Self::OutOfCredit => None,
            Self::ForNow { retry_after } => retry_after,
        }
    }
}

impl From<Aborted> for CredentialUnavailable {
    fn from(_: Aborted) -> Self {
        Self::ForNow { retry_after: None }
    }
}

impl Credentials {
    /// Credentials from `store`.
    #[must_use]
    pub fn new(
        store: Arc<dyn CredentialStore>,
        clock: Arc<dyn Clock>,
        settings: CredentialCacheSettings,
    ) -> Self {
        let max_size = settings.max_size.get();
        let entries = TimedCache::new("credential", max_size, Arc::clone(&clock));
        Self {
            cached: RefreshingCache::new(entries.with_refreshes(), RESOLVE_LIMIT),
            failures: TimedCache::uncounted(max_size, Arc::clone(&clock)),
            resolver: Arc::new(Resolver {
                store,
                clock,
                settings,
            }),
        }
    }

    /// A credential without which the tenant cannot be served: a failure is forgotten at once.
    ///
    /// # Errors
    /// [`CredentialUnavailable`].
    pub async fn critical(
        &self,
        query: CredentialQuery,
        config_ttl: ConfigTtl,
    ) -> Result<Arc<Credential>, CredentialUnavailable> {
        self.cached
            .get(&key_of(&query), |before| {
                let resolver = Arc::clone(&self.resolver);
                async move { resolver.resolve(query, config_ttl, before).await }
            })
            .await
    }

    /// A credential without which only one feature or platform is off: after a failure it is
    /// asked for again only when 30 s have passed.
    ///
    /// # Errors
    /// [`CredentialUnavailable`].
    pub async fn optional(
        &self,
        query: CredentialQuery,
        config_ttl: ConfigTtl,
    ) -> Result<Arc<Credential>, CredentialUnavailable> {
        let key = key_of(&query);
        if let Some(failure) = self.failures.get(&key) {
            return Err(failure);
        }
        let result = self.critical(query, config_ttl).await;
        if let Err(failure) = result {
            self.failures.set(key, Loaded::new(failure, FAILURE_TTL));
        }
        result
    }

    /// Drops a credential that its provider has refused. Only that very one: another caller may
    /// have had it replaced already.
    pub fn forget(&self, tenant: &TenantName, reference: &CredentialsRef, dead: &Credential) {
        self.cached.entries().retain(|(owner, name, ..), kept| {
            owner != tenant || name != reference || !kept.is_same_as(dead)
        });
    }

    /// Drops everything of a tenant: it has ended, or its config has changed.
    pub fn forget_tenant(&self, tenant: &TenantName) {
        self.cached
            .entries()
            .retain(|(owner, ..), _| owner != tenant);
        self.failures.retain(|(owner, ..), _| owner != tenant);
    }

    /// Drops what has expired, so that no secret stays in memory because nobody asks for it.
    pub fn sweep(&self) {
        self.cached.entries().sweep();
        self.failures.sweep();
    }
}

impl Resolver {
    async fn resolve(
        &self,
        query: CredentialQuery,
        config_ttl: ConfigTtl,
        before: Option<Arc<Credential>>,
    ) -> Result<Loaded<Arc<Credential>>, LoadError<CredentialUnavailable>> {
        let resolved = self.store.resolve(&query).await;
        count(query.provider, resolved.as_ref().err());
        let resolved = resolved.map_err(|error| report(&query, &error))?;
        let life = self.life_of(&resolved, config_ttl);
        // The secret stands in memory once, however often it is confirmed.
        let same = before.filter(|before| {
            before.is_same_as(&resolved) && before.expires_at() == resolved.expires_at()
        });
        Ok(Loaded::new(
            same.unwrap_or_else(|| Arc::new(resolved)),
            life,
        ))
    }

    /// The shortest of all limits; zero when the credential is not to be kept.
    fn life_of(&self, credential: &Credential, config_ttl: ConfigTtl) -> Duration {
        if !self.settings.enabled {
            return Duration::ZERO;
        }
        let life = MAX_CREDENTIAL_TTL
            .min(self.settings.ttl)
            .min(config_ttl.as_duration());
        let left = |end: SystemTime| end.duration_since(self.clock.utc()).unwrap_or_default();
        credential
            .expires_at()
            .map_or(life, |end| life.min(left(end)))
    }
}

fn key_of(query: &CredentialQuery) -> Key {
    (
        query.tenant.clone(),
        query.reference.clone(),
        query.config_version.clone(),
        query.provider,
    )
}

fn count(provider: Provider, failure: Option<&CredentialError>) {
    let outcome = match failure {
        None => "resolved",
        Some(CredentialError::NotFound) => "not_found",
        Some(CredentialError::Unauthorized(_)) => "unauthorized",
        Some(CredentialError::OutOfCredit) => "out_of_credit",
        Some(CredentialError::Unavailable { .. }) => "unavailable",
        Some(CredentialError::Malformed(_)) => "malformed",
    };
    metrics::counter!(
        "publisher_credential_resolutions_total",
        "provider" => provider.as_str(),
        "outcome" => outcome
    )
    .increment(1);
}

/// Logs the cause, once for all who wait, and keeps what a caller must know.
fn report(query: &CredentialQuery, error: &CredentialError) -> CredentialUnavailable {
    tracing::warn!(
        tenant = %query.tenant,
        request_id = %query.request_id,
        provider = query.provider.as_str(),
        error = %ErrorChain(error),
        "credential could not be resolved"
    );
    match error {
        CredentialError::NotFound => CredentialUnavailable::Refused,
        CredentialError::OutOfCredit => CredentialUnavailable::OutOfCredit,
        CredentialError::Unavailable { retry_after, .. } => CredentialUnavailable::ForNow {
            retry_after: *retry_after,
        },
        CredentialError::Unauthorized(_) | CredentialError::Malformed(_) => {
            CredentialUnavailable::ForNow { retry_after: None }
        }
    }
}

#[cfg(test)]
mod tests;
