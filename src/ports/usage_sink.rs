//! Where adapters tell what a tenant has used.

use async_trait::async_trait;

use crate::domain::{tenant::TenantName, usage::UsageEvent};

/// Takes usage events as they occur.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait UsageSink: Send + Sync {
    /// Records an event. Returns when it is stored, or when it is clear that it cannot be stored now: then it is stored
    /// in the background.
    async fn record(&self, event: UsageEvent);
}

/// Counts the calls to storage that tenants are debited for. Not asynchronous: it stands before each call.
#[cfg_attr(test, mockall::automock)]
pub trait StorageMeter: Send + Sync {
    /// Counts one call of this tenant, which is about to be made.
    fn count(&self, tenant: &TenantName);
}
