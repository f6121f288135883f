//! Many tenants at once, in a day that passes quickly: what the model has to predict from the costs of single things.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::stage::{IMAGES, Stage};

pub(crate) const TENANTS: u32 = 100_000;
/// The life of configs in seconds: a tenth of what is usual, so that minutes stand for an hour.
const LIFE: i64 = 60;
/// How long requests come to that many.
const LENGTH: Duration = Duration::from_mins(5);
/// Requests for lists of images a second. A tenant's share goes with one over its rank.
const VIEWS: f64 = 100.0;
/// Publications that somebody waits for, each second.
const PUBLICATIONS: f64 = 2.0;
/// Jobs that are added each second.
const JOBS: f64 = 2.0;
/// When a job is due after it was added.
const AHEAD: SignedDuration = SignedDuration::from_secs(20);
/// One of so many tenants publishes, all alike: those of the first ranks.
const PUBLISHER: u32 = 50;
/// The same workload each time.
const SEED: u64 = 23;

/// What comes when.
enum Event {
    View(u32),
    Publish(u32, u8),
    Job(u32, u8),
}

/// Carries the workload out, and gives it with what it took.
pub(crate) async fn measure(tenants: u32) -> Value {
    let (length, publishers) = (LENGTH * tenants / TENANTS, tenants / PUBLISHER);
    let begun = Instant::now();
    let mut stage = Stage::with_tenants(tenants, LIFE).await;
    println!(
        "{tenants} tenants after {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    let events = events(tenants, publishers, length);
    let before = stage.read().await;
    let begun = Instant::now();
    let shared = Arc::new(stage);
    let mut requests = JoinSet::new();
    let mut latest = Duration::ZERO;
    for (due, event) in events {
        let late = begun.elapsed().saturating_sub(due);
        latest = latest.max(late);
        if late.is_zero() {
            tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        }
        let stage = Arc::clone(&shared);
        requests.spawn(async move {
            match event {
                Event::View(tenant) => stage.view(tenant).await,
                Event::Publish(tenant, image) => stage.publish(tenant, image).await,
                Event::Job(tenant, image) => {
                    let due = (Timestamp::now() + AHEAD).to_string();
                    stage.add_job(tenant, image, Some(&due)).await;
                }
            }
        });
        while let Some(ended) = requests.try_join_next() {
            ended.expect("a request that is answered");
        }
    }
    while let Some(ended) = requests.join_next().await {
        ended.expect("a request that is answered");
    }
    stage = Arc::into_inner(shared).expect("no request has it any more");
    stage.jobs_are_done(i64::MAX).await;
    stage.usage_is_told().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = stage.read().await;
    let mut measured = after.since(&before, 1);
    measured["memory_kb_before"] = before.value("memory_kb").into();
    measured["latest_start_ms"] = (latest.as_secs_f64() * 1e3).round().into();
    json!({
        "workload": {
            "tenants": tenants, "life": LIFE, "seconds": length.as_secs(), "views": VIEWS,
            "publications": PUBLICATIONS, "jobs": JOBS, "publishers": publishers,
            "ahead": AHEAD.as_secs(),
        },
        "measured": measured,
        "bytes": stage.database.sizes().await,
    })
}

/// All that happens, in order.
fn events(tenants: u32, publishers: u32, length: Duration) -> Vec<(Duration, Event)> {
    let mut random = Rng::with_seed(SEED);
    let mut total = 0.0;
    let ranks: Vec<f64> = (1..=tenants)
        .map(|rank| {
            total += 1.0 / f64::from(rank);
            total
        })
        .collect();
    let mut taken = vec![0_u8; usize::try_from(publishers).expect("few")];
    let mut events = Vec::new();
    for (kind, rate) in [VIEWS, PUBLICATIONS, JOBS].into_iter().enumerate() {
        let mut at = 0.0;
        loop {
            at -= (1.0 - random.f64()).ln() / rate;
            let due = Duration::from_secs_f64(at);
            if due >= length {
                break;
            }
            let event = if kind == 0 {
                let place = random.f64() * total;
                let tenant = ranks.partition_point(|it| *it <= place);
                Event::View(u32::try_from(tenant).expect("a tenant"))
            } else {
                let (tenant, image) = image(&mut random, &mut taken);
                if kind == 1 {
                    Event::Publish(tenant, image)
                } else {
                    Event::Job(tenant, image)
                }
            };
            events.push((due, event));
        }
    }
    events.sort_by_key(|it| it.0);
    events
}

/// An image that nobody has published, of any tenant that publishes.
fn image(random: &mut Rng, taken: &mut [u8]) -> (u32, u8) {
    loop {
        let tenant = random.usize(..taken.len());
        let image = taken[tenant];
        if image < IMAGES {
            taken[tenant] += 1;
            return (u32::try_from(tenant).expect("a tenant"), image);
        }
    }
}
