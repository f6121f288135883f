//! A config as the cache has it.

use std::sync::Arc;

use crate::domain::tenant_config::{TenantConfig, Validated};

/// The config of a host.
#[derive(Clone)]
pub(in crate::app) struct CachedConfig {
    pub(in crate::app) config: Arc<TenantConfig<Validated>>,
    /// Its life is over, and no other can be had.
    pub(in crate::app) is_stale: bool,
}
