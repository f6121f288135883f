//! Where tenant configs come from: the orchestrator, or the environment.

use std::time::Duration;

use async_trait::async_trait;

use super::Cause;
use crate::domain::{
    host::Host,
    request_id::RequestId,
    tenant_config::{TenantConfig, Unvalidated},
};

/// Supplies the config of the tenant that a host names.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait TenantConfigSource: Send + Sync {
    /// Fetches the config, with what retries the source deserves. Caches nothing.
    ///
    /// # Errors
    /// [`ConfigSourceError`].
    async fn fetch(
        &self,
        host: &Host,
        request_id: &RequestId,
    ) -> Result<TenantConfig<Unvalidated>, ConfigSourceError>;

    /// Asks in one attempt whether the source answers, with a host that need not be a tenant's.
    ///
    /// # Errors
    /// [`ConfigSourceError`]; never `NotFound`, which is an answer.
    async fn probe(&self, host: &Host, request_id: &RequestId) -> Result<(), ConfigSourceError>;
}

/// Why there is no config.
#[derive(Debug, thiserror::Error)]
pub enum ConfigSourceError {
    /// The host is no tenant's: unknown, suspended, or another kind of app.
    #[error("no tenant has this host")]
    NotFound,
    /// The source does not accept us.
    #[error("the config source refused the service token")]
    Unauthorized(#[source] Cause),
    /// It may answer later.
    #[error("the config source is unavailable")]
    Unavailable {
        /// When it asked to be called again.
        retry_after: Option<Duration>,
        /// What happened.
        #[source]
        cause: Cause,
    },
    /// It answered, but with nothing that could be understood.
    #[error("the config source sent a malformed answer")]
    Malformed(#[source] Cause),
}
