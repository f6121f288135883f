mod bursts;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    domain::{
        image::ImageName,
        job::{JobEvent, JobEventKind, JobEventNumber, StageEvent},
        publication::PublishStage,
        tenant::TenantName,
    },
    ports::{EventPage, LedgerError, MockJobEvents},
};

const FORMAT: EventFormat = EventFormat {
    event: |event| Bytes::from(format!("event {}", event.number)),
    reset: |number| Bytes::from(format!("reset {number}")),
    begin: |number| Bytes::from(format!("begin {number}")),
};

/// The events of a ledger that keeps so many of each tenant, and what was asked of it.
#[derive(Clone)]
struct Ledger(Arc<Mutex<Kept>>);

struct Kept {
    most: usize,
    events: HashMap<TenantName, Vec<StageEvent>>,
    reads: Vec<usize>,
    writes: Vec<(String, usize)>,
    is_away: bool,
}

impl Ledger {
    fn new() -> Self {
        Self::that_keeps(1_000)
    }

    fn that_keeps(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            most,
            events: HashMap::new(),
            reads: Vec::new(),
            writes: Vec::new(),
            is_away: false,
        })))
    }

    /// Writes events of another process.
    fn happens(&self, name: &str, times: usize) {
        let mut kept = self.0.lock().unwrap();
        let events = kept.events.entry(tenant(name)).or_default();
        events.extend(std::iter::repeat_n(stage(), times));
    }

    fn reads(&self) -> Vec<usize> {
        self.0.lock().unwrap().reads.clone()
    }

    fn writes(&self) -> Vec<(String, usize)> {
        self.0.lock().unwrap().writes.clone()
    }

    fn set_away(&self, is_away: bool) {
        self.0.lock().unwrap().is_away = is_away;
    }

    /// A hub of this ledger.
    fn hub(&self) -> Arc<EventHub> {
        let mut events = MockJobEvents::new();
        let ledger = self.clone();
        events.expect_add_stages().returning(move |tenant, stages| {
            let mut kept = ledger.0.lock().unwrap();
            kept.available()?;
            let all = kept.events.entry(tenant.clone()).or_default();
            all.extend_from_slice(stages);
            kept.writes.push((tenant.to_string(), stages.len()));
            Ok(())
        });
        let ledger = self.clone();
        events.expect_last_event().returning(move |tenant| {
            let kept = ledger.0.lock().unwrap();
            kept.available()?;
            Ok(kept.last(tenant))
        });
        let ledger = self.clone();
        events.expect_events_after().returning(move |asked, limit| {
            let mut kept = ledger.0.lock().unwrap();
            kept.available()?;
            kept.reads.push(asked.len());
            let page = |(tenant, after): &(TenantName, JobEventNumber)| {
                Some((tenant.clone(), kept.page(tenant, *after, limit)?))
            };
            Ok(asked.iter().filter_map(page).collect())
        });
        EventHub::new(Arc::new(events))
    }
}

impl Kept {
    fn available(&self) -> Result<(), LedgerError> {
        if self.is_away {
            return Err(LedgerError::Unavailable("away".into()));
        }
        Ok(())
    }

    fn last(&self, tenant: &TenantName) -> JobEventNumber {
        let count = self.events.get(tenant).map_or(0, Vec::len);
        JobEventNumber(i64::try_from(count).unwrap())
    }

    fn page(&self, tenant: &TenantName, after: JobEventNumber, limit: u32) -> Option<EventPage> {
        let events = self.events.get(tenant)?;
        let after = usize::try_from(after.0).unwrap();
        if after == events.len() {
            return None;
        }
        let has_gap = after > events.len() || events.len() - after > self.most;
        let first = if has_gap {
            events.len().saturating_sub(self.most)
        } else {
            after
        };
        let last = events.len().min(first + usize::try_from(limit).unwrap());
        let event = |index: usize| JobEvent {
            number: JobEventNumber(i64::try_from(index + 1).unwrap()),
            kind: JobEventKind::Stage(events[index].clone()),
        };
        Some(EventPage {
            events: (first..last).map(event).collect(),
            has_gap,
            last: JobEventNumber(i64::try_from(last).unwrap()),
        })
    }
}

