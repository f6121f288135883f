//! The one background task, and what others call.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::{Mutex, Notify},
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    feeds::{EventFormat, Feeds},
    listener::{Begin, Listener},
    stages::{LostStages, Stages},
};
use crate::{
    app::runtime::error_chain::ErrorChain,
    domain::{job::StageEvent, tenant::TenantName},
    ports::{JobEvents, LedgerError},
};

/// How often stages are written.
const WRITE_EVERY: Duration = Duration::from_millis(250);
/// After how many of these times events are read: every 500 ms.
const READ_EVERY: u32 = 2;
/// After how many reads in turn a listener is ended that has not taken what waits for it, while there is more than may
/// wait: 5 s.
const READS_BEHIND: u32 = 10;
/// How often listeners are given a portion, while there is more.
const HAND_OUT_EVERY: Duration = Duration::from_millis(10);
/// The pause after events were read out of turn, in portions: one who writes a lot has them read 20 times a second.
const PAUSE: u32 = 5;
/// The most events of a tenant that are read at a time.
const READ_AT_A_TIME: u32 = 200;
/// The number of tenants whose stages are written at a time.
const WRITTEN_AT_A_TIME: usize = 4;

/// Brings events to those who listen in this process, and the stages of its publications to all processes.
///
/// The ledger's events of all tenants that somebody listens to are read in one call, every 500 ms, and at once after
/// [`wake`](Self::wake). While nobody listens, nothing is read. Stages are written every 250 ms, whoever listens: a
/// listener may be at another process.
pub struct EventHub {
    events: Arc<dyn JobEvents>,
    feeds: Arc<Feeds>,
    stages: Stages,
    /// Held while stages are written, so that those of a tenant are written in their order.
    writing: Mutex<()>,
    /// Stages have begun to wait.
    has_stages: Notify,
    /// Something was written.
    woken: Notify,
}

/// Why nobody can listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The process ends.
    #[error("this process ends")]
    Closed,
    /// The ledger is unavailable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl EventHub {
    /// A hub of these events. [`run`](Self::run) has to run beside it.
    #[must_use]
    pub fn new(events: Arc<dyn JobEvents>) -> Arc<Self> {
        Arc::new(Self {
            events,
            feeds: Arc::default(),
            stages: Stages::default(),
            writing: Mutex::new(()),
            has_stages: Notify::new(),
            woken: Notify::new(),
        })
    }

    /// Takes note of a stage that a publication of this process has reached. Never waits. A stage that cannot be written is
    /// lost, and counted.
    pub fn stage(&self, tenant: &TenantName, event: StageEvent) {
        if self.stages.push(tenant, event) {
            self.has_stages.notify_one();
        }
    }

    /// Writes the tenant's stages that wait, before something is written that comes after them.
    pub async fn settle(&self, tenant: &TenantName) {
        let _writing = self.writing.lock().await;
        if let Some(stages) = self.stages.take_of(tenant) {
            self.write(tenant, &stages).await;
        }
    }

    /// Has events read soon: this process has written some.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Listens to a tenant's events from `begin` on, written in `format`.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn listen(
        &self,
        tenant: &TenantName,
        begin: Begin,
        format: EventFormat,
    ) -> Result<Listener, ListenError> {
        if self.feeds.is_closed() {
            return Err(ListenError::Closed);
        }
        let (feeds, events) = (Arc::clone(&self.feeds), Arc::clone(&self.events));
        Ok(Listener::begin(feeds, events, tenant.clone(), begin, format).await?)
    }

    /// Ends all listeners, and accepts no more: called when the process begins to end, so that no stream keeps it from
    /// ending. Stages are still written.
    pub fn close(&self) {
        self.feeds.close();
    }

    /// Reads and writes until `end`, which comes once no publication of this process runs any more. Then
    /// [closes](Self::close) and writes the last stages.
    pub async fn run(self: Arc<Self>, end: CancellationToken) {
        let mut tick = interval(WRITE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reader = Reader::default();
        let mut ticks: u32 = 0;
        loop {
            let has_listeners = self.feeds.has_listeners();
            let has_work = has_listeners || !self.stages.is_empty();
            tokio::select! {
                biased;
                () = end.cancelled() => break,
                // Before what callers can ask for again and again: they must not keep stages from being written.
                _ = tick.tick(), if has_work => {
                    ticks = ticks.wrapping_add(1);
                    let has_written = self.write_stages().await;
                    let is_turn = ticks.is_multiple_of(READ_EVERY);
                    if is_turn {
                        self.feeds.end_those_behind(READS_BEHIND);
                    }
                    if has_written || is_turn {
                        reader.read(&self).await;
                    } else {
                        self.hand_out();
                    }
                }
                () = self.woken.notified(), if has_listeners => {
                    reader.read(&self).await;
                    for _ in 0..PAUSE {
                        sleep(HAND_OUT_EVERY).await;
                        self.hand_out();
                    }
                }
                () = sleep(HAND_OUT_EVERY), if self.feeds.has_texts() => self.hand_out(),
                () = self.has_stages.notified(), if !has_work => {}
                () = self.feeds.added(), if !has_listeners => {}
            }
        }
        self.close();
        self.write_stages().await;
    }

    /// Gives listeners what they have room for, and has events read soon where that was the rest of many.
    fn hand_out(&self) {
        if self.feeds.hand_out() {
            self.wake();
        }
    }

    /// Writes the stages that wait, each tenant's in one call. Returns whether there were any.
    async fn write_stages(&self) -> bool {
        let _writing = self.writing.lock().await;
        let waiting = self.stages.take();
        let has_any = !waiting.is_empty();
        let written = stream::iter(waiting).for_each_concurrent(
            WRITTEN_AT_A_TIME,
            |(tenant, stages)| async move {
                self.write(&tenant, &stages).await;
            },
        );
        written.await;
        has_any
    }

    async fn write(&self, tenant: &TenantName, stages: &[StageEvent]) {
        if let Err(error) = self.events.add_stages(tenant, stages).await {
            LostStages::Unwritten.count(stages.len());
            let (stages, error) = (stages.len(), ErrorChain(&error));
            tracing::debug!(%tenant, stages, %error, "stages of publications are lost");
        }
    }
}

/// Reads events for those who listen.
#[derive(Default)]
struct Reader {
    /// The last attempt failed, and the log says so.
    is_failing: bool,
}

impl Reader {
    /// Reads what has happened, and gives those who listen a first portion of it. Where there is more, it is read after a
    /// pause.
    async fn read(&mut self, hub: &EventHub) {
        let asked = hub.feeds.positions();
        if asked.is_empty() {
            return hub.hand_out();
        }
        let pages = match hub.events.events_after(&asked, READ_AT_A_TIME).await {
            Ok(pages) => pages,
            Err(error) => {
                if !self.is_failing {
                    let error = ErrorChain(&error);
                    tracing::warn!(%error, "events of jobs cannot be read; trying again");
                }
                self.is_failing = true;
                return;
            }
        };
        self.is_failing = false;
        for (tenant, position) in &asked {
            if let Some(page) = pages.get(tenant) {
                hub.feeds.add(tenant, *position, page);
            }
        }
        hub.hand_out();
        let limit = usize::try_from(READ_AT_A_TIME).unwrap_or(usize::MAX);
        if pages.values().any(|page| page.events.len() >= limit) {
            hub.wake();
        }
    }
}
