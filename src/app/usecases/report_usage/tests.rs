//! The sender against an outbox in memory, on a paused clock.

mod outages;

use std::{
    collections::BTreeMap,
    num::NonZeroU64,
    time::{Instant as StdInstant, SystemTime},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{task::JoinHandle, time::Instant};

use super::*;
use crate::{
    domain::{
        tenant::TenantName,
        usage::{UsageKey, UsageMetric},
    },
    ports::{CLAIM_TTL, Clock, UsageSink as _},
};

fn event(key: &str) -> UsageEvent {
    UsageEvent {
        tenant: TenantName::new("alice").unwrap(),
        metric: UsageMetric::AiTokens,
        key: UsageKey::new(key).unwrap(),
        quantity: NonZeroU64::MIN,
        occurred_at: SystemTime::UNIX_EPOCH,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of these tests is tokio's, which is paused"
)]
fn now() -> Instant {
    Instant::now()
}

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> StdInstant {
        now().into_std()
    }

    fn utc(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

/// What the databases do, by tokio's clock.
#[derive(Default)]
struct Memory {
    rows: Mutex<BTreeMap<i64, Row>>,
    claims: Mutex<u64>,
}

struct Row {
    event: UsageEvent,
    added: Instant,
    due: Instant,
    claim: String,
    attempts: u32,
    unknown_since: Option<Instant>,
}

impl Memory {
    fn len(&self) -> usize {
        self.rows.lock().len()
    }
}

#[async_trait]
impl UsageOutbox for Memory {
    async fn add(&self, event: &UsageEvent) -> Result<(), crate::ports::LedgerError> {
        let (mut rows, now) = (self.rows.lock(), now());
        if rows.values().all(|row| row.event.key != event.key) {
            let id = rows.last_key_value().map_or(1, |(id, _)| id + 1);
            let row = Row {
                event: event.clone(),
                added: now,
                due: now,
                claim: String::new(),
                attempts: 0,
                unknown_since: None,
            };
            rows.insert(id, row);
        }
        Ok(())
    }

    async fn claim_due(&self, limit: u32) -> Result<Vec<ClaimedUsage>, crate::ports::LedgerError> {
        let now = now();
        let claim = {
            let mut claims = self.claims.lock();
            *claims += 1;
            claims.to_string()
        };
        let mut rows = self.rows.lock();
        let mut due: Vec<_> = rows.iter_mut().filter(|(_, row)| row.due <= now).collect();
        due.sort_by_key(|(id, row)| (row.due, **id));
        let due = due.into_iter().take(limit as usize);
        let claimed = due.map(|(id, row)| {
            row.due = now + CLAIM_TTL;
            row.claim.clone_from(&claim);
            row.attempts += 1;
            ClaimedUsage {
                id: *id,
                claim: claim.clone(),
                event: row.event.clone(),
                attempts: row.attempts,
                own_failure_for: row.unknown_since.map(|since| now - since),
            }
        });
        Ok(claimed.collect())
    }

    async fn settle(
        &self,
        claimed: &ClaimedUsage,
        settlement: UsageSettlement,
    ) -> Result<(), crate::ports::LedgerError> {
        let mut rows = self.rows.lock();
        let Some(row) = rows
            .get_mut(&claimed.id)
            .filter(|row| row.claim == claimed.claim)
        else {
            return Ok(());
        };
        match settlement {
            UsageSettlement::Done => {
                rows.remove(&claimed.id);
            }
            UsageSettlement::Later {
                wait,
                is_own_failure,
            } => {
                row.due = now() + wait;
                row.claim.clear();
                if is_own_failure {
                    row.unknown_since.get_or_insert(now());
                }
            }
        }
        Ok(())
    }

    async fn trim(&self, keep: u32) -> Result<u64, crate::ports::LedgerError> {
        let mut rows = self.rows.lock();
        let mut dropped = 0;
        while rows.len() > keep as usize {
            rows.pop_first();
            dropped += 1;
        }
        Ok(dropped)
    }

    async fn state(&self) -> Result<crate::ports::OutboxState, crate::ports::LedgerError> {
        let rows = self.rows.lock();
        Ok(crate::ports::OutboxState {
            entries: rows.len() as u64,
            oldest: rows.values().next().map(|row| row.added.elapsed()),
        })
    }
}

/// What billing does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Billing {
    Takes,
    Hangs,
    Fails(u16),
}

/// Billing, with what came and when.
struct Orchestrator {
    does: Mutex<Billing>,
    posts: Mutex<Vec<(String, Instant)>>,
    taken: Mutex<Vec<String>>,
}

#[async_trait]
impl UsageReporter for Orchestrator {
    async fn report(&self, event: &UsageEvent, _: &RequestId) -> Result<(), UsageReportError> {
        let key = event.key.to_string();
        self.posts.lock().push((key.clone(), now()));
        let does = *self.does.lock();
        let unavailable = |cause: &str| UsageReportError::Unavailable {
            retry_after: None,
            cause: cause.into(),
        };
        match does {
            Billing::Takes => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                self.taken.lock().push(key);
                Ok(())
            }
            // The client gives up.
            Billing::Hangs => {
                tokio::time::sleep(Duration::from_secs(15)).await;
                Err(unavailable("did not answer in time"))
            }
            Billing::Fails(400 | 413) => Err(UsageReportError::NotAccepted),
            Billing::Fails(403) => Err(UsageReportError::Unauthorized("403".into())),
            Billing::Fails(404) => Err(UsageReportError::UnknownTenant),
            Billing::Fails(422) => Err(UsageReportError::Refused),
            Billing::Fails(429) => Err(UsageReportError::Unavailable {
                retry_after: Some(Duration::from_mins(10)),
                cause: "429".into(),
            }),
            Billing::Fails(_) => Err(unavailable("500")),
        }
    }
}

