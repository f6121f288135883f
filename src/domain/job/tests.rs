use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::*;
use crate::domain::{
    image::ImageName,
    platform::Platform,
    publication::{
        Failure, FailureReason, Outcome, PlatformResult, PublicationRequest, PublishedPost, Target,
    },
    tenant::TenantName,
};

mod attempts;
mod properties;

const MINUTE: Duration = Duration::from_mins(1);
const MAX_LATE: Duration = Duration::from_hours(1);

fn at(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_secs(60 * minutes)
}

fn new(order: JobOrder) -> Job {
    let new = NewJob {
        order,
        publish_at: Some(at(10)),
        posting_time: None,
    };
    new.into_job(JobId(7), TenantName::new("alice").unwrap(), at(0))
}

fn job() -> Job {
    new(JobOrder::default())
}

fn awaiting() -> Job {
    new(JobOrder {
        needs_approval: true,
        ..JobOrder::default()
    })
}

fn running() -> Job {
    job().claim(at(10), at(11)).unwrap()
}

fn result(platform: Platform, outcome: Outcome) -> PlatformResult {
    PlatformResult {
        platform,
        caption: "secret".to_owned(),
        outcome,
    }
}

fn failed(reason: FailureReason) -> Outcome {
    Outcome::Failed(Failure::new(reason, "text"))
}

fn published() -> Outcome {
    Outcome::Published(PublishedPost::new("1"))
}

fn reported(results: Vec<(Platform, Outcome)>) -> AttemptEnd {
    let results = results.into_iter();
    AttemptEnd::Reported {
        image: Some(ImageName::new("a.jpg").unwrap()),
        results: results.map(|(at, outcome)| result(at, outcome)).collect(),
    }
}

fn without_report(reason: JobReason) -> AttemptEnd {
    AttemptEnd::Failed {
        reason,
        error: "text".to_owned(),
        retry_after: None,
    }
}

fn illegal(from: JobStatus, to: JobStatus) -> JobRefusal {
    JobRefusal::IllegalMove { from, to }
}

#[test]
fn the_table_has_these_moves_and_no_others() {
    use JobStatus::{AwaitingApproval, Cancelled, Done, Failed, Missed, Running, Scheduled};

    let moves = [
        (AwaitingApproval, Scheduled),
        (AwaitingApproval, Missed),
        (AwaitingApproval, Cancelled),
        (Scheduled, Running),
        (Scheduled, Missed),
        (Scheduled, Cancelled),
        (Running, Running),
        (Running, Scheduled),
        (Running, Done),
        (Running, Failed),
        (Running, Cancelled),
        (Done, Scheduled),
        (Failed, Scheduled),
    ];
    for from in JobStatus::ALL {
        assert_eq!(JobStatus::from_name(from.as_str()), Some(from));
        for to in JobStatus::ALL {
            assert_eq!(
                from.may_become(to),
                moves.contains(&(from, to)),
                "{from:?} {to:?}"
            );
        }
    }
}

#[test]
fn an_illegal_move_is_refused_with_both_states() {
    let cancelled = job().cancel(JobReason::ByRequest, at(1)).unwrap();
    let refused = cancelled.claim(at(10), at(11)).unwrap_err();
    assert_eq!(refused, illegal(JobStatus::Cancelled, JobStatus::Running));
    assert_eq!(
        refused.to_string(),
        "a job that is cancelled cannot become running"
    );
    let refusals = [
        (
            running().cancel(JobReason::ByRequest, at(11)),
            illegal(JobStatus::Running, JobStatus::Cancelled),
        ),
        (
            job().approve(at(1), MAX_LATE),
            illegal(JobStatus::Scheduled, JobStatus::Scheduled),
        ),
        (
            awaiting().claim(at(10), at(11)),
            illegal(JobStatus::AwaitingApproval, JobStatus::Running),
        ),
        (
            job().retry(at(1)),
            illegal(JobStatus::Scheduled, JobStatus::Scheduled),
        ),
        (
            job().finish(reported(vec![(Platform::Email, published())]), at(1)),
            illegal(JobStatus::Scheduled, JobStatus::Done),
        ),
        (
            awaiting().finish(AttemptEnd::TenantGone, at(1)),
            illegal(JobStatus::AwaitingApproval, JobStatus::Cancelled),
        ),
        (
            running().miss(JobReason::TooLate, at(11)),
            illegal(JobStatus::Running, JobStatus::Missed),
        ),
    ];
    for (refused, expected) in refusals {
        assert_eq!(refused, Err(expected));
    }
}

