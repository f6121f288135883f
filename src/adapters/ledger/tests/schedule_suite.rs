//! Schedules, and the job of the next posting time, whatever database is behind them.

use std::time::{Duration, SystemTime};

use super::{
    Backstage, host,
    job_suite::{
        MAX_LATE, MINUTE, add, alter, approve, claim, everything, find, only, pass, published,
    },
    tenant,
};
use crate::{
    domain::{
        job::{AttemptEnd, Edit, Job, JobChange, JobReason, JobStatus},
        platform::Platform,
        posting_times::PostingTimes,
        schedule::Schedule,
    },
    ports::JobCommand,
};

const DAY: Duration = Duration::from_hours(24);

pub(super) fn schedule(entries: &[&str], needs_approval: bool) -> Schedule {
    let times = PostingTimes::parse("UTC", entries).unwrap();
    Schedule::new(times, Some(vec![Platform::Email]), true, needs_approval).unwrap()
}

/// A posting time each hour.
fn hourly(needs_approval: bool) -> Schedule {
    let entries: Vec<String> = (0..24).map(|hour| format!("daily {hour:02}:00")).collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    schedule(&entries, needs_approval)
}

async fn put(ledger: &impl Backstage, schedule: &Schedule) {
    ledger
        .put_schedule(&tenant("alice"), &host(), schedule)
        .await
        .unwrap();
}

/// The jobs that wait, the earliest first.
async fn waiting(ledger: &impl Backstage) -> Vec<Job> {
    let jobs = ledger
        .list_jobs(&tenant("alice"), &everything())
        .await
        .unwrap();
    let mut jobs: Vec<_> = jobs
        .into_iter()
        .filter(|job| !job.status.is_ended() && job.status != JobStatus::Running)
        .collect();
    jobs.reverse();
    jobs
}

/// The posting times from that of a job on at which nothing comes any more.
async fn passed_over(ledger: &impl Backstage, job: &Job) -> Vec<SystemTime> {
    let since = job.posting_time.unwrap() - MINUTE;
    let times = ledger.passed_over(&tenant("alice"), since).await.unwrap();
    times.into_iter().collect()
}

