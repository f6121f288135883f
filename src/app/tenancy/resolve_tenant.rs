//! From the `Host` of a request to a tenant that can be served.

mod second_host;

use std::sync::Arc;

use cached::BuildError;

use self::second_host::SecondHost;
use super::{
    config_cache::{ConfigCacheSettings, Configs},
    credentials::Credentials,
    resolve_error::ResolveTenantError,
    tenant::{Providers, Tenant},
    tenant_cache::{TenantCacheSettings, Tenants},
};
use crate::{
    domain::{host::Host, request_id::RequestId},
    ports::{Clock, TenantConfigSource},
};

/// Which hosts are looked up at all.
#[derive(Debug, Clone)]
pub enum HostRules {
    /// Names that a tenant of a multi-tenant service can have.
    TenantNames,
    /// Any name or address: there is one tenant, and it is served under all of them. The second
    /// one is warned of.
    Any,
    /// This one; there is one tenant.
    Only(Host),
}

/// How what has been resolved is kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct TenancySettings {
    /// The configs, by host.
    pub configs: ConfigCacheSettings,
    /// The opened tenants, by name.
    pub tenants: TenantCacheSettings,
}

/// Resolves tenants, and keeps what it has resolved.
pub struct ResolveTenant {
    host_rules: HostRules,
    second_host: SecondHost,
    configs: Configs,
    tenants: Arc<Tenants>,
}

impl ResolveTenant {
    /// Resolves tenants with configs out of `source`, and credentials out of `credentials`.
    ///
    /// # Errors
    /// The caches cannot be that large.
    pub fn new(
        host_rules: HostRules,
        source: Arc<dyn TenantConfigSource>,
        credentials: Arc<Credentials>,
        providers: Providers,
        clock: &Arc<dyn Clock>,
        settings: TenancySettings,
    ) -> Result<Self, BuildError> {
        let TenancySettings { configs, tenants } = settings;
        let platforms = providers.platforms;
        let tenants = Arc::new(Tenants::new(credentials, providers, clock, tenants)?);
        let configs = Configs::new(source, Arc::clone(&tenants), platforms, clock, configs)?;
        Ok(Self {
            host_rules,
            second_host: SecondHost::default(),
            configs,
            tenants,
        })
    }

    /// The tenant that a host names; `None` is a request without one, or with one that is none.
    ///
    /// # Errors
    /// [`ResolveTenantError`]; a host that no tenant could have is as unknown as one that none
    /// has.
    pub async fn by_host(
        &self,
        host: Option<&Host>,
        request_id: &RequestId,
    ) -> Result<Arc<Tenant>, ResolveTenantError> {
        let host = host.filter(|host| self.accepts(host, request_id));
        let host = host.ok_or(ResolveTenantError::Unknown)?;
        let known = self.configs.of_host(host, request_id).await?;
        self.tenants.open(&known, request_id).await
    }

    /// The same for a tenant that is in memory, and about which nothing has to be done: at once.
    #[must_use]
    pub fn cached(&self, host: &Host, request_id: &RequestId) -> Option<Arc<Tenant>> {
        if !self.accepts(host, request_id) {
            return None;
        }
        self.tenants.cached(&self.configs.cached(host)?)
    }

    /// Whether a config of this host is in memory.
    #[must_use]
    pub fn knows(&self, host: &Host) -> bool {
        self.configs.knows(host)
    }

    /// Drops what has expired, secrets above all, though nobody asks for it.
    pub fn sweep(&self) {
        self.configs.sweep();
        self.tenants.sweep();
    }

    fn accepts(&self, host: &Host, request_id: &RequestId) -> bool {
        match &self.host_rules {
            HostRules::TenantNames => host.can_be_tenants(),
            HostRules::Any => {
                self.second_host.watch(host, request_id);
                true
            }
            HostRules::Only(own) => host == own,
        }
    }
}

#[cfg(test)]
mod tests;
