//! The tenants that somebody listens to, and their listeners.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::outbox::{MAX_UNSENT, Outbox};
use crate::{
    domain::{
        job::{JobEvent, JobEventNumber},
        tenant::TenantName,
    },
    ports::EventPage,
};

/// The most bytes that all listeners of a tenant are given at a time: half of what may wait for one.
const PORTION: usize = MAX_UNSENT / 2;
/// How often listeners that have no room for the next portion are waited for, before it is given to the others.
const MAX_WAITS: u32 = 25;

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
    /// The last event that was given to the listeners.
    position: JobEventNumber,
    /// The last event that was read.
    read: JobEventNumber,
    /// What was read and is to be given to the listeners: part of one page.
    texts: VecDeque<Text>,
    /// Some of the page was given to them before.
    is_split: bool,
    /// How often the next portion has waited for room.
    waits: u32,
    format: EventFormat,
    listeners: Vec<Registered>,
}

/// What is said of an event, written once for all listeners.
struct Text {
    number: JobEventNumber,
    /// It is for all listeners: events up to this one are missing.
    is_reset: bool,
    bytes: Bytes,
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
                    read: after,
                    texts: VecDeque::new(),
                    is_split: false,
                    waits: 0,
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

    /// The tenants that somebody listens to, each with the last event that was read. Those whose listeners have not been
    /// given all of that are left out.
    pub(super) fn positions(&self) -> Vec<(TenantName, JobEventNumber)> {
        let open = self.open.lock();
        let all_given = open.tenants.iter().filter(|(_, it)| it.texts.is_empty());
        all_given
            .map(|(tenant, feed)| (tenant.clone(), feed.read))
            .collect()
    }

    /// Whether somebody listens.
    pub(super) fn has_listeners(&self) -> bool {
        !self.open.lock().tenants.is_empty()
    }

    /// Takes what was read of a tenant behind `asked`, to be [handed out](Self::hand_out).
    pub(super) fn add(&self, tenant: &TenantName, asked: JobEventNumber, page: &EventPage) {
        let mut open = self.open.lock();
        let Some(feed) = open.tenants.get_mut(tenant) else {
            return;
        };
        // All have gone meanwhile, and others come: they begin elsewhere.
        if feed.read != asked {
            return;
        }
        feed.add(page);
    }

    /// Whether there is something to hand out.
    pub(super) fn has_texts(&self) -> bool {
        let open = self.open.lock();
        open.tenants.values().any(|feed| !feed.texts.is_empty())
    }

    /// Gives all listeners a portion of what was read: those who read need not be able to take all of it at once. Returns
    /// whether a page that was larger has come to its end.
    pub(super) fn hand_out(&self) -> bool {
        let mut open = self.open.lock();
        let ended = open.tenants.values_mut().filter_map(|feed| {
            let ends = feed.hand_out();
            ends.then_some(())
        });
        ended.count() > 0
    }

    /// Ends listeners that were found behind more than `limit` times: there is more for them than may wait, and they
    /// do not take it.
    pub(super) fn end_those_behind(&self, limit: u32) {
        let mut open = self.open.lock();
        open.tenants.retain(|tenant, feed| {
            feed.listeners.retain(|listener| {
                let is_open = listener.outbox.close_if_behind(limit);
                if !is_open {
                    tracing::info!(%tenant, "an event stream ends: its client does not read");
                }
                is_open
            });
            !feed.listeners.is_empty()
        });
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

impl Feed {
    /// Writes what a page says.
    fn add(&mut self, page: &EventPage) {
        self.read = page.last;
        if page.has_gap {
            self.texts.push_back(Text {
                number: page.last,
                is_reset: true,
                bytes: (self.format.reset)(page.last),
            });
        } else {
            let text = |event: &JobEvent| Text {
                number: event.number,
                is_reset: false,
                bytes: (self.format.event)(event),
            };
            self.texts.extend(page.events.iter().map(text));
        }
        if self.texts.is_empty() {
            self.position = self.read;
        }
    }

    /// Gives the listeners the next portion. Returns whether it is the last of several.
    fn hand_out(&mut self) -> bool {
        let (count, bytes) = self.portion();
        if count == 0 {
            return false;
        }
        let has_room = |listener: &Registered| listener.outbox.has_room(bytes);
        if self.waits < MAX_WAITS && !self.listeners.iter().all(has_room) {
            self.waits += 1;
            return false;
        }
        self.waits = 0;
        for text in self.texts.drain(..count) {
            for listener in &mut self.listeners {
                listener.give(&text);
            }
            self.position = text.number;
        }
        if self.texts.is_empty() {
            self.position = self.read;
            return std::mem::take(&mut self.is_split);
        }
        self.is_split = true;
        false
    }

    /// The number of texts in the next portion, at least one if there is any, and their bytes.
    fn portion(&self) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        for text in &self.texts {
            if count > 0 && bytes + text.bytes.len() > PORTION {
                break;
            }
            count += 1;
            bytes += text.bytes.len();
        }
        (count, bytes)
    }
}

impl Registered {
    /// Gives the listener a text, unless it has it.
    fn give(&mut self, text: &Text) {
        let is_new = text.is_reset || text.number > self.after;
        if is_new && self.outbox.push(self.after, &text.bytes) {
            self.after = text.number;
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
