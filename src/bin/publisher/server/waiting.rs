//! Connections that wait for their client: for the head of a request, or for the next one. They are
//! evicted first when no permit is free for another. For `connections` and `stream`.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// Not waiting.
const BUSY: u64 = 0;

/// What the parts of one connection tell each other about it.
#[derive(Default)]
pub(super) struct ConnectionState {
    is_answering: AtomicBool,
    /// There is nothing more of the answer yet.
    is_pausing: AtomicBool,
    /// A number that is larger the later the wait began, or [`BUSY`].
    waits_since: AtomicU64,
    is_evicted: AtomicBool,
    waker: AtomicWaker,
}

/// A request is being answered, until this is dropped.
pub(super) struct Answering(Arc<ConnectionState>);

impl ConnectionState {
    /// A request is being answered from now on. One connection answers one at a time.
    pub(super) fn begin_answer(self: &Arc<Self>) -> Answering {
        self.is_answering.store(true, Ordering::Relaxed);
        self.waits_since.store(BUSY, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// Whether a request is being answered.
    pub(super) fn is_answering(&self) -> bool {
        self.is_answering.load(Ordering::Relaxed)
    }

    /// Notes whether there is more of the answer by now than the connection was given.
    pub(super) fn set_pausing(&self, is_pausing: bool) {
        self.is_pausing.store(is_pausing, Ordering::Relaxed);
    }

    /// Whether the connection was given all of the answer that is there by now.
    pub(super) fn is_pausing(&self) -> bool {
        self.is_pausing.load(Ordering::Relaxed)
    }

    /// The connection can do nothing until the client sends something. Called repeatedly while that
    /// lasts.
    pub(super) fn wait(&self) {
        static WAITS: AtomicU64 = AtomicU64::new(BUSY);
        if self.waits_since.load(Ordering::Relaxed) == BUSY {
            let since = WAITS.fetch_add(1, Ordering::Relaxed) + 1;
            self.waits_since.store(since, Ordering::Relaxed);
        }
    }

    /// The task that [`WaitingConnections::evict_longest`] wakes.
    pub(super) fn wakes(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Whether the connection has to end now. It does not if a request has arrived in the meantime.
    pub(super) fn is_evicted(&self) -> bool {
        self.is_evicted.load(Ordering::Relaxed) && !self.is_answering()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.is_answering.store(false, Ordering::Relaxed);
    }
}

/// The connections of a listener.
#[derive(Default)]
pub(super) struct WaitingConnections {
    open: Mutex<HashMap<u64, Arc<ConnectionState>>>,
    added: AtomicU64,
}

/// Takes a connection off the list when it is dropped.
pub(super) struct Listed {
    list: Arc<WaitingConnections>,
    number: u64,
}

impl WaitingConnections {
    /// Lists a connection for as long as the answer lives.
    pub(super) fn add(self: &Arc<Self>, state: &Arc<ConnectionState>) -> Listed {
        let number = self.added.fetch_add(1, Ordering::Relaxed);
        self.open.lock().insert(number, Arc::clone(state));
        Listed {
            list: Arc::clone(self),
            number,
        }
    }

    /// Ends the connection that has waited longest for its client, if one is waiting.
    pub(super) fn evict_longest(&self) {
        let open = self.open.lock();
        let waiting = open.values().filter_map(|state| {
            let since = state.waits_since.load(Ordering::Relaxed);
            let is_free = since != BUSY && !state.is_evicted.load(Ordering::Relaxed);
            is_free.then_some((since, state))
        });
        if let Some((_, longest)) = waiting.min_by_key(|(since, _)| *since) {
            longest.is_evicted.store(true, Ordering::Relaxed);
            longest.waker.wake();
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.open.lock().remove(&self.number);
    }
}
