//! Jobs: what people do to them, whatever database is behind them.

use std::{collections::BTreeMap, time::Duration};

use super::{Backstage, host, tenant};
use crate::{
    domain::{
        image::ImageName,
        job::{
            AttemptEnd, Edit, Job, JobChange, JobId, JobOrder, JobPosition, JobQuery, JobRefusal,
            JobStatus, NewJob,
        },
        platform::Platform,
        publication::{Outcome, PlatformResult, PublishedPost},
    },
    ports::{ClaimTerms, ClaimedJob, JobCommand, JobStoreError},
};

pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const MAX_LATE: Duration = Duration::from_hours(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);

pub(super) fn terms(limit: u32, per_tenant: u32) -> ClaimTerms {
    ClaimTerms {
        limit,
        per_tenant,
        max_late: MAX_LATE,
    }
}

pub(super) fn everything() -> JobQuery {
    JobQuery {
        status: None,
        from: None,
        to: None,
        after: None,
        limit: 100,
    }
}

/// Adds a job for now.
pub(super) async fn add(ledger: &impl Backstage, name: &str) -> Job {
    ledger
        .add_job(&tenant(name), &host(), &NewJob::default())
        .await
        .unwrap()
}

pub(super) async fn add_at(
    ledger: &impl Backstage,
    name: &str,
    order: JobOrder,
    wait: Duration,
) -> Job {
    let now = add(ledger, "clock").await.created_at;
    ledger
        .run("DELETE FROM ledger_jobs WHERE tenant = 'clock'")
        .await;
    let new = NewJob {
        order,
        publish_at: Some(now + wait),
        posting_time: None,
    };
    ledger.add_job(&tenant(name), &host(), &new).await.unwrap()
}

pub(super) async fn claim(ledger: &impl Backstage, limit: u32) -> Vec<ClaimedJob> {
    ledger.claim_jobs(&terms(limit, 2)).await.unwrap()
}

