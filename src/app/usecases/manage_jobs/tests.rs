use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::*;
use crate::{
    app::{
        runtime::{background_tasks::BackgroundTasks, event_hub::EventHub},
        tenancy::tenant::Tenant,
        usecases::fixtures::TenantFixture,
    },
    domain::{
        host::Host,
        job::{Edit, Job, JobChange, JobId, JobOrder, JobQuery, JobRefusal, JobStatus, NewJob},
        platform::Platform,
        posting_times::PostingTimes,
        publication::PlanError,
        schedule::Schedule,
        tenant::TenantName,
    },
    ports::{
        JobCommand, JobStoreError, LedgerError, MockIdempotencyStore, MockJobEvents, MockJobStore,
        MockScheduleStore,
    },
};

mod keys;

const MAX_LATE: Duration = Duration::from_hours(1);

/// So many minutes after the time that it is.
fn now_and(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_mins(1_000_000 + minutes)
}

fn ago(minutes: u64) -> SystemTime {
    now_and(0) - Duration::from_mins(minutes)
}

fn job(order: JobOrder) -> Job {
    let new = NewJob {
        order,
        publish_at: Some(now_and(10)),
        posting_time: None,
    };
    new.into_job(JobId(7), TenantName::new("alice").unwrap(), now_and(0))
}

/// The ports of the use case, to be filled with expectations.
struct Ports {
    jobs: MockJobStore,
    schedules: MockScheduleStore,
    requests: MockIdempotencyStore,
}

impl Ports {
    fn new() -> Self {
        Self {
            jobs: MockJobStore::new(),
            schedules: MockScheduleStore::new(),
            requests: MockIdempotencyStore::new(),
        }
    }

    fn build(mut self) -> ManageJobs {
        self.jobs.expect_now().returning(|| Ok(now_and(0)));
        ManageJobs::new(ManageJobsParts {
            jobs: Arc::new(self.jobs),
            schedules: Arc::new(self.schedules),
            requests: Arc::new(self.requests),
            hub: EventHub::new(Arc::new(MockJobEvents::new())),
            tasks: BackgroundTasks::default(),
            max_late: MAX_LATE,
        })
    }
}

fn alice() -> Arc<Tenant> {
    TenantFixture::new().build()
}

fn host() -> Host {
    Host::normalize_any("alice.example.org").unwrap()
}

fn to_email() -> JobOrder {
    JobOrder {
        platforms: Some(vec![Platform::Email]),
        ..JobOrder::default()
    }
}

fn away() -> LedgerError {
    LedgerError::Unavailable("away".into())
}

#[tokio::test]
async fn a_job_is_added_for_the_tenant_under_the_host_of_the_request() {
    let mut ports = Ports::new();
    ports
        .jobs
        .expect_add_job()
        .times(1)
        .withf(|tenant, asked, new| {
            tenant.as_str() == "alice"
                && *asked == host()
                && new.order == to_email()
                && new.publish_at == Some(now_and(10))
                && new.posting_time.is_none()
        })
        .returning(|_, _, new| Ok(job(new.order.clone())));
    let time = Some(now_and(10));
    let added = ports.build().add(&alice(), &host(), to_email(), time).await;
    assert_eq!(added.unwrap(), job(to_email()));
}

#[tokio::test]
async fn what_the_config_does_not_allow_is_not_added() {
    let mut fixture = TenantFixture::new();
    fixture.document["features"]["publish_enabled"] = false.into();
    let closed = fixture.build();
    let one_caption = JobOrder {
        captions: Some([(Platform::Email, "Ahoy".to_owned())].into()),
        ..JobOrder::default()
    };
    let to_mastodon = JobOrder {
        platforms: Some(vec![Platform::Mastodon]),
        ..JobOrder::default()
    };
    for (tenant, order, expected) in [
        (closed, JobOrder::default(), PlanError::PublishingOff),
        (
            alice(),
            to_mastodon,
            PlanError::PlatformOff(Platform::Mastodon),
        ),
        (
            alice(),
            one_caption,
            PlanError::CaptionMissing(Platform::Telegram),
        ),
    ] {
        let mut ports = Ports::new();
        ports.jobs.expect_add_job().never();
        let added = ports.build().add(&tenant, &host(), order, None).await;
        assert!(matches!(added, Err(ManageJobsError::Plan(error)) if error == expected));
    }
}

