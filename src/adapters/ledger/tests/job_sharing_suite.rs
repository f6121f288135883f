//! How processes share the jobs of many tenants, whatever database is behind them.

use std::{collections::BTreeMap, sync::Mutex};

use super::{
    Backstage,
    job_suite::{add, claim, find, pass, published, terms},
    tenant,
};
use crate::{
    domain::job::{JobId, JobStatus},
    ports::ClaimedJob,
};

/// So many jobs that are due, without a call for each.
pub(super) async fn insert(ledger: &impl Backstage, name: &str, count: u32) {
    let first = add(ledger, name).await.id.0;
    ledger
        .run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO ledger_jobs (tenant, status, what, publish_at, due_at, created_at)
                SELECT tenant, status, what, publish_at, due_at, created_at
                    FROM ledger_jobs, n WHERE id = {first} AND i > 1"
        ))
        .await;
}

fn by_tenant(claimed: &[ClaimedJob]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for claimed in claimed {
        *counts.entry(claimed.claim.tenant.as_str()).or_insert(0) += 1;
    }
    counts
}

pub(super) async fn no_tenant_waits_for_the_backlog_of_another(ledger: &impl Backstage) {
    insert(ledger, "alice", 1_000).await;
    // Each claim serves whoever waits, however long the backlog is.
    let first = claim(ledger, 1).await;
    assert_eq!(by_tenant(&first), BTreeMap::from([("alice", 1)]));
    for name in ["bob", "carol", "dave"] {
        insert(ledger, name, 3).await;
    }
    let second = claim(ledger, 4).await;
    assert_eq!(
        by_tenant(&second),
        BTreeMap::from([("alice", 1), ("bob", 1), ("carol", 1), ("dave", 1)])
    );
    let third = claim(ledger, 100).await;
    assert_eq!(
        by_tenant(&third),
        BTreeMap::from([("bob", 1), ("carol", 1), ("dave", 1)]),
        "two of each tenant at most"
    );
    assert!(claim(ledger, 100).await.is_empty());
    // Whoever ends a job gets another turn.
    ledger
        .finish_job(&first[0].claim, &published())
        .await
        .unwrap();
    assert_eq!(
        by_tenant(&claim(ledger, 100).await),
        BTreeMap::from([("alice", 1)])
    );
    let more = ledger.claim_jobs(&terms(100, 3)).await.unwrap();
    assert!(
        more.is_empty(),
        "all are left alone until a job ends, or a claim"
    );
    pass(ledger, std::time::Duration::from_secs(46)).await;
    let again = claim(ledger, 100).await;
    let again = by_tenant(&again).into_values();
    assert_eq!(again.collect::<Vec<_>>(), [2, 2, 2, 2]);
}

pub(super) async fn the_jobs_of_a_process_that_is_gone_wait_for_no_backlog(
    ledger: &impl Backstage,
) {
    insert(ledger, "alice", 100).await;
    let lost = claim(ledger, 100).await;
    let mut lost: Vec<_> = lost.iter().map(|it| it.job.id).collect();
    assert_eq!(lost.len(), 2);
    pass(ledger, std::time::Duration::from_secs(46)).await;
    // The backlogs of others are due for longer than the claims have ended, and there are many of them.
    for number in 0..20 {
        insert(ledger, &format!("tenant-{number}"), 3).await;
    }
    ledger
        .run("UPDATE ledger_job_queues SET turn_at = turn_at - 60000 WHERE tenant <> 'alice'")
        .await;
    let mut first = Vec::new();
    for _ in 0..2 {
        first.extend(claim(ledger, 1).await.iter().map(|it| it.job.id));
    }
    lost.sort_unstable();
    first.sort_unstable();
    assert_eq!(first, lost, "before all that has not begun");
    let more = claim(ledger, 1).await;
    assert_ne!(by_tenant(&more).keys().next(), Some(&"alice"), "{more:?}");
    // A claim that has ended keeps nobody waiting, and one that holds is one of the two.
    pass(ledger, std::time::Duration::from_secs(46)).await;
    let again = ledger.claim_jobs(&terms(200, 2)).await.unwrap();
    assert!(by_tenant(&again).values().all(|count| *count == 2));
    assert_eq!(by_tenant(&again).len(), 21);
}

pub(super) async fn four_claimants_do_each_job_once_and_keep_the_limit(ledger: &impl Backstage) {
    let names: Vec<String> = (0..10).map(|number| format!("tenant-{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        insert(ledger, name, if number == 0 { 110 } else { 10 }).await;
    }
    let running: Mutex<BTreeMap<String, u32>> = Mutex::default();
    let done: Mutex<Vec<JobId>> = Mutex::default();
    let claimant = async || {
        let mut empty = 0;
        while empty < 20 {
            let claimed = ledger.claim_jobs(&terms(4, 2)).await.unwrap();
            empty = if claimed.is_empty() { empty + 1 } else { 0 };
            for claimed in &claimed {
                let mut running = running.lock().unwrap();
                let of_tenant = running.entry(claimed.claim.tenant.to_string()).or_default();
                *of_tenant += 1;
                assert!(*of_tenant <= 2, "the limit of each tenant");
            }
            for claimed in claimed {
                tokio::task::yield_now().await;
                let name = claimed.claim.tenant.to_string();
                *running.lock().unwrap().get_mut(&name).unwrap() -= 1;
                let ended = ledger
                    .finish_job(&claimed.claim, &published())
                    .await
                    .unwrap();
                assert_eq!(ended.status, JobStatus::Done);
                done.lock().unwrap().push(ended.id);
            }
            if empty > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    };
    tokio::join!(claimant(), claimant(), claimant(), claimant());
    let mut done = done.into_inner().unwrap();
    assert_eq!(done.len(), 200);
    done.sort_unstable();
    done.dedup();
    assert_eq!(done.len(), 200, "each once");
    let left = "SELECT count(*) FROM ledger_job_queues WHERE turn_at IS NOT NULL";
    // A last turn finds that nothing is left.
    assert!(claim(ledger, 100).await.is_empty());
    assert_eq!(ledger.number(left).await, 0);
}

pub(super) async fn two_people_do_not_undo_each_other(ledger: &impl Backstage) {
    use crate::ports::JobCommand;

    let alice = tenant("alice");
    for _ in 0..20 {
        let job = add(ledger, "alice").await;
        let cancel = ledger.alter_job(&alice, job.id, &JobCommand::Cancel);
        let (cancelled, claimed) = tokio::join!(cancel, claim(ledger, 10));
        let status = find(ledger, &job).await.status;
        match (cancelled.is_ok(), claimed.len()) {
            (true, 0) => assert_eq!(status, JobStatus::Cancelled),
            (false, 1) => {
                assert_eq!(status, JobStatus::Running);
                ledger
                    .finish_job(&claimed[0].claim, &published())
                    .await
                    .unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}