pub(super) async fn only(ledger: &impl Backstage) -> ClaimedJob {
    let mut claimed = claim(ledger, 10).await;
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

pub(super) async fn find(ledger: &impl Backstage, job: &Job) -> Job {
    let found = ledger.find_job(&job.tenant, job.id).await.unwrap();
    found.unwrap()
}

pub(super) async fn alter(
    ledger: &impl Backstage,
    job: &Job,
    command: JobCommand,
) -> Result<Job, JobStoreError> {
    ledger.alter_job(&job.tenant, job.id, &command).await
}

pub(super) fn refusal(result: Result<Job, JobStoreError>) -> JobRefusal {
    match result {
        Err(JobStoreError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

pub(super) fn approve() -> JobCommand {
    JobCommand::Approve { max_late: MAX_LATE }
}

pub(super) fn awaiting() -> JobOrder {
    JobOrder {
        needs_approval: true,
        ..JobOrder::default()
    }
}

pub(super) fn published() -> AttemptEnd {
    reported(&[(Platform::Email, Outcome::Published(PublishedPost::new("1")))])
}

pub(super) fn reported(outcomes: &[(Platform, Outcome)]) -> AttemptEnd {
    let results = outcomes.iter().map(|(platform, outcome)| PlatformResult {
        platform: *platform,
        caption: "caption".to_owned(),
        outcome: outcome.clone(),
    });
    AttemptEnd::Reported {
        image: Some(ImageName::new("a.jpg").unwrap()),
        results: results.collect(),
    }
}

/// Lets time pass for all jobs.
pub(super) async fn pass(ledger: &impl Backstage, time: Duration) {
    let millis = time.as_millis();
    ledger
        .run(&format!(
            "UPDATE ledger_jobs SET publish_at = publish_at - {millis}, due_at = due_at - {millis},
                posting_time = posting_time - {millis}, created_at = created_at - {millis},
                begun_at = begun_at - {millis}, ended_at = ended_at - {millis};
             UPDATE ledger_job_queues SET turn_at = turn_at - {millis}"
        ))
        .await;
}

pub(super) async fn a_job_comes_back_as_it_was_added_to_its_tenant_alone(ledger: &impl Backstage) {
    let order = JobOrder {
        image: Some(ImageName::new("夜 1.jpg").unwrap()),
        platforms: Some(vec![Platform::Email, Platform::Bluesky]),
        caption: Some("nul\0 \"quotes\" 'x'; --".to_owned()),
        captions: Some(BTreeMap::from([(Platform::Email, "two\nlines".to_owned())])),
        force: true,
        allow_empty_caption: true,
        needs_approval: true,
    };
    let added = add_at(ledger, "alice", order.clone(), HOUR).await;
    assert_eq!(
        (added.status, &added.order),
        (JobStatus::AwaitingApproval, &order)
    );
    let wait = added.publish_at.duration_since(added.created_at).unwrap();
    assert!(wait <= HOUR && wait > 59 * MINUTE, "{wait:?}");
    assert_eq!(find(ledger, &added).await, added);
    let plain = add(ledger, "alice").await;
    assert_eq!(plain.publish_at, plain.created_at);
    assert_ne!(plain.id, added.id);
    let bob = tenant("bob");
    assert_eq!(ledger.find_job(&bob, added.id).await.unwrap(), None);
    for id in [added.id, JobId(i64::MAX)] {
        let altered = ledger.alter_job(&bob, id, &JobCommand::Cancel).await;
        assert!(
            matches!(altered, Err(JobStoreError::NotFound)),
            "{altered:?}"
        );
    }
    assert!(
        ledger
            .list_jobs(&bob, &everything())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(find(ledger, &added).await, added);
}

pub(super) async fn jobs_are_listed_by_their_time_page_by_page(ledger: &impl Backstage) {
    let mut jobs = Vec::new();
    for hours in [3, 1, 2, 2, 5, 4] {
        jobs.push(add_at(ledger, "alice", JobOrder::default(), hours * HOUR).await);
    }
    for index in [0, 4] {
        let cancelled = alter(ledger, &jobs[index], JobCommand::Cancel).await;
        let again = alter(ledger, &jobs[index], JobCommand::Cancel).await;
        assert_eq!(again.unwrap(), cancelled.unwrap(), "asked for twice");
    }
    let ids = |found: &[Job]| found.iter().map(|job| job.id).collect::<Vec<_>>();
    let order = [4, 5, 0, 3, 2, 1].map(|index| jobs[index].id);
    let alice = tenant("alice");
    let mut pages = Vec::new();
    let mut query = JobQuery {
        limit: 2,
        ..everything()
    };
    loop {
        let page = ledger.list_jobs(&alice, &query).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        let millis = last
            .publish_at
            .duration_since(std::time::SystemTime::UNIX_EPOCH);
        query.after = Some(JobPosition {
            publish_at_ms: i64::try_from(millis.unwrap().as_millis()).unwrap(),
            id: last.id,
        });
        pages.extend(ids(&page));
    }
    // Those of one time in the order of their numbers; the times of the two were read one after the other.
    assert_eq!(pages, order);
    let cancelled = JobQuery {
        status: Some(JobStatus::Cancelled),
        ..everything()
    };
    let found = ledger.list_jobs(&alice, &cancelled).await.unwrap();
    assert_eq!(ids(&found), [jobs[4].id, jobs[0].id]);
    let within = JobQuery {
        from: Some(jobs[0].publish_at),
        to: Some(jobs[4].publish_at),
        ..everything()
    };
    let found = ledger.list_jobs(&alice, &within).await.unwrap();
    assert_eq!(
        ids(&found),
        [jobs[5].id, jobs[0].id],
        "from is within, to is not"
    );
    let both = JobQuery {
        status: Some(JobStatus::Cancelled),
        ..within
    };
    let found = ledger.list_jobs(&alice, &both).await.unwrap();
    assert_eq!(ids(&found), [jobs[0].id]);
}

pub(super) async fn a_job_is_claimed_at_its_time_and_by_one(ledger: &impl Backstage) {
    let later = add_at(ledger, "alice", JobOrder::default(), HOUR).await;
    let waiting = add_at(ledger, "bob", awaiting(), Duration::ZERO).await;
    let due = add(ledger, "carol").await;
    let claimed = only(ledger).await;
    assert_eq!((claimed.job.id, claimed.job.attempts), (due.id, 1));
    assert_eq!(claimed.job.status, JobStatus::Running);
    assert_eq!(find(ledger, &due).await, claimed.job);
    assert!(claim(ledger, 10).await.is_empty());
    let approved = alter(ledger, &waiting, approve()).await.unwrap();
    assert_eq!(approved.status, JobStatus::Scheduled);
    assert!(approved.approved_at.is_some());
    assert_eq!(find(ledger, &waiting).await, approved);
    assert_eq!(only(ledger).await.job.id, waiting.id, "it begins at once");
    pass(ledger, Duration::from_secs(3_590)).await;
    let ids: Vec<_> = claim(ledger, 10).await.iter().map(|it| it.job.id).collect();
    assert!(!ids.contains(&later.id), "{ids:?}");
    pass(ledger, Duration::from_secs(10)).await;
    let ids: Vec<_> = claim(ledger, 10).await.iter().map(|it| it.job.id).collect();
    assert_eq!(ids, [later.id]);
}

pub(super) async fn a_job_that_has_begun_is_neither_changed_nor_cancelled(ledger: &impl Backstage) {
    let job = add_at(ledger, "alice", JobOrder::default(), HOUR).await;
    let change = |wait| {
        JobCommand::Change(JobChange {
            publish_at: Edit::Set(job.publish_at + wait),
            platforms: Edit::Set(Some(vec![Platform::Email])),
            caption: Edit::Set(Some("b".to_owned())),
            captions: Edit::Keep,
        })
    };
    let changed = alter(ledger, &job, change(HOUR)).await.unwrap();
    assert_eq!(changed.publish_at, job.publish_at + HOUR);
    assert_eq!(find(ledger, &job).await, changed);
    let sooner = JobChange {
        publish_at: Edit::Set(job.created_at),
        ..JobChange::default()
    };
    alter(ledger, &job, JobCommand::Change(sooner))
        .await
        .unwrap();
    let claimed = only(ledger).await;
    assert_eq!(claimed.job.order.caption.as_deref(), Some("b"));
    let refused = alter(ledger, &job, change(HOUR)).await;
    assert_eq!(
        refusal(refused),
        JobRefusal::NotChangeable(JobStatus::Running)
    );
    let refused = alter(ledger, &job, JobCommand::Cancel).await;
    assert_eq!(
        refusal(refused),
        JobRefusal::IllegalMove {
            from: JobStatus::Running,
            to: JobStatus::Cancelled
        }
    );
    assert_eq!(find(ledger, &job).await, claimed.job, "nothing was written");
}