fn tenant(name: &str) -> TenantName {
    TenantName::new(name).unwrap()
}

fn stage() -> StageEvent {
    StageEvent {
        job: None,
        image: ImageName::new("a.jpg").unwrap(),
        platform: None,
        stage: PublishStage::Fetch,
    }
}

fn running(hub: &Arc<EventHub>) -> CancellationToken {
    let end = CancellationToken::new();
    tokio::spawn(Arc::clone(hub).run(end.clone()));
    end
}

async fn listen(hub: &EventHub, name: &str, begin: Begin) -> Listener {
    hub.listen(&tenant(name), begin, FORMAT).await.unwrap()
}

/// Begins to listen to what happens, and is registered.
async fn listen_now(hub: &EventHub, name: &str) -> Listener {
    let mut listener = listen(hub, name, Begin::Now).await;
    let begin = listener.next().await.unwrap();
    assert!(begin.starts_with(b"begin "));
    assert!(listener.next().now_or_never().is_none());
    listener
}

async fn hears(listener: &mut Listener, expected: &[&str]) {
    for expected in expected {
        let heard = timeout(Duration::from_secs(5), listener.next()).await;
        assert_eq!(heard.unwrap().unwrap(), expected.as_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn listeners_of_a_tenant_hear_its_events_and_no_others() {
    let ledger = Ledger::new();
    ledger.happens("alice", 2);
    let hub = ledger.hub();
    let _end = running(&hub);
    let mut first = listen_now(&hub, "alice").await;
    let mut bob = listen_now(&hub, "bob").await;
    ledger.happens("alice", 1);
    hears(&mut first, &["event 3"]).await;
    let mut second = listen_now(&hub, "alice").await;
    ledger.happens("alice", 2);
    hears(&mut first, &["event 4", "event 5"]).await;
    hears(&mut second, &["event 4", "event 5"]).await;
    assert!(bob.next().now_or_never().is_none());
    assert!(
        ledger.reads().iter().all(|tenants| *tenants <= 2),
        "one call for all of them"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_nobody_listens() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    let _end = running(&hub);
    ledger.happens("alice", 1);
    hub.wake();
    sleep(Duration::from_mins(10)).await;
    assert!(ledger.reads().is_empty());
    let listener = listen_now(&hub, "alice").await;
    sleep(Duration::from_secs(5)).await;
    let reads = ledger.reads().len();
    assert!((9..=12).contains(&reads), "every 500 ms: {reads} in 5 s");
    drop(listener);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(ledger.reads().len(), reads, "it has gone");
}

#[tokio::test(start_paused = true)]
async fn what_this_process_has_written_is_read_at_once() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    let _end = running(&hub);
    let mut listener = listen_now(&hub, "alice").await;
    sleep(Duration::from_secs(1)).await;
    ledger.happens("alice", 1);
    hub.wake();
    let heard = timeout(Duration::from_millis(1), listener.next()).await;
    assert_eq!(heard.unwrap().unwrap(), "event 1");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_comes_back_misses_nothing_and_hears_nothing_twice() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    let _end = running(&hub);
    // Another listener is ahead of the one that comes back.
    let mut other = listen_now(&hub, "alice").await;
    ledger.happens("alice", 100);
    for number in 1..=100 {
        hears(&mut other, &[&*format!("event {number}")]).await;
    }
    let mut back = listen(&hub, "alice", Begin::After(JobEventNumber(3))).await;
    hears(&mut back, &["begin 3"]).await;
    for number in 4..=70 {
        hears(&mut back, &[&*format!("event {number}")]).await;
    }
    ledger.happens("alice", 20);
    hub.wake();
    for number in 71..=120 {
        hears(&mut back, &[&*format!("event {number}")]).await;
    }
    ledger.happens("alice", 1);
    hears(&mut back, &["event 121"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_told_and_followed_by_what_happens_then() {
    let ledger = Ledger::that_keeps(10);
    ledger.happens("alice", 50);
    let hub = ledger.hub();
    let _end = running(&hub);
    for begin in [
        Begin::After(JobEventNumber(39)),
        Begin::After(JobEventNumber(51)),
        Begin::Reset,
    ] {
        let mut listener = listen(&hub, "alice", begin).await;
        if begin != Begin::Reset {
            let begin = listener.next().await.unwrap();
            assert!(begin.starts_with(b"begin "));
        }
        hears(&mut listener, &["reset 50"]).await;
        assert!(listener.next().now_or_never().is_none());
    }
    let mut listener = listen(&hub, "alice", Begin::After(JobEventNumber(40))).await;
    hears(&mut listener, &["begin 40", "event 41"]).await;
    // One that listens is told, too, where more has happened between two looks than is kept.
    let mut live = listen_now(&hub, "alice").await;
    ledger.happens("alice", 11);
    hears(&mut live, &["reset 61"]).await;
    ledger.happens("alice", 1);
    hears(&mut live, &["event 62"]).await;
}

#[tokio::test(start_paused = true)]
async fn stages_are_written_together_whoever_listens() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    let end = running(&hub);
    hub.stage(&tenant("alice"), stage());
    sleep(Duration::from_millis(1)).await;
    for _ in 0..5 {
        hub.stage(&tenant("alice"), stage());
        hub.stage(&tenant("bob"), stage());
    }
    sleep(Duration::from_millis(300)).await;
    let mut writes = ledger.writes();
    writes[1..].sort();
    let name = str::to_owned;
    assert_eq!(
        writes,
        [(name("alice"), 1), (name("alice"), 5), (name("bob"), 5)]
    );
    sleep(Duration::from_mins(1)).await;
    hub.stage(&tenant("alice"), stage());
    end.cancel();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(ledger.writes().len(), 4, "the last are written at the end");
    assert!(ledger.reads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_away_costs_stages_and_no_listener() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    let _end = running(&hub);
    let mut listener = listen_now(&hub, "alice").await;
    ledger.set_away(true);
    hub.stage(&tenant("alice"), stage());
    sleep(Duration::from_secs(2)).await;
    let refused = hub.listen(&tenant("alice"), Begin::Now, FORMAT).await;
    assert!(matches!(refused, Err(ListenError::Ledger(_))));
    ledger.set_away(false);
    ledger.happens("alice", 1);
    hears(&mut listener, &["event 1"]).await;
    assert!(ledger.writes().is_empty(), "the stage is lost");
}

#[tokio::test(start_paused = true)]
async fn too_many_stages_are_lost_and_never_waited_for() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    for _ in 0..5_000 {
        hub.stage(&tenant("alice"), stage());
    }
    let _end = running(&hub);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(ledger.writes(), [("alice".to_owned(), 4096)]);
}

#[tokio::test(start_paused = true)]
async fn all_listeners_end_with_the_process_and_none_comes_after() {
    let ledger = Ledger::new();
    ledger.happens("alice", 3);
    let hub = ledger.hub();
    let end = running(&hub);
    let mut live = listen_now(&hub, "alice").await;
    let mut missing = listen(&hub, "alice", Begin::After(JobEventNumber(0))).await;
    hub.close();
    assert_eq!(live.next().await, None);
    assert_eq!(missing.next().await, None);
    let refused = hub.listen(&tenant("alice"), Begin::Now, FORMAT).await;
    assert!(matches!(refused, Err(ListenError::Closed)));
    hub.stage(&tenant("alice"), stage());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(ledger.writes().len(), 1, "what is published is still told");
    end.cancel();
}
