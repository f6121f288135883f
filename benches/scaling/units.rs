//! What each thing costs by itself, one after the other, on a service that does nothing else.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use publisher_sandbox::Sample;
use serde_json::{Value, json};

use crate::stage::{IMAGES, Stage};

// Five images of each tenant are published here.
const _: () = assert!(IMAGES > 4);

/// The tenants whose memory is measured.
pub(crate) const TENANTS: u32 = 10_000;
/// One of so many of them publishes.
const PUBLISHER: u32 = 25;
/// The life of configs: long enough that none ends while something else is measured.
const LIFE: i64 = 86_400;
/// That of configs which are to end, in seconds.
const SHORT_LIFE: i64 = 2;
/// How many tenants have such configs.
const SHORT_LIVED: u32 = 400;
/// Requests a second: each finds the service at rest, as on most machines.
const PACE: f64 = 200.0;
/// How long the service is left alone.
const IDLE: Duration = Duration::from_secs(30);
/// What runs beside a measured thing has ended by then.
const REST: Duration = Duration::from_secs(3);
/// A listing is asked for again once it is older than five seconds.
const LISTING_AGE: Duration = Duration::from_secs(6);
/// The sides of a photo.
const PHOTO: (u32, u32) = (3_000, 2_000);
/// Jobs that wait, for tenants that have others.
const WAITING: u32 = 1_000;

/// Measures, and gives each figure for one of what it is of. What the service does when it is idle is in it: the model
/// takes that off.
pub(crate) async fn measure(tenants: u32) -> Value {
    let mut stage = Stage::with_tenants(tenants, LIFE).await;
    let mut figures = json!({});
    tokio::time::sleep(REST).await;
    let before = stage.read().await;
    figures["memory_kb_at_start"] = before.value("memory_kb").into();
    tokio::time::sleep(IDLE).await;
    let seconds = u32::try_from(IDLE.as_secs()).expect("few seconds");
    figures["idle_second"] = stage.read().await.since(&before, seconds);

    // What all tenants share is there after the first ones.
    for tenant in 0..10 {
        stage.view(tenant).await;
    }
    figures["first_view"] = each(&mut stage, 10..tenants, async |stage, it| {
        stage.view(it).await;
    })
    .await;

    // Twice in a row: the second time, the listing is in memory.
    tokio::time::sleep(LISTING_AGE).await;
    figures["listing_refresh"] = each(&mut stage, 0..tenants * 2 / 5, async |stage, it| {
        stage.view(it).await;
    })
    .await;
    let again = async |stage: &Stage, it: u32| stage.view(it % 100).await;
    for tenant in 0..100 {
        stage.view(tenant).await;
    }
    figures["view"] = each(&mut stage, 0..900, again).await;
    let features = async |stage: &Stage, it: u32| stage.features(it % 100).await;
    figures["features"] = each(&mut stage, 0..4_000, features).await;

    publications(&mut stage, &mut figures, tenants / PUBLISHER).await;
    jobs(&mut stage, &mut figures, tenants / PUBLISHER).await;
    drop(stage);
    figures["config_renewal"] = renewals().await;
    figures
}

async fn publications(stage: &mut Stage, figures: &mut Value, publishers: u32) {
    // What all publications share is there after some: threads for images, and the memory that they keep.
    let publish = async |stage: &Stage, it: u32| stage.publish(it, 0).await;
    figures["first_of_all"] = settled(stage, publishers..publishers * 2, publish).await;
    let sizes = stage.database.sizes().await;
    for (name, image) in [("first_publish", 0), ("publish", 1)] {
        let publish = async |stage: &Stage, it: u32| stage.publish(it, image).await;
        figures[name] = settled(stage, 0..publishers, publish).await;
    }
    figures["bytes_of_a_publication"] = grown(stage, sizes, 2 * publishers).await;
    figures["statements_so_far"] = json!(stage.database.often().await);

    // The same with a photo, for what a million pixels more take.
    let photo = Sample::jpeg("photo", PHOTO.0, PHOTO.1, 7)
        .expect("a JPEG")
        .bytes;
    for tenant in 0..publishers / 10 {
        let mut bytes = photo.to_vec();
        bytes.extend(tenant.to_le_bytes());
        let path = format!("/t{tenant}/image-2.jpg");
        assert!(
            stage
                .sandbox
                .dropbox
                .put(&format!("t{tenant}"), &path, bytes)
        );
    }
    tokio::time::sleep(LISTING_AGE).await;
    let publish = async |stage: &Stage, it: u32| stage.publish(it, 2).await;
    figures["publish_photo"] = settled(stage, 0..publishers / 10, publish).await;
    figures["publish_photo"]["megapixels"] = (f64::from(PHOTO.0 * PHOTO.1) / 1e6).into();
}

