//! Where the voice profiles are that people have stored for their tenants.

use async_trait::async_trait;

use super::LedgerError;
use crate::domain::{tenant::TenantName, voice::VoiceProfile};

/// The stored profiles of all tenants, in the ledger's database. What a call has written when it returns survives a power
/// cut, and is read by the next call of any replica.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait VoiceProfileStore: Send + Sync {
    /// The profile that was stored for a tenant, which may be empty; `None` if none is.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], also for a profile that cannot be read.
    async fn load(&self, tenant: &TenantName) -> Result<Option<VoiceProfile>, LedgerError>;

    /// Stores a profile in place of the one before.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. It may be stored all the same.
    async fn store(&self, tenant: &TenantName, profile: &VoiceProfile) -> Result<(), LedgerError>;

    /// Forgets the tenant's profile. Changes nothing if none is stored.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. It may be forgotten all the same.
    async fn forget(&self, tenant: &TenantName) -> Result<(), LedgerError>;
}
