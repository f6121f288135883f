//! From the `Host` of a request to a tenant that can be served.

mod second_host;

use std::sync::Arc;

use self::second_host::SecondHost;
use super::{
    config_cache::{ConfigCache, ConfigCacheSettings},
    credentials::Credentials,
    resolve_error::ResolveTenantError,
    tenant::{ProviderFactories, Tenant},
    tenant_cache::{TenantCache, TenantCacheSettings},
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
    configs: ConfigCache,
    tenants: Arc<TenantCache>,
}

impl ResolveTenant {
    /// Resolves tenants with configs from `source`, and credentials from `credentials`.
    #[must_use]
    pub fn new(
        host_rules: HostRules,
        source: Arc<dyn TenantConfigSource>,
        credentials: Arc<Credentials>,
        factories: ProviderFactories,
        clock: &Arc<dyn Clock>,
        settings: TenancySettings,
    ) -> Self {
        let TenancySettings { configs, tenants } = settings;
        let platforms = factories.platforms;
        let tenants = Arc::new(TenantCache::new(credentials, factories, clock, tenants));
        let configs = ConfigCache::new(source, Arc::clone(&tenants), platforms, clock, configs);
        Self {
            host_rules,
            second_host: SecondHost::default(),
            configs,
            tenants,
        }
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
        let config = self.configs.get(host, request_id).await?;
        self.tenants.get(config, request_id).await
    }

    /// The same without waiting, if the tenant is in memory and no refresh is due.
    #[must_use]
    pub fn cached(&self, host: &Host, request_id: &RequestId) -> Option<Arc<Tenant>> {
        if !self.accepts(host, request_id) {
            return None;
        }
        let config = self.configs.peek_fresh(host)?;
        let tenant = self.tenants.get_fresh(config)?;
        self.configs.count_hit();
        Some(tenant)
    }

    /// Whether a config of this host is in memory.
    #[must_use]
    pub fn knows(&self, host: &Host) -> bool {
        self.configs.contains(host)
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
