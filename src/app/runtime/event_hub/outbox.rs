//! What was written for a listener and not taken yet.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use parking_lot::Mutex;

/// The most bytes that wait for a listener (64 KiB). One that has more does not read.
pub const MAX_UNSENT: usize = 64 * 1024;

/// What waits for one listener. The clones of a text share its bytes, so that many listeners cost little memory.
#[derive(Default)]
pub(super) struct Outbox(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    texts: VecDeque<Bytes>,
    bytes: usize,
    is_closed: bool,
    waker: Option<Waker>,
}

impl Outbox {
    /// An empty one.
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds what was read at a time. `false` if the listener is gone: it was closed, or has not taken what it was given
    /// before, which closes it. How much comes at a time is not the listener's fault.
    pub(super) fn push_all<'a>(&self, texts: impl Iterator<Item = &'a Bytes>) -> bool {
        let mut waiting = self.0.lock();
        if waiting.bytes > MAX_UNSENT {
            waiting.close();
        }
        if waiting.is_closed {
            return false;
        }
        for text in texts {
            waiting.bytes += text.len();
            waiting.texts.push_back(text.clone());
        }
        waiting.wake();
        true
    }

    /// Ends the listener. What waits is forgotten.
    pub(super) fn close(&self) {
        self.0.lock().close();
    }

    /// The next text; `None` at the end.
    pub(super) fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut waiting = self.0.lock();
        if waiting.is_closed {
            return Poll::Ready(None);
        }
        if let Some(text) = waiting.texts.pop_front() {
            waiting.bytes = waiting.bytes.saturating_sub(text.len());
            return Poll::Ready(Some(text));
        }
        waiting.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Waiting {
    fn close(&mut self) {
        self.is_closed = true;
        self.texts = VecDeque::new();
        self.bytes = 0;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