#[tokio::test]
async fn a_time_that_has_passed_is_taken_as_long_as_the_job_is_not_missed() {
    for (time, is_taken) in [(ago(60), true), (ago(61), false), (now_and(60), true)] {
        let mut ports = Ports::new();
        let calls = usize::from(is_taken);
        ports
            .jobs
            .expect_add_job()
            .times(calls)
            .returning(|_, _, new| Ok(job(new.order.clone())));
        ports
            .jobs
            .expect_find_job()
            .times(calls)
            .returning(|_, _| Ok(Some(job(JobOrder::default()))));
        ports
            .jobs
            .expect_alter_job()
            .times(calls)
            .returning(|_, _, _| Ok(job(JobOrder::default())));
        let usecase = ports.build();
        let (alice, host) = (alice(), host());
        let added = usecase.add(&alice, &host, JobOrder::default(), Some(time));
        let change = JobChange {
            publish_at: Edit::Set(time),
            ..JobChange::default()
        };
        let (added, changed) = (added.await, usecase.change(&alice, JobId(7), change).await);
        for refused in [added, changed].into_iter().filter(|_| !is_taken) {
            assert!(matches!(refused, Err(ManageJobsError::TooLongAgo(_))));
        }
    }
}

#[tokio::test]
async fn a_page_ends_where_there_is_another_job() {
    let query = |limit| JobQuery {
        status: Some(JobStatus::Scheduled),
        from: None,
        to: None,
        after: None,
        limit,
    };
    let listed = |number| Job {
        id: JobId(number),
        ..job(JobOrder::default())
    };
    let mut ports = Ports::new();
    ports
        .jobs
        .expect_list_jobs()
        .times(2)
        .withf(|tenant, query| tenant.as_str() == "alice" && query.status.is_some())
        .returning(move |_, query| {
            let count = i64::from(query.limit.min(3));
            Ok((0..count).rev().map(listed).collect())
        });
    let usecase = ports.build();
    let page = usecase.list(&alice(), query(2)).await.unwrap();
    let ids: Vec<_> = page.jobs.iter().map(|job| job.id.0).collect();
    assert_eq!(ids, [2, 1]);
    let next = page.next.unwrap();
    let millis = i64::try_from(Duration::from_mins(1_000_010).as_millis()).unwrap();
    assert_eq!((next.id, next.publish_at_ms), (JobId(1), millis));
    let all = usecase.list(&alice(), query(3)).await.unwrap();
    assert_eq!((all.jobs.len(), all.next), (3, None));
}

#[tokio::test]
async fn a_job_that_is_not_there_is_not_found() {
    let mut ports = Ports::new();
    ports
        .jobs
        .expect_find_job()
        .times(2)
        .returning(|_, _| Ok(None));
    ports
        .jobs
        .expect_alter_job()
        .times(3)
        .returning(|_, _, _| Err(JobStoreError::NotFound));
    let usecase = ports.build();
    let (alice, id) = (alice(), JobId(8));
    for outcome in [
        usecase.find(&alice, id).await,
        usecase.change(&alice, id, JobChange::default()).await,
        usecase.approve(&alice, id).await,
        usecase.cancel(&alice, id).await,
        usecase.retry(&alice, id).await,
    ] {
        assert!(matches!(outcome, Err(ManageJobsError::NotFound)));
    }
}

#[tokio::test]
async fn moves_are_the_stores_and_their_refusals_are_told() {
    let commands = [
        JobCommand::Approve { max_late: MAX_LATE },
        JobCommand::Cancel,
        JobCommand::Retry,
    ];
    let mut ports = Ports::new();
    for command in commands {
        ports
            .jobs
            .expect_alter_job()
            .times(1)
            .withf(move |tenant, id, asked| {
                tenant.as_str() == "alice" && *id == JobId(7) && *asked == command
            })
            .returning(|_, _, _| Err(JobRefusal::NotChangeable(JobStatus::Running).into()));
    }
    let usecase = ports.build();
    let alice = alice();
    for outcome in [
        usecase.approve(&alice, JobId(7)).await,
        usecase.cancel(&alice, JobId(7)).await,
        usecase.retry(&alice, JobId(7)).await,
    ] {
        assert!(matches!(outcome, Err(ManageJobsError::Refused(..))));
    }
}

