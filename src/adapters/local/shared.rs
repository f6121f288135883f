//! What all stores of the process share.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::digests::Digests;
use crate::ports::Clock;

/// How many files are hashed at a time, all tenants together: a disk is no faster with more.
pub(super) const HASHED_AT_A_TIME: usize = 2;

pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) digests: Digests,
    pub(super) hashing: Semaphore,
    /// Held while a sidecar is compared and replaced, so that two requests do not replace each other's.
    pub(super) replacing: Mutex<()>,
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            digests: Digests::default(),
            hashing: Semaphore::new(HASHED_AT_A_TIME),
            replacing: Mutex::new(()),
        }
    }
}