/// A sender at work.
struct Stage {
    outbox: Arc<Memory>,
    billing: Arc<Orchestrator>,
    recorder: Arc<UsageRecorder>,
    end: CancellationToken,
    running: JoinHandle<()>,
}

impl Stage {
    fn new(does: Billing, keep: u32) -> Self {
        let outbox = Arc::new(Memory::default());
        let billing = Arc::new(Orchestrator {
            does: Mutex::new(does),
            posts: Mutex::default(),
            taken: Mutex::default(),
        });
        let recorder = Arc::new(UsageRecorder::new(Arc::new(StillClock)));
        recorder.attach(Arc::clone(&outbox) as _);
        let end = CancellationToken::new();
        let sender = ReportUsage::new(
            Arc::clone(&outbox) as _,
            Arc::clone(&billing) as _,
            Arc::clone(&recorder),
            keep,
        );
        Self {
            running: tokio::spawn(sender.run(end.clone())),
            outbox,
            billing,
            recorder,
            end,
        }
    }

    async fn record(&self, key: &str) {
        self.recorder.record(event(key)).await;
    }

    fn taken(&self) -> Vec<String> {
        let mut taken = self.billing.taken.lock().clone();
        taken.sort();
        taken
    }

    fn posts(&self) -> usize {
        self.billing.posts.lock().len()
    }
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_sent_at_once_and_once() {
    let stage = Stage::new(Billing::Takes, 100);
    pass(Duration::from_secs(3)).await;
    stage.record("a").await;
    pass(Duration::from_millis(100)).await;
    assert_eq!(stage.taken(), ["a"]);
    pass(Duration::from_hours(1)).await;
    assert_eq!((stage.posts(), stage.outbox.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_process_left_behind_is_sent_from_the_start() {
    let stage = Stage::new(Billing::Takes, 100);
    for number in 0..20 {
        stage.outbox.add(&event(&number.to_string())).await.unwrap();
    }
    pass(Duration::from_secs(1)).await;
    assert_eq!(stage.taken().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn the_end_lets_what_is_being_sent_finish_and_gives_the_rest_back() {
    let stage = Stage::new(Billing::Takes, 100);
    stage.record("a").await;
    pass(Duration::from_millis(10)).await;
    stage.end.cancel();
    stage.running.await.unwrap();
    assert_eq!(stage.billing.taken.lock().len(), 1);
    assert_eq!(stage.outbox.len(), 0);

    let stage = Stage::new(Billing::Hangs, 100);
    stage.record("a").await;
    pass(Duration::from_millis(10)).await;
    let started = now();
    stage.end.cancel();
    stage.running.await.unwrap();
    assert_eq!(started.elapsed(), ENDING);
    let claimed = stage.outbox.claim_due(1).await.unwrap();
    assert_eq!(
        claimed.len(),
        1,
        "another process need not wait for the claim to end"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_to_storage_are_sent_every_five_minutes() {
    use crate::ports::StorageMeter as _;

    let stage = Stage::new(Billing::Takes, 100);
    let alice = TenantName::new("alice").unwrap();
    stage.recorder.count(&alice);
    pass(Duration::from_secs(299)).await;
    assert_eq!(stage.posts(), 0);
    pass(Duration::from_secs(2)).await;
    assert_eq!(stage.posts(), 1);
    pass(GATHERED_EVERY * 3).await;
    assert_eq!(stage.posts(), 1, "nothing for no call");
}
