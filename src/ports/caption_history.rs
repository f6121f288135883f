//! What is remembered of the captions of each tenant.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::LedgerError;
use crate::domain::{
    caption_history::{KeptCaption, PastCaption},
    content_hashes::ContentHashes,
    platform::Platform,
    tenant::TenantName,
};

/// How many captions of one platform [`CaptionHistory::recent`] returns at most: as many as new captions are compared with.
pub const RECENT_CAPTIONS: usize = 30;

/// The captions of all tenants, in the ledger's database. They are written with the
/// [intent](super::Ledger::record_intent) of each publication, and become history with its outcome.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait CaptionHistory: Send + Sync {
    /// The captions that each of these platforms has published last for a tenant, newest first, at most
    /// [`RECENT_CAPTIONS`] of each; those of another service that were taken over included. A platform without any is
    /// not in the map.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn recent(
        &self,
        tenant: &TenantName,
        platforms: &[Platform],
    ) -> Result<BTreeMap<Platform, Vec<PastCaption>>, LedgerError>;

    /// The caption of the last attempt at an image on each of these platforms, whatever its outcome, by any hash of the
    /// image. A platform without an attempt, or whose caption is not kept any more, is not in the map.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn kept(
        &self,
        tenant: &TenantName,
        hashes: &ContentHashes,
        platforms: &[Platform],
    ) -> Result<BTreeMap<Platform, KeptCaption>, LedgerError>;
}
