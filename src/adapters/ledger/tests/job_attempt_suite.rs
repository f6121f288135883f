//! How attempts at jobs begin and end, whatever database is behind them.

use std::time::Duration;

use super::{
    Backstage, host,
    job_suite::{
        HOUR, MAX_LATE, MINUTE, add, add_at, alter, approve, awaiting, claim, find, only, pass,
        published, refusal, reported, terms,
    },
    tenant,
};
use crate::{
    domain::{
        content_hash::ContentHash,
        idempotency::ChosenImage,
        image::ImageName,
        job::{AttemptEnd, JobOrder, JobReason, JobRefusal, JobStatus, NewJob},
        platform::Platform,
        publication::{Failure, FailureReason, Outcome, PublishStage, PublishedPost},
    },
    ports::{JobClaimError, JobCommand},
};

pub(super) async fn a_claim_that_is_not_renewed_is_over_within_a_minute(ledger: &impl Backstage) {
    let forced = JobOrder {
        force: true,
        ..JobOrder::default()
    };
    let new = NewJob {
        order: forced,
        ..NewJob::default()
    };
    ledger
        .add_job(&tenant("alice"), &host(), &new)
        .await
        .unwrap();
    let lost = only(ledger).await;
    assert!(lost.job.request().force);
    let chosen = ChosenImage {
        name: ImageName::new("b.jpg").unwrap(),
        hashes: ContentHash::of(b"b").into(),
    };
    ledger.choose_image(&lost.claim, &chosen).await.unwrap();
    pass(ledger, Duration::from_secs(40)).await;
    ledger
        .renew_claim(&lost.claim, Some(PublishStage::Send))
        .await
        .unwrap();
    assert_eq!(
        find(ledger, &lost.job).await.stage,
        Some(PublishStage::Send)
    );
    pass(ledger, Duration::from_secs(40)).await;
    assert!(claim(ledger, 10).await.is_empty(), "it was renewed");
    pass(ledger, Duration::from_secs(10)).await;
    let held = only(ledger).await;
    assert_ne!(held.claim.token, lost.claim.token);
    assert_eq!(
        (held.job.id, held.job.attempts, held.job.stage),
        (lost.job.id, 2, None)
    );
    assert_eq!(
        held.job.chosen(),
        Some(chosen.clone()),
        "the one that may have been sent"
    );
    assert!(!held.job.request().force, "it may have been sent");
    let errors = [
        ledger.renew_claim(&lost.claim, None).await.err(),
        ledger.choose_image(&lost.claim, &chosen).await.err(),
        ledger.finish_job(&lost.claim, &published()).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(JobClaimError::Lost)), "{error:?}");
    }
    assert_eq!(find(ledger, &held.job).await, held.job);
    let done = ledger.finish_job(&held.claim, &published()).await.unwrap();
    assert_eq!((done.status, done.attempts), (JobStatus::Done, 2));
    assert_eq!(find(ledger, &held.job).await, done);
    let again = ledger.finish_job(&held.claim, &published()).await;
    assert!(matches!(again, Err(JobClaimError::Lost)), "{again:?}");
}

pub(super) async fn what_failed_is_tried_again_when_it_is_due(ledger: &impl Backstage) {
    let job = add(ledger, "alice").await;
    let end = reported(&[
        (
            Platform::Telegram,
            Outcome::Published(PublishedPost::new("1")),
        ),
        (
            Platform::Email,
            Outcome::Failed(Failure::new(FailureReason::Unavailable, "away")),
        ),
        (Platform::Bluesky, Outcome::Unknown("lost".to_owned())),
    ]);
    let first = only(ledger).await;
    let waits = ledger.finish_job(&first.claim, &end).await.unwrap();
    assert_eq!(waits.status, JobStatus::Scheduled);
    assert_eq!(find(ledger, &job).await, waits);
    pass(ledger, Duration::from_secs(55)).await;
    assert!(claim(ledger, 10).await.is_empty());
    pass(ledger, Duration::from_secs(5)).await;
    let second = only(ledger).await;
    assert_eq!(second.job.request().platforms, Some(vec![Platform::Email]));
    let rejected = Outcome::Failed(Failure::new(FailureReason::Rejected, "no"));
    let end = reported(&[(Platform::Email, rejected)]);
    let done = ledger.finish_job(&second.claim, &end).await.unwrap();
    assert_eq!((done.status, done.results.len()), (JobStatus::Done, 3));
    let retried = alter(ledger, &job, JobCommand::Retry).await.unwrap();
    assert_eq!(
        (retried.status, retried.ended_at),
        (JobStatus::Scheduled, None)
    );
    let third = only(ledger).await;
    assert_eq!(third.job.request().platforms, Some(vec![Platform::Email]));
    ledger.finish_job(&third.claim, &published()).await.unwrap();
    let refused = alter(ledger, &job, JobCommand::Retry).await;
    assert_eq!(refusal(refused), JobRefusal::NothingFailed(JobStatus::Done));
}

