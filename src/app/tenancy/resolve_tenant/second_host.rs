//! A service with one tenant and no host of its own serves any host. That is handy, and also what
//! a forgotten `STANDALONE_HOST` looks like: so the second host is told, once.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use crate::domain::{host::Host, request_id::RequestId};

/// Remembers the first host that it sees.
#[derive(Default)]
pub(super) struct SecondHost {
    first: OnceLock<Host>,
    is_told: AtomicBool,
}

impl SecondHost {
    /// Warns if this is the first request under another host than the first. Hosts never stand in
    /// the log, so the line names the request instead.
    pub(super) fn watch(&self, host: &Host, request_id: &RequestId) {
        let is_another = self.first.get_or_init(|| host.clone()) != host;
        if is_another && !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %request_id,
                "the tenant is served under a second host: set STANDALONE_HOST if it has only one"
            );
        }
    }
}
