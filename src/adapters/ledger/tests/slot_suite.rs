//! How many publications of a tenant run at a time, whatever database counts them.

use super::{
    Backstage,
    job_suite::{add, claim, only, published, terms},
    tenant,
};
use crate::ports::PublishSlot;

async fn take(ledger: &impl Backstage, name: &str, max: u32) -> Option<PublishSlot> {
    ledger.take_slot(&tenant(name), max).await.unwrap()
}

/// Lets time pass for all slots.
async fn pass(ledger: &impl Backstage, millis: u32) {
    let statement = format!("UPDATE ledger_publish_slots SET ends_at = ends_at - {millis}");
    ledger.run(&statement).await;
}

pub(super) async fn three_of_twenty_concurrent_publications_get_a_slot(ledger: &impl Backstage) {
    let calls = (0..20).map(|_| take(ledger, "alice", 3));
    let taken = futures_util::future::join_all(calls).await;
    let taken: Vec<_> = taken.into_iter().flatten().collect();
    assert_eq!(taken.len(), 3);
    assert_eq!(take(ledger, "alice", 3).await, None);
    assert!(
        take(ledger, "bob", 1).await.is_some(),
        "it is another's limit"
    );
    ledger.release_slot(&taken[0]).await.unwrap();
    ledger.release_slot(&taken[0]).await.unwrap();
    assert!(take(ledger, "alice", 3).await.is_some());
    assert_eq!(
        take(ledger, "alice", 3).await,
        None,
        "one slot is one place"
    );
    assert_eq!(take(ledger, "carol", 0).await, None);
}

pub(super) async fn a_slot_that_is_not_renewed_ends(ledger: &impl Backstage) {
    let slot = take(ledger, "alice", 1).await.unwrap();
    pass(ledger, 40_000).await;
    ledger.renew_slot(&slot).await.unwrap();
    pass(ledger, 44_000).await;
    assert_eq!(take(ledger, "alice", 1).await, None);
    pass(ledger, 1_001).await;
    let other = take(ledger, "alice", 1).await.unwrap();
    // The publication goes on all the same.
    ledger.renew_slot(&slot).await.unwrap();
    assert_eq!(take(ledger, "alice", 2).await, None);
    ledger.release_slot(&other).await.unwrap();
    assert_eq!(take(ledger, "alice", 1).await, None);
    // What its holder has left goes with time.
    pass(ledger, 3_700_000).await;
    ledger
        .sweep_jobs(std::time::Duration::from_hours(1))
        .await
        .unwrap();
    let left = ledger.number("SELECT count(*) FROM ledger_publish_slots");
    assert_eq!(left.await, 0);
}

pub(super) async fn slots_and_jobs_are_counted_together(ledger: &impl Backstage) {
    let first = add(ledger, "alice").await;
    let second = add(ledger, "alice").await;
    let running = only_of_two(ledger).await;
    assert_eq!(running.job.id, first.id);
    // The job and a slot.
    let slot = take(ledger, "alice", 2).await.unwrap();
    assert_eq!(take(ledger, "alice", 2).await, None);
    assert!(claim(ledger, 10).await.is_empty(), "two of alice's run");
    let waits = "SELECT count(*) FROM ledger_job_queues WHERE turn_at > 0";
    assert_eq!(
        ledger.number(waits).await,
        1,
        "until the first of them ends"
    );
    // Who gives a slot back gives it to the job that waits.
    ledger.release_slot(&slot).await.unwrap();
    let next = only(ledger).await;
    assert_eq!(next.job.id, second.id);
    assert_eq!(take(ledger, "alice", 2).await, None);
    // And a job that ends, to a request.
    ledger.finish_job(&next.claim, &published()).await.unwrap();
    assert!(take(ledger, "alice", 2).await.is_some());
    assert_eq!(take(ledger, "alice", 2).await, None);
}

pub(super) async fn a_slot_that_ends_by_itself_is_the_next_turn(ledger: &impl Backstage) {
    let slot = take(ledger, "alice", 1).await.unwrap();
    let job = add(ledger, "alice").await;
    assert!(ledger.claim_jobs(&terms(10, 1)).await.unwrap().is_empty());
    let turn = "SELECT q.turn_at - s.ends_at FROM ledger_job_queues q, ledger_publish_slots s";
    assert_eq!(ledger.number(turn).await, 0);
    pass(ledger, 45_001).await;
    ledger
        .run("UPDATE ledger_job_queues SET turn_at = turn_at - 45001")
        .await;
    let claimed = ledger.claim_jobs(&terms(10, 1)).await.unwrap();
    assert_eq!(claimed[0].job.id, job.id);
    // Its holder knows nothing of that, and wakes nobody for nothing.
    ledger.release_slot(&slot).await.unwrap();
    let turn = "SELECT count(*) FROM ledger_job_queues q, ledger_jobs j WHERE q.turn_at = j.due_at";
    assert_eq!(ledger.number(turn).await, 1, "the end of the claim");
}

/// One of the two jobs that are due.
async fn only_of_two(ledger: &impl Backstage) -> crate::ports::ClaimedJob {
    let mut claimed = ledger.claim_jobs(&terms(1, 2)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}
