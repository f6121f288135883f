//! The jobs of the examples.

use std::collections::BTreeSet;

use super::*;
use crate::{
    app::http::tests::harness::NOON,
    domain::{
        job::{Job, JobId, JobOrder, JobReason, JobStatus, NewJob},
        posting_times::PostingTimes,
        schedule::Schedule,
        tenant::TenantName,
    },
    ports::JobCommand,
};

fn made(new: &NewJob) -> Job {
    let alice = TenantName::new("alice").unwrap();
    let noon = SystemTime::UNIX_EPOCH + NOON;
    new.clone().into_job(JobId(7), alice, noon)
}

/// A job for half past six in the evening in Berlin.
fn job(needs_approval: bool) -> Job {
    made(&NewJob {
        order: JobOrder {
            image: ImageName::new("harbour-dawn.jpg").ok(),
            platforms: Some(vec![Platform::Telegram]),
            caption: Some("Evening light over the harbour".to_owned()),
            needs_approval,
            ..JobOrder::default()
        },
        publish_at: Some(SystemTime::UNIX_EPOCH + NOON + Duration::from_mins(270)),
        posting_time: None,
    })
}

/// The job after what somebody has asked for.
fn moved_by(command: &JobCommand) -> Job {
    let noon = SystemTime::UNIX_EPOCH + NOON;
    match command {
        JobCommand::Change(change) => job(false).change(change.clone()).unwrap(),
        JobCommand::Approve { max_late } => job(true).approve(noon, *max_late).unwrap(),
        JobCommand::Cancel => job(false).cancel(JobReason::ByRequest, noon).unwrap(),
        JobCommand::Retry => {
            let failed = Job {
                status: JobStatus::Failed,
                attempts: 1,
                begun_at: Some(noon),
                ..job(false)
            };
            failed.retry(noon).unwrap()
        }
    }
}

/// Has what an operation of jobs works on.
pub(super) fn with_jobs(service: &mut Service, operation: &str, answer: &str) {
    if operation == "addJob" {
        answer_under_a_key(service);
    }
    service
        .jobs
        .expect_add_job()
        .returning(|_, _, new| Ok(made(new)));
    service
        .requests
        .expect_add_keyed_job()
        .returning(|_, _, new| Ok(made(new)));
    service
        .jobs
        .expect_find_job()
        .returning(|_, _| Ok(Some(job(false))));
    service
        .jobs
        .expect_list_jobs()
        .returning(|_, _| Ok(vec![job(false)]));
    service
        .jobs
        .expect_alter_job()
        .returning(|_, _, command| Ok(moved_by(command)));
    let is_put = answer == "put";
    service.schedules.expect_schedule().returning(move |_| {
        let times = PostingTimes::parse("Europe/Berlin", &["Mon 18:30", "daily 09:00"]).unwrap();
        let schedule = Schedule::new(times, None, true, true).unwrap();
        Ok(is_put.then_some(schedule))
    });
    service
        .schedules
        .expect_passed_over()
        .returning(|_, _| Ok(BTreeSet::new()));
    service
        .schedules
        .expect_put_schedule()
        .returning(|_, _, _| Ok(()));
}
