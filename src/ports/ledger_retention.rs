//! What the ledger need not remember for good.

use std::time::Duration;

use async_trait::async_trait;

use super::LedgerError;

/// Takes out of the ledger what is not needed any more. What says that an image was posted stays:
/// tenant, content, platform, outcome, and what the platform called it.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait LedgerRetention: Send + Sync {
    /// Drops leases that ended long ago, keys that are older than they are kept, captions, and, if they are not kept for
    /// good, texts for people. Never holds the ledger for long.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. What was dropped until then is gone.
    async fn sweep(&self, kept_for: KeptFor) -> Result<Swept, LedgerError>;
}

/// How long the ledger keeps what it need not remember for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptFor {
    /// Texts for people: why an attempt did not succeed, and why an image was passed over; `None`: for good.
    pub texts: Option<Duration>,
    /// Captions, from when they were last sent, published or not.
    pub captions: Duration,
}

/// What was dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Leases of processes that are gone.
    pub leases: u64,
    /// Keys, with their answers.
    pub keys: u64,
    /// Texts for people: why an attempt did not succeed, and why an image was passed over.
    pub texts: u64,
    /// Captions.
    pub captions: u64,
}
