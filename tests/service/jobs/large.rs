//! What takes minutes: thousands of jobs over replicas in real time, and how late jobs begin. Each prints its figures.

use std::time::Duration;

use publisher_sandbox::Sandbox;

use super::{
    RFC_3339, SERVES_ONLY, replica,
    replicas::{Crowd, counted},
    time_in,
};
use crate::{
    database::Database,
    harness::{Service, now},
};

/// What a log says of each call would be gigabytes.
const QUIET: (&str, &str) = ("RUST_LOG", "info");
/// As long as the large tests may take.
const PATIENCE: Duration = Duration::from_mins(9);

fn keep_no_requests(sandbox: &Sandbox) {
    for switches in [
        sandbox.orchestrator.switches(),
        sandbox.dropbox.switches(),
        sandbox.telegram.switches(),
        sandbox.mastodon.switches(),
    ] {
        switches.keep_requests(false);
    }
}

/// Waits until so many jobs are done.
async fn are_done(database: &mut Database, jobs: usize) {
    let begun = now();
    loop {
        let counts = counted(database).await;
        if counts.get("done").copied().unwrap_or_default() >= jobs {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{counts:?}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// The numbers that a query gives, in order.
async fn numbers(database: &mut Database, query: &str) -> Vec<i64> {
    let texts = database.texts(query).await.into_iter();
    let mut numbers: Vec<i64> = texts.map(|it| it.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// When the first job of each tenant began, and the end of all.
const FIRSTS: &str = "SELECT CAST(min(begun_at) AS TEXT) FROM ledger_jobs GROUP BY tenant";
const ENDS: &str = "SELECT CAST(ended_at AS TEXT) FROM ledger_jobs";

/// `cargo test --test service -- --ignored --nocapture two_thousand`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: it measures, and waits for the ends of claims"]
async fn two_thousand_jobs_of_fifty_tenants_are_done_once_over_a_kill_and_a_freeze() {
    let Some(mut database) = Database::postgres().await else {
        return;
    };
    let crowd = Crowd::new(50, 40, true).await;
    keep_no_requests(&crowd.sandbox);
    let taker = replica(&database, &crowd.sandbox, &[SERVES_ONLY, QUIET]).await;
    crowd.add_jobs(&taker, None).await;
    taker.kill().await;
    let start = || replica(&database, &crowd.sandbox, &[QUIET]);
    let started = now();
    let (killed, frozen, living) = tokio::join!(start(), start(), start());
    are_done(&mut database, crowd.jobs() / 5).await;
    killed.kill().await;
    println!("killed {:.1?} after the start", started.elapsed());
    are_done(&mut database, crowd.jobs() * 2 / 5).await;
    frozen.signal("STOP").await;
    println!("frozen {:.1?} after the start", started.elapsed());
    are_done(&mut database, crowd.jobs() * 4 / 5).await;
    println!("four fifths {:.1?} after the start", started.elapsed());
    are_done(&mut database, crowd.jobs()).await;
    println!("all done {:.1?} after the start", started.elapsed());
    frozen.signal("CONT").await;
    frozen.terminate().await;
    assert!(frozen.ended().await.0.success());
    let unknown = crowd.check(&living).await;
    assert_eq!(counted(&mut database).await["done"], crowd.jobs());
    let firsts = numbers(&mut database, FIRSTS).await;
    let ends = numbers(&mut database, ENDS).await;
    println!(
        "{} jobs, {unknown} unknown at Telegram; first jobs of tenants began within {} ms; from the first beginning to the \
         last end {} ms",
        crowd.jobs(),
        firsts.last().unwrap() - firsts[0],
        ends.last().unwrap() - firsts[0],
    );
    living.kill().await;
    database.remove().await;
}

/// How late the jobs of so many tenants with so many images begin, all due at the same time: in a sentence.
async fn lateness(database: Option<Database>, (tenants, images): (usize, u8)) -> Option<String> {
    const BEGAN: &str = "SELECT CAST(begun_at - publish_at AS TEXT) FROM ledger_jobs";
    let mut database = database?;
    let crowd = Crowd::new(tenants, images, false).await;
    keep_no_requests(&crowd.sandbox);
    let service: Service = replica(&database, &crowd.sandbox, &[QUIET]).await;
    let at = time_in(&mut database, 60, RFC_3339).await;
    let adding = now();
    crowd.add_jobs(&service, Some(&at)).await;
    let added = adding.elapsed();
    assert!(added.as_secs() < 59, "the machine is too slow: {added:?}");
    are_done(&mut database, crowd.jobs()).await;
    let late = numbers(&mut database, BEGAN).await;
    let ends = "SELECT CAST(ended_at - publish_at AS TEXT) FROM ledger_jobs";
    let ends = numbers(&mut database, ends).await;
    let which = database.url();
    let told = format!(
        "{}: {tenants} tenants with {images} jobs each, added in {added:.1?}; began late by {} ms (first), {} ms (p50), \
         {} ms (p99); the last ended {} ms after its time",
        which.split(':').next().unwrap(),
        late[0],
        late[late.len() / 2],
        late[late.len() * 99 / 100],
        ends.last().unwrap(),
    );
    assert!(late[0] >= 0, "none began before its time");
    assert_eq!(crowd.check(&service).await, 0);
    service.kill().await;
    database.remove().await;
    Some(told)
}

/// `cargo test --test service -- --ignored --nocapture begin_soon`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: it measures"]
async fn a_thousand_jobs_of_the_same_second_begin_soon() {
    for crowd in [(1_000, 1), (100, 10)] {
        for database in [Database::sqlite().await, Database::postgres().await] {
            if let Some(told) = lateness(database, crowd).await {
                println!("{told}");
            }
        }
    }
}
