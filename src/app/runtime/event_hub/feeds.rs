//! The tenants that somebody listens to, and their listeners.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::outbox::Outbox;
use crate::{
    domain::{
        job::{JobEvent, JobEventNumber},
        tenant::TenantName,
    },
    ports::EventPage,
};

/// How events are written for listeners: all of a process are written to in one format, so that each event is written once.
#[derive(Clone, Copy)]
pub struct EventFormat {
    /// Writes an event.
    pub event: fn(&JobEvent) -> Bytes,
    /// Says that events are missing, and that what follows is behind this number.
    pub reset: fn(JobEventNumber) -> Bytes,
    /// Says only that what follows is behind this number.
    pub begin: fn(JobEventNumber) -> Bytes,
}

/// The listeners of this process.
#[derive(Default)]
pub(super) struct Feeds {
    open: Mutex<Open>,
    added: Notify,
}

#[derive(Default)]
struct Open {
    tenants: HashMap<TenantName, Feed>,
    next_id: u64,
    is_closed: bool,
}

/// The listeners of one tenant.
struct Feed {
    /// The last event that was read.
    position: JobEventNumber,
    format: EventFormat,
    listeners: Vec<Registered>,
}

struct Registered {
    id: u64,
    /// The last event that the listener has.
    after: JobEventNumber,
    outbox: Arc<Outbox>,
}

/// What became of the wish to be registered.
pub(super) enum Register {
    /// The listener is given all later events.
    Done(Registration),
    /// Others were given later events already: those in between have to be read first.
    Behind,
    /// No listener is registered any more.
    Closed,
}

/// Where a listener is registered, until this is dropped.
pub(super) struct Registration {
    feeds: Arc<Feeds>,
    tenant: TenantName,
    id: u64,
}

impl Feeds {
    /// Registers a listener that has all events up to `after`.
    pub(super) fn register(
        self: &Arc<Self>,
        tenant: &TenantName,
        after: JobEventNumber,
        format: EventFormat,
        outbox: &Arc<Outbox>,
    ) -> Register {
        let mut open = self.open.lock();
        if open.is_closed {
            return Register::Closed;
        }
        let id = open.next_id;
        open.next_id += 1;
        let registered = Registered {
            id,
            after,
            outbox: Arc::clone(outbox),
        };
        match open.tenants.entry(tenant.clone()) {
            Entry::Occupied(feed) if feed.get().position > after => return Register::Behind,
            Entry::Occupied(mut feed) => feed.get_mut().listeners.push(registered),
            Entry::Vacant(place) => {
                place.insert(Feed {
                    position: after,
                    format,
                    listeners: vec![registered],
                });
            }
        }
        self.added.notify_one();
        Register::Done(Registration {
            feeds: Arc::clone(self),
            tenant: tenant.clone(),
            id,
        })
    }

    /// Waits until a listener has been added.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    /// The tenants that somebody listens to, each with the last event that was read.
    pub(super) fn positions(&self) -> Vec<(TenantName, JobEventNumber)> {
        let open = self.open.lock();
        let position = |(tenant, feed): (&TenantName, &Feed)| (tenant.clone(), feed.position);
        open.tenants.iter().map(position).collect()
    }

    /// Whether somebody listens.
    pub(super) fn has_listeners(&self) -> bool {
        !self.open.lock().tenants.is_empty()
    }

    /// Gives a tenant's listeners the events behind `asked`. Listeners that do not read are ended.
    pub(super) fn deliver(&self, tenant: &TenantName, asked: JobEventNumber, page: &EventPage) {
        let mut open = self.open.lock();
        let Some(feed) = open.tenants.get_mut(tenant) else {
            return;
        };
        // All have gone meanwhile, and others come: they begin elsewhere.
        if feed.position != asked {
            return;
        }
        feed.position = page.last;
        let texts = feed.texts(page);
        feed.listeners
            .retain_mut(|listener| listener.take(page, &texts));
        if feed.listeners.is_empty() {
            open.tenants.remove(tenant);
        }
    }

    /// Whether no listener is registered any more.
    pub(super) fn is_closed(&self) -> bool {
        self.open.lock().is_closed
    }

    /// Ends all listeners, and registers no more.
    pub(super) fn close(&self) {
        let mut open = self.open.lock();
        open.is_closed = true;
        let tenants = std::mem::take(&mut open.tenants);
        for listener in tenants.into_values().flat_map(|feed| feed.listeners) {
            listener.outbox.close();
        }
    }
}

/// What a page says, written once for all listeners.
enum Texts {
    Reset(Bytes),
    Events(Vec<(JobEventNumber, Bytes)>),
}

impl Feed {
    fn texts(&self, page: &EventPage) -> Texts {
        if page.has_gap {
            return Texts::Reset((self.format.reset)(page.last));
        }
        let text = |event: &JobEvent| (event.number, (self.format.event)(event));
        Texts::Events(page.events.iter().map(text).collect())
    }
}

impl Registered {
    /// Gives the listener what it does not have. `false` if it is gone.
    fn take(&mut self, page: &EventPage, texts: &Texts) -> bool {
        match texts {
            Texts::Reset(text) => {
                self.after = page.last;
                self.outbox.push_all([text].into_iter())
            }
            Texts::Events(texts) => {
                let after = self.after;
                let missing = texts.iter().filter(|(number, _)| *number > after);
                let mut missing = missing.map(|(_, text)| text).peekable();
                let is_there = missing.peek().is_none() || self.outbox.push_all(missing);
                self.after = self.after.max(page.last);
                is_there
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut open = self.feeds.open.lock();
        let Some(feed) = open.tenants.get_mut(&self.tenant) else {
            return;
        };
        feed.listeners.retain(|listener| listener.id != self.id);
        if feed.listeners.is_empty() {
            open.tenants.remove(&self.tenant);
        }
    }
}
