//! Stub of the hub, replaced when it is merged.

use std::sync::Arc;

use crate::{
    domain::{job::StageEvent, tenant::TenantName},
    ports::JobEvents,
};

/// The hub.
pub struct EventHub {
    _events: Arc<dyn JobEvents>,
}

impl EventHub {
    /// A hub.
    #[must_use]
    pub fn new(events: Arc<dyn JobEvents>) -> Arc<Self> {
        Arc::new(Self { _events: events })
    }

    /// A stage.
    pub fn stage(&self, _tenant: &TenantName, _event: StageEvent) {}

    /// Runs.
    pub async fn run(self: Arc<Self>, end: tokio_util::sync::CancellationToken) {
        end.cancelled().await;
    }

    /// Wakes.
    pub fn wake(&self) {}
}
