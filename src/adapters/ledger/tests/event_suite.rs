//! What has happened to jobs and publications, whatever database is behind it.

use std::{sync::atomic::AtomicBool, sync::atomic::Ordering, time::Duration};

use super::{
    Backstage, host,
    job_suite::{HOUR, add, add_at, alter, only, published},
    schedule_suite::schedule,
    tenant,
};
use crate::{
    domain::{
        content_hash::ContentHash,
        idempotency::ChosenImage,
        image::ImageName,
        job::{AttemptEnd, JobEventKind, JobEventNumber, JobId, JobOrder, JobStatus, StageEvent},
        platform::Platform,
        publication::PublishStage,
    },
    ports::{EventPage, JOB_EVENTS_KEPT, JobCommand},
};

fn stage_of(job: Option<JobId>, stage: PublishStage) -> StageEvent {
    StageEvent {
        job,
        image: ImageName::new("夜 1.jpg").unwrap(),
        platform: (stage == PublishStage::Send).then_some(Platform::Bluesky),
        stage,
    }
}

async fn page(ledger: &impl Backstage, name: &str, after: i64, limit: u32) -> Option<EventPage> {
    let asked = [(tenant(name), JobEventNumber(after))];
    let mut pages = ledger.events_after(&asked, limit).await.unwrap();
    let page = pages.remove(&tenant(name));
    assert!(pages.is_empty());
    page
}

/// Each event: its number, and the state of the job or the name of the stage.
fn told(page: &EventPage) -> Vec<(i64, &'static str)> {
    let events = page.events.iter().map(|event| {
        let what = match &event.kind {
            JobEventKind::Job(job) => job.status.as_str(),
            JobEventKind::Stage(stage) => stage.stage.as_str(),
        };
        (event.number.0, what)
    });
    events.collect()
}

async fn last(ledger: &impl Backstage, name: &str) -> i64 {
    ledger.last_event(&tenant(name)).await.unwrap().0
}

pub(super) async fn each_write_of_a_job_is_one_event(ledger: &impl Backstage) {
    assert_eq!(last(ledger, "alice").await, 0);
    assert_eq!(page(ledger, "alice", 0, 10).await, None);
    let job = add_at(ledger, "alice", JobOrder::default(), HOUR).await;
    assert_eq!(last(ledger, "alice").await, 1);
    let sooner = crate::domain::job::JobChange {
        publish_at: crate::domain::job::Edit::Set(job.created_at),
        ..Default::default()
    };
    alter(ledger, &job, JobCommand::Change(sooner))
        .await
        .unwrap();
    let claimed = only(ledger).await;
    let chosen = ChosenImage {
        name: ImageName::new("a.jpg").unwrap(),
        hashes: ContentHash::of(b"a").into(),
    };
    ledger.choose_image(&claimed.claim, &chosen).await.unwrap();
    assert_eq!(last(ledger, "alice").await, 4);
    ledger
        .renew_claim(&claimed.claim, Some(PublishStage::Send))
        .await
        .unwrap();
    assert_eq!(
        last(ledger, "alice").await,
        4,
        "the stage is told of itself"
    );
    ledger
        .finish_job(&claimed.claim, &published())
        .await
        .unwrap();
    for refused in [JobCommand::Cancel, JobCommand::Retry] {
        alter(ledger, &job, refused).await.unwrap_err();
    }
    assert_eq!(last(ledger, "alice").await, 5);
    // They tell of the job as it is now, once: at the last of them.
    let all = page(ledger, "alice", 0, 10).await.unwrap();
    assert_eq!(told(&all), [(5, "done")]);
    assert_eq!((all.has_gap, all.last), (false, JobEventNumber(5)));
    let first = page(ledger, "alice", 0, 2).await.unwrap();
    assert_eq!((told(&first), first.last), (vec![], JobEventNumber(2)));
    let JobEventKind::Job(told_of) = &all.events[0].kind else {
        panic!("{all:?}")
    };
    assert_eq!(**told_of, super::job_suite::find(ledger, &job).await);
    assert_eq!(page(ledger, "alice", 5, 10).await, None);
}

