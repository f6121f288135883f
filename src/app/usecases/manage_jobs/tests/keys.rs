use super::*;
use crate::{
    domain::{
        content_hash::ContentHash,
        idempotency::{Begun, ChosenImage, IdempotencyKey},
        image::ImageName,
    },
    ports::MockIdempotencyStore,
};

fn write_down(job: &Job) -> String {
    format!("job {}", job.id)
}

async fn add(ports: Ports) -> Result<JobAnswer, AddJobOnceError> {
    let usecase = ports.build();
    let key = IdempotencyKey::new("k").ok();
    let added = usecase.add_once(alice(), host(), to_email(), None, key, write_down);
    added.await
}

fn beginning(requests: &mut MockIdempotencyStore, begun: Begun) {
    requests
        .expect_begin()
        .times(1)
        .return_once(move |_| Ok(begun));
}

fn adding(jobs: &mut MockJobStore, times: usize) {
    jobs.expect_add_job()
        .times(times)
        .returning(|_, _, new| Ok(job(new.order.clone())));
}

#[tokio::test]
async fn the_first_request_marks_its_key_adds_the_job_and_records_it() {
    let mut order = mockall::Sequence::new();
    let mut ports = Ports::new();
    ports
        .requests
        .expect_begin()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(Begun::First));
    ports
        .requests
        .expect_choose()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _| Ok(()));
    ports
        .jobs
        .expect_add_job()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, new| Ok(job(new.order.clone())));
    ports
        .requests
        .expect_finish()
        .times(1)
        .in_sequence(&mut order)
        .withf(|_, answer| answer == "job 7")
        .returning(|_, _| Ok(()));
    let expected = JobAnswer::First(Box::new(job(to_email())));
    assert_eq!(add(ports).await.unwrap(), expected);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_adds_nothing() {
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::Answered("job 7".to_owned()));
    adding(&mut ports.jobs, 0);
    let expected = JobAnswer::Replayed("job 7".to_owned());
    assert_eq!(add(ports).await.unwrap(), expected);
}

#[tokio::test]
async fn a_key_in_use_or_of_another_request_is_refused() {
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::Running);
    adding(&mut ports.jobs, 0);
    assert!(matches!(add(ports).await, Err(AddJobOnceError::Running)));
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::Mismatch);
    adding(&mut ports.jobs, 0);
    assert!(matches!(add(ports).await, Err(AddJobOnceError::Mismatch)));
}

#[tokio::test]
async fn a_request_that_may_have_added_its_job_is_not_repeated() {
    let chosen = ChosenImage {
        name: ImageName::new("a.jpg").unwrap(),
        hashes: ContentHash::of(b"").into(),
    };
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::Resumed(chosen));
    ports
        .requests
        .expect_abandon()
        .times(1)
        .withf(|_, may_have_sent| *may_have_sent)
        .returning(|_, _| Ok(()));
    adding(&mut ports.jobs, 0);
    assert!(matches!(add(ports).await, Err(AddJobOnceError::InDoubt)));
}

#[tokio::test]
async fn a_key_whose_job_was_refused_is_free_and_one_in_doubt_is_not() {
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::First);
    ports.requests.expect_choose().returning(|_, _| Ok(()));
    ports
        .jobs
        .expect_add_job()
        .times(1)
        .returning(|_, _, _| Err(away()));
    ports
        .requests
        .expect_abandon()
        .times(1)
        .withf(|_, may_have_sent| *may_have_sent)
        .returning(|_, _| Ok(()));
    let refused = add(ports).await;
    assert!(matches!(
        refused,
        Err(AddJobOnceError::Add(ManageJobsError::Ledger(_)))
    ));

    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::First);
    ports.requests.expect_choose().returning(|_, _| Ok(()));
    ports
        .requests
        .expect_abandon()
        .times(1)
        .withf(|_, may_have_sent| !*may_have_sent)
        .returning(|_, _| Ok(()));
    adding(&mut ports.jobs, 0);
    let usecase = ports.build();
    let key = IdempotencyKey::new("k").ok();
    let late = Some(ago(61));
    let added = usecase.add_once(alice(), host(), to_email(), late, key, write_down);
    assert!(matches!(
        added.await,
        Err(AddJobOnceError::Add(ManageJobsError::TooLongAgo(_)))
    ));
}

#[tokio::test]
async fn a_key_that_another_process_has_taken_adds_nothing() {
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::First);
    ports
        .requests
        .expect_choose()
        .times(1)
        .returning(|_, _| Err(LedgerError::LeaseLost));
    ports.requests.expect_abandon().never();
    adding(&mut ports.jobs, 0);
    assert!(matches!(add(ports).await, Err(AddJobOnceError::Running)));
}