/// The one job that waits.
async fn next(ledger: &impl Backstage) -> Job {
    let mut jobs = waiting(ledger).await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

/// Lets time pass until an hour of the clock is this much over.
async fn pass_until(ledger: &impl Backstage, job: &Job, over: Duration) {
    let now = add(ledger, "clock").await.created_at;
    ledger
        .run("DELETE FROM ledger_jobs WHERE tenant = 'clock'")
        .await;
    pass(ledger, job.publish_at.duration_since(now).unwrap() + over).await;
}

pub(super) async fn a_schedule_comes_back_as_it_was_put_to_its_tenant_alone(
    ledger: &impl Backstage,
) {
    assert_eq!(ledger.schedule(&tenant("alice")).await.unwrap(), None);
    for kept in [
        schedule(&["Mon 18:30", "daily 09:00"], true),
        hourly(false).disabled(),
    ] {
        put(ledger, &kept).await;
        assert_eq!(ledger.schedule(&tenant("alice")).await.unwrap(), Some(kept));
    }
    assert_eq!(ledger.schedule(&tenant("bob")).await.unwrap(), None);
    ledger
        .run("UPDATE ledger_job_queues SET schedule = '{\"secret\": 1}'")
        .await;
    let error = ledger.schedule(&tenant("alice")).await.unwrap_err();
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

pub(super) async fn a_change_of_the_schedule_replaces_what_has_not_begun(ledger: &impl Backstage) {
    let own = add(ledger, "alice").await;
    let claimed = only(ledger).await;
    assert_eq!(claimed.job.id, own.id);
    put(ledger, &schedule(&["daily 09:00"], true)).await;
    let first = next(ledger).await;
    assert_eq!(first.status, JobStatus::AwaitingApproval);
    assert_eq!(
        (first.posting_time, first.order.image.as_ref()),
        (Some(first.publish_at), None)
    );
    assert_eq!(first.order.platforms, Some(vec![Platform::Email]));
    let approved = alter(ledger, &first, approve()).await.unwrap();
    put(ledger, &schedule(&["daily 09:00"], true)).await;
    assert_eq!(
        next(ledger).await,
        approved,
        "the same again changes nothing"
    );
    put(ledger, &schedule(&["daily 10:00"], false)).await;
    let taken = passed_over(ledger, &first).await;
    assert!(taken.is_empty(), "what is replaced is not passed over");
    let second = next(ledger).await;
    assert_eq!(second.status, JobStatus::Scheduled);
    let seconds = second
        .publish_at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert_eq!(seconds % 86_400, 36_000);
    let replaced = find(ledger, &first).await;
    assert_eq!(
        (replaced.status, replaced.reason),
        (JobStatus::Cancelled, Some(JobReason::ScheduleChanged))
    );
    put(ledger, &schedule(&["daily 10:00"], false).disabled()).await;
    assert!(waiting(ledger).await.is_empty());
    assert_eq!(
        find(ledger, &own).await.status,
        JobStatus::Running,
        "it is of a request"
    );
}

pub(super) async fn the_next_posting_time_has_a_job_whatever_becomes_of_the_one_before(
    ledger: &impl Backstage,
) {
    put(ledger, &schedule(&["daily 09:00"], false)).await;
    let mut job = next(ledger).await;
    alter(ledger, &job, JobCommand::Cancel).await.unwrap();
    let after_cancel = next(ledger).await;
    assert_eq!(
        after_cancel.publish_at,
        job.publish_at + DAY,
        "not the same one again"
    );
    job = after_cancel;
    let change = |publish_at| {
        JobCommand::Change(JobChange {
            publish_at: Edit::Set(publish_at),
            ..JobChange::default()
        })
    };
    let captions = JobChange {
        caption: Edit::Set(Some("text".to_owned())),
        ..JobChange::default()
    };
    alter(ledger, &job, JobCommand::Change(captions))
        .await
        .unwrap();
    assert_eq!(
        next(ledger).await.id,
        job.id,
        "it still stands for its time"
    );
    let moved = alter(ledger, &job, change(job.publish_at + MINUTE))
        .await
        .unwrap();
    let jobs = waiting(ledger).await;
    assert_eq!((jobs.len(), &jobs[0]), (2, &moved));
    assert_eq!(jobs[1].publish_at, job.publish_at + DAY);
    alter(ledger, &moved, change(job.publish_at)).await.unwrap();
    assert_eq!(
        waiting(ledger).await.len(),
        2,
        "there is one next job, not two"
    );
    alter(ledger, &moved, JobCommand::Cancel).await.unwrap();
    job = next(ledger).await;
    pass_until(ledger, &job, Duration::from_secs(1)).await;
    let claimed = only(ledger).await;
    assert_eq!(claimed.job.id, job.id);
    let following = next(ledger).await;
    let apart = following
        .publish_at
        .duration_since(claimed.job.publish_at)
        .unwrap();
    assert!(!apart.is_zero() && apart <= DAY, "{apart:?}");
    assert!(claim(ledger, 10).await.is_empty());
    ledger
        .finish_job(&claimed.claim, &published())
        .await
        .unwrap();
    assert_eq!(next(ledger).await, following);
}

pub(super) async fn a_posting_time_that_has_had_its_job_does_not_come_back_with_another_schedule(
    ledger: &impl Backstage,
) {
    let mut needs_approval = false;
    let mut change = async || {
        needs_approval = !needs_approval;
        put(ledger, &schedule(&["daily 09:00"], needs_approval)).await;
        needs_approval
    };
    let now_please = |job: &Job| {
        JobCommand::Change(JobChange {
            publish_at: Edit::Set(job.created_at),
            ..JobChange::default()
        })
    };
    change().await;
    change().await;
    let first = next(ledger).await;
    // Carried out before its time.
    alter(ledger, &first, now_please(&first)).await.unwrap();
    let claimed = only(ledger).await;
    assert_eq!(claimed.job.id, first.id);
    change().await;
    assert_eq!(next(ledger).await.publish_at, first.publish_at + DAY);
    ledger
        .finish_job(&claimed.claim, &published())
        .await
        .unwrap();
    change().await;
    let second = next(ledger).await;
    assert_eq!(second.publish_at, first.publish_at + DAY, "after its end");
    // Cancelled by somebody, and moved by somebody.
    alter(ledger, &second, JobCommand::Cancel).await.unwrap();
    change().await;
    let third = next(ledger).await;
    assert_eq!(third.publish_at, first.publish_at + 2 * DAY);
    let later = JobCommand::Change(JobChange {
        publish_at: Edit::Set(third.publish_at + MINUTE),
        ..JobChange::default()
    });
    alter(ledger, &third, later).await.unwrap();
    let expected: Vec<_> = (0..3).map(|day| first.publish_at + day * DAY).collect();
    assert_eq!(passed_over(ledger, &first).await, expected);
    change().await;
    let fourth = next(ledger).await;
    assert_eq!(fourth.publish_at, first.publish_at + 3 * DAY);
    assert_eq!(find(ledger, &third).await.status, JobStatus::Cancelled);
    // Those of a finer schedule come before, and lead on to the same.
    let times = ["daily 09:00", "daily 08:00"];
    put(ledger, &schedule(&times, false)).await;
    let eight = next(ledger).await;
    assert!(eight.publish_at < fourth.publish_at);
    let reordered = schedule(&["daily 08:00", "daily 09:00"], false);
    put(ledger, &reordered).await;
    assert_eq!(next(ledger).await.id, eight.id, "it is the same");
    let kept = ledger.schedule(&tenant("alice")).await.unwrap();
    assert_eq!(kept, Some(reordered), "in the order that was put last");
    // What a posting time has had is remembered as long as it is to come.
    ledger
        .run("UPDATE ledger_jobs SET ended_at = 1 WHERE ended_at IS NOT NULL")
        .await;
    ledger.sweep_jobs(Duration::ZERO).await.unwrap();
    assert_eq!(passed_over(ledger, &first).await, expected);
}

pub(super) async fn of_posting_times_that_passed_the_last_is_caught_up_with(
    ledger: &impl Backstage,
) {
    put(ledger, &hourly(false)).await;
    let first = next(ledger).await;
    // Whole days, so that the hours of the clock stay. No process ran for so long.
    pass(ledger, 3 * DAY).await;
    let claimed = only(ledger).await;
    let last = claimed.job;
    assert_ne!(last.id, first.id);
    let lateness = last
        .begun_at
        .unwrap()
        .duration_since(last.publish_at)
        .unwrap();
    assert!(lateness <= MAX_LATE, "{lateness:?}");
    let missed = find(ledger, &first).await;
    assert_eq!(
        (missed.status, missed.reason),
        (JobStatus::Missed, Some(JobReason::TooLate))
    );
    assert_eq!(
        next(ledger).await.publish_at,
        last.publish_at + MAX_LATE,
        "the next hour"
    );
    let all = ledger
        .list_jobs(&tenant("alice"), &everything())
        .await
        .unwrap();
    assert_eq!(all.len(), 3, "those between have no job");
}

pub(super) async fn a_posting_time_that_nobody_approved_does_not_keep_the_next_away(
    ledger: &impl Backstage,
) {
    put(ledger, &hourly(true)).await;
    let first = next(ledger).await;
    pass_until(ledger, &first, Duration::ZERO).await;
    assert!(claim(ledger, 10).await.is_empty());
    let jobs = waiting(ledger).await;
    assert_eq!((jobs.len(), jobs[0].id), (2, first.id));
    // Its yes comes late, and in time.
    pass(ledger, 59 * MINUTE).await;
    alter(ledger, &first, approve()).await.unwrap();
    let claimed = only(ledger).await;
    assert_eq!(claimed.job.id, first.id);
    ledger
        .finish_job(&claimed.claim, &published())
        .await
        .unwrap();
    // The next one gets none.
    pass(ledger, MAX_LATE + 2 * MINUTE).await;
    assert!(claim(ledger, 10).await.is_empty());
    let missed = find(ledger, &jobs[1]).await;
    assert_eq!(
        (missed.status, missed.reason),
        (JobStatus::Missed, Some(JobReason::TooLate))
    );
}

pub(super) async fn the_schedule_of_a_tenant_that_is_gone_is_disabled(ledger: &impl Backstage) {
    put(ledger, &hourly(false)).await;
    let job = next(ledger).await;
    pass_until(ledger, &job, Duration::ZERO).await;
    let claimed = only(ledger).await;
    ledger
        .finish_job(&claimed.claim, &AttemptEnd::TenantGone)
        .await
        .unwrap();
    assert!(waiting(ledger).await.is_empty());
    let kept = ledger.schedule(&tenant("alice")).await.unwrap();
    assert_eq!(kept, Some(hourly(false).disabled()));
    pass(ledger, DAY).await;
    assert!(claim(ledger, 10).await.is_empty());
    put(ledger, &hourly(false)).await;
    assert_eq!(next(ledger).await.status, JobStatus::Scheduled);
}