pub(super) async fn stages_are_told_among_the_jobs_in_their_order(ledger: &impl Backstage) {
    let job = add(ledger, "alice").await;
    let claimed = only(ledger).await;
    let stages = [
        stage_of(Some(job.id), PublishStage::Find),
        stage_of(Some(job.id), PublishStage::Send),
        stage_of(None, PublishStage::Archive),
    ];
    ledger.add_stages(&tenant("alice"), &stages).await.unwrap();
    ledger.add_stages(&tenant("alice"), &[]).await.unwrap();
    ledger
        .finish_job(&claimed.claim, &published())
        .await
        .unwrap();
    add(ledger, "bob").await;
    let late = [stage_of(Some(job.id), PublishStage::Sidecar)];
    ledger.add_stages(&tenant("alice"), &late).await.unwrap();
    let all = page(ledger, "alice", 0, 10).await.unwrap();
    // Its end comes after its stages, and no stage after its end.
    let expected = [(3, "find"), (4, "send"), (5, "archive"), (6, "done")];
    assert_eq!(told(&all), expected);
    let found = all.events.iter().filter_map(|event| match &event.kind {
        JobEventKind::Stage(stage) => Some(stage.clone()),
        JobEventKind::Job(_) => None,
    });
    assert_eq!(found.collect::<Vec<_>>(), stages);
    // Page by page, each once.
    let mut after = 0;
    let mut pages = Vec::new();
    while let Some(page) = page(ledger, "alice", after, 2).await {
        assert!(!page.has_gap);
        after = page.last.0;
        pages.extend(told(&page));
    }
    assert_eq!(pages, expected);
    // A job that is deleted is told of no more, and leaves no gap.
    ledger.run("DELETE FROM ledger_jobs").await;
    let all = page(ledger, "alice", 0, 10).await.unwrap();
    let rest = [expected[0], expected[1], expected[2], (7, "sidecar")];
    assert_eq!(told(&all), rest, "nothing is known of its end");
    assert_eq!((all.has_gap, all.last), (false, JobEventNumber(7)));
    assert_eq!(told(&page(ledger, "bob", 0, 10).await.unwrap()), []);
}

pub(super) async fn tenants_without_news_are_left_out(ledger: &impl Backstage) {
    for name in ["alice", "bob", "carol"] {
        add(ledger, name).await;
    }
    add(ledger, "bob").await;
    let asked = [("alice", 1), ("bob", 1), ("carol", 7), ("dave", 0)];
    let asked = asked.map(|(name, seen)| (tenant(name), JobEventNumber(seen)));
    let pages = ledger.events_after(&asked, 10).await.unwrap();
    assert_eq!(pages.len(), 2);
    assert_eq!(told(&pages[&tenant("bob")]), [(2, "scheduled")]);
    assert!(!pages[&tenant("bob")].has_gap);
    let carols = EventPage {
        events: Vec::new(),
        has_gap: true,
        last: JobEventNumber(1),
    };
    assert_eq!(pages[&tenant("carol")], carols, "of an earlier life");
    let none = ledger.events_after(&[], 10).await.unwrap();
    assert!(none.is_empty());
}

pub(super) async fn the_last_thousand_events_are_kept(ledger: &impl Backstage) {
    let alice = tenant("alice");
    let stages = vec![stage_of(None, PublishStage::Send); 130];
    for _ in 0..10 {
        ledger.add_stages(&alice, &stages).await.unwrap();
    }
    let kept = ledger
        .number("SELECT count(*) FROM ledger_job_events WHERE tenant = 'alice'")
        .await;
    assert_eq!((last(ledger, "alice").await, kept), (1_300, 1_000));
    ledger.add_stages(&alice, &stages[..99]).await.unwrap();
    let total = last(ledger, "alice").await;
    let without_gap = total - i64::from(JOB_EVENTS_KEPT);
    let page_behind = async |after| page(ledger, "alice", after, 10).await.unwrap();
    let whole = page_behind(without_gap).await;
    assert_eq!((whole.has_gap, told(&whole)[0].0), (false, without_gap + 1));
    assert!(page_behind(0).await.has_gap);
    assert!(!page_behind(300).await.has_gap, "it may be a few more");
    assert!(page_behind(299).await.has_gap);
    assert!(page_behind(total + 1).await.has_gap);
}

