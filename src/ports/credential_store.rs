//! Where secrets come from, by their opaque references.

use std::time::Duration;

use async_trait::async_trait;

use super::Cause;
use crate::domain::{
    credential::{Credential, Provider},
    request_id::RequestId,
    secret::CredentialsRef,
    tenant::{ConfigVersion, TenantName},
    tenant_config::{State, TenantConfig},
};

/// Turns references into credentials.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// Resolves one reference, with what retries the store deserves. Caches nothing. The
    /// credential is of the provider that was asked for.
    ///
    /// # Errors
    /// [`CredentialError`].
    async fn resolve(&self, query: &CredentialQuery) -> Result<Credential, CredentialError>;
}

/// Which credential is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialQuery {
    /// Whose config named the reference.
    pub tenant: TenantName,
    /// The version of that config, for the log: what is resolved does not depend on it.
    pub config_version: ConfigVersion,
    /// The reference.
    pub reference: CredentialsRef,
    /// Whose credential it must be.
    pub provider: Provider,
    /// The request that needs it.
    pub request_id: RequestId,
}

impl CredentialQuery {
    /// The query for a reference that a config names.
    pub fn new<S: State>(
        config: &TenantConfig<S>,
        provider: Provider,
        reference: &CredentialsRef,
        request_id: &RequestId,
    ) -> Self {
        Self {
            tenant: config.tenant().clone(),
            config_version: config.version().clone(),
            reference: reference.clone(),
            provider,
            request_id: request_id.clone(),
        }
    }
}

/// Why there is no credential.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The reference is unknown, or another tenant's.
    #[error("the credential does not exist")]
    NotFound,
    /// The store does not accept us.
    #[error("the credential store refused the service token")]
    Unauthorized(#[source] Cause),
    /// The tenant is out of credit.
    #[error("the tenant is out of credit")]
    OutOfCredit,
    /// It may answer later.
    #[error("the credential store is unavailable")]
    Unavailable {
        /// When it asked to be called again.
        retry_after: Option<Duration>,
        /// What happened.
        #[source]
        cause: Cause,
    },
    /// It answered with something that is no credential, or one of another provider.
    #[error("the credential store sent a malformed answer")]
    Malformed(#[source] Cause),
}