async fn jobs(stage: &mut Stage, figures: &mut Value, publishers: u32) {
    let sizes = stage.database.sizes().await;
    // Apart from the cost of adding: all are for one time, some way ahead.
    let due = Timestamp::now() + SignedDuration::from_secs(25);
    let time = due.to_string();
    let add = async |stage: &Stage, it: u32| stage.add_job(it, 3, Some(&time)).await;
    figures["add_job"] = each(stage, 0..publishers, add).await;
    assert!(Timestamp::now() < due, "they are added before they are due");
    let before = stage.read().await;
    let later = due.as_millisecond() + 1_000;
    stage.jobs_are_done(later).await;
    stage.usage_is_told().await;
    tokio::time::sleep(REST).await;
    figures["carry_out_job"] = stage.read().await.since(&before, publishers);
    figures["bytes_of_a_job"] = grown(stage, sizes, publishers).await;
    let events = "SELECT count(*) FROM ledger_job_events WHERE job_id IS NOT NULL";
    let events = stage.database.number(events).await;
    figures["events_of_a_job"] = (events / i64::from(publishers)).into();

    let far = (Timestamp::now() + SignedDuration::from_hours(24)).to_string();
    let sizes = stage.database.sizes().await;
    let add = async |stage: &Stage, it: u32| stage.add_job(it % publishers, 4, Some(&far)).await;
    figures["add_waiting_job"] = each(stage, 0..WAITING, add).await;
    figures["bytes_of_a_waiting_job"] = grown(stage, sizes, WAITING).await;
    tokio::time::sleep(REST).await;
    let before = stage.read().await;
    tokio::time::sleep(IDLE).await;
    let seconds = u32::try_from(IDLE.as_secs()).expect("few seconds");
    figures["idle_second_beside_waiting_jobs"] = stage.read().await.since(&before, seconds);
}

/// What it takes to ask for a config and its credential again, once they are about to end.
async fn renewals() -> Value {
    let mut stage = Stage::with_tenants(SHORT_LIVED, SHORT_LIFE).await;
    for tenant in 0..SHORT_LIVED {
        stage.features(tenant).await;
    }
    let features = async |stage: &Stage, it: u32| stage.features(it % SHORT_LIVED).await;
    // A round takes longer than a config lives.
    let rounds = 4;
    let seconds = u64::try_from(SHORT_LIFE).expect("it is ahead") + 1;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let before = stage.read().await;
    for round in 0..rounds {
        paced(
            &stage,
            SHORT_LIVED * round..SHORT_LIVED * (round + 1),
            features,
        )
        .await;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
    stage.read().await.since(&before, SHORT_LIVED * rounds)
}

/// Does something for each number, and gives what one took.
async fn each(
    stage: &mut Stage,
    numbers: std::ops::Range<u32>,
    action: impl AsyncFn(&Stage, u32),
) -> Value {
    let count = numbers.end - numbers.start;
    let before = stage.read().await;
    paced(stage, numbers, action).await;
    stage.read().await.since(&before, count)
}

/// The same of what leaves work behind, one after the other.
async fn settled(
    stage: &mut Stage,
    numbers: std::ops::Range<u32>,
    action: impl AsyncFn(&Stage, u32),
) -> Value {
    let count = numbers.end - numbers.start;
    let before = stage.read().await;
    for number in numbers {
        action(stage, number).await;
    }
    stage.usage_is_told().await;
    stage.read().await.since(&before, count)
}

async fn paced(stage: &Stage, numbers: std::ops::Range<u32>, action: impl AsyncFn(&Stage, u32)) {
    let begun = Instant::now();
    let first = numbers.start;
    for number in numbers {
        let due = Duration::from_secs_f64(f64::from(number - first) / PACE);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        action(stage, number).await;
    }
}

/// By how many bytes each table has grown, for each of so many.
async fn grown(stage: &mut Stage, before: Vec<(String, f64)>, count: u32) -> Value {
    let mut figures = json!({});
    for (name, size) in stage.database.sizes().await {
        let had = before.iter().find(|it| it.0 == name).map_or(0.0, |it| it.1);
        figures[name] = ((size - had) / f64::from(count)).round().into();
    }
    figures
}
