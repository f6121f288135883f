//! Credentials in memory: resolved once for everybody who asks at the same time, kept for a
//! while, dropped when a provider refuses them. They never leave process memory.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use cached::BuildError;

use crate::{
    app::runtime::{
        error_chain::ErrorChain,
        single_flight::{Flight, FlightAborted, SingleFlight},
        timed_cache::{Refresh, TimedCache},
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
const COOL_DOWN: Duration = Duration::from_secs(30);
/// The longest that one resolution may take: the store's own limit of 10 s and some slack.
const FLIGHT_LIMIT: Duration = Duration::from_secs(12);

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
    store: Arc<dyn CredentialStore>,
    clock: Arc<dyn Clock>,
    settings: CredentialCacheSettings,
    kept: Arc<TimedCache<Key, Arc<Credential>>>,
    cooling: Arc<TimedCache<Key, CredentialUnavailable>>,
    flights: SingleFlight<Key, Result<Arc<Credential>, CredentialUnavailable>>,
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
            Self::Refused => None,
            Self::ForNow { retry_after } => retry_after,
        }
    }
}

impl Credentials {
    /// Credentials out of `store`.
    ///
    /// # Errors
    /// The caches cannot be that large.
    pub fn new(
        store: Arc<dyn CredentialStore>,
        clock: Arc<dyn Clock>,
        settings: CredentialCacheSettings,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            kept: Arc::new(TimedCache::new(
                "credential",
                settings.max_size,
                Arc::clone(&clock),
            )?),
            cooling: Arc::new(TimedCache::uncounted(
                settings.max_size,
                Arc::clone(&clock),
            )?),
            flights: SingleFlight::new(FLIGHT_LIMIT),
            store,
            clock,
            settings,
        })
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
        self.resolve(query, config_ttl).await
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
        if let Some(failure) = self.cooling.get(&key) {
            return Err(failure);
        }
        let result = self.resolve(query, config_ttl).await;
        if let Err(failure) = result {
            self.cooling.set(key, failure, COOL_DOWN);
        }
        result
    }

    /// Drops a credential that its provider has refused. Only that very one: another caller may
    /// have had it replaced already.
    pub fn forget(&self, tenant: &TenantName, reference: &CredentialsRef, dead: &Credential) {
        self.kept.retain(|(owner, name, ..), kept| {
            owner != tenant || name != reference || !kept.is_same_as(dead)
        });
    }

    /// Drops everything of a tenant: it has ended, or its config has changed.
    pub fn forget_tenant(&self, tenant: &TenantName) {
        self.kept.retain(|(owner, ..), _| owner != tenant);
        self.cooling.retain(|(owner, ..), _| owner != tenant);
    }

    /// Drops what has expired, so that no secret stays in memory because nobody asks for it.
    pub fn sweep(&self) {
        self.kept.sweep();
        self.cooling.sweep();
    }

    async fn resolve(
        &self,
        query: CredentialQuery,
        config_ttl: ConfigTtl,
    ) -> Result<Arc<Credential>, CredentialUnavailable> {
        let key = key_of(&query);
        let Some(found) = self.kept.look_up(&key) else {
            let lost = |_: FlightAborted| CredentialUnavailable::ForNow { retry_after: None };
            return self
                .launch(key, query, config_ttl)
                .landed()
                .await
                .map_err(lost)?;
        };
        if found.refresh != Refresh::NotDue {
            // In the background: whoever uses it often never waits for it.
            self.launch(key, query, config_ttl);
        }
        Ok(found.value)
    }

    fn launch(
        &self,
        key: Key,
        query: CredentialQuery,
        config_ttl: ConfigTtl,
    ) -> Flight<Result<Arc<Credential>, CredentialUnavailable>> {
        let (store, kept) = (Arc::clone(&self.store), Arc::clone(&self.kept));
        let (clock, settings) = (Arc::clone(&self.clock), self.settings);
        self.flights.launch(key.clone(), || async move {
            let before = kept.look(&key);
            if let Some(found) = before
                .as_ref()
                .filter(|found| found.refresh == Refresh::NotDue)
            {
                return Ok(Arc::clone(&found.value));
            }
            let resolved = store.resolve(&query).await;
            count(query.provider, resolved.as_ref().err());
            let fresh = match resolved {
                Ok(credential) => Arc::new(credential),
                Err(error) => {
                    kept.note_failure(&key);
                    return Err(report(&query, &error));
                }
            };
            let Some(life) = life_of(&fresh, settings, config_ttl, &*clock) else {
                kept.forget(&key);
                return Ok(fresh);
            };
            // The secret stands in memory once, however often it is confirmed.
            let credential = before
                .map(|found| found.value)
                .filter(|kept| kept.is_same_as(&fresh) && kept.expires_at() == fresh.expires_at())
                .unwrap_or(fresh);
            kept.set(key, Arc::clone(&credential), life);
            Ok(credential)
        })
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

/// The shortest of all limits; `None` when the credential is not to be kept.
fn life_of(
    credential: &Credential,
    settings: CredentialCacheSettings,
    config_ttl: ConfigTtl,
    clock: &dyn Clock,
) -> Option<Duration> {
    let until_expiry = credential
        .expires_at()
        .map(|end| end.duration_since(clock.utc()).unwrap_or(Duration::ZERO));
    let life = MAX_CREDENTIAL_TTL
        .min(settings.ttl)
        .min(config_ttl.as_duration());
    let life = until_expiry.map_or(life, |left| life.min(left));
    (settings.enabled && !life.is_zero()).then_some(life)
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
        CredentialError::NotFound | CredentialError::OutOfCredit => CredentialUnavailable::Refused,
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
