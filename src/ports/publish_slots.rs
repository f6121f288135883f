//! How many images of one tenant are published at a time, over all processes that share a ledger.
#![cfg_attr(
    test,
    expect(
        clippy::struct_field_names,
        reason = "the mock has a field for each method, named like it"
    )
)]

use std::time::Duration;

use async_trait::async_trait;

use super::LedgerError;
use crate::domain::tenant::TenantName;

/// How long a slot holds without being renewed: that of a process that is gone is free after that.
pub const SLOT_TTL: Duration = Duration::from_secs(45);
/// How often a slot is renewed.
pub const SLOT_RENEWED_EVERY: Duration = Duration::from_secs(10);

/// The slots of publications that requests wait for. A job that runs is one of the tenant's publications by its claim
/// ([`JobQueue`](super::JobQueue)), and takes no slot.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait PublishSlots: Send + Sync {
    /// Takes a slot, unless the tenant's slots and running jobs are `max` already. Need not survive a power cut.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. The slot may be taken all the same, until it ends.
    async fn take_slot(
        &self,
        tenant: &TenantName,
        max: u32,
    ) -> Result<Option<PublishSlot>, LedgerError>;

    /// Holds the slot for another [`SLOT_TTL`] from now. One that has ended is taken again, also beyond the limit: its
    /// publication goes on.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn renew_slot(&self, slot: &PublishSlot) -> Result<(), LedgerError>;

    /// Gives the slot back.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. It ends by itself.
    async fn release_slot(&self, slot: &PublishSlot) -> Result<(), LedgerError>;
}

/// A slot that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSlot {
    /// The tenant.
    pub tenant: TenantName,
    /// The slot. No other has the same.
    pub token: String,
}
