//! One listener: first what it has missed, then what happens.

use std::{collections::VecDeque, future::poll_fn, sync::Arc};

use bytes::Bytes;

use super::{
    feeds::{EventFormat, Feeds, Register, Registration},
    outbox::{MAX_UNSENT, Next, Outbox},
};
use crate::{
    app::runtime::error_chain::ErrorChain,
    domain::{job::JobEventNumber, tenant::TenantName},
    ports::{EventPage, JobEvents, LedgerError},
};

/// How many missed events are read at a time. Those beyond [`MAX_UNSENT`] bytes are read again.
const MISSED_AT_A_TIME: u32 = 16;

/// Where a listener begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With what happens from now on.
    Now,
    /// With what has happened after this event.
    After(JobEventNumber),
    /// With what happens from now on, after it is told that it has missed something.
    Reset,
}

/// Hears the events of one tenant, each once and in their order, as long as it reads. On drop it is gone.
pub struct Listener {
    feeds: Arc<Feeds>,
    events: Arc<dyn JobEvents>,
    tenant: TenantName,
    format: EventFormat,
    outbox: Arc<Outbox>,
    /// What comes before anything else.
    first: VecDeque<Bytes>,
    state: State,
}

enum State {
    /// All up to this event is known, and perhaps more is to be read.
    Missing(JobEventNumber),
    /// All up to this event is known, and nothing more was there to be read.
    Current(JobEventNumber),
    /// It is given what happens.
    Live(#[expect(dead_code, reason = "held until the listener is dropped")] Registration),
}

impl Listener {
    /// A listener of a tenant.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub(super) async fn begin(
        feeds: Arc<Feeds>,
        events: Arc<dyn JobEvents>,
        tenant: TenantName,
        begin: Begin,
        format: EventFormat,
    ) -> Result<Self, LedgerError> {
        let mut listener = Self {
            feeds,
            events,
            tenant,
            format,
            outbox: Outbox::new(),
            first: VecDeque::new(),
            state: State::Missing(JobEventNumber::default()),
        };
        let from_now = match begin {
            Begin::Now => format.begin,
            Begin::Reset => format.reset,
            Begin::After(after) => {
                listener.first.push_back((format.begin)(after));
                listener.read_missed(after).await?;
                return Ok(listener);
            }
        };
        let last = listener.events.last_event(&listener.tenant).await?;
        listener.first.push_back(from_now(last));
        listener.state = State::Current(last);
        Ok(listener)
    }

    /// The next text; `None` at the end: the process ends, the listener does not read, or what it has missed cannot be
    /// read. Can be dropped while it waits, without anything being lost.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.feeds.is_closed() {
                return None;
            }
            if let Some(text) = self.first.pop_front() {
                return Some(text);
            }
            match self.state {
                State::Live(_) => {
                    let next = poll_fn(|context| self.outbox.poll_next(context));
                    match next.await {
                        Next::Text(text) => return Some(text),
                        Next::End => return None,
                        Next::Behind(after) => {
                            // Of the former one nothing more is taken.
                            self.outbox = Outbox::new();
                            self.state = State::Missing(after);
                        }
                    }
                }
                State::Missing(after) => {
                    if let Err(error) = self.read_missed(after).await {
                        let error = ErrorChain(&error);
                        tracing::info!(%error, "an event stream ends: its missed events cannot be read");
                        return None;
                    }
                }
                State::Current(after) => {
                    let (tenant, outbox) = (&self.tenant, &self.outbox);
                    self.state = match self.feeds.register(tenant, after, self.format, outbox) {
                        Register::Done(registration) => State::Live(registration),
                        Register::Behind => State::Missing(after),
                        Register::Closed => return None,
                    };
                }
            }
        }
    }

    /// Reads events that the listener has missed.
    async fn read_missed(&mut self, after: JobEventNumber) -> Result<(), LedgerError> {
        let asked = [(self.tenant.clone(), after)];
        let pages = self.events.events_after(&asked, MISSED_AT_A_TIME).await?;
        let Some(page) = pages.get(&self.tenant) else {
            self.state = State::Current(after);
            return Ok(());
        };
        let EventPage {
            events,
            has_gap,
            last,
        } = page;
        if *has_gap {
            self.first.push_back((self.format.reset)(*last));
            self.state = State::Missing(*last);
            return Ok(());
        }
        let (mut bytes, mut known) = (0, *last);
        let mut before = after;
        for event in events {
            let text = (self.format.event)(event);
            if bytes > 0 && bytes + text.len() > MAX_UNSENT {
                known = before;
                break;
            }
            bytes += text.len();
            before = event.number;
            self.first.push_back(text);
        }
        self.state = if known > after {
            State::Missing(known)
        } else {
            State::Current(after)
        };
        Ok(())
    }
}