pub(super) async fn what_has_not_begun_in_time_is_missed(ledger: &impl Backstage) {
    let unapproved = add_at(ledger, "alice", awaiting(), Duration::ZERO).await;
    let forgotten = add_at(ledger, "alice", awaiting(), Duration::ZERO).await;
    let late = add(ledger, "alice").await;
    let begun = add(ledger, "bob").await;
    let claimed = ledger.claim_jobs(&terms(1, 1)).await.unwrap();
    // The turns of both were due; whoever was first has begun.
    assert_eq!(claimed.len(), 1);
    let (running, waits) = if claimed[0].job.id == begun.id {
        (&begun, &late)
    } else {
        (&late, &begun)
    };
    pass(ledger, MAX_LATE + MINUTE).await;
    let refused = alter(ledger, &unapproved, approve()).await;
    assert_eq!(refusal(refused), JobRefusal::TooLate);
    let missed = find(ledger, &unapproved).await;
    assert_eq!(
        (missed.status, missed.reason),
        (JobStatus::Missed, Some(JobReason::TooLate))
    );
    let again = claim(ledger, 10).await;
    let ids: Vec<_> = again.iter().map(|it| it.job.id).collect();
    assert_eq!(ids, [running.id], "it has begun, and its claim is over");
    for job in [&forgotten, waits] {
        let missed = find(ledger, job).await;
        assert_eq!(
            (missed.status, missed.reason),
            (JobStatus::Missed, Some(JobReason::TooLate))
        );
        assert!(missed.ended_at.is_some());
    }
}

pub(super) async fn jobs_of_a_tenant_that_is_gone_are_cancelled(ledger: &impl Backstage) {
    add(ledger, "alice").await;
    let waits = add_at(ledger, "alice", awaiting(), HOUR).await;
    let bobs = add_at(ledger, "bob", JobOrder::default(), HOUR).await;
    let claimed = only(ledger).await;
    let ended = ledger
        .finish_job(&claimed.claim, &AttemptEnd::TenantGone)
        .await;
    for job in [ended.unwrap(), find(ledger, &waits).await] {
        assert_eq!(
            (job.status, job.reason),
            (JobStatus::Cancelled, Some(JobReason::TenantGone))
        );
    }
    assert_eq!(find(ledger, &bobs).await, bobs);
}

pub(super) async fn jobs_are_counted_and_swept_by_their_end(ledger: &impl Backstage) {
    let counts = ledger.count_jobs().await.unwrap();
    assert_eq!(counts.by_status.len(), JobStatus::ALL.len());
    assert!(counts.by_status.values().all(|count| *count == 0));
    assert_eq!(counts.overdue, Duration::ZERO);
    let old = add(ledger, "alice").await;
    alter(ledger, &old, JobCommand::Cancel).await.unwrap();
    let open = add_at(ledger, "alice", awaiting(), HOUR).await;
    pass(ledger, 2 * HOUR).await;
    let done = add(ledger, "bob").await;
    let claimed = only(ledger).await;
    ledger
        .finish_job(&claimed.claim, &published())
        .await
        .unwrap();
    let counts = ledger.count_jobs().await.unwrap();
    let of = |status| counts.by_status[&status];
    assert_eq!(
        [
            JobStatus::Cancelled,
            JobStatus::Missed,
            JobStatus::Done,
            JobStatus::Running
        ]
        .map(of),
        [1, 1, 1, 0]
    );
    assert_eq!(ledger.sweep_jobs(3 * HOUR).await.unwrap(), 0);
    assert_eq!(ledger.sweep_jobs(HOUR).await.unwrap(), 1);
    assert_eq!(
        ledger.find_job(&tenant("alice"), old.id).await.unwrap(),
        None
    );
    assert!(find(ledger, &open).await.status.is_ended());
    assert_eq!(find(ledger, &done).await.status, JobStatus::Done);
}

pub(super) async fn a_job_that_makes_no_sense_is_left_alone_and_no_other_waits_for_it(
    ledger: &impl Backstage,
) {
    let odd = add(ledger, "alice").await;
    let fine = add(ledger, "alice").await;
    let damage = format!(
        "UPDATE ledger_jobs SET what = '{{\"a\": 1}}' WHERE id = {}",
        odd.id
    );
    ledger.run(&damage).await;
    assert_eq!(only(ledger).await.job.id, fine.id);
    assert!(claim(ledger, 10).await.is_empty());
    let error = ledger.find_job(&tenant("alice"), odd.id).await.unwrap_err();
    assert!(!format!("{error:?}").contains("\"a\""), "{error:?}");
}