#[test]
fn a_job_is_carried_out_at_its_time_after_a_yes() {
    let made = awaiting();
    assert_eq!(made.status, JobStatus::AwaitingApproval);
    let approved = made.clone().approve(at(5), MAX_LATE).unwrap();
    assert_eq!(
        (approved.status, approved.due_at),
        (JobStatus::Scheduled, at(10))
    );
    let late = made.clone().approve(at(70), MAX_LATE).unwrap();
    assert_eq!(
        late.status,
        JobStatus::Scheduled,
        "an hour is not more than an hour"
    );
    assert_eq!(
        made.approve(at(71), MAX_LATE),
        Err(JobRefusal::TooLate),
        "it is to be missed"
    );
}

#[test]
fn how_late_a_job_begins_is_counted_from_its_time_or_its_approval() {
    assert_eq!(job().lateness(), None);
    let late = job().claim(at(12), at(13)).unwrap();
    assert_eq!(late.lateness(), Some(2 * MINUTE));
    for (approved, lateness) in [(5, 20), (20, 10)] {
        let approved = awaiting().approve(at(approved), MAX_LATE).unwrap();
        let begun = approved.claim(at(30), at(31)).unwrap();
        assert_eq!(begun.lateness(), Some(lateness * MINUTE));
    }
}

#[test]
fn what_goes_wrong_is_told_in_a_sentence_and_what_waits_has_a_next_attempt() {
    assert_eq!((job().explanation(), job().next_attempt_at()), (None, None));
    let waits = running().finish(AttemptEnd::Busy, at(10)).unwrap();
    assert_eq!(waits.next_attempt_at(), Some(at(10) + BUSY_WAIT));
    for reason in JobReason::ALL {
        let told = Job {
            reason: Some(reason),
            ..job()
        };
        assert!(told.explanation().is_some(), "{reason:?}");
    }
    let failed = running()
        .finish(without_report(JobReason::ImageMissing), at(10))
        .unwrap();
    assert_eq!(failed.explanation().as_deref(), Some("Text."));
    // Of one that goes on, what failed before is no explanation.
    let failing = without_report(JobReason::StorageUnavailable);
    let waits = running().finish(failing, at(10)).unwrap();
    let cancelled = waits.cancel(JobReason::ByRequest, at(11)).unwrap();
    assert_eq!(
        cancelled.explanation().as_deref(),
        Some("Somebody cancelled it.")
    );
}

#[test]
fn a_job_can_be_changed_until_it_has_begun() {
    let change = || JobChange {
        publish_at: Edit::Set(at(20)),
        platforms: Edit::Set(Some(vec![Platform::Email])),
        caption: Edit::Set(Some("secret".to_owned())),
        captions: Edit::Keep,
    };
    let changed = awaiting().change(change()).unwrap();
    assert_eq!(
        (changed.publish_at, changed.due_at, changed.status),
        (at(20), at(20), JobStatus::AwaitingApproval)
    );
    let request = changed.request();
    assert_eq!(request.platforms, Some(vec![Platform::Email]));
    assert_eq!(request.caption.as_deref(), Some("secret"));
    let waits_again = running()
        .finish(without_report(JobReason::Busy), at(10))
        .unwrap();
    let ended = job().cancel(JobReason::ByRequest, at(1)).unwrap();
    for job in [running(), waits_again, ended] {
        let status = job.status;
        assert_eq!(job.change(change()), Err(JobRefusal::NotChangeable(status)));
    }
}

#[test]
fn captions_are_not_in_debug() {
    let order = JobOrder {
        caption: Some("secret".to_owned()),
        captions: Some(BTreeMap::from([(Platform::Email, "secret".to_owned())])),
        ..JobOrder::default()
    };
    let change = JobChange {
        caption: Edit::Set(Some("secret".to_owned())),
        ..JobChange::default()
    };
    let end = reported(vec![(Platform::Email, published())]);
    let job = new(order.clone()).claim(at(10), at(11)).unwrap();
    let job = job.finish(end.clone(), at(10)).unwrap();
    let shown = format!("{order:?} {change:?} {end:?} {job:?}");
    assert!(!shown.contains("secret"), "{shown}");
}
