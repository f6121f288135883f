//! Why a request has no tenant.

use std::time::Duration;

use crate::app::runtime::single_flight::Aborted;

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

impl From<Aborted> for ResolveTenantError {
    fn from(_: Aborted) -> Self {
        Self::Unavailable { retry_after: None }
    }
}
