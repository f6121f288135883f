//! Holding answers back, so that a test decides when an upstream replies. Used by the switches
//! and by tests.

use std::sync::Arc;

use tokio::sync::watch;

use super::{record::RecordedRequest, switches::Switches};

/// Keeps the answers of one operation back until it is released or dropped.
///
/// The requests are recorded and processed; only their answers wait.
#[derive(Debug)]
#[must_use = "a dropped hold holds nothing"]
pub struct Hold {
    pub(super) switches: Switches,
    pub(super) operation: String,
    pub(super) gate: Arc<Gate>,
}

impl Hold {
    /// Returns once `n` requests wait here at the same time.
    pub async fn arrived(&self, n: usize) {
        let mut waiting = self.gate.waiting.subscribe();
        // Fails only without a sender, and the gate of this hold has it.
        let _ = waiting.wait_for(|count| *count >= n).await;
    }

    /// How many requests wait here now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        *self.gate.waiting.borrow()
    }

    /// Lets all of them go, and those that come later.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.switches.remove_gate(&self.operation, &self.gate);
        self.gate.open.send_replace(true);
    }
}

/// The place where requests wait.
#[derive(Debug)]
pub(super) struct Gate {
    needle: Option<String>,
    open: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

impl Gate {
    pub(super) fn new(needle: Option<&str>) -> Self {
        Self {
            needle: needle.map(str::to_owned),
            open: watch::Sender::new(false),
            waiting: watch::Sender::new(0),
        }
    }

    pub(super) fn is_for(&self, request: &RecordedRequest) -> bool {
        self.needle
            .as_deref()
            .is_none_or(|needle| request.mentions(needle))
    }

    pub(super) async fn pass(&self) {
        let _waiting = Waiting::enter(&self.waiting);
        let mut open = self.open.subscribe();
        let _ = open.wait_for(|open| *open).await;
    }
}

/// Counts a request for as long as it waits, also when its caller gives up.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn enter(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