#[tokio::test]
async fn a_change_is_planned_with_what_stays_as_it_is() {
    let captioned = || JobOrder {
        captions: Some([(Platform::Email, "Ahoy".to_owned())].into()),
        ..to_email()
    };
    let to_both = JobChange {
        platforms: Edit::Set(None),
        ..JobChange::default()
    };
    let without_captions = JobChange {
        captions: Edit::Set(None),
        ..to_both.clone()
    };
    let begun = || job(captioned()).claim(now_and(0), now_and(1)).unwrap();
    for (found, change, is_taken) in [
        (job(captioned()), to_both, false),
        (job(captioned()), without_captions.clone(), true),
        (begun(), without_captions, false),
    ] {
        let mut ports = Ports::new();
        ports
            .jobs
            .expect_find_job()
            .times(1)
            .returning(move |_, _| Ok(Some(found.clone())));
        let expected = JobCommand::Change(change.clone());
        ports
            .jobs
            .expect_alter_job()
            .times(usize::from(is_taken))
            .withf(move |_, _, command| *command == expected)
            .returning(|_, _, _| Ok(job(JobOrder::default())));
        let changed = ports.build().change(&alice(), JobId(7), change).await;
        assert_eq!(changed.is_ok(), is_taken);
    }
}

fn schedule(is_enabled: bool, platform: Platform) -> Schedule {
    let times = PostingTimes::parse("UTC", &["daily 09:00"]).unwrap();
    Schedule::new(times, Some(vec![platform]), is_enabled, false).unwrap()
}

#[tokio::test]
async fn a_schedule_is_put_and_told_with_its_next_times() {
    let mut ports = Ports::new();
    ports
        .schedules
        .expect_put_schedule()
        .times(1)
        .withf(|tenant, asked, put| {
            tenant.as_str() == "alice"
                && *asked == host()
                && *put == schedule(true, Platform::Email)
        })
        .returning(|_, _, _| Ok(()));
    // The second of them.
    let gone = schedule(true, Platform::Email).coming(now_and(0)).nth(1);
    ports
        .schedules
        .expect_passed_over()
        .times(1)
        .withf(|tenant, after| tenant.as_str() == "alice" && *after == now_and(0))
        .returning(move |_, _| Ok(gone.into_iter().collect()));
    let usecase = ports.build();
    let (alice, host) = (alice(), host());
    let put = usecase.put_schedule(&alice, &host, schedule(true, Platform::Email));
    let report = put.await.unwrap();
    assert_eq!(report.next.len(), NEXT_SHOWN);
    let day = Duration::from_hours(24);
    let days = |pair: &[SystemTime]| pair[1].duration_since(pair[0]).unwrap();
    let apart: Vec<_> = report.next.windows(2).map(days).collect();
    assert_eq!(apart, [2 * day, day, day, day]);
    assert!(report.next[0] > now_and(0) && report.next[0] <= now_and(0) + day);
}

#[tokio::test]
async fn a_schedule_that_is_not_followed_may_wait_for_its_platform() {
    for (is_enabled, is_taken) in [(true, false), (false, true)] {
        let mut ports = Ports::new();
        ports
            .schedules
            .expect_put_schedule()
            .times(usize::from(is_taken))
            .returning(|_, _, _| Ok(()));
        let usecase = ports.build();
        let (alice, host) = (alice(), host());
        let put = usecase.put_schedule(&alice, &host, schedule(is_enabled, Platform::Mastodon));
        match put.await {
            Ok(report) => assert_eq!((report.next.len(), is_taken), (0, true)),
            Err(error) => {
                let ManageJobsError::Plan(error) = error else {
                    panic!("{error}");
                };
                assert_eq!(error, PlanError::PlatformOff(Platform::Mastodon));
                assert!(!is_taken);
            }
        }
    }
}

#[tokio::test]
async fn no_schedule_has_no_times() {
    let mut ports = Ports::new();
    ports
        .schedules
        .expect_schedule()
        .times(1)
        .returning(|_| Ok(None));
    let report = ports.build().schedule(&alice()).await.unwrap();
    assert_eq!((report.schedule, report.next), (None, Vec::new()));
}