pub(super) async fn who_has_seen_an_event_has_seen_all_before(ledger: &impl Backstage) {
    let is_over = AtomicBool::new(false);
    let alice = tenant("alice");
    let write = async |number: usize| {
        for _ in 0..20 {
            if number == 0 {
                add(ledger, "alice").await;
            } else {
                let stages = vec![stage_of(None, PublishStage::Find); number];
                ledger.add_stages(&alice, &stages).await.unwrap();
            }
        }
    };
    let writers = async {
        tokio::join!(write(0), write(1), write(2), write(3));
        is_over.store(true, Ordering::SeqCst);
    };
    let reader = async {
        let mut after = 0;
        loop {
            let is_last = is_over.load(Ordering::SeqCst);
            while let Some(page) = page(ledger, "alice", after, 7).await {
                assert!(!page.has_gap, "behind {after}");
                after = page.last.0;
            }
            if is_last {
                return after;
            }
            tokio::task::yield_now().await;
        }
    };
    let ((), seen) = tokio::join!(writers, reader);
    assert_eq!(seen, 20 + 20 + 40 + 60);
}

pub(super) async fn jobs_that_end_together_are_told_of_each(ledger: &impl Backstage) {
    let daily = schedule(&["daily 09:00"], false);
    ledger
        .put_schedule(&tenant("alice"), &host(), &daily)
        .await
        .unwrap();
    ledger
        .put_schedule(&tenant("alice"), &host(), &daily.clone().disabled())
        .await
        .unwrap();
    let all = page(ledger, "alice", 0, 10).await.unwrap();
    assert_eq!(told(&all), [(2, "cancelled")]);
    // All that wait, and the one that finds the tenant gone.
    add(ledger, "bob").await;
    let claimed = only(ledger).await;
    for _ in 0..3 {
        add_at(ledger, "bob", JobOrder::default(), HOUR).await;
    }
    let seen = last(ledger, "bob").await;
    ledger
        .finish_job(&claimed.claim, &AttemptEnd::TenantGone)
        .await
        .unwrap();
    let gone = page(ledger, "bob", seen, 10).await.unwrap();
    assert_eq!(gone.events.len(), 4);
    assert!(
        told(&gone)
            .iter()
            .all(|(_, status)| *status == JobStatus::Cancelled.as_str())
    );
    // Those that are too late.
    for _ in 0..2 {
        add(ledger, "carol").await;
    }
    super::job_suite::pass(ledger, HOUR + Duration::from_secs(1)).await;
    super::job_suite::claim(ledger, 10).await;
    let late = page(ledger, "carol", 2, 10).await.unwrap();
    assert_eq!(told(&late), [(3, "missed"), (4, "missed")]);
}

pub(super) async fn nothing_is_kept_of_a_tenant_that_has_nothing_left(ledger: &impl Backstage) {
    let rows = async |name: &str| {
        let mut counts = Vec::new();
        for table in ["ledger_job_queues", "ledger_job_events"] {
            let count = format!("SELECT count(*) FROM {table} WHERE tenant = '{name}'");
            counts.push(ledger.number(&count).await);
        }
        (counts[0], counts[1])
    };
    let schedule = schedule(&["daily 09:00"], false).disabled();
    for name in ["alice", "bob", "carol", "dave"] {
        let stage = stage_of(None, PublishStage::Send);
        ledger.add_stages(&tenant(name), &[stage]).await.unwrap();
    }
    add(ledger, "alice").await;
    ledger
        .put_schedule(&tenant("bob"), &host(), &schedule)
        .await
        .unwrap();
    let slot = ledger.take_slot(&tenant("carol"), 1).await.unwrap();
    let day = 24 * HOUR;
    ledger.sweep_jobs(day).await.unwrap();
    assert_eq!(rows("dave").await, (1, 1), "its event is young");
    let age = "UPDATE ledger_job_events SET added_at = added_at - 90000000";
    ledger.run(age).await;
    ledger.sweep_jobs(day).await.unwrap();
    assert_eq!(rows("alice").await, (1, 2), "it has a job");
    assert_eq!(rows("bob").await, (1, 1), "it has a schedule");
    assert_eq!(rows("carol").await, (1, 1), "it has a slot");
    assert_eq!(rows("dave").await, (0, 0));
    assert_eq!(last(ledger, "dave").await, 0);
    ledger.release_slot(&slot.unwrap()).await.unwrap();
    ledger.sweep_jobs(day).await.unwrap();
    assert_eq!(rows("carol").await, (0, 0));
}
