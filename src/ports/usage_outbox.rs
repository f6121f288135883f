//! Where usage events wait until the orchestrator's billing has taken them.

use std::time::Duration;

use async_trait::async_trait;

use super::LedgerError;
use crate::domain::usage::UsageEvent;

/// The events of all replicas, in the ledger's database. An event is in it once, by its tenant and key.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait UsageOutbox: Send + Sync {
    /// Adds an event, which then survives a power cut. Changes nothing if the event is there already.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. The event may have been added all the same.
    async fn add(&self, event: &UsageEvent) -> Result<(), LedgerError>;

    /// Claims up to `limit` events that are due, those first that have been due for longest. No other claim gets them
    /// before [`CLAIM_TTL`] is over.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn claim_due(&self, limit: u32) -> Result<Vec<ClaimedUsage>, LedgerError>;

    /// Ends a claim. Changes nothing if another claim has the event by now.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn settle(
        &self,
        claimed: &ClaimedUsage,
        settlement: UsageSettlement,
    ) -> Result<(), LedgerError>;

    /// Deletes the oldest events beyond this number, and returns how many those were.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. What was deleted until then is gone.
    async fn trim(&self, keep: u32) -> Result<u64, LedgerError>;

    /// How much waits.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn state(&self) -> Result<OutboxState, LedgerError>;
}

/// How long a claim lasts at most: longer than an attempt to send an event takes, a second one with another token and
/// the writes around them included. An event of a process that is gone is sent again after that.
pub const CLAIM_TTL: Duration = Duration::from_mins(1);

/// An event, claimed to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedUsage {
    /// The number of the event in the outbox.
    pub id: i64,
    /// The claim. No other has the same.
    pub claim: String,
    /// The event.
    pub event: UsageEvent,
    /// How often it has been claimed, this time included.
    pub attempts: u32,
    /// How long ago it failed for the first time by itself: the orchestrator did not know the tenant, or did not accept the
    /// event as it is.
    pub own_failure_for: Option<Duration>,
}

/// What an attempt to send an event came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageSettlement {
    /// It is taken, or given up: it leaves the outbox.
    Done,
    /// It stays, and is due again after this time.
    Later {
        /// From now on.
        wait: Duration,
        /// Whether it stays because of itself: the orchestrator does not know the tenant, or does not accept the event as
        /// it is.
        is_own_failure: bool,
    },
}

/// What is in the outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxState {
    /// The number of events.
    pub entries: u64,
    /// The age of the oldest; `None` without any.
    pub oldest: Option<Duration>,
}
