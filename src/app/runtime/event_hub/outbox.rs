//! What was written for a listener and not taken yet.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::domain::job::JobEventNumber;

/// The most bytes that wait for a listener (64 KiB); a text that is longer waits alone.
pub const MAX_UNSENT: usize = 64 * 1024;

/// What waits for one listener. The clones of a text share its bytes, so that many listeners cost little memory.
///
/// What does not fit is not kept: once the listener has taken what waits, it is told after which event to read on.
#[derive(Default)]
pub(super) struct Outbox(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    texts: VecDeque<Bytes>,
    bytes: usize,
    /// The last event that waits here or was taken, if later ones did not fit.
    behind: Option<JobEventNumber>,
    /// How often it was found behind.
    times_behind: u32,
    is_closed: bool,
    waker: Option<Waker>,
}

/// What comes next for a listener.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A text.
    Text(Bytes),
    /// Events after this one did not fit, and nothing more comes from here.
    Behind(JobEventNumber),
    /// The end: it was closed.
    End,
}

impl Outbox {
    /// An empty one.
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a text that comes after the event `after`. Returns whether it was taken.
    pub(super) fn push(&self, after: JobEventNumber, text: &Bytes) -> bool {
        let mut waiting = self.0.lock();
        if waiting.is_closed || waiting.behind.is_some() {
            return false;
        }
        if !waiting.has_room(text.len()) {
            waiting.behind = Some(after);
            return false;
        }
        waiting.bytes += text.len();
        waiting.texts.push_back(text.clone());
        waiting.wake();
        true
    }

    /// Whether so many bytes would fit, or none are taken any more.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let waiting = self.0.lock();
        waiting.is_closed || waiting.behind.is_some() || waiting.has_room(bytes)
    }

    /// Closes it if it is found behind more than `limit` times in succession. Returns whether it is open.
    pub(super) fn close_if_behind(&self, limit: u32) -> bool {
        let mut waiting = self.0.lock();
        if waiting.behind.is_some() {
            waiting.times_behind += 1;
            if waiting.times_behind > limit {
                waiting.close();
            }
        }
        !waiting.is_closed
    }

    /// Ends the listener. What waits is forgotten.
    pub(super) fn close(&self) {
        self.0.lock().close();
    }

    /// What comes next.
    pub(super) fn poll_next(&self, context: &Context<'_>) -> Poll<Next> {
        let mut waiting = self.0.lock();
        if waiting.is_closed {
            return Poll::Ready(Next::End);
        }
        if let Some(text) = waiting.texts.pop_front() {
            waiting.bytes = waiting.bytes.saturating_sub(text.len());
            return Poll::Ready(Next::Text(text));
        }
        if let Some(after) = waiting.behind {
            return Poll::Ready(Next::Behind(after));
        }
        waiting.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Waiting {
    fn has_room(&self, bytes: usize) -> bool {
        self.texts.is_empty() || self.bytes.saturating_add(bytes) <= MAX_UNSENT
    }

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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn next(outbox: &Outbox) -> Poll<Next> {
        outbox.poll_next(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn no_more_than_64_kib_wait_and_what_does_not_fit_is_named() {
        let outbox = Outbox::default();
        let text = Bytes::from(vec![b'x'; 10_000]);
        let taken = (0..900).filter(|after| outbox.push(JobEventNumber(*after), &text));
        assert_eq!(taken.count(), 6, "60 kB of 9 MB");
        for _ in 0..6 {
            assert_eq!(next(&outbox), Poll::Ready(Next::Text(text.clone())));
        }
        assert_eq!(
            next(&outbox),
            Poll::Ready(Next::Behind(JobEventNumber(6))),
            "nothing was left out before that"
        );
    }

    #[test]
    fn a_text_that_is_too_long_waits_alone() {
        let outbox = Outbox::default();
        let long = Bytes::from(vec![b'x'; MAX_UNSENT + 1]);
        assert!(outbox.push(JobEventNumber(0), &long));
        assert!(!outbox.push(JobEventNumber(1), &Bytes::from_static(b"x")));
        assert_eq!(next(&outbox), Poll::Ready(Next::Text(long)));
        let behind = Poll::Ready(Next::Behind(JobEventNumber(1)));
        assert_eq!(next(&outbox), behind);
    }

    #[test]
    fn one_that_stays_behind_is_closed() {
        let outbox = Outbox::default();
        let text = Bytes::from(vec![b'x'; 40_000]);
        assert!(outbox.push(JobEventNumber(0), &text));
        assert!((0..10).all(|_| outbox.close_if_behind(2)), "it is not");
        assert!(!outbox.push(JobEventNumber(1), &text));
        assert!(outbox.close_if_behind(2) && outbox.close_if_behind(2));
        assert!(!outbox.close_if_behind(2));
        assert_eq!(next(&outbox), Poll::Ready(Next::End));
    }
}
