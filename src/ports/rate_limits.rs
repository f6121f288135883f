//! Limits of how often something may be done, over all processes that share a ledger.

use std::time::Duration;

use async_trait::async_trait;

use super::LedgerError;
use crate::domain::tenant::TenantName;

/// A limit: at most so many turns in any window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// What is limited, by its name in metrics and in the database.
    pub name: &'static str,
    /// The most turns in a window.
    pub turns: u32,
    /// The length of the window.
    pub window: Duration,
    /// The longest wait for a turn that is taken ahead of its time; zero: a turn is for now, or there is none.
    pub longest_wait: Duration,
}

/// Whose turns are counted together: a tenant's, or those of somebody at a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateKey {
    /// The tenant.
    pub tenant: TenantName,
    /// Who it is, among those of the tenant. It is hashed before it leaves the process.
    pub who: Option<String>,
}

/// The turn would come too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit is reached for another {} s", wait.as_secs())]
pub struct TooLate {
    /// When it would come.
    pub wait: Duration,
}

/// Counts turns. Where the count of all processes cannot be had, this process's own decides, and the log and a metric say so:
/// so there is no other error.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait RateLimits: Send + Sync {
    /// Takes the next free turn, and says how far off it is. A turn whose taker goes away is not given to another.
    ///
    /// # Errors
    /// [`TooLate`] if it is further off than the limit lets anybody wait: none is taken then.
    async fn take(&self, limit: &RateLimit, key: &RateKey) -> Result<Duration, TooLate>;

    /// Whether [`take`](Self::take) would give a turn; none is taken.
    ///
    /// # Errors
    /// [`TooLate`].
    async fn look(&self, limit: &RateLimit, key: &RateKey) -> Result<(), TooLate>;

    /// Forgets the turns that were taken.
    async fn forget(&self, limit: &RateLimit, key: &RateKey);
}

/// The count of all processes that share a ledger. An operation that takes longer than 3 s fails: its caller has a count of
/// its own.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait SharedRates: Send + Sync {
    /// Takes the next free turn, as [`RateLimits::take`] does.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. A turn may have been taken all the same.
    async fn take(
        &self,
        limit: &RateLimit,
        key: &RateKey,
    ) -> Result<Result<Duration, TooLate>, LedgerError>;

    /// Whether [`take`](Self::take) would give a turn, as [`RateLimits::look`] does.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn look(
        &self,
        limit: &RateLimit,
        key: &RateKey,
    ) -> Result<Result<(), TooLate>, LedgerError>;

    /// Forgets the turns that were taken, as [`RateLimits::forget`] does.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. They may be forgotten all the same.
    async fn forget(&self, limit: &RateLimit, key: &RateKey) -> Result<(), LedgerError>;
}
